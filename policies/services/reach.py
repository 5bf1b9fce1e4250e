"""Which of the items that a service item needs the accepted agreements permit at all.

Rules kept here: an item counts as permitted when one agreement in force permits its resource and field to this system,
for this purpose and basis, in a form that will do; fails closed. What no agreement permits is not asked for, so that
nothing is fetched towards a list that can never be complete.

What it does not do: it does not foresee what the gateway decides: it knows no consents, catalogue or suspensions.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from policies.agreements import Agreement
from policies.items import AskedItem
from policies.services.model import ServiceItem
from policies.vocabulary import Form


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and when.

    Attributes:
        department: Department id.
        system: Name of its system.
        now_ms: The time, Unix ms.
    """

    department: str
    system: str
    now_ms: int


def permitted_form(item: AskedItem, service: ServiceItem, agreements: Iterable[Agreement], asker: Asker) -> Form | None:
    """The least revealing form in which an item can be had.

    Args:
        item: The item.
        service: The service item, for purpose and basis.
        agreements: The accepted agreements.
        asker: Who asks.

    Returns:
        The form; None when no agreement permits any that will do.
    """
    held = [agreement for agreement in agreements if agreement.resource == item.resource]
    forms = sorted({item.form, *item.accepted}, key=lambda form: form.rank)
    return next((form for form in forms if any(_permits(one, item, form, service, asker) for one in held)), None)


def not_agreed(service: ServiceItem, agreements: Sequence[Agreement], asker: Asker) -> frozenset[AskedItem]:
    """The items of a service item that no accepted agreement permits.

    Args:
        service: The service item.
        agreements: The accepted agreements.
        asker: Who asks.
    """
    items = {item for evidence in service.evidence.values() for item in evidence.items}
    return frozenset(item for item in items if permitted_form(item, service, agreements, asker) is None)


def _permits(agreement: Agreement, item: AskedItem, form: Form, service: ServiceItem, asker: Asker) -> bool:
    predicate = ""
    if form is Form.PREDICATE:
        need = item.need
        named = (p.name for p in agreement.predicates.values() if p.field == item.field and need and need.matches(p))
        predicate = next(named, "")
    reason = agreement.permits(
        system_name=asker.system,
        consumer=asker.department,
        purpose=service.purpose,
        basis=service.legal_basis,
        field=item.field,
        form=form,
        # Both are settled with the application, not by the service item.
        case_present=True,
        consent_present=True,
        now_ms=asker.now_ms,
        predicate=predicate,
        service=service.code,
    )
    return reason is None
