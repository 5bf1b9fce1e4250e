"""Tables of the vault.

Rules kept: a person is a random id, never a token or identifier, so that the index key can rotate; values only as
envelopes; the data key only wrapped. Erasing a person destroys the wrapped key, and with it every copy of the fields.
"""

from sqlalchemy import BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel


class VaultPerson(SQLModel, table=True):
    """Which person a subject token stands for. One person has one row per index key version in use."""

    __tablename__ = "vault_persons"

    token: bytes = Field(primary_key=True, sa_type=LargeBinary, description="subject token, 32 bytes")
    token_version: int = Field(description="version of the index key that made the token")
    person_id: bytes = Field(sa_type=LargeBinary, index=True, description="random, 16 bytes")


class VaultKey(SQLModel, table=True):
    """A person's data key, wrapped. The row outlives the key, so that a key id is never used twice."""

    __tablename__ = "vault_keys"

    person_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    key_id: int = Field(description="counts the person's data keys from 1; part of every envelope")
    wrapped: bytes | None = Field(default=None, sa_type=LargeBinary, description="AES-KWP; None once erased")
    kek_version: int = Field(index=True, description="version of the wrapping key")
    changed_ms: int = Field(sa_type=BigInteger, description="Unix ms of creation or erasure")


class VaultField(SQLModel, table=True):
    """One sealed profile field."""

    __tablename__ = "vault_fields"

    person_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    field: str = Field(primary_key=True, description="field code")
    envelope: bytes = Field(sa_type=LargeBinary, description="keys.envelope, self-describing")
    source: str = Field(description="user_provided, government_verified, platform_verified or not_applicable")
    collected_ms: int = Field(sa_type=BigInteger, description="Unix ms of the first entry")
    updated_ms: int = Field(sa_type=BigInteger, description="Unix ms of the last change")
    version: int = Field(sa_type=BigInteger, description="from 1")


class VaultHistory(SQLModel, table=True):
    """One sealed earlier version of a profile field."""

    __tablename__ = "vault_history"

    person_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    field: str = Field(primary_key=True, description="field code")
    version: int = Field(primary_key=True, sa_type=BigInteger, description="from 1")
    envelope: bytes = Field(sa_type=LargeBinary, description="keys.envelope: value, provenance, when and why it ended")


class VaultCorrection(SQLModel, table=True):
    """One sealed request to a department to correct a field that it verified."""

    __tablename__ = "vault_corrections"
    __table_args__ = (Index("vault_corrections_by_department", "department", "status", "created_ms"),)

    id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    person_id: bytes = Field(sa_type=LargeBinary, index=True, description="random, 16 bytes")
    department: str = Field(max_length=63, description="who is asked to correct")
    status: str = Field(max_length=16, description="submitted, accepted, rejected or withdrawn")
    created_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    version: int = Field(description="1 as submitted, 2 once decided or withdrawn")
    envelope: bytes = Field(sa_type=LargeBinary, description="keys.envelope: field, proposal, reason, record, answer")


class VaultTry(SQLModel, table=True):
    """How often a person had a field compared with a register on one day."""

    __tablename__ = "vault_tries"

    person_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    field: str = Field(primary_key=True, description="field code")
    day: int = Field(primary_key=True, description="days since 1970-01-01 in civil time")
    taken: int = Field(description="tries taken")
