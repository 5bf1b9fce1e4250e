"""Predicates answer exactly their question, in civil time, over canonical values, and nothing that does not fit."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.ages import age_reached
from policies.civil_time import civil_date
from policies.predicates import (
    BadPredicate,
    Need,
    Operator,
    Predicate,
    answer,
    check_operand,
    checked_constants,
    checked_need,
    find,
)
from policies.release import BadValue
from policies.vocabulary import DataType, Form, Mask

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)
"""Noon of 1 March 2026 in China."""
S, D, W, N, B = DataType.STRING, DataType.DATE, DataType.INTEGER, DataType.DECIMAL, DataType.BOOLEAN


def predicate(operator: Operator, *constants: str, field: str = "f") -> Predicate:
    return Predicate("p", field, operator, checked_constants(operator, constants))


def ask(
    asked: Predicate,
    data_type: DataType,
    raw: str | None,
    *,
    mask: Mask | None = None,
    at: datetime = NOON,
    operand: str = "",
) -> str:
    return answer(asked, data_type, mask, raw, now_ms=int(at.timestamp() * 1000), operand=operand)


@pytest.mark.parametrize(
    ("operator", "constants", "data_type", "raw", "expected"),
    [
        (Operator.GE, ["1000.50"], N, "1000.5", "true"),
        (Operator.GE, ["1000.50"], N, "1,000.49", "false"),
        (Operator.LE, ["1000.50"], N, "１０００．５０", "true"),
        (Operator.LE, ["-3"], W, "-4", "true"),
        (Operator.GE, ["9007199254740993"], W, "9007199254740992", "false"),
        (Operator.GE, ["3"], N, "2.999999999999", "false"),
        (Operator.GE, ["2000-01-01"], D, "2000年1月1日", "true"),
        (Operator.GE, ["2000-01-01"], D, "19991231", "false"),
        (Operator.LE, ["2000-01-01"], D, "2000-01-02", "false"),
        (Operator.IN, ["本科", "硕士"], S, " 本科 ", "true"),
        (Operator.IN, ["本科", "硕士"], S, "大专", "false"),
        (Operator.IN, ["Ａ栋"], S, "A栋", "true"),
        (Operator.IN, ["1", "2"], W, "＋０２", "true"),
        (Operator.IN, ["88.50"], N, "88.5", "true"),
        (Operator.IN, ["true"], B, "是", "true"),
        (Operator.IN, ["2000-01-01"], D, "2000/1/1", "true"),
    ],
)
def test_a_question_is_answered_over_the_canonical_value(
    operator: Operator, constants: list[str], data_type: DataType, raw: str, expected: str
) -> None:
    assert ask(predicate(operator, *constants), data_type, raw) == expected


@pytest.mark.parametrize(
    ("data_type", "mask", "held", "operand", "expected"),
    [
        (S, Mask.NAME, "阿卜杜拉·麦麦提", "阿卜杜拉•麦麦提", "true"),
        (S, Mask.NAME, "阿卜杜拉·麦麦提", "阿卜杜拉 ． 麦麦提", "true"),
        (S, Mask.NAME, "张 三", "张三", "true"),
        (S, Mask.NAME, "葛\U000e0100洪", "葛洪", "true"),
        (S, Mask.NAME, "司馬光", "司马光", "false"),
        (S, Mask.NAME, "John Smith", "JohnSmith", "false"),
        (S, Mask.PHONE, "13800138000", "+86 138-0013-8000", "true"),
        (S, Mask.PHONE, "010-62345678", "(010)62345678", "true"),
        (S, Mask.PHONE, "13800138000", "13800138001", "false"),
        (S, Mask.IDENTIFIER, "11010519491231002X", "１１０１０５１９４９１２３１００２ｘ", "true"),
        (S, Mask.BANK_ACCOUNT, "6222020000001234567", "6222 0200 0000 1234 567", "true"),
        (S, None, "幸福路 1 号", "幸福路　1 号", "true"),
        (S, None, "幸福路 1 号", "幸福路1号", "false"),
        (D, None, "1990-01-31", "１９９０年１月３１日", "true"),
        (D, None, "1990-01-31", "soon", "false"),
        (W, None, "7", "007", "true"),
        (N, None, "9" * 40, "9" * 39 + "8", "false"),
        (B, None, "1", "是", "true"),
        (S, None, "\ud800", "x", "false"),
        (S, None, "Jose\u0301", "Jos\u00e9", "true"),
        (S, None, "Jose\u200d\u0301", "Jos\u00e9", "true"),
        (S, None, "Jose", "Jos\u00e9", "false"),
        (S, None, "1\u0660", "10", "false"),
        (S, None, "\u53f6\ufe00", "\u53f6", "true"),
        (S, None, "\ufa0c", "\u5140", "true"),
        (S, Mask.NAME, "\U00030000明", "\U00030001明", "false"),
        (N, None, "1.00", "1", "true"),
        (N, None, "-0.00", "0", "true"),
        (N, None, "100", "1", "false"),
        (B, None, "否", "true", "false"),
        (D, None, "1900-01-01", "00-01-01", "false"),
        (D, None, "2024-02-29", "2024/2/29", "true"),
    ],
)
def test_equality_joins_spellings_of_one_value_and_no_two_values(
    data_type: DataType, mask: Mask | None, held: str, operand: str, expected: str
) -> None:
    assert ask(predicate(Operator.EQUALS), data_type, held, mask=mask, operand=operand) == expected


@pytest.mark.parametrize(
    ("born", "years", "first_day"),
    [
        (date(2008, 2, 28), 18, date(2026, 3, 1)),
        (date(2008, 2, 29), 18, date(2026, 3, 1)),
        (date(2008, 3, 1), 18, date(2026, 3, 2)),
        (date(2000, 2, 29), 4, date(2004, 3, 1)),
        (date(2000, 2, 28), 4, date(2004, 2, 29)),
        (date(2007, 12, 31), 18, date(2026, 1, 1)),
        (date(9990, 1, 1), 18, None),
        (date(9981, 12, 31), 18, None),
    ],
)
def test_an_age_is_reached_on_the_day_after_the_birthday(born: date, years: int, first_day: date | None) -> None:
    assert age_reached(born, years) == first_day


def test_the_day_begins_at_midnight_in_china() -> None:
    adult = predicate(Operator.AGE_AT_LEAST, "18")
    midnight = datetime(2026, 2, 28, 16, tzinfo=UTC)
    assert ask(adult, D, "2008-02-28", at=midnight) == "true"
    assert ask(adult, D, "2008-02-28", at=midnight - timedelta(milliseconds=1)) == "false"
    assert civil_date(int(midnight.timestamp() * 1000)) == date(2026, 3, 1)


@pytest.mark.parametrize("raw", ["2026-03-02", "9999-12-31", "1875-02-28", "1753-01-01", "0001-01-01"])
def test_a_day_on_which_nobody_alive_is_born_is_neither_old_nor_young(raw: str) -> None:
    for years in ("1", "18", "150"):
        with pytest.raises(BadValue):
            ask(predicate(Operator.AGE_AT_LEAST, years), D, raw)


def test_from_the_day_of_birth_to_the_oldest_age_there_is_an_answer() -> None:
    assert ask(predicate(Operator.AGE_AT_LEAST, "1"), D, "2026-03-01") == "false"
    assert ask(predicate(Operator.AGE_AT_LEAST, "150"), D, "1875-03-01") == "true"


@given(st.dates(date(1880, 1, 1), date(2200, 12, 31)), st.integers(1, 150))
def test_an_age_is_reached_later_than_any_smaller_one_and_within_a_day_of_the_calendar(born: date, years: int) -> None:
    reached = age_reached(born, years)
    assert reached is not None
    assert reached.year - born.year in {years, years + 1}
    if years > 1:
        before = age_reached(born, years - 1)
        assert before is not None
        assert 365 <= (reached - before).days <= 367


@pytest.mark.parametrize(
    ("operator", "constants", "data_type"),
    [
        (Operator.GE, ["3"], S),
        (Operator.GE, ["3"], D),
        (Operator.GE, ["3.5"], W),
        (Operator.LE, ["2000-01-01"], N),
        (Operator.LE, ["3"], B),
        (Operator.AGE_AT_LEAST, ["18"], W),
        (Operator.IN, ["maybe"], B),
        (Operator.IN, ["1", "x"], W),
        (Operator.IN, ["20000101"], D),
    ],
)
def test_a_predicate_that_does_not_fit_the_type_answers_nothing(
    operator: Operator, constants: list[str], data_type: DataType
) -> None:
    asked = predicate(operator, *constants)
    assert not asked.fits(data_type)
    assert find([asked], "f", data_type, Need("p")) is None
    with pytest.raises(BadValue):
        ask(asked, data_type, "2000-01-01" if data_type is D else "1")


@pytest.mark.parametrize("raw", [None, "", " \u3000", "not a date", "1990-02-30"])
def test_a_value_that_is_not_there_or_of_another_type_answers_nothing(raw: str | None) -> None:
    with pytest.raises(BadValue) as caught:
        ask(predicate(Operator.AGE_AT_LEAST, "18"), D, raw)
    assert not raw or raw not in str(caught.value)


@pytest.mark.parametrize(
    ("operator", "constants"),
    [
        (Operator.GE, []),
        (Operator.GE, ["1", "2"]),
        (Operator.GE, ["1e3"]),
        (Operator.GE, ["NaN"]),
        (Operator.GE, ["1990-02-30"]),
        (Operator.GE, ["-"]),
        (Operator.LE, ["9" * 40]),
        (Operator.IN, []),
        (Operator.IN, ["a", "ａ"]),
        (Operator.IN, [str(n) for n in range(65)]),
        (Operator.IN, ["x" * 129]),
        (Operator.IN, ["\u3000"]),
        (Operator.IN, ["a\x00b"]),
        (Operator.IN, ["ab\ud800"]),
        (Operator.GE, ["\ud800"]),
        (Operator.GE, ["91-02-03"]),
        (Operator.EQUALS, ["a"]),
        (Operator.AGE_AT_LEAST, ["0"]),
        (Operator.AGE_AT_LEAST, ["151"]),
        (Operator.AGE_AT_LEAST, ["018"]),
        (Operator.AGE_AT_LEAST, ["18.0"]),
        (Operator.AGE_AT_LEAST, ["true"]),
    ],
)
def test_constants_that_are_not_the_operators_are_refused_and_not_repeated(
    operator: Operator, constants: list[str]
) -> None:
    with pytest.raises(BadPredicate) as caught:
        checked_constants(operator, constants)
    assert all(len(constant) < 3 or constant not in str(caught.value) for constant in constants)


@pytest.mark.parametrize(("mask", "raw"), [(Mask.PHONE, "--"), (Mask.IDENTIFIER, "( )"), (None, "\u200b")])
def test_a_text_without_anything_to_compare_equals_nothing(mask: Mask, raw: str) -> None:
    with pytest.raises(BadValue):
        ask(predicate(Operator.EQUALS), S, raw, mask=mask, operand="-")
    assert ask(predicate(Operator.EQUALS), S, "13800138000", mask=Mask.PHONE, operand="-") == "false"


def test_marks_without_end_take_no_time_to_fold_and_change_no_name() -> None:
    # Put in order one by one, these marks alone would take half a second.
    held = "a" + "\u0301\u0323" * 8_000
    assert ask(predicate(Operator.EQUALS), S, held, operand="a") == "false"
    assert ask(predicate(Operator.EQUALS), S, held, operand=held[:500]) == "false"
    assert ask(predicate(Operator.EQUALS), S, "Vi\u1ec7t" * 20, operand="Vie\u0323\u0302t" * 20) == "true"


def test_constants_have_one_text() -> None:
    assert checked_constants(Operator.IN, ["硕士", " 本科"]) == checked_constants(Operator.IN, ["本科", "硕士\u200b"])
    assert checked_constants(Operator.AGE_AT_LEAST, ["１８"]) == ("18",)
    for spelled, text in {"1.50": "1.5", "3.0": "3", "-0.0": "0", "-0.50": "-0.5", "100": "100"}.items():
        assert checked_constants(Operator.LE, [spelled]) == (text,)
    for constant in ("e\u200d\u0301", "\u00a8 a", "ﷺ", "\u2003x"):
        once = checked_constants(Operator.IN, [constant])
        assert checked_constants(Operator.IN, once) == once
    one, other = (Predicate(name, "f", Operator.IN, ("a", "b")) for name in ("one", "other"))
    assert one.digest == other.digest != Predicate("one", "f", Operator.IN, ("a,b",)).digest


def test_what_is_needed_must_be_exactly_what_the_agreement_has() -> None:
    adult = Predicate("adult", "born", Operator.AGE_AT_LEAST, ("18",))
    assert find([adult], "born", D, Need("adult")) is adult
    assert find([adult], "born", D, Need("", Operator.AGE_AT_LEAST, ("18",))) is adult
    for need in (Need("", Operator.AGE_AT_LEAST, ("17",)), Need("", Operator.GE, ("18",)), Need("old"), Need("")):
        assert find([adult], "born", D, need) is None
    assert find([adult], "died", D, Need("adult")) is None


@pytest.mark.parametrize("operand", ["", " ", "\u200b", "x" * 513, "a\x00", "a\udc80"])
def test_an_operand_that_is_blank_or_too_long_is_refused(operand: str) -> None:
    with pytest.raises(BadPredicate):
        check_operand(operand)


def test_a_need_says_one_predicate_and_only_more_revealing_forms_instead() -> None:
    def need(form: Form = Form.PREDICATE, **changes: object) -> Need | None:
        said: dict[str, object] = {
            "name": "adult",
            "operator": None,
            "constants": (),
            "accepted": (),
            "committed": False,
            **changes,
        }
        return checked_need(form, **said)  # type: ignore[arg-type]

    assert need() == Need("adult")
    assert need(accepted=(Form.YEAR, Form.VALUE)) == Need("adult")
    assert need(Form.YEAR, name="", accepted=(Form.VALUE,)) is None
    equals = {"name": "", "operator": Operator.EQUALS}
    assert need(**equals, committed=True) == Need("", Operator.EQUALS)
    for broken in (
        {"form": Form.YEAR},
        {"name": ""},
        {"name": "Adult"},
        {"constants": ("18",)},
        {"operator": Operator.GE, "constants": ("18",)},
        {"accepted": (Form.EXISTS,)},
        {"accepted": (Form.PREDICATE,)},
        {"accepted": (Form.VALUE, Form.VALUE)},
        {**equals},
        {"form": Form.VALUE, "name": "", "committed": True},
        {"name": "", "operator": Operator.AGE_AT_LEAST, "constants": ("18",), "committed": True},
    ):
        with pytest.raises(BadPredicate):
            need(**broken)  # type: ignore[arg-type]
