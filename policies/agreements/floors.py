"""Below what no agreement may go, whoever signs it.

| floor | where it is kept |
|---|---|
| answers are sealed | no key of an agreement turns sealing off; an unknown key is refused |
| uses, rate and subjects are capped | `uses_per_day` is needed; all three have a largest value and never none |
| a purpose is stated | `purposes` is needed and not empty |
| it ends | `valid_until` is needed, at most three years on |
| nothing is passed on | `onward_transfer = true` is refused |
| sensitive fields need an impact assessment | `breaches`, and a guardrail of every decision |
| sensitive fields are shared for at most a year | `breaches`, and a guardrail of every decision |
| what is not shared is not agreed | `breaches`, and a guardrail of every decision |

An agreement that was above the floors when it came in may be below them later, when a field's class is raised: so the
node asks `withheld` of its own copy and its own description at every release, as the guardrails do at the gateway.

What it does not do: it does not read the catalogue; whoever knows a resource's description hands it in.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from policies.agreements.agreement import SENSITIVE_TERM_MS, Agreement
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Classification, SharingType


@dataclass(frozen=True, slots=True)
class Breach:
    """A floor or the catalogue's own limit that an agreement goes below.

    Args:
        key: The key of the text.
        rule: The rule; never a value.
    """

    key: str
    rule: str


def breaches(agreement: Agreement, resource: ResourceDescription) -> tuple[Breach, ...]:
    """What an agreement may not say about this resource.

    Args:
        agreement: Parsed, so that the floors of its format hold.
        resource: As the catalogue or the node itself describes it.

    Returns:
        Empty when it may be approved.
    """
    found: list[Breach] = []
    if resource.code != agreement.resource or resource.provider != agreement.provider:
        return (Breach("resource", "must be the provider's own resource"),)
    if resource.sharing_type is SharingType.NOT_SHARED:
        found.append(Breach("resource", "is not shared, by the law that its description cites"))
    if agreement.sharing_type not in {None, resource.sharing_type}:
        found.append(Breach("sharing_type", "must be the resource's own"))
    found += _misfits(agreement, resource)
    if _sensitive(agreement, resource):
        if not agreement.impact_assessment:
            found.append(Breach("impact_assessment", "is needed where a field is sensitive"))
        if _too_long(agreement):
            found.append(Breach("valid_until", "must be at most 366 days after valid_from where a field is sensitive"))
    return tuple(found)


def withheld(agreement: Agreement, classification: Classification) -> Reason | None:
    """Why a field of this class may not be released under an agreement; None when it may. Fails closed.

    Args:
        agreement: Parsed.
        classification: The field's, as it is described now.
    """
    if classification is not Classification.SENSITIVE:
        return None
    if _too_long(agreement):
        return Reason.SENSITIVE_TERM
    return None if agreement.impact_assessment else Reason.IMPACT_ASSESSMENT_MISSING


def _too_long(agreement: Agreement) -> bool:
    return agreement.valid_until_ms - agreement.valid_from_ms > SENSITIVE_TERM_MS


def _misfits(agreement: Agreement, resource: ResourceDescription) -> Iterator[Breach]:
    """Fields, forms and predicates that the resource does not have."""
    for field, forms in agreement.items.items():
        described = resource.field(field)
        if described is None:
            yield Breach(f"items.{field}", "is no field of the resource")
        elif not forms <= described.forms:
            yield Breach(f"items.{field}", "has a form that the resource does not offer")
    for predicate in agreement.predicates.values():
        described = resource.field(predicate.field)
        if described is not None and not predicate.fits(described.data_type):
            yield Breach(f"predicates.{predicate.name}", "does not fit the type of its field")


def _sensitive(agreement: Agreement, resource: ResourceDescription) -> bool:
    described = (resource.field(field) for field in agreement.items)
    return any(field is not None and field.classification is Classification.SENSITIVE for field in described)
