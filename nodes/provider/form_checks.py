"""That a ticket orders nothing below the floors, and no more revealing form than it must, by our own copies.

An agreement was above the floors when it was accepted; a field's class may have been raised since. What counts is how
we describe the field now.

A consumer may sign that it would take more revealing forms where its agreement has no less revealing one. Which one is
ordered is the gateway's choice, and the node does not have to believe it: of the forms signed for, only the least
revealing one that our own copy of the agreement has, and that the consent covers, is released.

Rules kept here: fails closed. It reads no record.
"""

from collections.abc import Callable

from nodes.provider.check_failed import CheckFailed
from nodes.provider.config import ProvidedResource
from nodes.provider.model import Request, RequestedItem, Ticket
from nodes.provider.predicate_checks import signed_for
from policies.agreements import Agreement
from policies.agreements.floors import withheld
from policies.predicates import find
from policies.reasons import Reason
from policies.vocabulary import Form


def check_floors(ticket: Ticket, agreement: Agreement, resource: ProvidedResource) -> None:
    """Sensitive fields are ordered only under an agreement that may release them.

    Args:
        ticket: Ordered items.
        agreement: Our own copy.
        resource: What we offer, as we describe it now.

    Raises:
        CheckFailed: SENSITIVE_TERM, IMPACT_ASSESSMENT_MISSING; UNKNOWN_TERM for a field that we do not describe.
    """
    for item in ticket.items:
        described = resource.description.field(item.field)
        reason = Reason.UNKNOWN_TERM if described is None else withheld(agreement, described.classification)
        if reason is not None:
            raise CheckFailed(reason)


def check_forms(
    ticket: Ticket,
    request: Request,
    agreement: Agreement,
    resource: ProvidedResource,
    covered: Callable[[str, Form], bool],
) -> None:
    """No ordered item has a less revealing form that was signed for and could be had.

    Args:
        ticket: Ordered items, each signed for and permitted.
        request: As the consumer signed it.
        agreement: Our own copy.
        resource: What we offer.
        covered: Whether the consent covers a form of a field; always so with another basis.

    Raises:
        CheckFailed: REQUEST_MISMATCH.
    """
    signed = signed_for(request, ticket.resource)
    for item in ticket.items:
        asked = signed.get(item.field)
        if asked is None:
            raise CheckFailed(Reason.REQUEST_MISMATCH)
        for form in (asked.form, *asked.accepted):
            if form.rank < item.form.rank and _is_had(form, asked, agreement, resource) and covered(item.field, form):
                raise CheckFailed(Reason.REQUEST_MISMATCH)


def _is_had(form: Form, asked: RequestedItem, agreement: Agreement, resource: ProvidedResource) -> bool:
    """Whether agreement and resource have a form of a field, and in the form predicate the very one that is needed."""
    described = resource.description.field(asked.field)
    if described is None or form not in described.forms or form not in agreement.items.get(asked.field, frozenset()):
        return False
    if form is not Form.PREDICATE:
        return True
    predicates = agreement.predicates.values()
    return asked.need is not None and find(predicates, asked.field, described.data_type, asked.need) is not None
