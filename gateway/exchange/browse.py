"""The catalogue as whoever is known to the gateway may read it."""

from collections.abc import Sequence

from gateway.catalog.catalog import Catalog, CatalogEntry
from gateway.errors import Code, Refused, bad_request
from gateway.identity.departments import Department, Departments
from gateway.identity.peers import Peers
from gateway.identity.people import People

_PAGE = 50
_MAX_PAGE = 200


class Browse:
    """Reads the catalogue.

    Args:
        peers: Verifies a certificate on the systems' door.
        people: Verifies a token on the people's door.
        catalog: What can be asked for.
        departments: Who is in the exchange.
    """

    def __init__(self, peers: Peers, people: People, catalog: Catalog, departments: Departments) -> None:
        self._peers = peers
        self._people = people
        self._catalog = catalog
        self._departments = departments

    def admit_peer(self, certificate: bytes | None) -> None:
        """Let a node or system read.

        Raises:
            Refused: The certificate is not in good standing.
        """
        self._peers.admit(certificate)

    def admit_person(self, bearer: str) -> None:
        """Let a person read.

        Raises:
            Refused: The token does not verify.
        """
        self._people.authenticate(bearer)

    def resources(self, provider: str, after: str, page_size: int) -> tuple[Sequence[CatalogEntry], str]:
        """A page of resources ordered by code, and the token of the next page (empty at the end).

        Raises:
            Refused: The page size is out of range.
        """
        if page_size > _MAX_PAGE:
            raise bad_request("page_size", f"must be at most {_MAX_PAGE}")
        limit = page_size or _PAGE
        page = self._catalog.list(provider=provider, after=after, limit=limit)
        more = len(page) == limit and self._catalog.list(provider=provider, after=page[-1].resource.code, limit=1)
        return page, page[-1].resource.code if more else ""

    def resource(self, code: str) -> CatalogEntry:
        """One resource.

        Raises:
            Refused: NOT_FOUND.
        """
        entry = self._catalog.get(code)
        if entry is None:
            raise Refused(Code.NOT_FOUND, "resource")
        return entry

    def departments(self) -> Sequence[Department]:
        """All departments, ordered by id."""
        return self._departments.list()
