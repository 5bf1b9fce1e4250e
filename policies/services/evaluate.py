"""Whether an application is complete, requirement by requirement, and what is missing and why.

Rules kept here: a requirement is satisfied by the first of its lists of which every evidence type holds; while none
does and one is open, it is open, never missing: silence is not "no". An optional requirement never stands in the way.
More evidence never makes a complete application incomplete (tested against an oracle of its own).

What it does not do: it decides nothing about the application; that is the department's official.
"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from policies.services.judge import Known, Shown, Truth, Why, judge
from policies.services.model import Necessity, Requirement, ServiceItem


class Standing(StrEnum):
    """How a requirement stands."""

    SATISFIED = "satisfied"
    MISSING = "missing"
    """No list is satisfied, and asking again will not change it."""
    DEFERRED = "deferred"
    """Missing, and may follow within a term."""
    UNKNOWN = "unknown"
    """A provider was silent or the request broke off: ask again."""
    LEFT_OUT = "left_out"
    """Optional, and not asked for."""


class State(StrEnum):
    """How an application stands as far as its evidence is concerned."""

    COMPLETE = "complete"
    DEFERRED = "deferred"
    """May be taken; evidence is owed."""
    UNKNOWN = "unknown"
    """Nothing required is known to be missing, but something is not known yet."""
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class ListResult:
    """One list of a requirement.

    Attributes:
        truth: How far it is satisfied.
        members: Its evidence types, in order.
    """

    truth: Truth
    members: tuple[Shown, ...]

    @property
    def lacking(self) -> tuple[Shown, ...]:
        """The members that do not hold."""
        return tuple(member for member in self.members if member.truth is not Truth.HOLDS)

    @property
    def by_hand(self) -> bool:
        """Whether the applicant can complete it: everything that lacks can be shown or handed in."""
        return all(member.evidence.by_hand is not None for member in self.lacking)


@dataclass(frozen=True, slots=True)
class RequirementResult:
    """One requirement.

    Attributes:
        requirement: The requirement.
        standing: How it stands.
        lists: Every list, in order.
    """

    requirement: Requirement
    standing: Standing
    lists: tuple[ListResult, ...]

    @property
    def by(self) -> int | None:
        """Position of the list that satisfies it, from 0; None when none does."""
        return next((place for place, one in enumerate(self.lists) if one.truth is Truth.HOLDS), None)

    @property
    def nearest(self) -> ListResult:
        """The list that counts; when none does, the one that is easiest to complete.

        One that is open comes before one that lacks, then one that the applicant can complete, then the one of which
        the fewest members lack, then the order of the file.
        """
        if self.by is not None:
            return self.lists[self.by]
        return max(self.lists, key=lambda one: (one.truth, one.by_hand, -len(one.lacking)))


@dataclass(frozen=True, slots=True)
class ServiceResult:
    """An application's evidence, looked at as a whole.

    Attributes:
        service: The service item.
        state: How the application stands.
        requirements: In the service item's order.
    """

    service: ServiceItem
    state: State
    requirements: tuple[RequirementResult, ...]

    @property
    def complete(self) -> bool:
        """Whether every requirement that is not optional is satisfied."""
        return self.state is State.COMPLETE

    @property
    def may_proceed(self) -> bool:
        """Whether the application can be taken: what is missing, if anything, may follow."""
        return self.state in {State.COMPLETE, State.DEFERRED}

    def __getitem__(self, code: str) -> RequirementResult:
        """The result of one requirement.

        Raises:
            KeyError: There is no such requirement.
        """
        for one in self.requirements:
            if one.requirement.code == code:
                return one
        raise KeyError(code)


def evaluate(service: ServiceItem, known: Known, optional: Collection[str] = ()) -> ServiceResult:
    """Look at every requirement.

    Args:
        service: The service item.
        known: What was answered and handed in.
        optional: Codes of the optional requirements that were asked for too.

    Returns:
        The result.
    """
    requirements = tuple(requirement_result(service, one, known, optional) for one in service.requirements)
    return ServiceResult(service, _state(requirements), requirements)


def requirement_result(
    service: ServiceItem, requirement: Requirement, known: Known, optional: Collection[str] = ()
) -> RequirementResult:
    """Look at one requirement.

    Args:
        service: The service item.
        requirement: One of its requirements.
        known: What was answered and handed in.
        optional: Codes of the optional requirements that were asked for too.

    Returns:
        The result.
    """
    lists = []
    for codes in requirement.lists:
        members = tuple(judge(one, known) for one in service.members(codes))
        lists.append(ListResult(min(member.truth for member in members), members))
    truth = max(one.truth for one in lists)
    standing = _STANDING[truth]
    if standing is not Standing.SATISFIED and requirement.necessity is Necessity.OPTIONAL:
        if requirement.code not in optional:
            standing = Standing.LEFT_OUT
    elif standing is Standing.MISSING and requirement.necessity is Necessity.DEFERRABLE:
        standing = Standing.DEFERRED
    return RequirementResult(requirement, standing, tuple(lists))


_STANDING = {Truth.HOLDS: Standing.SATISFIED, Truth.OPEN: Standing.UNKNOWN, Truth.LACKS: Standing.MISSING}


def _state(requirements: tuple[RequirementResult, ...]) -> State:
    required = {r.standing for r in requirements if r.requirement.necessity is Necessity.REQUIRED}
    deferrable = {r.standing for r in requirements if r.requirement.necessity is Necessity.DEFERRABLE}
    if Standing.MISSING in required:
        return State.INCOMPLETE
    if Standing.UNKNOWN in required:
        return State.UNKNOWN
    return State.COMPLETE if deferrable <= {Standing.SATISFIED} else State.DEFERRED


def worth_asking_again(result: ServiceResult) -> bool:
    """Whether a provider was silent, or a request broke off, where that keeps a requirement open."""
    again = {Why.SILENT, Why.FAILED}
    return any(
        gap.why in again
        for one in result.requirements
        if one.standing is Standing.UNKNOWN
        for listed in one.lists
        for member in listed.members
        for gap in member.gaps
    )
