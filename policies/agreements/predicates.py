"""The `[[predicates]]` tables of an agreement: what may be asked about a value that does not leave.

Rules kept here: fails closed. A predicate needs its field to list the form predicate, and that form needs a predicate;
names are not repeated, nor the same question about one field; a field has at most three, because each answer narrows
the value down.

What it does not do: it does not know the field's type; whether a predicate fits it is seen when it is asked.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from policies.agreements.locate import shown
from policies.predicates import (
    MOST_PER_FIELD,
    NAME_PATTERN,
    BadPredicate,
    Operator,
    Predicate,
    checked_constants,
)
from policies.resources import FIELD_PATTERN
from policies.vocabulary import Form

MOST_PREDICATES: Final = 256
_KEYS: Final = {
    Operator.GE: "value",
    Operator.LE: "value",
    Operator.AGE_AT_LEAST: "value",
    Operator.IN: "values",
    Operator.EQUALS: "",
    Operator.SAME_AS: "",
}
"""Under which key an operator's constants stand; `equals` and `same_as` have none."""

Refuse = Callable[[str, str], Exception]
"""Makes the refusal of a key with the rule that it breaks."""


def read_predicates(tables: Any, items: Mapping[str, frozenset[Form]], refuse: Refuse) -> Mapping[str, Predicate]:
    """Read the predicates of an agreement.

    Args:
        tables: The value of the key `predicates`.
        items: Forms by field.
        refuse: Makes the refusal.

    Returns:
        Predicates by name.

    Raises:
        Exception: What `refuse` made, for the first thing that is not right.
    """
    if not isinstance(tables, list) or len(tables) > MOST_PREDICATES:
        raise refuse("predicates", f"must be at most {MOST_PREDICATES} tables")
    found: dict[str, Predicate] = {}
    asked: set[tuple[str, bytes]] = set()
    per_field: Counter[str] = Counter()
    for number, table in enumerate(tables):
        path = f"predicates[{number}]"
        predicate = _predicate(table, path, refuse)
        if predicate.name in found:
            raise refuse(f"{path}.name", "must not repeat a name")
        if Form.PREDICATE not in items.get(predicate.field, frozenset()):
            raise refuse(f"{path}.field", "must be a field whose item lists the form predicate")
        if (predicate.field, predicate.digest) in asked:
            raise refuse(path, "must not ask the same of a field twice")
        asked.add((predicate.field, predicate.digest))
        per_field[predicate.field] += 1
        if per_field[predicate.field] > MOST_PER_FIELD:
            raise refuse(f"{path}.field", f"must have at most {MOST_PER_FIELD} predicates")
        found[predicate.name] = predicate
    for number, (field, forms) in enumerate(items.items()):
        if Form.PREDICATE in forms and not per_field[field]:
            raise refuse(f"items[{number}].forms", "the form predicate needs a predicate about the field")
    return MappingProxyType(found)


def _predicate(table: Any, path: str, refuse: Refuse) -> Predicate:
    if not isinstance(table, dict):
        raise refuse("predicates", "must be tables")
    try:
        operator = Operator(table.get("operator", ""))
    except ValueError:
        raise refuse(f"{path}.operator", f"must be one of {', '.join(Operator)}") from None
    constants_key = _KEYS[operator]
    for key in table:
        if key not in {"name", "field", "operator", constants_key}:
            raise refuse(f"{path}.{shown(key)}", "is not a known key of this operator")
    name = _match(table, "name", NAME_PATTERN.fullmatch, path, refuse)
    field = _match(table, "field", FIELD_PATTERN.fullmatch, path, refuse)
    written: list[Any] = []
    if constants_key:
        if constants_key not in table:
            raise refuse(f"{path}.{constants_key}", "is missing")
        value = table[constants_key]
        if isinstance(value, list) != (operator is Operator.IN):
            rule = "must be a list" if operator is Operator.IN else "must be one value"
            raise refuse(f"{path}.{constants_key}", rule)
        written = value if isinstance(value, list) else [value]
    constants = [_constant(value, f"{path}.{constants_key}", refuse) for value in written]
    try:
        return Predicate(name, field, operator, checked_constants(operator, constants))
    except BadPredicate as error:
        raise refuse(f"{path}.{constants_key}", error.rule) from None


def _match(table: Mapping[str, Any], key: str, accepted: Callable[[str], Any], path: str, refuse: Refuse) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not accepted(value):
        raise refuse(f"{path}.{key}", "must match [a-z][a-z0-9_]{0,63}")
    return value


def _constant(value: Any, path: str, refuse: Refuse) -> str:
    """A TOML value as canonical text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) < 10**31:
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) < 31:  # noqa: PLR2004 - as integers
        return format(value, "f")
    if isinstance(value, date) and not isinstance(value, datetime):
        return value.isoformat()
    raise refuse(path, "must be a text, a number, true or false, or a date such as 1990-01-31")
