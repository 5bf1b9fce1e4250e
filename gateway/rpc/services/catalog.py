"""CatalogService: what can be asked for. One class serves both doors and differs in how it admits the caller."""

from typing import Any

from gateway.catalog.catalog import CatalogEntry
from gateway.exchange.browse import Browse
from gateway.rpc.access import Door
from gateway.rpc.callers import bearer, certificate
from gateway.rpc.codec import FORM_NUMBERS
from oncegate.v1 import catalog_pb2, catalog_pb2_grpc


class CatalogServicer(catalog_pb2_grpc.CatalogServiceServicer):
    """List and get.

    Args:
        browse: The use cases.
        door: Which door this servicer stands at.
    """

    def __init__(self, browse: Browse, door: Door) -> None:
        self._browse = browse
        self._door = door

    def _admit(self, context: Any) -> None:
        if self._door is Door.SYSTEMS:
            self._browse.admit_peer(certificate(context))
        else:
            self._browse.admit_person(bearer(context))

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
        return catalog_pb2.GetResourceResponse(resource=resource_message(self._browse.resource(request.code)))

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


def resource_message(entry: CatalogEntry) -> catalog_pb2.Resource:
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
    )
    for field in resource.fields:
        message.fields.add(
            code=field.code,
            name=catalog_pb2.LocalText(zh=field.name_zh, en=field.name_en),
            data_type=str(field.data_type),
            classification=f"CLASSIFICATION_{field.classification.upper()}",
            forms=sorted(FORM_NUMBERS[form] for form in field.forms),
            mask=str(field.mask or ""),
        )
    return message
