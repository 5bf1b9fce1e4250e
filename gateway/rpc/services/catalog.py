"""CatalogService: what can be asked for. One class serves both doors and differs in how it admits the caller."""

from typing import Any

from gateway.catalog.catalog import CatalogEntry
from gateway.exchange.browse import Browse
from gateway.exchange.browsing import Reader
from gateway.rpc.access import Door
from gateway.rpc.callers import bearer, certificate
from gateway.rpc.codec import FORM_NUMBERS
from oncegate.v1 import catalog_pb2, catalog_pb2_grpc


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """List, get, search, history and differences.

    Args:
        browse: The use cases.
        door: Which door this servicer stands at.
    """

    def __init__(self, browse: Browse, door: Door) -> None:
        self._browse = browse
        self._door = door

    def _admit(self, context: Any) -> Reader:
        if self._door is Door.SYSTEMS:
            return self._browse.admit_peer(certificate(context))
        return self._browse.admit_person(bearer(context))

    async def ListResources(  # noqa: N802
        self, request: catalog_pb2.ListResourcesRequest, context: Any
    ) -> catalog_pb2.ListResourcesResponse:
        """See catalog.proto."""
        self._admit(context)
        page, following = self._browse.resources(request.provider, request.page_token, request.page_size)
        return catalog_pb2.ListResourcesResponse(
            resources=[resource_message(entry) for entry in page], next_page_token=following
        )

    async def GetResource(  # noqa: N802
        self, request: catalog_pb2.GetResourceRequest, context: Any
    ) -> catalog_pb2.GetResourceResponse:
        """See catalog.proto."""
        self._admit(context)
        shown = await self._browse.resource(request.code, request.version)
        return catalog_pb2.GetResourceResponse(resource=resource_message(shown.entry, shown.withdrawn_ms))

    async def Search(  # noqa: N802
        self, request: catalog_pb2.SearchRequest, context: Any
    ) -> catalog_pb2.SearchResponse:
        """See catalog.proto."""
        self._admit(context)
        hits = await self._browse.search(request.query, request.provider, request.page_token, request.page_size)
        return catalog_pb2.SearchResponse(
            hits=[catalog_pb2.SearchHit(resource=resource_message(entry), score=score) for entry, score in hits.found],
            next_page_token=hits.next_cursor,
        )

    async def ListVersions(  # noqa: N802
        self, request: catalog_pb2.ListVersionsRequest, context: Any
    ) -> catalog_pb2.ListVersionsResponse:
        """See catalog.proto."""
        self._admit(context)
        history = await self._browse.history(request.code, request.page_token, request.page_size)
        response = catalog_pb2.ListVersionsResponse(
            withdrawn_unix_ms=history.withdrawn_ms, next_page_token=history.next_cursor
        )
        for line in history.versions:
            response.versions.add(
                version=line.version,
                published_unix_ms=line.published_ms,
                published_by=line.node,
                fingerprint=line.fingerprint,
            )
        return response

    async def Diff(self, request: catalog_pb2.DiffRequest, context: Any) -> catalog_pb2.DiffResponse:  # noqa: N802
        """See catalog.proto."""
        reader = self._admit(context)
        found = await self._browse.difference(reader, request.code, request.before, request.after)
        response = catalog_pb2.DiffResponse(before=found.before, after=found.after)
        for change in found.changes:
            response.changes.add(
                kind=str(change.kind),
                field=change.field,
                before=change.before,
                after=change.after,
                breaking=change.breaking,
                text=catalog_pb2.LocalText(zh=change.text.zh, en=change.text.en),
            )
        for one in found.agreements:
            agreement = one.agreement
            response.agreements.add(
                id=agreement.id, revision=agreement.revision, consumer=agreement.consumer, changes=one.changes
            )
        return response

    async def ListDepartments(  # noqa: N802
        self, request: catalog_pb2.ListDepartmentsRequest, context: Any
    ) -> catalog_pb2.ListDepartmentsResponse:
        """See catalog.proto."""
        del request
        self._admit(context)
        response = catalog_pb2.ListDepartmentsResponse()
        for department in self._browse.departments():
            response.departments.add(
                id=department.id,
                name=catalog_pb2.LocalText(zh=department.name_zh, en=department.name_en),
                key_fingerprint=department.key_fingerprint,
                status=str(department.status),
            )
        return response


def resource_message(entry: CatalogEntry, withdrawn_ms: int = 0) -> catalog_pb2.Resource:
    """A catalogue entry as a message."""
    resource = entry.resource
    message = catalog_pb2.Resource(
        code=resource.code,
        name=catalog_pb2.LocalText(zh=resource.name_zh, en=resource.name_en),
        provider=resource.provider,
        abstract=catalog_pb2.LocalText(zh=resource.abstract_zh, en=resource.abstract_en),
        classification=f"CLASSIFICATION_{resource.classification.upper()}",
        sharing_type=f"SHARING_TYPE_{resource.sharing_type.upper()}",
        sharing_terms=resource.sharing_terms,
        update_cycle=resource.update_cycle,
        subject_schemes=resource.subject_schemes,
        unlisted=resource.unlisted,
        published_unix_ms=entry.published_ms,
        version=entry.version,
        classification_path=[catalog_pb2.LocalText(zh=step.zh, en=step.en) for step in resource.classification_path],
        duty=resource.duty,
        purpose=resource.purpose,
        modes=sorted(f"MODE_{mode.upper()}" for mode in resource.modes),
        related=resource.related,
        fingerprint=resource.fingerprint,
        withdrawn_unix_ms=withdrawn_ms,
    )
    for field in resource.fields:
        message.fields.add(
            code=field.code,
            name=catalog_pb2.LocalText(zh=field.name_zh, en=field.name_en),
            data_type=str(field.data_type),
            classification=f"CLASSIFICATION_{field.classification.upper()}",
            forms=sorted(FORM_NUMBERS[form] for form in field.forms),
            mask=str(field.mask or ""),
            authority=field.authority,
        )
    return message
