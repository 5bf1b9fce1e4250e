"""The first schema: written by `python -m gateway.storage.regenerate`; do not edit by hand."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('audit_acknowledged',
    sa.Column('release_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('said', sa.LargeBinary(), nullable=False),
    sa.Column('leaf_index', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('release_index', 'said'),
    sqlite_with_rowid=False
    )
    op.create_table('audit_alerts',
    sa.Column('alert_id', sa.LargeBinary(), nullable=False),
    sa.Column('actor', sa.LargeBinary(), nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('rank', sa.SmallInteger(), nullable=False),
    sa.Column('points', sa.Integer(), nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('raised_ms', sa.BigInteger(), nullable=False),
    sa.Column('raised_at', sa.BigInteger(), nullable=False),
    sa.Column('grown_ms', sa.BigInteger(), nullable=False),
    sa.Column('raised_entry', sa.BigInteger(), nullable=False),
    sa.Column('judged_entry', sa.BigInteger(), nullable=False),
    sa.Column('judged_ms', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('alert_id')
    )
    op.create_index('audit_alerts_by_day', 'audit_alerts', ['day', 'rank', 'points'], unique=False)
    op.create_index('audit_alerts_by_state', 'audit_alerts', ['state', 'grown_ms'], unique=False)
    op.create_index(op.f('ix_audit_alerts_actor'), 'audit_alerts', ['actor'], unique=False)
    op.create_table('audit_checkpoints',
    sa.Column('size', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('time_ms', sa.BigInteger(), nullable=False),
    sa.Column('note', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('size')
    )
    op.create_table('audit_counters',
    sa.Column('key', sa.LargeBinary(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.Column('forget_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('key'),
    sqlite_with_rowid=False
    )
    op.create_index('audit_counters_forget', 'audit_counters', ['forget_ms'], unique=False)
    op.create_table('audit_days',
    sa.Column('day', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('first_index', sa.BigInteger(), nullable=False),
    sa.Column('last_index', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('day')
    )
    op.create_table('audit_detection_marks',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('audit_entries',
    sa.Column('leaf_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('hashes', sa.LargeBinary(), nullable=False),
    sa.Column('time_ms', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('department', sa.String(length=63), nullable=True),
    sa.Column('request_index', sa.BigInteger(), nullable=True),
    sa.Column('person_token', sa.LargeBinary(), nullable=True),
    sa.Column('unique_key', sa.LargeBinary(), nullable=True),
    sa.Column('unique_digest', sa.LargeBinary(), nullable=True),
    sa.Column('accountability', sa.LargeBinary(), nullable=False),
    sa.Column('person', sa.LargeBinary(), nullable=True),
    sa.PrimaryKeyConstraint('leaf_index')
    )
    op.create_index('audit_entries_department', 'audit_entries', ['department', 'leaf_index'], unique=False)
    op.create_index('audit_entries_department_kind', 'audit_entries', ['department', 'kind', 'leaf_index'], unique=False, sqlite_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"), postgresql_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"))
    op.create_index('audit_entries_kind', 'audit_entries', ['kind', 'leaf_index'], unique=False, sqlite_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"), postgresql_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"))
    op.create_index('audit_entries_person', 'audit_entries', ['person_token', 'leaf_index'], unique=False, sqlite_where=sa.text('person_token IS NOT NULL'), postgresql_where=sa.text('person_token IS NOT NULL'))
    op.create_index('audit_entries_request', 'audit_entries', ['request_index'], unique=False, sqlite_where=sa.text('request_index IS NOT NULL'), postgresql_where=sa.text('request_index IS NOT NULL'))
    op.create_index('audit_entries_unique', 'audit_entries', ['unique_key'], unique=True, sqlite_where=sa.text('unique_key IS NOT NULL'), postgresql_where=sa.text('unique_key IS NOT NULL'))
    op.create_table('audit_facets',
    sa.Column('token', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('leaf_index', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.PrimaryKeyConstraint('token', 'leaf_index'),
    sqlite_with_rowid=False
    )
    op.create_table('audit_labels',
    sa.Column('token', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('label', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('token')
    )
    op.create_table('audit_listed',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('list_name', sa.String(length=16), nullable=False),
    sa.Column('added_ms', sa.BigInteger(), nullable=False),
    sa.Column('until_ms', sa.BigInteger(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token')
    )
    op.create_table('audit_marks',
    sa.Column('name', sa.String(length=32), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('audit_relation_questions',
    sa.Column('pair', sa.LargeBinary(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('suspicion', sa.Integer(), nullable=False),
    sa.Column('wanted_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('pair')
    )
    op.create_index('audit_relation_questions_by_suspicion', 'audit_relation_questions', ['suspicion', 'wanted_ms'], unique=False)
    op.create_table('audit_relations',
    sa.Column('pair', sa.LargeBinary(), nullable=False),
    sa.Column('answered', sa.SmallInteger(), nullable=False),
    sa.Column('holds', sa.SmallInteger(), nullable=False),
    sa.Column('answered_ms', sa.BigInteger(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('pair')
    )
    op.create_index('audit_relations_by_time', 'audit_relations', ['answered_ms'], unique=False)
    op.create_table('audit_tallies',
    sa.Column('dimension', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('day', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('token', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=False, nullable=False),
    sa.Column('entries', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('dimension', 'day', 'token'),
    sqlite_with_rowid=False
    )
    op.create_table('auditors_epoch',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('auditors_identities',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('key_id', sa.LargeBinary(), nullable=False),
    sa.Column('leaf_index', sa.BigInteger(), nullable=False),
    sa.Column('sealed_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token', 'key_id'),
    sqlite_with_rowid=False
    )
    op.create_table('catalog_epoch',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('catalog_resources',
    sa.Column('code', sa.String(length=128), nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('node', sa.String(length=512), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('published_ms', sa.BigInteger(), nullable=False),
    sa.Column('withdrawn_ms', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('code')
    )
    op.create_index('catalog_resources_by_node', 'catalog_resources', ['node'], unique=False)
    op.create_index('catalog_resources_by_provider', 'catalog_resources', ['provider'], unique=False)
    op.create_table('catalog_terms',
    sa.Column('term', sa.String(length=64), nullable=False),
    sa.Column('code', sa.String(length=128), nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('weight', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('term', 'code'),
    sqlite_with_rowid=False
    )
    op.create_index('catalog_terms_by_code', 'catalog_terms', ['code'], unique=False)
    op.create_table('catalog_versions',
    sa.Column('code', sa.String(length=128), nullable=False),
    sa.Column('version', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('node', sa.String(length=512), nullable=False),
    sa.Column('published_ms', sa.BigInteger(), nullable=False),
    sa.Column('body', sa.Text(), nullable=False),
    sa.Column('fingerprint', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('code', 'version')
    )
    op.create_table('emergencies_uses',
    sa.Column('use_id', sa.LargeBinary(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('consumer', sa.String(length=63), nullable=False),
    sa.Column('system', sa.String(length=512), nullable=False),
    sa.Column('resource', sa.String(length=128), nullable=False),
    sa.Column('agreement_id', sa.String(length=128), nullable=False),
    sa.Column('agreement_revision', sa.Integer(), nullable=False),
    sa.Column('reason', sa.String(length=64), nullable=False),
    sa.Column('asked_ms', sa.BigInteger(), nullable=False),
    sa.Column('due_ms', sa.BigInteger(), nullable=False),
    sa.Column('person_from_ms', sa.BigInteger(), nullable=False),
    sa.Column('law', sa.String(length=300), nullable=False),
    sa.Column('steward_read_ms', sa.BigInteger(), nullable=False),
    sa.Column('overdue_entry', sa.BigInteger(), nullable=False),
    sa.Column('reviewed_ms', sa.BigInteger(), nullable=False),
    sa.Column('outcome', sa.String(length=16), nullable=False),
    sa.Column('review_entry', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('use_id')
    )
    op.create_index('emergencies_uses_by_agreement', 'emergencies_uses', ['agreement_id', 'consumer', 'outcome', 'due_ms'], unique=False)
    op.create_index('emergencies_uses_by_consumer', 'emergencies_uses', ['consumer', 'asked_ms'], unique=False)
    op.create_index('emergencies_uses_by_due', 'emergencies_uses', ['outcome', 'due_ms'], unique=False)
    op.create_index('emergencies_uses_by_provider', 'emergencies_uses', ['provider', 'asked_ms'], unique=False)
    op.create_index(op.f('ix_emergencies_uses_person_id'), 'emergencies_uses', ['person_id'], unique=False)
    op.create_table('identity_certificates',
    sa.Column('serial', sa.String(length=40), nullable=False),
    sa.Column('spiffe', sa.String(length=512), nullable=False),
    sa.Column('department', sa.String(length=63), nullable=False),
    sa.Column('key_digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('not_before_ms', sa.BigInteger(), nullable=False),
    sa.Column('not_after_ms', sa.BigInteger(), nullable=False),
    sa.Column('renews', sa.String(length=40), nullable=False),
    sa.PrimaryKeyConstraint('serial'),
    sa.UniqueConstraint('key_digest')
    )
    op.create_index('identity_certificates_by_name', 'identity_certificates', ['spiffe'], unique=False)
    op.create_table('identity_denials',
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('subject', sa.String(length=512), nullable=False),
    sa.Column('since_ms', sa.BigInteger(), nullable=False),
    sa.Column('until_ms', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.PrimaryKeyConstraint('kind', 'subject')
    )
    op.create_table('identity_departments',
    sa.Column('id', sa.String(length=63), nullable=False),
    sa.Column('name_zh', sa.String(length=200), nullable=False),
    sa.Column('name_en', sa.String(length=200), nullable=False),
    sa.Column('key_fingerprint', sa.String(length=71), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.Column('changed_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('identity_enrolment_tokens',
    sa.Column('secret_hash', sa.LargeBinary(length=32), nullable=False),
    sa.Column('spiffe', sa.String(length=512), nullable=False),
    sa.Column('department', sa.String(length=63), nullable=False),
    sa.Column('issued_ms', sa.BigInteger(), nullable=False),
    sa.Column('not_after_ms', sa.BigInteger(), nullable=False),
    sa.Column('closed_ms', sa.BigInteger(), nullable=False),
    sa.Column('closed_as', sa.String(length=8), nullable=False),
    sa.PrimaryKeyConstraint('secret_hash')
    )
    op.create_table('identity_epoch',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('index_keys',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('oldest_written', sa.Integer(), nullable=False),
    sa.Column('rotated', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('index_lists',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('node', sa.String(), nullable=False),
    sa.Column('resource', sa.String(), nullable=False),
    sa.Column('state', sa.String(), nullable=False),
    sa.Column('outbox_id', sa.LargeBinary(), nullable=False),
    sa.Column('as_of_sequence', sa.BigInteger(), nullable=False),
    sa.Column('snapshot_id', sa.LargeBinary(), nullable=True),
    sa.Column('next_part', sa.Integer(), nullable=False),
    sa.Column('received', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('index_lists_by_state', 'index_lists', ['state'], unique=False)
    op.create_index('index_lists_one_live', 'index_lists', ['node', 'resource'], unique=True, sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'"))
    op.create_table('index_nodes',
    sa.Column('node', sa.String(), nullable=False),
    sa.Column('outbox_id', sa.LargeBinary(), nullable=True),
    sa.Column('acknowledged', sa.BigInteger(), nullable=False),
    sa.Column('synced_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('node')
    )
    op.create_table('index_pointers',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('handle', sa.LargeBinary(), nullable=False),
    sa.Column('key_version', sa.Integer(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('updated_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('token', 'list_id', 'handle'),
    sqlite_with_rowid=False
    )
    op.create_index('index_pointers_by_handle', 'index_pointers', ['list_id', 'handle'], unique=True)
    op.create_table('index_rejections',
    sa.Column('list_id', sa.Integer(), nullable=False),
    sa.Column('handle', sa.LargeBinary(), nullable=False),
    sa.Column('reason', sa.String(), nullable=False),
    sa.PrimaryKeyConstraint('list_id', 'handle')
    )
    op.create_table('policy_activations',
    sa.Column('entry', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('digest', sa.String(length=71), nullable=False),
    sa.Column('step', sa.String(length=16), nullable=False),
    sa.Column('at_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('entry')
    )
    op.create_table('policy_bundles',
    sa.Column('digest', sa.String(length=71), nullable=False),
    sa.Column('files', sa.LargeBinary(), nullable=False),
    sa.Column('report', sa.Text(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('stored_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('digest')
    )
    op.create_table('policy_epoch',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('sharing_agreements',
    sa.Column('id', sa.String(length=128), nullable=False),
    sa.Column('revision', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('consumer', sa.String(length=63), nullable=False),
    sa.Column('resource', sa.String(length=128), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('signer_key', sa.LargeBinary(), nullable=False),
    sa.Column('added_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', 'revision')
    )
    op.create_index('sharing_agreements_by_position', 'sharing_agreements', ['position'], unique=True)
    op.create_table('sharing_consent_epoch',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('sharing_consents',
    sa.Column('consent_id', sa.LargeBinary(length=16), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('person_id', sa.LargeBinary(length=16), nullable=False),
    sa.Column('consumer', sa.String(length=63), nullable=False),
    sa.Column('providers', sa.Text(), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('requested_by', sa.String(length=512), nullable=False),
    sa.Column('proof', sa.String(length=16), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.Column('changed_ms', sa.BigInteger(), nullable=False),
    sa.Column('valid_until_ms', sa.BigInteger(), nullable=False),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('uses', sa.BigInteger(), nullable=False),
    sa.Column('last_used_ms', sa.BigInteger(), nullable=False),
    sa.Column('stretch', sa.BigInteger(), nullable=False),
    sa.Column('stretch_uses', sa.BigInteger(), nullable=False),
    sa.Column('superseded_by', sa.LargeBinary(), nullable=False),
    sa.Column('told_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('consent_id')
    )
    op.create_index('sharing_consents_by_digest', 'sharing_consents', ['digest'], unique=True)
    op.create_index('sharing_consents_by_person', 'sharing_consents', ['person_id', 'created_ms'], unique=False)
    op.create_index('sharing_consents_by_position', 'sharing_consents', ['position'], unique=False)
    op.create_index('sharing_consents_to_tell', 'sharing_consents', ['told_ms', 'changed_ms'], unique=False)
    op.create_table('sharing_epoch',
    sa.Column('id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_table('sharing_explicit_requests',
    sa.Column('request_id', sa.LargeBinary(length=16), nullable=False),
    sa.Column('digest', sa.LargeBinary(length=32), nullable=False),
    sa.Column('person_id', sa.LargeBinary(length=16), nullable=False),
    sa.Column('raw', sa.LargeBinary(), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('request_id')
    )
    op.create_index('sharing_explicit_requests_by_digest', 'sharing_explicit_requests', ['digest'], unique=True)
    op.create_index('sharing_explicit_requests_by_person', 'sharing_explicit_requests', ['person_id', 'created_ms'], unique=False)
    op.create_table('sharing_proposals',
    sa.Column('id', sa.String(length=32), nullable=False),
    sa.Column('agreement_id', sa.String(length=128), nullable=False),
    sa.Column('provider', sa.String(length=63), nullable=False),
    sa.Column('consumer', sa.String(length=63), nullable=False),
    sa.Column('resource', sa.String(length=128), nullable=False),
    sa.Column('revision', sa.Integer(), nullable=False),
    sa.Column('revision_in_force', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('talk', sa.String(length=16), nullable=False),
    sa.Column('turn', sa.String(length=8), nullable=False),
    sa.Column('turn_since_ms', sa.BigInteger(), nullable=False),
    sa.Column('turn_days', sa.Integer(), nullable=False),
    sa.Column('steps', sa.Integer(), nullable=False),
    sa.Column('opened_ms', sa.BigInteger(), nullable=False),
    sa.Column('changed_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_sharing_proposals_agreement_id'), 'sharing_proposals', ['agreement_id'], unique=False)
    op.create_index('sharing_proposals_by_consumer', 'sharing_proposals', ['consumer', 'id'], unique=False)
    op.create_index('sharing_proposals_by_provider', 'sharing_proposals', ['provider', 'id'], unique=False)
    op.create_index('sharing_proposals_by_turn', 'sharing_proposals', ['turn', 'id'], unique=False)
    op.create_table('sharing_revocations',
    sa.Column('agreement_id', sa.String(length=128), nullable=False),
    sa.Column('revoked_ms', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=500), nullable=False),
    sa.PrimaryKeyConstraint('agreement_id')
    )
    op.create_table('sharing_steps',
    sa.Column('proposal', sa.String(length=32), nullable=False),
    sa.Column('number', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('signature', sa.LargeBinary(), nullable=False),
    sa.Column('signer_key', sa.LargeBinary(), nullable=False),
    sa.Column('text', sa.LargeBinary(), nullable=True),
    sa.Column('agreement_signature', sa.LargeBinary(), nullable=True),
    sa.Column('received_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('proposal', 'number')
    )
    op.create_table('sharing_suspensions',
    sa.Column('agreement_id', sa.String(length=128), nullable=False),
    sa.Column('party', sa.String(length=8), nullable=False),
    sa.Column('since_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('agreement_id', 'party')
    )
    op.create_table('vault_blind_index',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('key_version', sa.Integer(), nullable=False),
    sa.Column('bits', sa.Integer(), nullable=False),
    sa.Column('value', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'field')
    )
    op.create_index('vault_blind_index_by_value', 'vault_blind_index', ['field', 'key_version', 'bits', 'value'], unique=False)
    op.create_table('vault_consent_proofs',
    sa.Column('consent_id', sa.LargeBinary(), nullable=False),
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('consent_id')
    )
    op.create_index(op.f('ix_vault_consent_proofs_person_id'), 'vault_consent_proofs', ['person_id'], unique=False)
    op.create_table('vault_corrections',
    sa.Column('id', sa.LargeBinary(), nullable=False),
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('department', sa.String(length=63), nullable=False),
    sa.Column('status', sa.String(length=16), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_vault_corrections_person_id'), 'vault_corrections', ['person_id'], unique=False)
    op.create_index('vault_corrections_by_department', 'vault_corrections', ['department', 'status', 'created_ms'], unique=False)
    op.create_table('vault_erasures',
    sa.Column('erasure_id', sa.LargeBinary(), nullable=False),
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('erased_ms', sa.BigInteger(), nullable=False),
    sa.Column('key_id', sa.Integer(), nullable=False),
    sa.Column('kek_version', sa.Integer(), nullable=False),
    sa.Column('complete_by_ms', sa.BigInteger(), nullable=False),
    sa.Column('entry', sa.BigInteger(), nullable=False),
    sa.Column('fields', sa.String(), nullable=False),
    sa.Column('notices', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('erasure_id')
    )
    op.create_index(op.f('ix_vault_erasures_entry'), 'vault_erasures', ['entry'], unique=False)
    op.create_index(op.f('ix_vault_erasures_erased_ms'), 'vault_erasures', ['erased_ms'], unique=False)
    op.create_index(op.f('ix_vault_erasures_person_id'), 'vault_erasures', ['person_id'], unique=False)
    op.create_table('vault_fields',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.Column('source', sa.String(), nullable=False),
    sa.Column('collected_ms', sa.BigInteger(), nullable=False),
    sa.Column('updated_ms', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'field')
    )
    op.create_table('vault_history',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'field', 'version')
    )
    op.create_table('vault_keys',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('key_id', sa.Integer(), nullable=False),
    sa.Column('wrapped', sa.LargeBinary(), nullable=True),
    sa.Column('kek_version', sa.Integer(), nullable=False),
    sa.Column('changed_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('person_id')
    )
    op.create_index(op.f('ix_vault_keys_kek_version'), 'vault_keys', ['kek_version'], unique=False)
    op.create_table('vault_notices',
    sa.Column('notice_id', sa.LargeBinary(), nullable=False),
    sa.Column('department', sa.String(length=63), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('erasure_id', sa.LargeBinary(), nullable=False),
    sa.Column('created_ms', sa.BigInteger(), nullable=False),
    sa.Column('due_ms', sa.BigInteger(), nullable=False),
    sa.Column('entries', sa.Text(), nullable=False),
    sa.Column('acknowledged_ms', sa.BigInteger(), nullable=False),
    sa.Column('acknowledged_by', sa.String(length=512), nullable=False),
    sa.PrimaryKeyConstraint('notice_id')
    )
    op.create_index('vault_notices_open', 'vault_notices', ['department', 'acknowledged_ms', 'created_ms'], unique=False)
    op.create_table('vault_persons',
    sa.Column('token', sa.LargeBinary(), nullable=False),
    sa.Column('token_version', sa.Integer(), nullable=False),
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('token')
    )
    op.create_index(op.f('ix_vault_persons_person_id'), 'vault_persons', ['person_id'], unique=False)
    op.create_table('vault_pseudonym_generations',
    sa.Column('department', sa.String(length=63), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('from_ms', sa.BigInteger(), nullable=False),
    sa.Column('overlap_until_ms', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('department', 'generation')
    )
    op.create_table('vault_pseudonym_releases',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('released', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )


def downgrade() -> None:
    op.drop_table('vault_pseudonym_releases')
    op.drop_table('vault_pseudonym_generations')
    op.drop_index(op.f('ix_vault_persons_person_id'), table_name='vault_persons')
    op.drop_table('vault_persons')
    op.drop_index('vault_notices_open', table_name='vault_notices')
    op.drop_table('vault_notices')
    op.drop_index(op.f('ix_vault_keys_kek_version'), table_name='vault_keys')
    op.drop_table('vault_keys')
    op.drop_table('vault_history')
    op.drop_table('vault_fields')
    op.drop_index(op.f('ix_vault_erasures_person_id'), table_name='vault_erasures')
    op.drop_index(op.f('ix_vault_erasures_erased_ms'), table_name='vault_erasures')
    op.drop_index(op.f('ix_vault_erasures_entry'), table_name='vault_erasures')
    op.drop_table('vault_erasures')
    op.drop_index('vault_corrections_by_department', table_name='vault_corrections')
    op.drop_index(op.f('ix_vault_corrections_person_id'), table_name='vault_corrections')
    op.drop_table('vault_corrections')
    op.drop_index(op.f('ix_vault_consent_proofs_person_id'), table_name='vault_consent_proofs')
    op.drop_table('vault_consent_proofs')
    op.drop_index('vault_blind_index_by_value', table_name='vault_blind_index')
    op.drop_table('vault_blind_index')
    op.drop_table('sharing_suspensions')
    op.drop_table('sharing_steps')
    op.drop_table('sharing_revocations')
    op.drop_index('sharing_proposals_by_turn', table_name='sharing_proposals')
    op.drop_index('sharing_proposals_by_provider', table_name='sharing_proposals')
    op.drop_index('sharing_proposals_by_consumer', table_name='sharing_proposals')
    op.drop_index(op.f('ix_sharing_proposals_agreement_id'), table_name='sharing_proposals')
    op.drop_table('sharing_proposals')
    op.drop_index('sharing_explicit_requests_by_person', table_name='sharing_explicit_requests')
    op.drop_index('sharing_explicit_requests_by_digest', table_name='sharing_explicit_requests')
    op.drop_table('sharing_explicit_requests')
    op.drop_table('sharing_epoch')
    op.drop_index('sharing_consents_to_tell', table_name='sharing_consents')
    op.drop_index('sharing_consents_by_position', table_name='sharing_consents')
    op.drop_index('sharing_consents_by_person', table_name='sharing_consents')
    op.drop_index('sharing_consents_by_digest', table_name='sharing_consents')
    op.drop_table('sharing_consents')
    op.drop_table('sharing_consent_epoch')
    op.drop_index('sharing_agreements_by_position', table_name='sharing_agreements')
    op.drop_table('sharing_agreements')
    op.drop_table('policy_epoch')
    op.drop_table('policy_bundles')
    op.drop_table('policy_activations')
    op.drop_table('index_rejections')
    op.drop_index('index_pointers_by_handle', table_name='index_pointers')
    op.drop_table('index_pointers')
    op.drop_table('index_nodes')
    op.drop_index('index_lists_one_live', table_name='index_lists', sqlite_where=sa.text("state = 'live'"), postgresql_where=sa.text("state = 'live'"))
    op.drop_index('index_lists_by_state', table_name='index_lists')
    op.drop_table('index_lists')
    op.drop_table('index_keys')
    op.drop_table('identity_epoch')
    op.drop_table('identity_enrolment_tokens')
    op.drop_table('identity_departments')
    op.drop_table('identity_denials')
    op.drop_index('identity_certificates_by_name', table_name='identity_certificates')
    op.drop_table('identity_certificates')
    op.drop_index(op.f('ix_emergencies_uses_person_id'), table_name='emergencies_uses')
    op.drop_index('emergencies_uses_by_provider', table_name='emergencies_uses')
    op.drop_index('emergencies_uses_by_due', table_name='emergencies_uses')
    op.drop_index('emergencies_uses_by_consumer', table_name='emergencies_uses')
    op.drop_index('emergencies_uses_by_agreement', table_name='emergencies_uses')
    op.drop_table('emergencies_uses')
    op.drop_table('catalog_versions')
    op.drop_index('catalog_terms_by_code', table_name='catalog_terms')
    op.drop_table('catalog_terms')
    op.drop_index('catalog_resources_by_provider', table_name='catalog_resources')
    op.drop_index('catalog_resources_by_node', table_name='catalog_resources')
    op.drop_table('catalog_resources')
    op.drop_table('catalog_epoch')
    op.drop_table('auditors_identities')
    op.drop_table('auditors_epoch')
    op.drop_table('audit_tallies')
    op.drop_index('audit_relations_by_time', table_name='audit_relations')
    op.drop_table('audit_relations')
    op.drop_index('audit_relation_questions_by_suspicion', table_name='audit_relation_questions')
    op.drop_table('audit_relation_questions')
    op.drop_table('audit_marks')
    op.drop_table('audit_listed')
    op.drop_table('audit_labels')
    op.drop_table('audit_facets')
    op.drop_index('audit_entries_unique', table_name='audit_entries', sqlite_where=sa.text('unique_key IS NOT NULL'), postgresql_where=sa.text('unique_key IS NOT NULL'))
    op.drop_index('audit_entries_request', table_name='audit_entries', sqlite_where=sa.text('request_index IS NOT NULL'), postgresql_where=sa.text('request_index IS NOT NULL'))
    op.drop_index('audit_entries_person', table_name='audit_entries', sqlite_where=sa.text('person_token IS NOT NULL'), postgresql_where=sa.text('person_token IS NOT NULL'))
    op.drop_index('audit_entries_kind', table_name='audit_entries', sqlite_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"), postgresql_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"))
    op.drop_index('audit_entries_department_kind', table_name='audit_entries', sqlite_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"), postgresql_where=sa.text("kind NOT IN ('asked', 'released', 'pruned')"))
    op.drop_index('audit_entries_department', table_name='audit_entries')
    op.drop_table('audit_entries')
    op.drop_table('audit_detection_marks')
    op.drop_table('audit_days')
    op.drop_index('audit_counters_forget', table_name='audit_counters')
    op.drop_table('audit_counters')
    op.drop_table('audit_checkpoints')
    op.drop_index(op.f('ix_audit_alerts_actor'), table_name='audit_alerts')
    op.drop_index('audit_alerts_by_state', table_name='audit_alerts')
    op.drop_index('audit_alerts_by_day', table_name='audit_alerts')
    op.drop_table('audit_alerts')
    op.drop_table('audit_acknowledged')
