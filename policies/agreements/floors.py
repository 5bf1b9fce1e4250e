"""Below what no agreement may go, whoever signs it.

| floor | where it is kept |
|---|---|
| answers are sealed | no key of an agreement turns sealing off; an unknown key is refused |
| uses and rate are capped | `uses_per_day` is needed and has a largest value |
| a purpose is stated | `purposes` is needed and not empty |
| it ends | `valid_until` is needed, at most three years on |
| nothing is passed on | `onward_transfer = true` is refused |
| sensitive fields need an impact assessment | `breaches`, with the catalogue's classification |
| sensitive fields are shared for at most a year | `breaches`, and a guardrail of every decision |
| what is not shared is not agreed | `breaches`, and a guardrail of every decision |

What it does not do: it does not read the catalogue; whoever knows a resource's description hands it in.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from policies.agreements.agreement import SENSITIVE_TERM_MS, Agreement
from policies.resources import ResourceDescription
from policies.vocabulary import RECORD_FIELD, Classification, SharingType


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
    classes: dict[str, Classification] = {RECORD_FIELD: resource.classification}
    for field, forms in agreement.items.items():
        described = resource.field(field)
        if described is None:
            found.append(Breach(f"items.{field}", "is no field of the resource"))
            continue
        classes[field] = described.classification
        if not forms <= described.forms:
            found.append(Breach(f"items.{field}", "has a form that the resource does not offer"))
    if _sensitive(agreement, classes):
        if not agreement.impact_assessment:
            found.append(Breach("impact_assessment", "is needed where a field is sensitive"))
        if agreement.valid_until_ms - agreement.valid_from_ms > SENSITIVE_TERM_MS:
            found.append(Breach("valid_until", "must be at most 366 days after valid_from where a field is sensitive"))
    return tuple(found)


def _sensitive(agreement: Agreement, classes: Mapping[str, Classification]) -> bool:
    return any(classes.get(field) is Classification.SENSITIVE for field in agreement.items)
