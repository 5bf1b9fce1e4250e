"""The scope that a rule states of itself, in `@scope("…")`, and whether a question lies inside it.

`*` is everything. Else `key=value|value; key=value`: every key must hold, one of its values is enough. Keys are the
plain words of a question: consumer, system (`department/name`), provider, resource, field (`resource:field`),
classification, sharing_type, form, purpose, basis, scheme, and agreement (`none` or `some`). A scope is a promise to
readers, not a condition: the linter compares it with what the rule really matches.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from policies.engine import AccessQuestion

KEYS: Final = (
    "consumer",
    "system",
    "provider",
    "resource",
    "field",
    "classification",
    "sharing_type",
    "form",
    "purpose",
    "basis",
    "scheme",
    "agreement",
)
EVERYTHING: Final = "*"
_VALUE: Final = re.compile(r"[A-Za-z0-9._:/-]{0,200}")


class BadScope(ValueError):
    """A scope that is not understood; the text says why."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule says that it is about: allowed values by key; a key that is not there allows everything."""

    allowed: Mapping[str, frozenset[str]]

    def outside(self, question: AccessQuestion) -> str:
        """The first key by which a question about one item lies outside, with its value; empty when it lies inside."""
        words = words_of(question)
        return next((f"{k}={words[k]}" for k, values in self.allowed.items() if words[k] not in values), "")


def parse_scope(text: str) -> Scope:
    """Read a scope.

    Args:
        text: What `@scope` says.

    Raises:
        BadScope: It is not understood.
    """
    if text.strip() == EVERYTHING:
        return Scope({})
    allowed: dict[str, frozenset[str]] = {}
    for part in text.split(";"):
        key, equals, values = part.strip().partition("=")
        if not equals or key not in KEYS:
            raise BadScope(f"must be {EVERYTHING} or key=value, the key one of {', '.join(KEYS)}")
        if key in allowed:
            raise BadScope(f"names {key} twice")
        listed = frozenset(value.strip() for value in values.split("|"))
        if not all(_VALUE.fullmatch(value) for value in listed):
            raise BadScope(f"{key}: values are letters, digits and ._:/- only")
        allowed[key] = listed
    return Scope(allowed)


def words_of(question: AccessQuestion) -> dict[str, str]:
    """A question about one item in the words of scopes."""
    (code, form, _) = question.items[0]
    resource = question.resource
    field = resource.field(code)
    return {
        "consumer": question.consumer,
        "system": f"{question.consumer}/{question.system}",
        "provider": resource.provider,
        "resource": resource.code,
        "field": f"{resource.code}:{code}",
        "classification": "" if field is None else str(field.classification),
        "sharing_type": str(resource.sharing_type),
        "form": str(form),
        "purpose": question.purpose,
        "basis": str(question.basis),
        "scheme": question.subject_scheme,
        "agreement": "none" if question.agreement is None else "some",
    }
