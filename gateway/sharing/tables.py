"""Tables of the sharing capability: agreements as signed, how they came about, and consents."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text
from sqlmodel import Field, SQLModel


class AgreementRow(SQLModel, table=True):
    """One revision of an agreement: the exact bytes, and the provider department's signature over them."""

    __tablename__ = "sharing_agreements"
    __table_args__ = (Index("sharing_agreements_by_position", "position", unique=True),)

    id: str = Field(primary_key=True, max_length=128)
    revision: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    # The change counter's value when it was added: rows are never changed, so what is new is found by it.
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    # For finding it without parsing; what decides is compared with the signed bytes before it is used.
    provider: str = Field(max_length=63)
    consumer: str = Field(max_length=63)
    resource: str = Field(max_length=128)
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # DER SubjectPublicKeyInfo.
    signer_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    added_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class RevocationRow(SQLModel, table=True):
    """An agreement that is revoked, all revisions. It is final."""

    __tablename__ = "sharing_revocations"

    agreement_id: str = Field(primary_key=True, max_length=128)
    revoked_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(max_length=500)


class SuspensionRow(SQLModel, table=True):
    """An agreement that one of its parties suspended; it is not used until that party resumes it."""

    __tablename__ = "sharing_suspensions"

    agreement_id: str = Field(primary_key=True, max_length=128)
    # "consumer" or "provider".
    party: str = Field(primary_key=True, max_length=8)
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class ProposalRow(SQLModel, table=True):
    """A proposal and where it is: a summary of its steps, written with each and compared with them by the checks."""

    __tablename__ = "sharing_proposals"
    __table_args__ = (
        Index("sharing_proposals_by_consumer", "consumer", "id"),
        Index("sharing_proposals_by_provider", "provider", "id"),
        Index("sharing_proposals_by_turn", "turn", "id"),
    )

    # 32 hex digits, chosen by the consumer.
    id: str = Field(primary_key=True, max_length=32)
    agreement_id: str = Field(max_length=128, index=True)
    provider: str = Field(max_length=63)
    consumer: str = Field(max_length=63)
    resource: str = Field(max_length=128)
    # Of the text that is talked about, else of the one in force.
    revision: int
    # Of the text in force; 0 while there is none.
    revision_in_force: int
    status: str = Field(max_length=16)
    talk: str = Field(max_length=16)
    # Who is waited for; empty when nobody is.
    turn: str = Field(max_length=8)
    # Since when, and how many working days that party had then; 0 when nobody is waited for.
    turn_since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    turn_days: int
    steps: int
    opened_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class StepRow(SQLModel, table=True):
    """One step of a proposal: the exact bytes, and the acting department's signature over them. Only ever added."""

    __tablename__ = "sharing_steps"

    proposal: str = Field(primary_key=True, max_length=32)
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    signature: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # DER SubjectPublicKeyInfo.
    signer_key: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # The agreement text that the act brings; null when it brings none.
    text: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    # The provider's signature over the approved text; null for every other act.
    agreement_signature: bytes | None = Field(sa_column=Column(LargeBinary, nullable=True))
    received_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class EpochRow(SQLModel, table=True):
    """Counts changes of agreements (gateway/storage/epochs.py)."""

    __tablename__ = "sharing_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class ConsentRow(SQLModel, table=True):
    """One consent: its exact text, whose it is as a random id, how it stands and how often it was used."""

    __tablename__ = "sharing_consents"
    __table_args__ = (
        Index("sharing_consents_by_digest", "digest", unique=True),
        Index("sharing_consents_by_person", "person_id", "created_ms"),
        Index("sharing_consents_by_position", "position"),
        Index("sharing_consents_to_tell", "told_ms", "changed_ms"),
    )

    consent_id: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    # The text holds no identifier; what ties it to the person lies sealed in `vault_consent_proofs`.
    person_id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    consumer: str = Field(max_length=63)
    # Departments that may give something under it, separated by commas: whose nodes are told.
    providers: str = Field(sa_column=Column(Text, nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str = Field(max_length=16)
    # SPIFFE id of the system that asked for it; empty when the person drew it up.
    requested_by: str = Field(max_length=512)
    proof: str = Field(max_length=16)
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    valid_until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # The change counter's value at the last change that nodes must know; 0 when there was none.
    position: int = Field(sa_column=Column(BigInteger, nullable=False))
    uses: int = Field(sa_column=Column(BigInteger, nullable=False))
    last_used_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # The stretch of its frequency in which it was last used, and how often in it.
    stretch: int = Field(sa_column=Column(BigInteger, nullable=False))
    stretch_uses: int = Field(sa_column=Column(BigInteger, nullable=False))
    superseded_by: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # When the recipients were told that it ended: -1 while nobody has to be, 0 when somebody has.
    told_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class ConsentEpochRow(SQLModel, table=True):
    """Counts changes of consents that nodes must know (gateway/storage/epochs.py)."""

    __tablename__ = "sharing_consent_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


class ExplicitRequestRow(SQLModel, table=True):
    """An explicit request: the click by which a person started a public task. It is no consent."""

    __tablename__ = "sharing_explicit_requests"
    __table_args__ = (
        Index("sharing_explicit_requests_by_digest", "digest", unique=True),
        Index("sharing_explicit_requests_by_person", "person_id", "created_ms"),
    )

    request_id: bytes = Field(sa_column=Column(LargeBinary(16), primary_key=True))
    digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False))
    person_id: bytes = Field(sa_column=Column(LargeBinary(16), nullable=False))
    raw: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


AGREEMENTS: Table = SQLModel.metadata.tables["sharing_agreements"]
REVOCATIONS: Table = SQLModel.metadata.tables["sharing_revocations"]
SUSPENSIONS: Table = SQLModel.metadata.tables["sharing_suspensions"]
PROPOSALS: Table = SQLModel.metadata.tables["sharing_proposals"]
STEPS: Table = SQLModel.metadata.tables["sharing_steps"]
EPOCH: Table = SQLModel.metadata.tables["sharing_epoch"]
CONSENTS: Table = SQLModel.metadata.tables["sharing_consents"]
CONSENT_EPOCH: Table = SQLModel.metadata.tables["sharing_consent_epoch"]
EXPLICIT_REQUESTS: Table = SQLModel.metadata.tables["sharing_explicit_requests"]
