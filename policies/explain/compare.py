"""Compares two explanations of the same request: as it was decided then, and as it would be decided now.

Rules kept here: what decided is compared item by item; what entered is compared too, so that a difference has a cause
to look for. Nothing that stayed the same is listed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from policies.explain.model import AgreementFacts, Explained, ExplainedItem, ExplainedResource
from policies.reasons import Reason

RELEASED = "released"
ABSENT = "absent"
ACTIVE = "active"
UNGROUNDED = (Reason.PURPOSE_RETIRED, Reason.BASIS_NOT_FOR_PURPOSE)
"""What an item is withheld for when the vocabulary of purposes decides."""
LET_THROUGH = "let_through"
VALID = "valid"
_OUTCOMES = frozenset({"item", "request"})


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Args:
        what: `bundle`, `purpose`, `resource`, `agreement`, `damaged`, `consent`, `item` or `request`.
        resource: Resource code; empty for the bundle, the purpose and the request.
        item: `field=form`; empty for anything else.
        then: As it was.
        now: As it is.
    """

    what: str
    resource: str
    item: str
    then: str
    now: str


def differences(then: Explained, now: Explained) -> tuple[Difference, ...]:
    """What differs, the items first.

    Args:
        then: The one.
        now: The other, of the same items.

    Returns:
        The differences; empty when deciding again gives the same by the same.
    """
    return (*_items(then, now), *_causes(then, now))


def same_decision(found: tuple[Difference, ...]) -> bool:
    """Whether every item was decided alike and nothing else refused the request, whatever else differs."""
    return all(one.what not in _OUTCOMES for one in found)


def _items(then: Explained, now: Explained) -> Iterator[Difference]:
    current = {resource.code: _by_item(resource) for resource in now.resources}
    for resource in then.resources:
        found = current.get(resource.code, {})
        for name, item in _by_item(resource).items():
            before, after = _outcome(item), _outcome(found[name]) if name in found else ABSENT
            if before != after:
                yield Difference("item", resource.code, name, before, after)
    before, after = _limit(then), _limit(now)
    if before != after:
        yield Difference("request", "", "", before, after)


def _causes(then: Explained, now: Explained) -> Iterator[Difference]:
    if then.bundle != now.bundle:
        yield Difference("bundle", "", "", then.bundle, now.bundle)
    stood, stands = _purpose(then), _purpose(now)
    if stood != stands:
        yield Difference("purpose", "", "", stood, stands)
    current = {resource.code: resource for resource in now.resources}
    for resource in then.resources:
        other = current.get(resource.code)
        before, after = _version(resource), _version(other)
        if before != after:
            yield Difference("resource", resource.code, "", before, after)
        before = _agreement(resource.agreement)
        after = _agreement(None if other is None else other.agreement)
        if before != after:
            yield Difference("agreement", resource.code, "", before, after)
        if other is not None and other.damaged:
            told = ", ".join(f"{one.id} r{one.revision}" for one in other.damaged)
            yield Difference("damaged", resource.code, "", ABSENT, told)
        if other is not None and resource.consent != other.consent:
            yield Difference("consent", resource.code, "", _consent(resource), _consent(other))


def _by_item(resource: ExplainedResource) -> dict[str, ExplainedItem]:
    return {f"{item.field}={item.form}": item for item in resource.items}


def _purpose(explained: Explained) -> str:
    """How the purpose stood in its vocabulary, as far as the decision tells."""
    told = {item.reason for resource in explained.resources for item in resource.items}
    return next((str(reason) for reason in UNGROUNDED if str(reason) in told), ACTIVE)


def _outcome(item: ExplainedItem) -> str:
    return RELEASED if item.released else item.reason


def _limit(explained: Explained) -> str:
    """What refused the request although its items were permitted, such as a number that was used up."""
    ending = explained.ending
    if ending is None or ending.broke_off or ending.code not in set(Reason):
        return LET_THROUGH
    return ending.code


def _consent(resource: ExplainedResource) -> str:
    return VALID if resource.consent == "" else resource.consent or ABSENT


def _version(resource: ExplainedResource | None) -> str:
    return ABSENT if resource is None else f"v{resource.version} {resource.fingerprint}"


def _agreement(agreement: AgreementFacts | None) -> str:
    return ABSENT if agreement is None else f"{agreement.id} r{agreement.revision} sha256:{agreement.digest}"
