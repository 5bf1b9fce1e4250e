"""Notices to departments: what they received and now have to erase, and that their pseudonyms will change.

What is to be erased follows from an erasure of the person, from a consent that was withdrawn, or from a review that
found a declared emergency not justified.

Rules kept: a notice names releases by their place in the access log and nothing else, so that no identifier and no
value lies here; it stays open until a system of that department acknowledges it; an acknowledgement is final and says
who gave it. A department sees its own notices only.

What it does not do: nobody is called; departments ask. It does not check that a department erased anything.
"""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Engine, Row, insert, select, update
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import tables

ERASE: Final = "erase"
PSEUDONYMS: Final = "pseudonyms"
CONSENT: Final = "consent"
EMERGENCY: Final = "emergency"
NO_ERASURE: Final = bytes(16)
"""Stands in a notice that is about no erasure."""
ID_BYTES: Final = 16

_NOTICES: Final = SQLModel.metadata.tables[str(tables.VaultNotice.__tablename__)]


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice.

    Attributes:
        notice_id: Random, 16 bytes.
        department: Whom it tells.
        kind: `erase`, `pseudonyms`, `consent` or `emergency`.
        erasure_id: What it is about, 16 bytes: an erasure, a consent or an emergency use; `NO_ERASURE` for another
            kind.
        created_ms: Unix ms.
        due_ms: By when the department is to have acted, Unix ms.
        entries: Indexes of the releases in the access log, oldest first; of a change of pseudonyms, its own entry.
        acknowledged_ms: Unix ms; 0 while it is open.
        acknowledged_by: SPIFFE id of the system that acknowledged; empty while it is open.
    """

    notice_id: bytes
    department: str
    kind: str
    erasure_id: bytes
    created_ms: int
    due_ms: int
    entries: tuple[int, ...]
    acknowledged_ms: int
    acknowledged_by: str


def add_notices(
    connection: Connection,
    erasure_id: bytes,
    recipients: Mapping[str, Sequence[int]],
    *,
    created_ms: int,
    due_ms: int,
    kind: str = ERASE,
) -> None:
    """Note one notice per department, inside the caller's transaction.

    Args:
        connection: An open write transaction.
        erasure_id: What they are about.
        recipients: Department → indexes of the releases to it.
        created_ms: Now, Unix ms.
        due_ms: By when they are to have acted, Unix ms.
        kind: `erase`, `pseudonyms`, `consent` or `emergency`.
    """
    rows = [
        {
            "notice_id": secrets.token_bytes(ID_BYTES),
            "department": department,
            "kind": kind,
            "erasure_id": erasure_id,
            "created_ms": created_ms,
            "due_ms": due_ms,
            "entries": ",".join(str(entry) for entry in entries),
        }
        for department, entries in sorted(recipients.items())
    ]
    if rows:
        connection.execute(insert(_NOTICES), [row | {"acknowledged_ms": 0, "acknowledged_by": ""} for row in rows])


def open_entries(connection: Connection) -> list[int]:
    """The releases that notices which nobody has acknowledged are about."""
    query = select(_NOTICES.c.entries).where(_NOTICES.c.acknowledged_ms == 0)
    return [int(entry) for entries in connection.execute(query).scalars() for entry in str(entries).split(",") if entry]


class Notices:
    """Reads and acknowledges notices. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        clock: Now.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def open_of(self, department: str, limit: int) -> list[Notice]:
        """Notices that a department has not acknowledged, oldest first.

        Args:
            department: Its id.
            limit: At most this many.
        """
        query = (
            select(_NOTICES)
            .where(_NOTICES.c.department == department, _NOTICES.c.acknowledged_ms == 0)
            .order_by(_NOTICES.c.created_ms, _NOTICES.c.notice_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_notice(row) for row in connection.execute(query)]

    def of_erasure(self, erasure_id: bytes) -> list[Notice]:
        """Every notice about an erasure, ordered by department."""
        query = select(_NOTICES).where(_NOTICES.c.erasure_id == erasure_id).order_by(_NOTICES.c.department)
        with self._engine.connect() as connection:
            return [_notice(row) for row in connection.execute(query)]

    def require(self, department: str, notice_id: bytes) -> Notice:
        """One notice of a department, open or not.

        Raises:
            Refused: NOT_FOUND, also for another department's notice.
        """
        query = select(_NOTICES).where(_NOTICES.c.notice_id == notice_id, _NOTICES.c.department == department)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise Refused(Code.NOT_FOUND, "notice")
        return _notice(row)

    def acknowledge(self, department: str, notice_id: bytes, system: str) -> Notice:
        """Close a notice; durable when it returns. The first acknowledgement counts, later ones change nothing.

        Args:
            department: The caller's department.
            notice_id: Which.
            system: SPIFFE id of the system that acknowledges.

        Raises:
            Refused: NOT_FOUND.
        """
        where = (
            _NOTICES.c.notice_id == notice_id,
            _NOTICES.c.department == department,
            _NOTICES.c.acknowledged_ms == 0,
        )
        values = {"acknowledged_ms": self._clock.now_ms(), "acknowledged_by": system}
        with write_transaction(self._engine) as connection:
            connection.execute(update(_NOTICES).where(*where).values(**values))
        return self.require(department, notice_id)


def _notice(row: Row[tuple[object, ...]]) -> Notice:
    return Notice(
        notice_id=bytes(row.notice_id),
        department=row.department,
        kind=row.kind,
        erasure_id=bytes(row.erasure_id),
        created_ms=row.created_ms,
        due_ms=row.due_ms,
        entries=tuple(int(entry) for entry in row.entries.split(",") if entry),
        acknowledged_ms=row.acknowledged_ms,
        acknowledged_by=row.acknowledged_by,
    )
