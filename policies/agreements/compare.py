"""What differs between two texts of an agreement, key by key: what widens, what narrows, what merely changes.

Rules kept here: a difference counts as a narrowing only when it provably takes something away; whatever cannot be
ordered, and every key that this module does not know, is a change and therefore not narrower (fails closed).

What it does not do: it does not judge whether a difference is good, and it verifies nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from policies.agreements.agreement import Agreement
from policies.predicates import Predicate


class Effect(StrEnum):
    """What a difference does to the provider's promise."""

    WIDENS = "widens"
    NARROWS = "narrows"
    CHANGES = "changes"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Args:
        key: The key of the text; a single field of the items is `items.FIELD`.
        effect: What it does.
        before: As it was, for people; empty when it was not there.
        after: As it is, for people; empty when it is not there any more.
    """

    key: str
    effect: Effect
    before: str
    after: str

    @property
    def narrows(self) -> bool:
        """Whether it only takes away."""
        return self.effect is Effect.NARROWS


def compare(before: Agreement, after: Agreement) -> tuple[Change, ...]:
    """Every difference, in the order of the keys; the revision number is no difference.

    Args:
        before: The text to start from.
        after: The other text.

    Returns:
        Empty when both say the same.
    """
    changes: list[Change] = []
    for field in fields(Agreement):
        if field.name in _NEUTRAL:
            continue
        old, new = getattr(before, field.name), getattr(after, field.name)
        if old != new:
            changes += _RULES.get(field.name, _changed)(_KEY.get(field.name, field.name), old, new)
    return tuple(changes)


def is_narrower(before: Agreement, after: Agreement) -> bool:
    """Whether the second text provably permits nothing that the first does not, and less. Fails closed.

    Args:
        before: The text to start from.
        after: The other text.
    """
    changes = compare(before, after)
    return bool(changes) and all(change.narrows for change in changes)


_NEUTRAL: Final = frozenset({"revision", "digest", "raw"})
_KEY: Final[Mapping[str, str]] = {"valid_from_ms": "valid_from", "valid_until_ms": "valid_until"}
_Rule = Callable[[str, Any, Any], list[Change]]


def _changed(key: str, old: Any, new: Any) -> list[Change]:
    if is_dataclass(old) and type(old) is type(new):
        # A table of its own: told key by key.
        names = [each.name for each in fields(old)]
        pairs = [(f"{key}.{name}", getattr(old, name), getattr(new, name)) for name in names]
        return [one for path, was, now in pairs if was != now for one in _RULES.get(path, _changed)(path, was, now)]
    return [Change(key, Effect.CHANGES, spelled(old), spelled(new))]


def _set(key: str, old: frozenset[str], new: frozenset[str]) -> list[Change]:
    return [Change(key, _smaller(old, new), spelled(old), spelled(new))]


def _at_most(key: str, old: int, new: int) -> list[Change]:
    return [Change(key, Effect.NARROWS if new < old else Effect.WIDENS, str(old), str(new))]


def _at_most_if_any(key: str, old: int | None, new: int | None) -> list[Change]:
    """A limit that may be left out: then there is none, or a wider one."""
    if old is None or new is None:
        effect = Effect.NARROWS if old is None else Effect.WIDENS
        return [Change(key, effect, spelled(old), spelled(new))]
    return _at_most(key, old, new)


def _duty(key: str, old: object, new: object) -> list[Change]:
    """A duty that is on or off."""
    return [Change(key, Effect.NARROWS if new else Effect.WIDENS, spelled(old), spelled(new))]


def _added(key: str, old: str | None, new: str | None) -> list[Change]:
    """A text that binds the consumer: to add one takes away, another one cannot be ordered."""
    effect = Effect.NARROWS if not old else Effect.WIDENS if not new else Effect.CHANGES
    return [Change(key, effect, spelled(old), spelled(new))]


def _services(key: str, old: frozenset[str], new: frozenset[str]) -> list[Change]:
    """A list of services that may be left out: then it is for every one."""
    if old and new:
        return _set(key, old, new)
    return [Change(key, Effect.WIDENS if old else Effect.NARROWS, spelled(old), spelled(new))]


def _begin(key: str, old: int, new: int) -> list[Change]:
    return [Change(key, Effect.NARROWS if new > old else Effect.WIDENS, _moment(old), _moment(new))]


def _end(key: str, old: int, new: int) -> list[Change]:
    return [Change(key, Effect.NARROWS if new < old else Effect.WIDENS, _moment(old), _moment(new))]


def _items(key: str, old: Mapping[str, frozenset[str]], new: Mapping[str, frozenset[str]]) -> list[Change]:
    none: frozenset[str] = frozenset()
    pairs = [(name, old.get(name, none), new.get(name, none)) for name in sorted({*old, *new})]
    return [
        Change(f"{key}.{name}", _smaller(was, now), spelled(was), spelled(now))
        for name, was, now in pairs
        if was != now
    ]


def _predicates(key: str, old: Mapping[str, Predicate], new: Mapping[str, Predicate]) -> list[Change]:
    """A question more or less; one that asks something else now cannot be ordered."""
    pairs = [(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
    return [
        Change(
            f"{key}.{name}",
            Effect.WIDENS if was is None else Effect.NARROWS if now is None else Effect.CHANGES,
            _predicate(was),
            _predicate(now),
        )
        for name, was, now in pairs
        if was != now
    ]


def _predicate(one: Predicate | None) -> str:
    return "" if one is None else f"{one.field} {one}"


def _smaller(old: frozenset[str], new: frozenset[str]) -> Effect:
    if new < old:
        return Effect.NARROWS
    return Effect.WIDENS if new > old else Effect.CHANGES


def spelled(value: Any) -> str:
    """A value of an agreement for people.

    Args:
        value: Text, number, flag, collection of words, a table of its own, or None.

    Returns:
        Its text; empty for None.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_dataclass(value):
        return "; ".join(f"{each.name}: {spelled(getattr(value, each.name))}" for each in fields(value))
    if isinstance(value, frozenset | set | tuple | list):
        return ", ".join(sorted(map(str, value)))
    return str(value)


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


_RULES: Final[Mapping[str, _Rule]] = {
    "systems": _set,
    "purposes": _set,
    "services": _services,
    "sharing_type": _added,
    "condition": _added,
    "valid_from_ms": _begin,
    "valid_until_ms": _end,
    "case_required": _duty,
    "official_required": _duty,
    "uses_per_day": _at_most,
    "rate_per_minute": _at_most,
    "subjects_per_day": _at_most,
    "retention_days": _at_most_if_any,
    "impact_assessment": _added,
    "items": _items,
    "predicates": _predicates,
    "consent.max_days": _at_most,
    "consent.data_life_days": _at_most,
    "consent.relations": _set,
    "emergency.reasons": _set,
    "emergency.uses_per_day": _at_most,
    "emergency.review_hours": _at_most_if_any,
    "emergency.review_working_days": _at_most_if_any,
}
