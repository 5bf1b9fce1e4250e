"""Tables of the access log. Entries are only ever added.

Two changes an entry can see: its person part is erased, or it is pruned after its retention; then its hashes stay.

No identifier, name or value is stored in the clear: both parts are encrypted, the person is a keyed token. Kind,
time, department id and the index of the entry that an outcome closes are in the clear, for look-ups.
"""

from sqlalchemy import BigInteger, Index, Integer, LargeBinary, SmallInteger, text
from sqlmodel import Field, SQLModel

_BigInt = BigInteger().with_variant(Integer(), "sqlite")
RARE_KIND = text("kind NOT IN ('asked', 'released', 'pruned')")
_ABOUT_SOMEONE = text("person_token IS NOT NULL")
_CLOSES_ONE = text("request_index IS NOT NULL")
_HAS_A_NAME = text("unique_key IS NOT NULL")


class AuditEntry(SQLModel, table=True):
    """One entry together with the tree hashes that it completes: an append is one row, so it cannot be half done."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        # Only the kinds that are rare: the common ones are found at once by walking back from the newest entry.
        Index("audit_entries_kind", "kind", "leaf_index", sqlite_where=RARE_KIND, postgresql_where=RARE_KIND),
        Index("audit_entries_department", "department", "leaf_index"),
        Index(
            "audit_entries_department_kind",
            "department",
            "kind",
            "leaf_index",
            sqlite_where=RARE_KIND,
            postgresql_where=RARE_KIND,
        ),
        Index(
            "audit_entries_person",
            "person_token",
            "leaf_index",
            sqlite_where=_ABOUT_SOMEONE,
            postgresql_where=_ABOUT_SOMEONE,
        ),
        Index(
            "audit_entries_request",
            "request_index",
            sqlite_where=_CLOSES_ONE,
            postgresql_where=_CLOSES_ONE,
        ),
        Index(
            "audit_entries_unique",
            "unique_key",
            unique=True,
            sqlite_where=_HAS_A_NAME,
            postgresql_where=_HAS_A_NAME,
        ),
    )

    # SQLite's own row key: consecutive from 0, never reused, never taken twice.
    leaf_index: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    # Leaf hash, then the hash of every larger complete subtree that ends with this leaf, 32 bytes each.
    hashes: bytes = Field(sa_type=LargeBinary)
    time_ms: int = Field(sa_type=BigInteger)
    kind: str = Field(max_length=32)
    department: str | None = Field(max_length=63)
    request_index: int | None = Field(sa_type=BigInteger)
    # First 16 bytes of HMAC-SHA256 over the person id under the log's own key.
    person_token: bytes | None = Field(sa_type=LargeBinary)
    # Keyed hash of the name that only one entry may have, and of that name with the digest that came with it.
    unique_key: bytes | None = Field(sa_type=LargeBinary)
    unique_digest: bytes | None = Field(sa_type=LargeBinary)
    # Sealed salt and body (gateway/audit/bodies.py).
    accountability: bytes = Field(sa_type=LargeBinary)
    person: bytes | None = Field(sa_type=LargeBinary)


class AuditCheckpoint(SQLModel, table=True):
    """A signed tree head that was published. All are kept: they narrow down where a forged copy departs."""

    __tablename__ = "audit_checkpoints"

    size: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    time_ms: int = Field(sa_type=BigInteger)
    # C2SP signed note.
    note: str


class AuditCounter(SQLModel, table=True):
    """A number that advances with entries: in the transaction that writes the entry, or not at all."""

    __tablename__ = "audit_counters"
    __table_args__ = (Index("audit_counters_forget", "forget_ms"), {"sqlite_with_rowid": False})

    # First 16 bytes of HMAC-SHA256 over the counter's name under the log's own key.
    key: bytes = Field(primary_key=True, sa_type=LargeBinary)
    value: int = Field(sa_type=BigInteger)
    # From when on nobody asks for it any more, Unix ms.
    forget_ms: int = Field(sa_type=BigInteger)


class AuditMark(SQLModel, table=True):
    """Positions up to which a scan need not look again."""

    __tablename__ = "audit_marks"

    name: str = Field(primary_key=True, max_length=32)
    value: int = Field(sa_type=BigInteger)


class AuditFacet(SQLModel, table=True):
    """Where an attribute of entries occurs: derived from the log for searching, rebuilt at will, never believed.

    Clustered by its key, so that the occurrences of one attribute lie side by side in the order of the log.
    """

    __tablename__ = "audit_facets"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # First 8 bytes of HMAC-SHA256 over the attribute's name and value under a key of the log, as a signed number.
    token: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    leaf_index: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})


class AuditDay(SQLModel, table=True):
    """Between which entries those of one civil day lie. Derived, like the facets."""

    __tablename__ = "audit_days"

    # Days since 1970-01-01 in civil time (UTC+8).
    day: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    first_index: int = Field(sa_type=BigInteger)
    last_index: int = Field(sa_type=BigInteger)


class AuditTally(SQLModel, table=True):
    """How often something occurred on one civil day. Derived, like the facets; statistics add these up."""

    __tablename__ = "audit_tallies"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Number of what is counted by (gateway/audit/review/tallies.py).
    dimension: int = Field(primary_key=True, sa_type=SmallInteger, sa_column_kwargs={"autoincrement": False})
    day: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    # Keyed hash of the label.
    token: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    entries: int = Field(sa_type=BigInteger)


class AuditLabel(SQLModel, table=True):
    """What a tally's token stands for, encrypted. Derived, like the facets."""

    __tablename__ = "audit_labels"

    token: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    label: bytes = Field(sa_type=LargeBinary)


class AuditAcknowledged(SQLModel, table=True):
    """Which entry acknowledges which release: a look-up only, what counts is what those entries say."""

    __tablename__ = "audit_acknowledged"
    __table_args__ = ({"sqlite_with_rowid": False},)

    # Index of the outcome that is acknowledged.
    release_index: int = Field(primary_key=True, sa_type=_BigInt, sa_column_kwargs={"autoincrement": False})
    # First 16 bytes of SHA-256 over what is said of it, so that saying the same again is known.
    said: bytes = Field(primary_key=True, sa_type=LargeBinary)
    # Index of the entry that says so.
    leaf_index: int = Field(sa_type=BigInteger)
