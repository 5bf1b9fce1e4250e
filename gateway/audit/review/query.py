"""A search of the log, and what it finds. Pure.

Rules kept here: every condition of a search has to hold; a cursor belongs to the search that gave it, and no other
search takes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from gateway.audit.review.facets import Pair, facets_of
from gateway.audit.views import LogEntry

END_OF_TIME_MS: Final = 1 << 53
"""Later than any entry; a number that every format of the export can hold."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for.

    Attributes:
        facets: All of these, folded.
        from_ms: Recorded at or after this moment, Unix ms.
        until_ms: Recorded before this moment, Unix ms.
        person: Random id of the person it is about; None for anyone and no one.
    """

    facets: frozenset[Pair] = frozenset()
    from_ms: int = 0
    until_ms: int = END_OF_TIME_MS
    person: bytes | None = None

    @property
    def timed(self) -> bool:
        """Whether the time matters."""
        return self.from_ms > 0 or self.until_ms < END_OF_TIME_MS

    def text(self) -> bytes:
        """The search in one spelling, for its cursors."""
        facets = sorted(f"{facet}\0{value}" for facet, value in self.facets)
        person = "" if self.person is None else self.person.hex()
        # A value is folded and so holds no control character.
        return "\x01".join([str(self.from_ms), str(self.until_ms), person, *facets]).encode()


@dataclass(frozen=True)
class Hit:
    """An entry that a search found, with the question that it closes, if it closes one."""

    entry: LogEntry
    asked: LogEntry | None = None

    @cached_property
    def facets(self) -> frozenset[Pair]:
        """By what it is found."""
        return facets_of(self.entry.account, None if self.asked is None else self.asked.account)


@dataclass(frozen=True, slots=True)
class HitPage:
    """Hits, newest first.

    Attributes:
        hits: Newest first; may be few or none although there are more, when much had to be looked through.
        next_cursor: Hand this in to go on; empty when there is no more.
        looked_back_to: Every entry from this index on was considered.
    """

    hits: Sequence[Hit]
    next_cursor: str
    looked_back_to: int


def holds(query: Query, hit: Hit) -> bool:
    """Whether an opened entry is what is looked for. This decides; whatever led to the entry only suggested it."""
    entry = hit.entry
    if not query.from_ms <= entry.time_ms < query.until_ms:
        return False
    if query.person is not None and _person(entry.personal) != query.person.hex():
        return False
    found = hit.facets
    # A question has no facets: its outcome stands for it.
    return bool(found) and query.facets <= found


def _person(personal: Mapping[str, Any] | None) -> object:
    return None if personal is None else personal.get("person")
