"""What the catalogue says to a reader: pages, search, history, and what a change means for agreements.

Rules kept: pages and searches are bounded; a department is told only of agreements of which it is a party. The doors
and the operator's commands share this; who may read is decided there (`gateway.exchange.browse`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.catalog.catalog import Catalog, CatalogEntry
from gateway.catalog.search import Search
from gateway.catalog.versions import MAX_VERSION, VersionLine, Versions
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.sharing.agreements import Agreements
from policies.agreements import Term
from policies.resource_diff import Change, Touched, compare, touched

_PAGE: Final = 50
_MAX_PAGE: Final = 200
_HITS: Final = 20
_MAX_HITS: Final = 100
_VERSION: Final = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, as far as it decides what is shown.

    Args:
        department: The reader's department; empty for a person without one.
        everything: Whether agreements of all departments are shown: the operator's commands.
    """

    department: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A resource as it is shown: a catalogue entry of any version, and when it was withdrawn (0 while offered)."""

    entry: CatalogEntry
    withdrawn_ms: int = 0


@dataclass(frozen=True, slots=True)
class Hits:
    """A page of a search: resources with their scores, and the token of the next page (empty at the end)."""

    found: Sequence[tuple[CatalogEntry, int]]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class History:
    """A page of versions, newest first, when the resource was withdrawn, and the token of the next page."""

    versions: Sequence[VersionLine]
    withdrawn_ms: int
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two versions, and the agreements in force that breaking changes touch."""

    before: int
    after: int
    changes: tuple[Change, ...]
    agreements: tuple[Touched, ...]


class Browsing:
    """Reads the catalogue.

    Args:
        catalog: What is offered.
        versions: What was offered.
        search: Finds by words.
        agreements: What providers agreed to.
        clock: Now.
    """

    def __init__(
        self, catalog: Catalog, versions: Versions, search: Search, agreements: Agreements, clock: Clock
    ) -> None:
        self._catalog = catalog
        self._versions = versions
        self._search = search
        self._agreements = agreements
        self._clock = clock

    def resources(self, provider: str, after: str, page_size: int) -> tuple[Sequence[CatalogEntry], str]:
        """A page of resources ordered by code, and the token of the next page (empty at the end).

        Raises:
            Refused: The page size is out of range.
        """
        limit = _size(page_size, _PAGE, _MAX_PAGE)
        page = self._catalog.list(provider=provider, after=after, limit=limit)
        more = len(page) == limit and self._catalog.list(provider=provider, after=page[-1].resource.code, limit=1)
        return page, page[-1].resource.code if more else ""

    def resource(self, code: str, version: int = 0) -> Shown:
        """One resource as it is offered, or in a version as it was published.

        Raises:
            Refused: NOT_FOUND; INTERNAL when what is stored is not what was published.
        """
        entry = self._catalog.get(code)
        if not version or (entry is not None and entry.version == version):
            if entry is None:
                raise Refused(Code.NOT_FOUND, "resource")
            return Shown(entry)
        found = self._versions.get(code, version)
        line = found.line
        return Shown(
            CatalogEntry(found.resource, line.version, line.published_ms, line.node), self._versions.withdrawn_ms(code)
        )

    def search(self, query: str, provider: str, cursor: str, page_size: int) -> Hits:
        """Resources that hold everything that is asked for, best first.

        Raises:
            Refused: BAD_REQUEST: query, page size or token breaks a rule.
        """
        page = self._search(query, provider, cursor, _size(page_size, _HITS, _MAX_HITS))
        # Withdrawn since, or damaged in the database: not offered, so not shown.
        found = [(entry, hit.score) for hit in page.found if (entry := self._catalog.get(hit.code)) is not None]
        return Hits(found, page.next_cursor)

    def history(self, code: str, cursor: str, page_size: int) -> History:
        """Versions of a resource, newest first.

        Raises:
            Refused: NOT_FOUND; BAD_REQUEST: page size or token breaks a rule.
        """
        limit = _size(page_size, _PAGE, _MAX_PAGE)
        before = _number(cursor)
        withdrawn_ms = self._versions.withdrawn_ms(code)
        found = self._versions.list(code, before, limit + 1)
        more = str(found[limit - 1].version) if len(found) > limit else ""
        return History(found[:limit], withdrawn_ms, more)

    def difference(self, reader: Reader, code: str, before: int, after: int) -> Difference:
        """What differs between two versions.

        Args:
            reader: Who asks.
            code: Resource code.
            before: The older version; 0 for the one before `after`.
            after: The newer version; 0 for the newest.

        Raises:
            Refused: NOT_FOUND; BAD_REQUEST when `before` is not older; INTERNAL when what is stored is not what was
                published.
        """
        newer = self._versions.get(code, after)
        older = before or newer.line.version - 1
        if not 0 < older < newer.line.version:
            raise bad_request("before", "must be an older version than after")
        changes = compare(self._versions.get(code, older).resource, newer.resource)
        return Difference(older, newer.line.version, changes, self._touched(reader, code, changes))

    def _touched(self, reader: Reader, code: str, changes: Sequence[Change]) -> tuple[Touched, ...]:
        now_ms = self._clock.now_ms()
        return touched(
            changes,
            [
                listed.agreement
                for listed in self._agreements.list()
                if listed.agreement.resource == code
                and not listed.revoked_ms
                and listed.agreement.term(now_ms) is not Term.EXPIRED
                and (reader.everything or reader.department in {listed.agreement.provider, listed.agreement.consumer})
            ],
        )


def _size(asked: int, default: int, most: int) -> int:
    if asked > most:
        raise bad_request("page_size", f"must be at most {most}")
    return asked or default


def _number(cursor: str) -> int:
    if not cursor:
        return 0
    if not _VERSION.fullmatch(cursor) or int(cursor) > MAX_VERSION:
        raise bad_request("page_token", "must be one that the gateway gave")
    return int(cursor)
