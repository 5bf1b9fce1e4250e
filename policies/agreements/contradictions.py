"""Two agreements that would permit the same release under different duties.

Rules kept here: two agreements meet when consumer, resource and legal basis are the same, a system, a purpose and a
form of a field are in both, and their terms overlap. Where they meet, their duties must be the same: which one decides
a request must never decide what the consumer owes. Revisions of one agreement replace each other and never meet.

What it does not do: it does not choose between agreements that say the same (the gateway does, always alike).
"""

from typing import Final

from policies.agreements.agreement import Agreement

DUTIES: Final = ("case_required", "official_required", "condition", "sharing_type", "retention_days", "consent")
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
        and not one.systems.isdisjoint(other.systems)
        and not one.purposes.isdisjoint(other.purposes)
        and one.valid_from_ms < other.valid_until_ms
        and other.valid_from_ms < one.valid_until_ms
        and any(not forms.isdisjoint(other.items.get(field, frozenset())) for field, forms in one.items.items())
    )


def contradictions(one: Agreement, other: Agreement) -> tuple[str, ...]:
    """The duties in which two agreements that meet differ.

    Args:
        one: An agreement.
        other: Another one.

    Returns:
        Keys; empty when they do not meet or say the same.
    """
    if not meets(one, other):
        return ()
    return tuple(key for key in DUTIES if getattr(one, key) != getattr(other, key))
