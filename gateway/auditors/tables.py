"""Tables kept for the audit office: places in the access log by keyed token; no identity, sealed or not."""

from sqlalchemy import BigInteger, LargeBinary, Table
from sqlmodel import Field, SQLModel


class SealedIdentityRow(SQLModel, table=True):
    """The newest entry that holds one identity under one key: a look-up, the entries count."""

    __tablename__ = "auditors_identities"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # The keyed token under which the log finds entries about this person or official, 16 bytes.
    token: bytes = Field(primary_key=True, sa_type=LargeBinary)
    # SHA-256 of the auditors' public key, 32 bytes.
    key_id: bytes = Field(primary_key=True, sa_type=LargeBinary)
    leaf_index: int = Field(sa_type=BigInteger)
    sealed_ms: int = Field(sa_type=BigInteger, description="Unix ms")


class AuditorsEpoch(SQLModel, table=True):
    """Change counter: another key, or an identity erased."""

    __tablename__ = "auditors_epoch"

    id: int = Field(primary_key=True)
    value: int = Field(sa_type=BigInteger)


IDENTITIES: Table = SQLModel.metadata.tables["auditors_identities"]
EPOCH: Table = SQLModel.metadata.tables["auditors_epoch"]
