"""Who asked about a person, as the log has it: a page at a time, newest first. Only reads; from any thread."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, exists, or_

from gateway.audit.bodies import Bodies
from gateway.audit.kinds import ACCESSES, Kind
from gateway.audit.reader import Reader
from gateway.audit.store import ENTRIES
from gateway.audit.views import AccessPage, access_of

END_OF_TIME_MS: Final = 2**62


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which accesses: recorded at or after a moment and before another (Unix ms), by one department; empty for all."""

    from_ms: int = 0
    until_ms: int = END_OF_TIME_MS
    department: str = ""


EVERYTHING: Final = Wanted()


class Accesses:
    """Finds accesses.

    Args:
        reader: Opens and checks entries.
        bodies: Makes tokens.
    """

    def __init__(self, reader: Reader, bodies: Bodies) -> None:
        self._reader = reader
        self._bodies = bodies

    def page(
        self, person_id: bytes, wanted: Wanted = EVERYTHING, *, cursor: str = "", limit: int = 50
    ) -> AccessPage:  # fmt: skip
        """Who asked for one person's data, newest first. A request that has its outcome is shown as that outcome.

        Args:
            person_id: As given in `EntryDraft.about`.
            wanted: Which ones.
            cursor: From the page before; empty for the first.
            limit: 1 to 500.

        Raises:
            NoSuchEntry: The cursor or the limit is none.
            LedgerCorrupt: An entry does not fit its leaf hash.
        """
        token = self._bodies.token(person_id)
        closing = ENTRIES.alias("closing")
        # Only an outcome that the person sees as well may stand for the request.
        closed = exists().where(closing.c.request_index == ENTRIES.c.leaf_index, closing.c.person_token == token)
        conditions: list[ColumnElement[bool]] = [
            ENTRIES.c.person_token == token,
            ENTRIES.c.kind.in_(sorted(ACCESSES)),
            or_(ENTRIES.c.kind != str(Kind.ASKED), ~closed),
        ]
        if wanted.from_ms:
            conditions.append(ENTRIES.c.time_ms >= wanted.from_ms)
        if wanted.until_ms < END_OF_TIME_MS:
            conditions.append(ENTRIES.c.time_ms < wanted.until_ms)
        if wanted.department:
            conditions.append(ENTRIES.c.department == wanted.department)
        entries, next_cursor = self._reader.page(conditions, cursor, limit)
        return AccessPage([access_of(entry) for entry in entries], next_cursor)
