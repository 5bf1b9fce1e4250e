"""Tables of the vault.

Rules kept: a person is a random id, never a token or identifier, so that the index key can rotate; values only as
envelopes; the data key only wrapped. Erasing a person destroys the wrapped key, and with it every copy of the fields.
"""

from sqlalchemy import BigInteger, Index, LargeBinary, Text
from sqlmodel import Field, SQLModel


class VaultPerson(SQLModel, table=True):
    """Which person a subject token stands for. One row a person; two for a moment while the index key is rotated."""

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


class VaultBlindIndex(SQLModel, table=True):
    """The index value of one searchable field. It says how it was made, so that re-indexing can stop anywhere."""

    __tablename__ = "vault_blind_index"
    __table_args__ = (Index("vault_blind_index_by_value", "field", "key_version", "bits", "value"),)

    person_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    field: str = Field(primary_key=True, description="field code")
    key_version: int = Field(description="version of the blind-index key")
    bits: int = Field(description="length of the value, bits")
    value: int = Field(sa_type=BigInteger, description="HMAC-SHA256, cut to its first bits")


class VaultPseudonymGeneration(SQLModel, table=True):
    """A generation of one department's pseudonyms. Without a row a department is at generation 1."""

    __tablename__ = "vault_pseudonym_generations"

    department: str = Field(primary_key=True, max_length=63, description="department id")
    generation: int = Field(primary_key=True, description="from 2")
    from_ms: int = Field(sa_type=BigInteger, description="released from then on, Unix ms")
    overlap_until_ms: int = Field(sa_type=BigInteger, description="until then the one before can be had too, Unix ms")


class VaultPseudonymRelease(SQLModel, table=True):
    """How often pseudonyms were released: one row, written where no key had to be made, so that both cost a commit."""

    __tablename__ = "vault_pseudonym_releases"

    id: int = Field(primary_key=True, description="always 1")
    released: int = Field(sa_type=BigInteger, description="counter")


class VaultErasure(SQLModel, table=True):
    """One erasure of a person. It outlives the data: a restored backup must not bring the person's key back."""

    __tablename__ = "vault_erasures"

    erasure_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    person_id: bytes = Field(sa_type=LargeBinary, index=True, description="random, 16 bytes")
    erased_ms: int = Field(sa_type=BigInteger, index=True, description="Unix ms")
    key_id: int = Field(description="the person's data key that was destroyed")
    kek_version: int = Field(description="the latest key-encryption key under which a copy was ever wrapped")
    complete_by_ms: int = Field(sa_type=BigInteger, description="Unix ms, as the receipt states it")
    entry: int = Field(sa_type=BigInteger, index=True, description="index of the erasure in the access log")
    fields: str = Field(description="codes of the fields that were there, separated by commas")
    notices: int = Field(description="departments told")


class VaultNotice(SQLModel, table=True):
    """What a department is to be told about data it holds; what exactly is read from the access log."""

    __tablename__ = "vault_notices"
    __table_args__ = (Index("vault_notices_open", "department", "acknowledged_ms", "created_ms"),)

    notice_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    department: str = Field(max_length=63, description="whom to tell")
    kind: str = Field(max_length=32, description="erase, pseudonyms, consent or emergency")
    erasure_id: bytes = Field(sa_type=LargeBinary, description="what it is about")
    created_ms: int = Field(sa_type=BigInteger, description="Unix ms")
    due_ms: int = Field(sa_type=BigInteger, description="by when the department is to have acted, Unix ms")
    entries: str = Field(sa_type=Text, description="indexes of the releases in the access log, separated by commas")
    acknowledged_ms: int = Field(default=0, sa_type=BigInteger, description="Unix ms; 0 while it is open")
    acknowledged_by: str = Field(default="", max_length=512, description="SPIFFE id of the system that did")


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


class VaultConsentProof(SQLModel, table=True):
    """What ties a consent to its person: the key of its commitments, and the person's own word for it; sealed."""

    __tablename__ = "vault_consent_proofs"

    consent_id: bytes = Field(primary_key=True, sa_type=LargeBinary, description="random, 16 bytes")
    person_id: bytes = Field(sa_type=LargeBinary, index=True, description="random, 16 bytes")
    version: int = Field(description="1 as drawn up, 2 once granted")
    envelope: bytes = Field(sa_type=LargeBinary, description="keys.envelope: salt, and the proof once granted")
