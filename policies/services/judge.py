"""Whether an evidence type is shown by what was answered: yes, no, or not known yet.

Rules kept here: a silence is never "no". What was released counts only if it says what is needed, by somebody whose
word counts; a more revealing form that is here already is read instead of asking again; a year that leaves the question
open is no yes. Everything fails to "no", except silence, which leaves it open.

What it does not do: it asks nobody, and it does not weigh a value that the person disputes: the mark is handed on.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Final

from policies.civil_time import civil_date
from policies.items import AskedItem
from policies.predicates import BadPredicate, Operator, Predicate, answer, check_operand
from policies.release import BadValue
from policies.services.model import Evidence
from policies.vocabulary import DataType, FieldMark, Form

USER_PROVIDED: Final = "user_provided"
YES: Final = "true"


class Truth(IntEnum):
    """How far something is shown, in the order of a logic with three values: all is the least, any the greatest."""

    LACKS = 0
    OPEN = 1
    HOLDS = 2


class Status(StrEnum):
    """What became of one item that was asked for."""

    RELEASED = "released"
    NOT_AVAILABLE = "not_available"
    """No value. Whether there is a record, or why it is withheld, is not told."""
    WITHHELD = "withheld"
    """Policy withholds it."""
    SILENT = "silent"
    """Its provider did not answer."""
    FAILED = "failed"
    """The request for it broke off."""


class Why(StrEnum):
    """Why an item does not show what it is needed for."""

    NOT_AVAILABLE = "not_available"
    WITHHELD = "withheld"
    NOT_AGREED = "not_agreed"
    NOT_MET = "not_met"
    UNDECIDED = "undecided"
    OWN_WORD = "own_word"
    SILENT = "silent"
    FAILED = "failed"
    NOT_ASKED = "not_asked"
    BY_HAND = "by_hand"

    @property
    def truth(self) -> Truth:
        """What it leaves: open when asking, or asking again, may tell."""
        return Truth.OPEN if self in {Why.SILENT, Why.FAILED, Why.NOT_ASKED} else Truth.LACKS


@dataclass(frozen=True, slots=True)
class Given:
    """What became of one item.

    Attributes:
        status: What became of it.
        form: The form released, or the one asked for.
        text: Released text; None otherwise, and never part of the `repr`.
        data_type: Data type of a released field; None when it is not known.
        department: Who answered, or was asked; may be empty.
        source: Who stands behind a released value, such as government_verified.
        as_of_ms: When the source last changed the record, Unix ms; None when unknown, which is not fresh.
        marks: What has to be known with the value.
        reason: Reason code of what was withheld or silent, or empty.
    """

    status: Status
    form: Form
    text: str | None = field(default=None, repr=False)
    data_type: DataType | None = None
    department: str = ""
    source: str = ""
    as_of_ms: int | None = None
    marks: tuple[FieldMark, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gap:
    """One item that does not show what it is needed for.

    Attributes:
        item: The item; None where the evidence is handed in and not asked for.
        why: Why it does not.
        reason: Reason code of what was withheld or silent, or empty.
        department: Who was asked; may be empty.
    """

    item: AskedItem | None
    why: Why
    reason: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """How far one evidence type is shown.

    Attributes:
        evidence: The evidence type.
        truth: How far.
        handed_in: Whether somebody at the department has seen it, so that nothing was asked.
        gaps: What is in the way; empty when it holds.
        departments: Whose answers show it, in order, none twice.
        as_of_ms: Time of the oldest of them, Unix ms; None when one of them does not say.
        marks: What has to be known with the values, none twice.
    """

    evidence: Evidence
    truth: Truth
    handed_in: bool = False
    gaps: tuple[Gap, ...] = ()
    departments: tuple[str, ...] = ()
    as_of_ms: int | None = None
    marks: tuple[FieldMark, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about one application.

    Attributes:
        given: What became of each item that was asked for.
        handed_in: Codes of evidence types that somebody at the department has seen.
        not_agreed: Items that no accepted agreement permits, which are therefore not asked for.
        operands: What equalities compare with, by `resource:field`; never part of the `repr`.
        now_ms: The time by which ages are counted, Unix ms.
    """

    given: Mapping[AskedItem, Given]
    now_ms: int
    handed_in: Collection[str] = frozenset()
    not_agreed: Collection[AskedItem] = frozenset()
    operands: Mapping[str, str] = field(default_factory=dict, repr=False)


