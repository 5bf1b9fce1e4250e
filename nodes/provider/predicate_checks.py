"""What a ticket asks in the form predicate, checked against our own copy of the agreement and the signed request.

Rules kept here: fails closed, each with its own reason. It reads no record: `release` evaluates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keys.errors import BadSignature
from keys.operands import check_operand as check_commitment
from nodes.provider.check_failed import CheckFailed
from nodes.provider.config import ProvidedResource
from nodes.provider.model import IncomingAsk, Request, RequestedItem, Ticket
from policies.agreements import Agreement
from policies.predicates import WITH_OPERAND, BadPredicate, Predicate, check_operand
from policies.reasons import Reason
from policies.vocabulary import Form


@dataclass(frozen=True, slots=True)
class Asking:
    """One predicate of our own copy of the agreement, and the operand that the consumer signed for, if it needs one.

    Args:
        predicate: What is asked.
        operand: What an equality compares with, or the second person's identifier; never kept or part of the `repr`.
    """

    predicate: Predicate
    operand: str = field(default="", repr=False)


def check_predicates(
    ask: IncomingAsk, ticket: Ticket, request: Request, agreement: Agreement, resource: ProvidedResource
) -> Mapping[str, Asking]:
    """What is asked is in our own copy, is what the consumer signed, fits the field, and has its operand.

    Raises:
        CheckFailed: BAD_TICKET, REQUEST_MISMATCH, FORM_NOT_ALLOWED or BAD_OPERAND.
    """
    signed = signed_for(request, ticket.resource)
    found: dict[str, Asking] = {}
    for item in ticket.items:
        if item.form is not Form.PREDICATE:
            if item.predicate:
                raise CheckFailed(Reason.BAD_TICKET)
            continue
        predicate, asked = agreement.predicates[item.predicate], signed[item.field]
        if asked.need is None or not asked.need.matches(predicate):
            raise CheckFailed(Reason.REQUEST_MISMATCH)
        described = resource.description.field(item.field)
        if described is None or not predicate.fits(described.data_type):
            raise CheckFailed(Reason.FORM_NOT_ALLOWED)
        found[item.field] = Asking(predicate, _operand(ask, ticket.resource, predicate, asked))
    return found


def _operand(ask: IncomingAsk, resource: str, predicate: Predicate, asked: RequestedItem) -> str:
    """The operand of a comparison is the one that the consumer committed to."""
    if predicate.operator not in WITH_OPERAND:
        return ""
    try:
        operand = check_operand(ask.operands.get(predicate.field, ""))
        check_commitment(ask.subject_nonce, resource, predicate.field, operand, asked.operand_commitment)
    except (BadPredicate, BadSignature):
        raise CheckFailed(Reason.BAD_OPERAND) from None
    return operand


def signed_for(request: Request, resource: str) -> dict[str, RequestedItem]:
    """The requested items of a resource by field; one that is asked for twice is left out, since it is not clear."""
    found: dict[str, RequestedItem] = {}
    twice: set[str] = set()
    for item in request.items:
        if item.resource == resource:
            if item.field in found:
                twice.add(item.field)
            found[item.field] = item
    return {field: item for field, item in found.items() if field not in twice}
