"""Tables of the identity capability. They hold departments, machine identities and hashes; never a person."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table
from sqlmodel import Field, SQLModel


class DepartmentRow(SQLModel, table=True):
    """A department in the exchange. Its id is for good; its key and status change."""

    __tablename__ = "identity_departments"

    id: str = Field(primary_key=True, max_length=63)
    name_zh: str = Field(max_length=200)
    name_en: str = Field(max_length=200)
    # "sha256:" and 64 hex digits; empty when not yet known.
    key_fingerprint: str = Field(max_length=71)
    status: str = Field(max_length=16)
    reason: str = Field(max_length=500)
    created_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    changed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))


class CertificateRow(SQLModel, table=True):
    """A certificate that this gateway issued and delivered. One that is not listed here is not admitted."""

    __tablename__ = "identity_certificates"
    __table_args__ = (Index("identity_certificates_by_name", "spiffe"),)

    # Lower-case hex: serial numbers have up to 160 bits.
    serial: str = Field(primary_key=True, max_length=40)
    spiffe: str = Field(max_length=512)
    department: str = Field(max_length=63)
    # SHA-256 of the SubjectPublicKeyInfo; unique, so a key is certified once.
    key_digest: bytes = Field(sa_column=Column(LargeBinary(32), nullable=False, unique=True))
    not_before_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    not_after_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # Serial of the certificate that was renewed; empty when enrolled by token.
    renews: str = Field(max_length=40)


class EnrolmentTokenRow(SQLModel, table=True):
    """A one-time token: only its hash."""

    __tablename__ = "identity_enrolment_tokens"

    # SHA-256 over a domain tag and the secret.
    secret_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    spiffe: str = Field(max_length=512)
    department: str = Field(max_length=63)
    issued_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    not_after_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # When it was redeemed or made void; 0 while it can be used.
    closed_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # used or void; empty while it can be used.
    closed_as: str = Field(max_length=8)


class DenialRow(SQLModel, table=True):
    """The deny list: a serial number or a SPIFFE id that is not admitted."""

    __tablename__ = "identity_denials"

    # "serial" or "name".
    kind: str = Field(primary_key=True, max_length=8)
    # Hex serial or SPIFFE id.
    subject: str = Field(primary_key=True, max_length=512)
    since_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    # After this moment the entry changes nothing any more; 0 when it never lapses.
    until_ms: int = Field(sa_column=Column(BigInteger, nullable=False))
    reason: str = Field(max_length=500)


class EpochRow(SQLModel, table=True):
    """Counts changes of departments and the deny list (gateway/storage/epochs.py)."""

    __tablename__ = "identity_epoch"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    value: int = Field(sa_column=Column(BigInteger, nullable=False))


DEPARTMENTS: Table = SQLModel.metadata.tables["identity_departments"]
CERTIFICATES: Table = SQLModel.metadata.tables["identity_certificates"]
ENROLMENT_TOKENS: Table = SQLModel.metadata.tables["identity_enrolment_tokens"]
DENIALS: Table = SQLModel.metadata.tables["identity_denials"]
EPOCH: Table = SQLModel.metadata.tables["identity_epoch"]
