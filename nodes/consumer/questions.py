"""What a predicate means that a system asks for by its name: spelled out before it is signed.

A name means what an agreement says, and under which agreement and revision a node answers is not for the system to see.
So that nobody else chooses what is asked, the name is looked up in the agreements that this department accepted, and
operator and constants are signed in its place: a node whose own copy asks something else under that name refuses.

Which way it fails: closed. A name that no accepted agreement has for this request, or that means two things in them, is
refused, and nothing is sent. What is written as operator and constants needs no agreement to be clear, and stays.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from keys.certificates.spiffe import SpiffeId
from nodes.consumer.items import Item, read_items
from nodes.enrolment.errors import BadInput
from policies.agreements import Agreement
from policies.emergencies import Emergency
from policies.predicates import Need
from policies.vocabulary import Form, LegalBasis


@dataclass(frozen=True, slots=True)
class Asking:
    """For what a request is made, as far as it tells which agreements it may fall under.

    Args:
        system: The asking system.
        purpose: Purpose code.
        basis: The legal ground, as it was given.
        emergency: The declared emergency; None when there is none.
        now_ms: The time, Unix ms.
    """

    system: SpiffeId
    purpose: str
    basis: LegalBasis | str
    emergency: Emergency | None
    now_ms: int


def spelled_out(
    items: Iterable[Item | str], asking: Asking, accepted: Callable[[int], Iterable[Agreement]]
) -> tuple[Item, ...]:
    """The items with operator and constants in the place of names.

    Args:
        items: Items, or their text.
        asking: For what.
        accepted: The accepted agreements at a time; only asked when there is a name to look up.

    Returns:
        The items, in order, checked.

    Raises:
        BadInput: An item is malformed; a name is unknown here or means different questions.
    """
    read = read_items(items)
    if not any(map(_is_named, read)):
        return read
    agreements = tuple(accepted(asking.now_ms))
    return tuple(_spelled_out(item, asking, agreements) if _is_named(item) else item for item in read)


def _is_named(item: Item) -> bool:
    return item.need is not None and item.need.operator is None


def _spelled_out(item: Item, asking: Asking, agreements: Iterable[Agreement]) -> Item:
    name = "" if item.need is None else item.need.name
    asked = (
        one.predicates[name] for one in agreements if one.resource == item.resource and _serves(one, item, name, asking)
    )
    meant = {predicate.digest: predicate for predicate in asked}
    if not meant:
        raise BadInput(
            "items", "a predicate is named that no accepted agreement has for this request; say operator and constants"
        )
    if len(meant) > 1:
        raise BadInput("items", "a predicate's name means several questions here; say operator and constants")
    (predicate,) = meant.values()
    return dataclasses.replace(item, need=Need("", predicate.operator, predicate.constants))


def _serves(agreement: Agreement, item: Item, name: str, asking: Asking) -> bool:
    """Whether the request may fall under an agreement, which has the predicate about that field."""
    return (
        asking.basis == agreement.legal_basis
        and agreement.permits(
            system_name=asking.system.name,
            consumer=asking.system.department,
            purpose=asking.purpose,
            basis=agreement.legal_basis,
            field=item.field,
            form=Form.PREDICATE,
            # Both are settled elsewhere, and neither changes what a name means.
            case_present=True,
            consent_present=True,
            now_ms=asking.now_ms,
            predicate=name,
            emergency="" if asking.emergency is None else asking.emergency.reason,
        )
        is None
    )
