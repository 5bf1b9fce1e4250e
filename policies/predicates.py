"""Predicates: one question about a value, answered with yes or no at the node, so that the value never leaves.

Rules kept here: operator and constants are fixed in the agreement, and what a request needs must equal them exactly;
which operator fits which type is a table; the answer is worked out over the canonical value; time is an
argument (`policies.ages` counts years). Fails closed: what does not fit answers nothing (`BadPredicate`,
`BadValue`), never "no".

What it does not do: it does not count how often somebody asks; gateway and node each do.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Final

from policies.ages import OLDEST_AGE, is_of_age
from policies.civil_time import civil_date
from policies.equality import is_one_of
from policies.folding import fold
from policies.release import BadValue, canonicalise
from policies.vocabulary import DataType, Form, Mask

MOST_CONSTANTS: Final = 64
"""Most constants of `in`."""
LONGEST_CONSTANT: Final = 128
LONGEST_OPERAND: Final = 512
"""Longest operand of `equals`, characters."""
MOST_PER_FIELD: Final = 3
"""Most predicates about one field in one agreement; more of them would give the value away."""
NAME_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,12})?")
_WHOLE: Final = re.compile(r"[1-9][0-9]{0,2}")


class Operator(StrEnum):
    """What a predicate asks."""

    GE = "ge"
    LE = "le"
    IN = "in"
    EQUALS = "equals"
    SAME_AS = "same_as"
    """Whether the record of a second person, whose identifier is the operand, has the same value."""
    AGE_AT_LEAST = "age_at_least"


WITH_OPERAND: Final = frozenset({Operator.EQUALS, Operator.SAME_AS})
"""The operators whose constant is none of the agreement's: it comes with each request."""

TYPES: Final = {
    Operator.GE: frozenset({DataType.DATE, DataType.INTEGER, DataType.DECIMAL}),
    Operator.LE: frozenset({DataType.DATE, DataType.INTEGER, DataType.DECIMAL}),
    Operator.IN: frozenset(DataType),
    Operator.EQUALS: frozenset(DataType),
    Operator.SAME_AS: frozenset(DataType),
    Operator.AGE_AT_LEAST: frozenset({DataType.DATE}),
}
"""The types of values that an operator asks about."""


class BadPredicate(ValueError):
    """A predicate, or the need of one, breaks a rule.

    Args:
        key: Which part, such as `constants`.
        rule: The rule that is broken; never the value that broke it.
    """

    def __init__(self, key: str, rule: str) -> None:
        super().__init__(f"{key}: {rule}")
        self.key = key
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Predicate:
    """One question that an agreement lets be asked about one field.

    Attributes:
        name: Its name in the agreement.
        field: Field code.
        operator: What is asked.
        constants: In canonical text; those of `in` in order.
    """

    name: str
    field: str
    operator: Operator
    constants: tuple[str, ...]

    def __str__(self) -> str:
        return _text(self.operator, self.constants)

    @property
    def digest(self) -> bytes:
        """What it asks, whatever its name: 16 bytes of SHA-256, by which distinct predicates are counted."""
        parts = (str(self.operator), *self.constants)
        joined = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        return hashlib.sha256(b"oncegate-predicate-v1\x00" + joined).digest()[:16]

    def fits(self, data_type: DataType) -> bool:
        """Whether it can be asked about values of a type: the operator's types, and constants of that type."""
        return data_type in TYPES[self.operator] and (
            self.operator is Operator.AGE_AT_LEAST or _all_readable(data_type, self.constants)
        )


@dataclass(frozen=True, slots=True)
class Need:
    """The predicate that a system needs: by its name in the agreement, or by what it asks.

    Attributes:
        name: Its name; empty when operator and constants say what is needed.
        operator: What is asked; None with a name.
        constants: As in `Predicate`.
    """

    name: str = ""
    operator: Operator | None = None
    constants: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"predicate({self.name})" if self.operator is None else _text(self.operator, self.constants)

    def matches(self, predicate: Predicate) -> bool:
        """Whether a predicate is exactly what is needed."""
        if self.operator is None:
            return predicate.name == self.name
        return (predicate.operator, predicate.constants) == (self.operator, self.constants)


