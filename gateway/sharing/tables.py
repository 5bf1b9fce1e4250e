"""Tables of the sharing capability: agreements as signed, and how often each was used on a day."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table
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


class UseRow(SQLModel, table=True):
    """How many uses of an agreement are handed out for one day."""

    __tablename__ = "sharing_uses"

    agreement_id: str = Field(primary_key=True, max_length=128)
    # Days since 1970-01-01 in the exchange's civil time.
    day: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    taken: int = Field(sa_column=Column(BigInteger, nullable=False))


class EpochRow(SQLModel, table=True):
    """Counts changes of agreements (gateway/storage/epochs.py)."""

    __tablename__ = "sharing_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


AGREEMENTS: Table = SQLModel.metadata.tables["sharing_agreements"]
REVOCATIONS: Table = SQLModel.metadata.tables["sharing_revocations"]
USES: Table = SQLModel.metadata.tables["sharing_uses"]
EPOCH: Table = SQLModel.metadata.tables["sharing_epoch"]
