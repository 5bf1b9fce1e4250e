"""SourceService: a department's steward about fields that the department verifies."""

from typing import Any

from gateway.errors import bad_request
from gateway.exchange.source_desk import SourceDesk
from gateway.rpc.callers import bearer
from gateway.rpc.services.profile import correction_message
from gateway.vault.provenance import UnavailableReason
from gateway.vault.views import Arrival, Verified
from oncegate.v1 import source_pb2, source_pb2_grpc

ARRIVALS = {
    Arrival.TAKEN: source_pb2.ARRIVAL_TAKEN,
    Arrival.KEPT_STRONGER: source_pb2.ARRIVAL_KEPT_STRONGER,
}


class SourceServicer(source_pb2_grpc.SourceServiceServicer):
    """Records, lists, answers.

    Args:
        desk: The use cases; they find steward and department in the token.
    """

    def __init__(self, desk: SourceDesk) -> None:
        self._desk = desk

    async def RecordVerifiedField(  # noqa: N802
        self, request: source_pb2.RecordVerifiedFieldRequest, context: Any
    ) -> source_pb2.RecordVerifiedFieldResponse:
        """See source.proto."""
        who = bearer(context)
        stated = Verified(
            value=request.value or None,
            department="",
            record=request.record,
            last_updated_ms=request.last_updated_unix_ms or None,
            valid_until_ms=request.valid_until_unix_ms or None,
            unavailable=_reason(request.unavailable_reason),
        )
        arrival = await self._desk.record_field(
            who, request.subject_scheme, request.subject_identifier, request.field, stated
        )
        return source_pb2.RecordVerifiedFieldResponse(arrival=ARRIVALS[arrival])

    async def ListCorrections(  # noqa: N802
        self, request: source_pb2.ListCorrectionsRequest, context: Any
    ) -> source_pb2.ListCorrectionsResponse:
        """See source.proto."""
        page = await self._desk.corrections(bearer(context), request.page_token, request.page_size)
        return source_pb2.ListCorrectionsResponse(
            corrections=[correction_message(one) for one in page.corrections], next_page_token=page.next_cursor
        )

    async def AnswerCorrection(  # noqa: N802
        self, request: source_pb2.AnswerCorrectionRequest, context: Any
    ) -> source_pb2.AnswerCorrectionResponse:
        """See source.proto."""
        who = bearer(context)
        if request.answer == source_pb2.CORRECTION_ANSWER_ACCEPT:
            word = Verified(request.value or None, "", valid_until_ms=request.valid_until_unix_ms or None)
            decided = await self._desk.accept(who, request.correction_id, word, request.note)
        elif request.answer == source_pb2.CORRECTION_ANSWER_REJECT:
            decided = await self._desk.reject(who, request.correction_id, request.note)
        else:
            raise bad_request("answer", "须为接受或驳回 / must be accept or reject")
        return source_pb2.AnswerCorrectionResponse(correction=correction_message(decided))


def _reason(code: str) -> UnavailableReason | None:
    if not code:
        return None
    try:
        return UnavailableReason(code)
    except ValueError:
        raise bad_request("unavailable_reason", f"须为其一 / must be one of {', '.join(UnavailableReason)}") from None