def judge(evidence: Evidence, known: Known) -> Shown:
    """How far an evidence type is shown.

    Args:
        evidence: The evidence type.
        known: What is known.

    Returns:
        It holds when every item does; it lacks when one lacks; else it is open.
    """
    if evidence.by_hand is not None and evidence.code in known.handed_in:
        return Shown(evidence, Truth.HOLDS, handed_in=True)
    if not evidence.items:
        return Shown(evidence, Truth.LACKS, gaps=(Gap(None, Why.BY_HAND),))
    gaps: list[Gap] = []
    used: list[Given] = []
    for item in evidence.items:
        found = _item(item, evidence, known)
        if isinstance(found, Gap):
            gaps.append(found)
        else:
            used.append(found)
    if gaps:
        return Shown(evidence, min(gap.why.truth for gap in gaps), gaps=tuple(gaps))
    times = [one.as_of_ms for one in used]
    return Shown(
        evidence,
        Truth.HOLDS,
        departments=tuple(dict.fromkeys(one.department for one in used if one.department)),
        as_of_ms=min((time for time in times if time is not None), default=None) if None not in times else None,
        marks=tuple(dict.fromkeys(mark for one in used for mark in one.marks)),
    )


def _item(item: AskedItem, evidence: Evidence, known: Known) -> Given | Gap:
    """The answer by which an item holds, or why it does not."""
    own = known.given.get(item)
    # What was asked for another reason is looked at too, so that a field is not asked for twice.
    others = [one for asked, one in known.given.items() if asked != item and asked.name == item.name]
    gaps: list[Gap] = []
    for one in ([] if own is None else [own]) + [one for one in others if _can_answer(item, one)]:
        why = _why(item, evidence, one, known)
        if why is None:
            return one
        gaps.append(Gap(item, why, one.reason, one.department))
    if gaps:
        # Of several answers the one that leaves most open.
        return max(gaps, key=lambda gap: gap.why.truth)
    return Gap(item, Why.NOT_AGREED if item in known.not_agreed else Why.NOT_ASKED)


def _can_answer(item: AskedItem, one: Given) -> bool:
    """Whether what was released for another reason says what this item needs."""
    if one.status is not Status.RELEASED:
        return False
    return one.form is Form.VALUE or (one.form in {item.form, *item.accepted} and one.form is not Form.PREDICATE)


def _why(item: AskedItem, evidence: Evidence, one: Given, known: Known) -> Why | None:
    """Why an answer does not do; None when it does."""
    if one.status is not Status.RELEASED or one.text is None:
        return _NOT_RELEASED.get(one.status, Why.NOT_AVAILABLE)
    if one.source == USER_PROVIDED and not evidence.user_provided:
        return Why.OWN_WORD
    return _says(item, one, known)


_NOT_RELEASED: Final = {
    Status.WITHHELD: Why.WITHHELD,
    Status.SILENT: Why.SILENT,
    Status.FAILED: Why.FAILED,
}


def _says(item: AskedItem, one: Given, known: Known) -> Why | None:
    """Why a released text does not say what is needed; None when it does."""
    text = one.text or ""
    if item.form is Form.EXISTS:
        # Any other form than `exists` is released only where there is something.
        return None if text == YES or one.form is not Form.EXISTS else Why.NOT_MET
    if item.need is None:
        return None if text else Why.NOT_MET
    if one.form is Form.PREDICATE:
        return None if text == YES else Why.NOT_MET
    if one.form is Form.VALUE:
        return _met([text], item, one, known)
    if one.form is Form.YEAR and len(text) == _YEAR_DIGITS and text.isdecimal() and text.isascii():
        # Where the first and the last day of the year say the same, so does every day between. A birth lies behind us.
        last, today = f"{text}-12-31", civil_date(known.now_ms).isoformat()
        if item.need.operator is Operator.AGE_AT_LEAST and today.startswith(text):
            last = today
        return _met([f"{text}-01-01", last], item, one, known)
    return Why.UNDECIDED


_YEAR_DIGITS: Final = 4
_ORDERED: Final = frozenset({Operator.GE, Operator.LE, Operator.AGE_AT_LEAST})


def _met(values: Sequence[str], item: AskedItem, one: Given, known: Known) -> Why | None:
    """Works out here what is asked of values, when a more revealing form than yes or no was released."""
    need = item.need
    if need is None or need.operator is None:
        return Why.UNDECIDED
    data_type = DataType.DATE if one.form is Form.YEAR else one.data_type
    if data_type is None or (one.form is Form.YEAR and need.operator not in _ORDERED):
        return Why.UNDECIDED
    operand = ""
    try:
        if need.operator is Operator.EQUALS:
            operand = check_operand(known.operands.get(item.name, ""))
        predicate = Predicate("", item.field, need.operator, need.constants)
        said = {answer(predicate, data_type, None, value, now_ms=known.now_ms, operand=operand) for value in values}
    except (BadPredicate, BadValue):
        return Why.UNDECIDED
    if len(said) != 1:
        return Why.UNDECIDED
    return None if said == {YES} else Why.NOT_MET