def checked_constants(operator: Operator, constants: Sequence[str]) -> tuple[str, ...]:
    """The constants of an operator in canonical text.

    Args:
        operator: What is asked.
        constants: As they are written.

    Returns:
        Folded; those of `in` in order.

    Raises:
        BadPredicate: Their number or form is not the operator's.
    """
    if len(constants) > MOST_CONSTANTS:
        raise BadPredicate("constants", f"must be at most {MOST_CONSTANTS}")
    if any(len(constant) > LONGEST_CONSTANT for constant in constants):
        raise BadPredicate("constants", f"must have at most {LONGEST_CONSTANT} characters each")
    folded = tuple(fold(constant) for constant in constants)
    if any(not constant or "\x00" in constant for constant in folded):
        raise BadPredicate("constants", "must not be blank")
    if not all(map(_is_text, folded)):
        raise BadPredicate("constants", "must be text that UTF-8 can carry")
    return _CHECKS[operator](folded)


def checked_need(
    form: Form,
    *,
    name: str,
    operator: Operator | None,
    constants: Sequence[str],
    accepted: Sequence[Form],
    committed: bool,
) -> Need | None:
    """The need of one requested item, its shape checked; used by whoever makes or reads a request.

    Args:
        form: The form needed.
        name: Of a predicate, or empty.
        operator: Of a predicate, or None.
        constants: Of a predicate.
        accepted: Forms taken instead.
        committed: Whether the item carries a commitment to an operand.

    Returns:
        The predicate needed; None for any other form.

    Raises:
        BadPredicate: A rule is broken.
    """
    if len(set(accepted)) != len(accepted) or any(
        other is Form.PREDICATE or other.rank <= form.rank for other in accepted
    ):
        raise BadPredicate("accepted", "must be more revealing forms than the one needed, none twice, never predicate")
    if form is not Form.PREDICATE:
        if name or operator is not None or constants or committed:
            raise BadPredicate("predicate", "is only for the form predicate")
        return None
    if bool(name) == (operator is not None):
        raise BadPredicate("predicate", "must be named, or said by operator and constants, not both")
    if operator is None:
        if not NAME_PATTERN.fullmatch(name):
            raise BadPredicate("predicate", "must match [a-z][a-z0-9_]{0,63}")
        if constants:
            raise BadPredicate("constants", "are those of the named predicate")
        return Need(name)
    canonical = checked_constants(operator, constants)
    if committed != (operator in WITH_OPERAND):
        raise BadPredicate("operand_commitment", "is there exactly for the operators equals and same_as")
    return Need("", operator, canonical)


def find(predicates: Iterable[Predicate], field: str, data_type: DataType, need: Need) -> Predicate | None:
    """The predicate of an agreement that is needed; None when it has none that fits. Fails closed.

    Args:
        predicates: The agreement's.
        field: Field code.
        data_type: The field's type.
        need: What is needed.
    """
    return next((p for p in predicates if p.field == field and need.matches(p) and p.fits(data_type)), None)


def check_operand(operand: str) -> str:
    """An operand whose size and shape may be looked at further.

    Raises:
        BadPredicate: It is blank, too long, no UTF-8, or holds a zero byte; the message never holds it.
    """
    if len(operand) > LONGEST_OPERAND:
        raise BadPredicate("operand", f"must be at most {LONGEST_OPERAND} characters")
    if not fold(operand) or "\x00" in operand:
        raise BadPredicate("operand", "must not be blank")
    if not _is_text(operand):
        raise BadPredicate("operand", "must be text that UTF-8 can carry")
    return operand


