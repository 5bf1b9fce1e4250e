"""The catalogue as whoever is known to the gateway may read it.

Rules kept: nobody unknown reads; a reader is told only of agreements of its own department, which is the one of the
certificate or, for a steward, of the issuer. What reads the database runs beside the event loop, few at a time, so that
a flood of searches delays nobody's fetch; more than may wait are refused.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from gateway.catalog.catalog import CatalogEntry
from gateway.errors import Code, Refused
from gateway.exchange.browsing import Browsing, Difference, History, Hits, Reader, Shown
from gateway.identity.departments import Department, Departments
from gateway.identity.issuers import Role
from gateway.identity.peers import Peers
from gateway.identity.people import People

T = TypeVar("T")
_AT_ONCE: Final = 2
_WAITING: Final = 64
_RETRY_MS: Final = 500


class Browse:
    """Reads the catalogue for somebody at a door.

    Args:
        peers: Verifies a certificate on the systems' door.
        people: Verifies a token on the people's door.
        browsing: What the catalogue says.
        departments: Who is in the exchange.
    """

    def __init__(self, peers: Peers, people: People, browsing: Browsing, departments: Departments) -> None:
        self._peers = peers
        self._people = people
        self._browsing = browsing
        self._departments = departments
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._inside = 0

    def admit_peer(self, certificate: bytes | None) -> Reader:
        """Let a node or system read.

        Raises:
            Refused: The certificate is not in good standing.
        """
        return Reader(self._peers.admit(certificate).department)

    def admit_person(self, bearer: str) -> Reader:
        """Let a person read.

        Raises:
            Refused: The token does not verify.
        """
        person = self._people.authenticate(bearer)
        return Reader(person.department if Role.STEWARD in person.roles else "")

    def resources(self, provider: str, after: str, page_size: int) -> tuple[Sequence[CatalogEntry], str]:
        """See `Browsing.resources`."""
        return self._browsing.resources(provider, after, page_size)

    async def resource(self, code: str, version: int) -> Shown:
        """See `Browsing.resource`."""
        if not version:
            return self._browsing.resource(code)
        return await self._beside(lambda: self._browsing.resource(code, version))

    async def search(self, query: str, provider: str, cursor: str, page_size: int) -> Hits:
        """See `Browsing.search`."""
        return await self._beside(lambda: self._browsing.search(query, provider, cursor, page_size))

    async def history(self, code: str, cursor: str, page_size: int) -> History:
        """See `Browsing.history`."""
        return await self._beside(lambda: self._browsing.history(code, cursor, page_size))

    async def difference(self, reader: Reader, code: str, before: int, after: int) -> Difference:
        """See `Browsing.difference`."""
        return await self._beside(lambda: self._browsing.difference(reader, code, before, after))

    def departments(self) -> Sequence[Department]:
        """All departments, ordered by id."""
        return self._departments.list()

    async def _beside(self, read: Callable[[], T]) -> T:
        if self._inside >= _WAITING:
            raise Refused(Code.OVERLOADED, "too many readings of the catalogue", retry_after_ms=_RETRY_MS)
        self._inside += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(read)
        finally:
            self._inside -= 1
