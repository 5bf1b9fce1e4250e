"""Two agreements that would permit the same release under different duties.

Rules kept here: two agreements meet when consumer, resource and legal basis are the same, a system, a purpose and a
form of a field are in both, one service could be asked for under both, neither is for emergencies or both are for one
of the same reasons, and their terms overlap. Where they meet, their duties must be the same: which one decides a
request must never decide what the consumer owes. Nor may it decide what is asked: a predicate that both have under one
name must be the same question, because a system may ask for it by name alone. Revisions of one agreement replace each
other and never meet.

What it does not do: it does not choose between agreements that say the same (the gateway does, always alike).
"""

from typing import Final

from policies.agreements.agreement import Agreement
from policies.agreements.emergency import EmergencyTerms

DUTIES: Final = (
    "case_required",
    "official_required",
    "condition",
    "sharing_type",
    "retention_days",
    "consent",
)
"""Attributes that say what the consumer owes for a release."""


def meets(one: Agreement, other: Agreement) -> bool:
    """Whether one release could rest on either.

    Args:
        one: An agreement.
        other: Another one; a revision of the same never meets it.
    """
    return (
        one.id != other.id
        and (one.provider, one.consumer, one.resource, one.legal_basis)
        == (other.provider, other.consumer, other.resource, other.legal_basis)
        and _serve_one_request(one.emergency, other.emergency)
        and not (one.services and other.services and one.services.isdisjoint(other.services))
        and not one.systems.isdisjoint(other.systems)
        and not one.purposes.isdisjoint(other.purposes)
        and one.valid_from_ms < other.valid_until_ms
        and other.valid_from_ms < one.valid_until_ms
        and any(not forms.isdisjoint(other.items.get(field, frozenset())) for field, forms in one.items.items())
    )


def _serve_one_request(one: EmergencyTerms | None, other: EmergencyTerms | None) -> bool:
    """Whether there is a request that both could serve, as far as emergencies are concerned."""
    if one is None or other is None:
        return one is other
    return not one.reasons.isdisjoint(other.reasons)


def contradictions(one: Agreement, other: Agreement) -> tuple[str, ...]:
    """In what two agreements that meet differ although they must not: duties, and predicates of one name.

    Args:
        one: An agreement.
        other: Another one.

    Returns:
        Keys, those of predicates as `predicates.NAME`; empty when they do not meet or say the same.
    """
    if not meets(one, other):
        return ()
    duties = tuple(key for key in DUTIES if getattr(one, key) != getattr(other, key))
    if one.emergency is not None and other.emergency is not None and one.emergency.duties != other.emergency.duties:
        duties += ("emergency",)
    shared = (
        (one.predicates[name], other.predicates[name]) for name in sorted(one.predicates.keys() & other.predicates)
    )
    # About two fields they are never taken for each other: the field stands beside the name in each request.
    unlike = (mine.name for mine, its in shared if mine.field == its.field and mine.digest != its.digest)
    return duties + tuple(f"predicates.{name}" for name in unlike)
