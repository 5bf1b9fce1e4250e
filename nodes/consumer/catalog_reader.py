"""Reads the catalogue over a session: lists, searches, earlier versions and what changed between two of them.

Rules kept here: a list that makes no progress ends, so that a faulty gateway keeps nobody for ever. Nothing of the
catalogue is signed by a provider: it is the gateway's word, good for planning and never for trust.
"""

from collections.abc import Callable
from dataclasses import dataclass

from nodes.consumer.catalog import CatalogResource, read_resource
from nodes.consumer.session import Session
from nodes.errors import PublicText
from oncegate.v1 import catalog_pb2

TIMEOUT_S = 30.0
PAGE = 200


@dataclass(frozen=True, slots=True)
class CatalogHits:
    """What a search found.

    Args:
        resources: Best first.
        next_page: Token of the next page; empty at the end.
    """

    resources: tuple[CatalogResource, ...]
    next_page: str


@dataclass(frozen=True, slots=True)
class CatalogVersion:
    """One version of a resource.

    Args:
        version: Counted from 1.
        published_ms: When, Unix ms.
        published_by: SPIFFE id of the node.
        fingerprint: SHA-256 of the description, hex.
    """

    version: int
    published_ms: int
    published_by: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One difference between two versions.

    Args:
        kind: A code such as field_removed.
        field: Field code; empty when it is about the whole resource.
        before: What stood there.
        after: What stands there now.
        breaking: Whether somebody who uses the resource may have to change something.
        text: One sentence for people.
    """

    kind: str
    field: str
    before: str
    after: str
    breaking: bool
    text: PublicText


@dataclass(frozen=True, slots=True)
class AffectedAgreement:
    """An agreement of this department that breaking changes touch.

    Args:
        id: Agreement id.
        revision: Its revision in force.
        consumer: Department id.
        changes: Positions in the list of changes, from 0.
    """

    id: str
    revision: int
    consumer: str
    changes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CatalogDiff:
    """What differs between two versions of a resource, and the agreements of this department that it touches."""

    before: int
    after: int
    changes: tuple[CatalogChange, ...]
    agreements: tuple[AffectedAgreement, ...]


class CatalogReader:
    """Reads the catalogue. Every method raises `RequestRefused` or `GatewayUnreachable`.

    Args:
        session: The session as it is now.
    """

    def __init__(self, session: Callable[[], Session]) -> None:
        self._session = session

    async def list(self, provider: str = "") -> tuple[CatalogResource, ...]:
        """Every resource that is offered, ordered by code.

        Args:
            provider: Only this department's; empty for all.
        """
        session = self._session()
        resources: list[CatalogResource] = []
        token = ""
        while True:
            request = catalog_pb2.ListResourcesRequest(page_size=PAGE, page_token=token, provider=provider)
            page: catalog_pb2.ListResourcesResponse = await session.call(
                session.catalog.ListResources, request, TIMEOUT_S
            )
            resources += [read_resource(resource) for resource in page.resources]
            if not page.next_page_token or page.next_page_token == token:
                return tuple(resources)
            token = page.next_page_token

    async def get(self, code: str, version: int = 0) -> CatalogResource:
        """One resource.

        Args:
            code: Resource code.
            version: An earlier version; 0 for the one that is offered.
        """
        session = self._session()
        request = catalog_pb2.GetResourceRequest(code=code, version=version)
        response: catalog_pb2.GetResourceResponse = await session.call(session.catalog.GetResource, request, TIMEOUT_S)
        return read_resource(response.resource)

    async def search(self, query: str, provider: str = "", page: str = "", limit: int = 20) -> CatalogHits:
        """Resources that hold everything that is asked for, best first.

        Args:
            query: Words, Chinese text or a code, 1 to 64 characters.
            provider: Only this department's; empty for all.
            page: `next_page` of the page before; empty for the first.
            limit: 1 to 100.
        """
        session = self._session()
        request = catalog_pb2.SearchRequest(query=query, provider=provider, page_size=limit, page_token=page)
        response: catalog_pb2.SearchResponse = await session.call(session.catalog.Search, request, TIMEOUT_S)
        return CatalogHits(tuple(read_resource(hit.resource) for hit in response.hits), response.next_page_token)

    async def history(self, code: str) -> tuple[CatalogVersion, ...]:
        """Every version of a resource, newest first; also of one that is no longer offered.

        Args:
            code: Resource code.
        """
        session = self._session()
        versions: list[CatalogVersion] = []
        token = ""
        while True:
            request = catalog_pb2.ListVersionsRequest(code=code, page_size=PAGE, page_token=token)
            page: catalog_pb2.ListVersionsResponse = await session.call(
                session.catalog.ListVersions, request, TIMEOUT_S
            )
            versions += [
                CatalogVersion(one.version, one.published_unix_ms, one.published_by, one.fingerprint)
                for one in page.versions
            ]
            if not page.next_page_token or page.next_page_token == token:
                return tuple(versions)
            token = page.next_page_token

    async def diff(self, code: str, before: int = 0, after: int = 0) -> CatalogDiff:
        """What differs between two versions.

        Args:
            code: Resource code.
            before: The older version; 0 for the one before `after`.
            after: The newer version; 0 for the newest.
        """
        session = self._session()
        request = catalog_pb2.DiffRequest(code=code, before=before, after=after)
        found: catalog_pb2.DiffResponse = await session.call(session.catalog.Diff, request, TIMEOUT_S)
        return CatalogDiff(
            found.before,
            found.after,
            tuple(
                CatalogChange(
                    change.kind,
                    change.field,
                    change.before,
                    change.after,
                    change.breaking,
                    PublicText(change.text.zh, change.text.en),
                )
                for change in found.changes
            ),
            tuple(
                AffectedAgreement(one.id, one.revision, one.consumer, tuple(one.changes)) for one in found.agreements
            ),
        )