def answer(
    predicate: Predicate,
    data_type: DataType,
    mask: Mask | None,
    raw: str | None,
    *,
    now_ms: int,
    operand: str = "",
) -> str:
    """The answer of a predicate about one value.

    Args:
        predicate: What is asked.
        data_type: The field's declared type.
        mask: What kind of text it holds, if the catalogue says so.
        raw: The source's value; None or blank when there is none.
        now_ms: Unix time in milliseconds, UTC.
        operand: For `equals`, checked already.

    Returns:
        "true" or "false". An operand that is no value of the field's type equals none.

    Raises:
        BadValue: There is no value, it does not fit its type, the predicate does not fit the type, or it takes a second
            record (`policies.equality.same_value`).
    """
    if predicate.operator is Operator.SAME_AS:
        raise BadValue("the predicate takes a second record")
    if raw is None or not raw.strip():
        raise BadValue("there is no value")
    if not predicate.fits(data_type):
        raise BadValue("the predicate does not fit the field")
    value = canonicalise(data_type, raw)
    return "true" if _holds(predicate, data_type, mask, value, now_ms, operand) else "false"


def _holds(predicate: Predicate, data_type: DataType, mask: Mask | None, value: str, now_ms: int, operand: str) -> bool:
    operator = predicate.operator
    if operator is Operator.AGE_AT_LEAST:
        return is_of_age(date.fromisoformat(value), int(predicate.constants[0]), civil_date(now_ms))
    if operator in {Operator.GE, Operator.LE}:
        held, bound = _ordered(data_type, value), _ordered(data_type, predicate.constants[0])
        return held >= bound if operator is Operator.GE else held <= bound
    if operator is Operator.IN:
        return is_one_of(data_type, mask, value, predicate.constants)
    return is_one_of(data_type, mask, value, (operand,), fixed=False)


def _is_text(text: str) -> bool:
    """Whether it is text at all: a lone surrogate cannot be signed or sent."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _ordered(data_type: DataType, canonical: str) -> Decimal:
    """Dates and numbers on one scale each, so that they compare."""
    if data_type is DataType.DATE:
        return Decimal(date.fromisoformat(canonical).toordinal())
    return Decimal(canonical)


@lru_cache(maxsize=512)
def _all_readable(data_type: DataType, constants: tuple[str, ...]) -> bool:
    return all(_readable(data_type, constant) for constant in constants)


def _readable(data_type: DataType, constant: str) -> bool:
    try:
        canonicalise(data_type, constant)
    except BadValue:
        return False
    # 19900131 would be read as a date by the one and as a number by the other side of a comparison.
    return data_type is not DataType.DATE or _is_date(constant)


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _none(constants: tuple[str, ...]) -> tuple[str, ...]:
    if constants:
        raise BadPredicate("constants", "equals and same_as have none: the operand comes with each request")
    return ()


def _several(constants: tuple[str, ...]) -> tuple[str, ...]:
    if not constants or len(set(constants)) != len(constants):
        raise BadPredicate("constants", f"in has 1 to {MOST_CONSTANTS}, none twice")
    return tuple(sorted(constants))


def _bound(constants: tuple[str, ...]) -> tuple[str, ...]:
    if len(constants) != 1 or not (_NUMBER.fullmatch(constants[0]) or _is_date(constants[0])):
        raise BadPredicate("constants", "ge and le have one number, or one date such as 1990-01-31")
    if _is_date(constants[0]):
        return constants
    # 18, 18.0 and 18.50, 18.5 ask the same, and -0 is 0.
    whole, _, fraction = constants[0].partition(".")
    fraction = fraction.rstrip("0")
    number = f"{whole}.{fraction}" if fraction else whole
    return ("0" if number == "-0" else number,)


def _age(constants: tuple[str, ...]) -> tuple[str, ...]:
    if len(constants) != 1 or not _WHOLE.fullmatch(constants[0]) or int(constants[0]) > OLDEST_AGE:
        raise BadPredicate("constants", f"age_at_least has one whole number from 1 to {OLDEST_AGE}")
    return constants


_CHECKS: Final[dict[Operator, Callable[[tuple[str, ...]], tuple[str, ...]]]] = {
    Operator.GE: _bound,
    Operator.LE: _bound,
    Operator.IN: _several,
    Operator.EQUALS: _none,
    Operator.SAME_AS: _none,
    Operator.AGE_AT_LEAST: _age,
}


def _text(operator: Operator, constants: Sequence[str]) -> str:
    return str(operator) if operator in WITH_OPERAND else f"{operator}({','.join(constants)})"
