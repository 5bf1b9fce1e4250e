"""Tables of the pointer index.

A *list* is all pointers that one node keeps for one resource. A snapshot fills a new list beside the live one and
becomes live by one change of state, so a switch costs the same for ten records and for ten million, and no reader
ever sees half of it (ADR 0050).

Rules kept: no identifier, name, value or source key in any column; only keyed tokens, opaque handles and counters.
What is gone is deleted, not marked.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, Index, LargeBinary, text
from sqlmodel import Field, SQLModel

_LIVE_ONLY = text("state = 'live'")


class ListState(StrEnum):
    """Where a list is in its life."""

    LIVE = "live"
    STAGED = "staged"
    RETIRED = "retired"


class IndexNode(SQLModel, table=True):
    """One node's position: how far its outbox is durable here, and when it last compared its sources."""

    __tablename__ = "index_nodes"

    node: str = Field(primary_key=True, description="SPIFFE id")
    outbox_id: bytes | None = Field(default=None, sa_type=LargeBinary, description="16 bytes; None before any delta")
    acknowledged: int = Field(default=0, sa_type=BigInteger, description="every delta up to here is durable")
    synced_ms: int = Field(default=0, sa_type=BigInteger, description="Unix ms; 0 when never")


class IndexList(SQLModel, table=True):
    """All pointers that one node keeps for one resource, in one state."""

    __tablename__ = "index_lists"
    __table_args__ = (
        Index(
            "index_lists_one_live",
            "node",
            "resource",
            unique=True,
            sqlite_where=_LIVE_ONLY,
            postgresql_where=_LIVE_ONLY,
        ),
        Index("index_lists_by_state", "state"),
    )

    id: int | None = Field(default=None, primary_key=True)
    node: str = Field(description="SPIFFE id")
    resource: str = Field(description="resource code")
    state: str = Field(description="live, staged or retired")
    outbox_id: bytes = Field(sa_type=LargeBinary, description="the outbox whose deltas it follows")
    as_of_sequence: int = Field(default=0, sa_type=BigInteger, description="deltas up to here are already in it")
    snapshot_id: bytes | None = Field(default=None, sa_type=LargeBinary, description="16 bytes; None when from deltas")
    next_part: int = Field(default=0, description="number of the snapshot part that must come next")
    received: int = Field(default=0, sa_type=BigInteger, description="snapshot entries received, rejected ones too")


class IndexPointer(SQLModel, table=True):
    """One pointer. Clustered by token, so that a look-up is one descent of one tree however many rows there are."""

    __tablename__ = "index_pointers"
    __table_args__ = (
        Index("index_pointers_by_handle", "list_id", "handle", unique=True),
        {"sqlite_with_rowid": False},
    )

    token: bytes = Field(primary_key=True, sa_type=LargeBinary, description="subject token, 32 bytes")
    list_id: int = Field(primary_key=True, description="index_lists.id; no foreign key: it would cost a read per row")
    handle: bytes = Field(primary_key=True, sa_type=LargeBinary, description="the node's opaque name, 16 bytes")
    key_version: int = Field(description="version of the index key that made the token")
    version: int = Field(sa_type=BigInteger, description="the node's version of the record")
    updated_ms: int = Field(sa_type=BigInteger, description="Unix ms; 0 when unknown")


class IndexKey(SQLModel, table=True):
    """How far the index key's rotation has come: one row, none before the first (`gateway.index.key_versions`)."""

    __tablename__ = "index_keys"

    id: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False}, description="always 1")
    oldest_written: int = Field(description="no token of an older version is written any more")
    rotated: int = Field(description="no token of an older version is left, and this is on the ledger")


class IndexRejection(SQLModel, table=True):
    """A record that its node offered and that could not be indexed, with the reason."""

    __tablename__ = "index_rejections"

    list_id: int = Field(primary_key=True, description="index_lists.id")
    handle: bytes = Field(primary_key=True, sa_type=LargeBinary, description="the node's opaque name, 16 bytes")
    reason: str = Field(description="reason code, such as BAD_IDENTIFIER")
