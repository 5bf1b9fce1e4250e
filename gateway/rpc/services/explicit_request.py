"""ExplicitRequestService: the click by which a person starts a public task. Not a consent."""

from typing import Any

from gateway.errors import bad_request
from gateway.exchange.explicit_requests import OwnExplicitRequests
from gateway.rpc.callers import bearer
from oncegate.v1 import explicit_request_pb2, explicit_request_pb2_grpc
from policies.explicit_requests import MAX_RESOURCES, ExplicitRequest

_LONGEST = 128


class ExplicitRequestServicer(explicit_request_pb2_grpc.ExplicitRequestServiceServicer):
    """The person's side.

    Args:
        own: The use cases; they find the person in the token.
    """

    def __init__(self, own: OwnExplicitRequests) -> None:
        self._own = own

    async def MakeExplicitRequest(  # noqa: N802
        self, request: explicit_request_pb2.MakeExplicitRequestRequest, context: Any
    ) -> explicit_request_pb2.MakeExplicitRequestResponse:
        """See explicit_request.proto."""
        who = bearer(context)
        if not 1 <= len(request.resources) <= MAX_RESOURCES:
            raise bad_request("resources", f"must name 1 to {MAX_RESOURCES} resources")
        if any(len(text) > _LONGEST for text in (request.consumer, request.purpose, *request.resources)):
            raise bad_request("resources", f"must be codes of at most {_LONGEST} characters")
        made = await self._own.make(who, request.consumer, request.purpose, list(request.resources), request.days)
        return explicit_request_pb2.MakeExplicitRequestResponse(request=_message(made))

    async def ListExplicitRequests(  # noqa: N802
        self, request: explicit_request_pb2.ListExplicitRequestsRequest, context: Any
    ) -> explicit_request_pb2.ListExplicitRequestsResponse:
        """See explicit_request.proto."""
        del request
        found = await self._own.list(bearer(context))
        return explicit_request_pb2.ListExplicitRequestsResponse(requests=[_message(one) for one in found])


def _message(one: ExplicitRequest) -> explicit_request_pb2.ExplicitRequest:
    return explicit_request_pb2.ExplicitRequest(request_id=one.id, artefact=one.raw, digest=one.digest)
