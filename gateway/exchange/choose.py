"""The least revealing permitted form of each item: what is asked of the policy, and what is taken of its answer.

A system says what form it needs and which more revealing ones it would take instead; it never gets one of those while
its agreement has a less revealing one that will do. Rules kept: every form that will do is decided by itself, under
every guardrail; the reason that is told for an item that is withheld is that of the form it needs. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.exchange.model import RequestItem
from policies.agreements import Agreement
from policies.engine import Decision, ItemDecision
from policies.predicates import Predicate, find
from policies.resources import ResourceDescription
from policies.vocabulary import Form, Necessity


@dataclass(frozen=True, slots=True)
class Candidates:
    """Every form that would do, for the policy to decide.

    Attributes:
        items: Field, form and necessity of each, in the order of the request and from the least revealing on.
        predicates: The predicate of the agreement that each field's need is met by, where there is one.
    """

    items: tuple[tuple[str, Form, Necessity], ...]
    predicates: Mapping[str, Predicate]


def candidates(items: Sequence[RequestItem], resource: ResourceDescription, agreement: Agreement | None) -> Candidates:
    """What to ask the policy.

    Args:
        items: The requested items of one resource.
        resource: That resource, which has their fields.
        agreement: Whose predicates are looked at; None has none.
    """
    found: dict[str, Predicate] = {}
    for item in items:
        described = resource.field(item.field)
        if item.need is None or described is None or agreement is None:
            continue
        predicate = find(agreement.predicates.values(), item.field, described.data_type, item.need)
        if predicate is not None:
            found[item.field] = predicate
    wanted = tuple((item.field, form, item.necessity) for item in items for form in item.forms)
    return Candidates(wanted, found)


def chosen(items: Sequence[RequestItem], decision: Decision) -> list[tuple[RequestItem, ItemDecision]]:
    """What becomes of each item.

    Args:
        items: As given to `candidates`.
        decision: The policy's answer to all candidates.

    Returns:
        Each item with the decision about the least revealing form that is permitted, else about the form needed.
    """
    remaining = iter(decision.items)
    result: list[tuple[RequestItem, ItemDecision]] = []
    for item in items:
        decided = [next(remaining) for _ in item.forms]
        result.append((item, next((one for one in decided if one.allowed), decided[0])))
    return result


def coverage(items: Sequence[RequestItem], resource: ResourceDescription, agreement: Agreement) -> tuple[int, int]:
    """How well an agreement serves a request, for the choice between several: more items, then less revealing.

    Args:
        items: The requested items of one resource.
        resource: That resource.
        agreement: One that is in force for the request.
    """
    wanted = candidates(items, resource, agreement)
    served, revealed = 0, 0
    for item in items:
        listed = agreement.items.get(item.field, frozenset())
        forms = [
            form
            for form in item.forms
            if form in listed and (form is not Form.PREDICATE or item.field in wanted.predicates)
        ]
        if forms:
            served, revealed = served + 1, revealed + forms[0].rank
    return served, -revealed
