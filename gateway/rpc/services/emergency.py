"""EmergencyService: what was asked under declared emergencies, for the steward who reviews it, auditors, the person."""

from dataclasses import asdict
from typing import Any

from gateway.emergencies.findings import Outcome
from gateway.emergencies.summary import MOST
from gateway.emergencies.uses import State
from gateway.errors import bad_request
from gateway.exchange.emergency_desk import EmergencyDesk, ShownUse, Side
from gateway.rpc.callers import bearer
from gateway.rpc.codec import FORM_NUMBERS
from oncegate.v1 import catalog_pb2, emergency_pb2, emergency_pb2_grpc
from policies.emergencies import REASONS
from policies.vocabulary import Form

STATES: "dict[emergency_pb2.EmergencyState, State]" = {
    emergency_pb2.EMERGENCY_STATE_UNSPECIFIED: State.ALL,
    emergency_pb2.EMERGENCY_STATE_ALL: State.ALL,
    emergency_pb2.EMERGENCY_STATE_OPEN: State.OPEN,
    emergency_pb2.EMERGENCY_STATE_OVERDUE: State.OVERDUE,
}
SIDES: "dict[emergency_pb2.EmergencySide, Side]" = {
    emergency_pb2.EMERGENCY_SIDE_UNSPECIFIED: Side.PROVIDED,
    emergency_pb2.EMERGENCY_SIDE_PROVIDED: Side.PROVIDED,
    emergency_pb2.EMERGENCY_SIDE_ASKED: Side.ASKED,
}
OUTCOMES: "dict[emergency_pb2.ReviewOutcome, Outcome]" = {
    emergency_pb2.REVIEW_OUTCOME_JUSTIFIED: Outcome.JUSTIFIED,
    emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED: Outcome.NOT_JUSTIFIED,
    emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP: Outcome.FOLLOW_UP,
}
OUTCOME_NUMBERS = {outcome: number for number, outcome in OUTCOMES.items()}


class EmergencyServicer(emergency_pb2_grpc.EmergencyServiceServicer):
    """Lists and reviews.

    Args:
        desk: The use cases; they find the caller in the token.
    """

    def __init__(self, desk: EmergencyDesk) -> None:
        self._desk = desk

    async def ListEmergencies(  # noqa: N802
        self, request: emergency_pb2.ListEmergenciesRequest, context: Any
    ) -> emergency_pb2.ListEmergenciesResponse:
        """See emergency.proto."""
        who = bearer(context)
        if request.state not in STATES:
            raise bad_request("state", "must be all, open or overdue")
        if request.side not in SIDES:
            raise bad_request("side", "must be provided or asked")
        state, side = STATES[request.state], SIDES[request.side]
        page = await self._desk.uses(who, state, request.consumer, request.page_token, request.page_size, side)
        return emergency_pb2.ListEmergenciesResponse(
            uses=[use_message(shown) for shown in page.uses], next_page_token=page.next_cursor
        )

    async def ReviewEmergency(  # noqa: N802
        self, request: emergency_pb2.ReviewEmergencyRequest, context: Any
    ) -> emergency_pb2.ReviewEmergencyResponse:
        """See emergency.proto."""
        who = bearer(context)
        if request.outcome not in OUTCOMES:
            raise bad_request("outcome", "须为正当、不正当或待跟进 / must be justified, not_justified or follow_up")
        reviewed = await self._desk.review(who, request.use_id, OUTCOMES[request.outcome], request.text)
        return emergency_pb2.ReviewEmergencyResponse(use=use_message(reviewed))

    async def SummariseEmergencies(  # noqa: N802
        self, request: emergency_pb2.SummariseEmergenciesRequest, context: Any
    ) -> emergency_pb2.SummariseEmergenciesResponse:
        """See emergency.proto."""
        found = await self._desk.summary(bearer(context), request.from_unix_ms, request.until_unix_ms)
        message = emergency_pb2.SummariseEmergenciesResponse(more=len(found) > MOST)
        for row in found[:MOST]:
            message.rows.add(reason_text=reason_message(row.reason), **asdict(row))
        return message

    async def ListMyEmergencies(  # noqa: N802
        self, request: emergency_pb2.ListMyEmergenciesRequest, context: Any
    ) -> emergency_pb2.ListMyEmergenciesResponse:
        """See emergency.proto."""
        del request
        message = emergency_pb2.ListMyEmergenciesResponse()
        for shown in await self._desk.mine(bearer(context)):
            use = use_message(shown)
            use.ClearField("use_id")
            message.uses.append(use)
        return message


def reason_message(code: str) -> catalog_pb2.LocalText | None:
    """A reason for people; None when it is not known here."""
    reason = REASONS.get(code)
    return None if reason is None else catalog_pb2.LocalText(zh=reason.zh, en=reason.en)


def use_message(shown: ShownUse) -> emergency_pb2.EmergencyUse:
    """A use as a message."""
    use = shown.use
    said = use.use
    message = emergency_pb2.EmergencyUse(
        use_id=use.use_id,
        provider=said.provider,
        consumer=said.consumer,
        system=said.system,
        resource=said.resource,
        agreement_id=said.agreement_id,
        agreement_revision=said.agreement_revision,
        reason=said.reason,
        reason_text=reason_message(said.reason),
        statement=shown.statement,
        case_reference=shown.case,
        official=shown.official,
        asked_unix_ms=said.asked_ms,
        entry=use.entry,
        due_unix_ms=said.due_ms,
        overdue=shown.late,
        person_from_unix_ms=said.person_from_ms,
        law=said.law,
        reviewed_unix_ms=use.reviewed_ms,
        review_text=shown.review_text,
    )
    if use.outcome is not None:
        message.outcome = OUTCOME_NUMBERS[use.outcome]
    for field, form in shown.items:
        if form in set(Form):
            message.items.add(field=field, form=FORM_NUMBERS[Form(form)])
    return message
