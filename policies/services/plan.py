"""What to ask for next: the least that can still make an application complete.

Rules kept here, in this order (docs/services.md):

1. What is handed in, known already, or permitted by no accepted agreement is not asked for.
2. Of each requirement only the first list that has not failed is asked for, and all of its items at once; a later list
   only after the earlier ones failed. A list of which one evidence type lacks already has failed.
3. A silence has not failed: the requirement waits, unless it is said that silent lists are passed over.
4. Optional requirements are looked at only when they are named.
5. Once a required requirement is missing for which nothing else will do (`no_match` is a refusal), nothing more is
   asked for: no answer could make the application complete.
6. A field is asked for once in a round; another need of the same field waits for the next round, where the first
   answer may do.

What it does not do: it sends nothing. It ends: every round asks for an item that was not asked for before.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from policies.items import AskedItem
from policies.services.evaluate import RequirementResult, Standing, requirement_result
from policies.services.judge import Known, Shown, Truth, Why
from policies.services.model import Necessity, NoMatch, Requirement, ServiceItem


class OnSilence(StrEnum):
    """What becomes of a list of which a provider was silent."""

    WAIT = "wait"
    """The requirement waits: no alternative is asked for, since asking again may do."""
    GO_ON = "go_on"
    """The next list is asked for as if this one had failed; it stays open all the same."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One item to ask for.

    Attributes:
        item: The item.
        required: Whether nothing at all is to be released when policy withholds it, because then nothing else could
            make the application complete.
    """

    item: AskedItem
    required: bool


def next_round(
    service: ServiceItem,
    known: Known,
    *,
    optional: Collection[str] = (),
    on_silence: OnSilence = OnSilence.WAIT,
) -> tuple[Wanted, ...]:
    """What to ask for next.

    Args:
        service: The service item.
        known: What was answered and handed in, and what cannot be had.
        optional: Codes of the optional requirements to look at too.
        on_silence: What becomes of silent lists.

    Returns:
        Items, each field once; none when nothing further is worth asking for.
    """
    fixed = indispensable(service)
    wanted: dict[str, AskedItem] = {}
    for requirement in service.requirements:
        result = requirement_result(service, requirement, known, optional)
        if result.standing is Standing.MISSING and _is_final(requirement):
            return ()
        if result.standing is Standing.UNKNOWN:
            for item in _items(result, on_silence):
                wanted.setdefault(item.name, item)
    return tuple(Wanted(item, item in fixed) for item in wanted.values())


def indispensable(service: ServiceItem) -> frozenset[AskedItem]:
    """The items without which the application can never be complete.

    They are those of required requirements with a single list, in evidence types that cannot be handed in, where
    nothing else will do.

    Args:
        service: The service item.
    """
    return frozenset(
        item
        for requirement in service.requirements
        if _is_final(requirement) and len(requirement.lists) == 1
        for evidence in service.members(requirement.lists[0])
        if evidence.by_hand is None
        for item in evidence.items
    )


def _is_final(requirement: Requirement) -> bool:
    return requirement.necessity is Necessity.REQUIRED and requirement.no_match.then is NoMatch.REFUSAL


def _items(result: RequirementResult, on_silence: OnSilence) -> tuple[AskedItem, ...]:
    """The items of the first list that has not failed."""
    for one in result.lists:
        if one.truth is Truth.LACKS:
            continue
        unasked = tuple(item for member in one.members for item in _unasked(member))
        if len(unasked) == sum(len(member.gaps) for member in one.members):
            return unasked
        # Somebody was silent about this list.
        if on_silence is OnSilence.WAIT:
            return ()
    return ()


def _unasked(member: Shown) -> tuple[AskedItem, ...]:
    return tuple(gap.item for gap in member.gaps if gap.why is Why.NOT_ASKED and gap.item is not None)
