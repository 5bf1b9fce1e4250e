"""The profile as a whole: earlier versions of fields, requests for correction, tries of comparisons."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('vault_history',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('envelope', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'field', 'version')
    )
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
    op.create_index('vault_corrections_by_department', 'vault_corrections', ['department', 'status', 'created_ms'], unique=False)
    op.create_index(op.f('ix_vault_corrections_person_id'), 'vault_corrections', ['person_id'], unique=False)
    op.create_table('vault_tries',
    sa.Column('person_id', sa.LargeBinary(), nullable=False),
    sa.Column('field', sa.String(), nullable=False),
    sa.Column('day', sa.Integer(), nullable=False),
    sa.Column('taken', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('person_id', 'field', 'day')
    )


def downgrade() -> None:
    op.drop_table('vault_tries')
    op.drop_index(op.f('ix_vault_corrections_person_id'), table_name='vault_corrections')
    op.drop_index('vault_corrections_by_department', table_name='vault_corrections')
    op.drop_table('vault_corrections')
    op.drop_table('vault_history')
