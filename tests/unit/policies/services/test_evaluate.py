"""Whether an application has its evidence."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from policies.items import AskedItem
from policies.services import Given, Known, Standing, State, Status, Truth, Why, evaluate
from policies.services.evaluate import worth_asking_again
from policies.services.words import CHANNELS, FALLBACKS, NECESSITIES, STANDINGS, STATES, WHYS
from policies.vocabulary import DataType, FieldMark, Form
from tests.support.services import Fact, Need, service

NOW_MS = int(datetime(2025, 6, 1, tzinfo=UTC).timestamp() * 1000)
FACTS = {
    "name": Fact(["name"]),
    "adult": Fact(["birth_date=age_at_least(18)|year|value"], by_hand="身份证"),
    "home": Fact(["location"], "housing.property"),
    "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
}
TWO = {"who": Need([["name"]]), "residence": Need([["home"], ["name", "adult"]])}


def given(
    status: Status = Status.RELEASED,
    text: str = "x",
    *,
    form: Form = Form.VALUE,
    kind: DataType = DataType.STRING,
    **more,
) -> Given:
    released = status is Status.RELEASED
    more = {"department": "civil", "source": "government_verified", "as_of_ms": 5, **more}
    return Given(status, form, text if released else None, kind, **more)


def look(facts: Mapping[str, Fact], needs: Mapping[str, Need], answers: Mapping[str, Given], **more):
    """Evaluate a service item; answers are by field."""
    item = service(facts, needs)
    items = {one.field: one for evidence in item.evidence.values() for one in evidence.items}
    known = Known(
        {items[name]: one for name, one in answers.items()}, NOW_MS, more.pop("handed_in", frozenset()), **more
    )
    return evaluate(item, known)


GONE = given(Status.NOT_AVAILABLE)
SILENT = given(Status.SILENT, reason="NODE_DOWN")
YES = given(text="true", form=Form.PREDICATE, kind=DataType.DATE)
NO = given(text="false", form=Form.PREDICATE, kind=DataType.DATE)


@pytest.mark.domain_check(number=5)
def test_domain_check_5_one_of_two_requirements_an_alternative_list_and_a_missing_and_member() -> None:
    one_of_two = look(FACTS, TWO, {"name": given(), "location": GONE, "birth_date": GONE})
    assert (one_of_two["who"].standing, one_of_two["residence"].standing) == (Standing.SATISFIED, Standing.MISSING)
    assert (one_of_two.state, one_of_two.complete, one_of_two.may_proceed) == (State.INCOMPLETE, False, False)

    alternative = look(FACTS, TWO, {"name": given(), "location": GONE, "birth_date": YES})
    assert (alternative.state, alternative["residence"].by) == (State.COMPLETE, 1)
    assert alternative.complete

    member_missing = look(FACTS, TWO, {"name": GONE, "location": GONE, "birth_date": YES})
    assert member_missing["residence"].standing is Standing.MISSING
    assert [one.evidence.code for one in member_missing["residence"].nearest.lacking] == ["home"]
    assert member_missing["residence"].lists[1].truth is Truth.LACKS
    assert not member_missing.complete


def test_a_silence_is_never_a_no() -> None:
    silent = look(FACTS, TWO, {"name": given(), "location": SILENT, "birth_date": GONE})
    assert (silent["residence"].standing, silent.state) == (Standing.UNKNOWN, State.UNKNOWN)
    assert worth_asking_again(silent)
    [member] = silent["residence"].nearest.lacking
    [gap] = member.gaps
    assert (gap.why, gap.reason, gap.department) == (Why.SILENT, "NODE_DOWN", "civil")
    # What is missing for good is said all the same.
    both = look(FACTS, TWO, {"name": GONE, "location": SILENT, "birth_date": GONE})
    assert (both.state, both["residence"].standing) == (State.INCOMPLETE, Standing.UNKNOWN)
    # Beside a no, a silence in the same list decides nothing more.
    lacks = look(FACTS, TWO, {"name": GONE, "location": GONE, "birth_date": SILENT})
    assert (lacks["residence"].standing, worth_asking_again(lacks)) == (Standing.MISSING, False)
    broken = look(FACTS, TWO, {"name": given(), "location": given(Status.FAILED), "birth_date": GONE})
    assert broken.state is State.UNKNOWN


def test_what_may_follow_later_does_not_stop_the_application() -> None:
    needs = {"who": Need([["name"]]), "age": Need([["adult"]], "deferrable")}
    owed = look(FACTS, needs, {"name": given(), "birth_date": GONE})
    assert (owed["age"].standing, owed.state, owed.complete, owed.may_proceed) == (
        Standing.DEFERRED,
        State.DEFERRED,
        False,
        True,
    )
    silent = look(FACTS, needs, {"name": given(), "birth_date": SILENT})
    assert (silent["age"].standing, silent.state) == (Standing.UNKNOWN, State.DEFERRED)
    assert look(FACTS, needs, {"name": given(), "birth_date": YES}).complete


def test_an_optional_requirement_never_stands_in_the_way() -> None:
    needs = {"who": Need([["name"]]), "age": Need([["adult"]], "optional")}
    left = look(FACTS, needs, {"name": given()})
    assert (left["age"].standing, left.complete) == (Standing.LEFT_OUT, True)
    item = service(FACTS, needs)
    known = Known({item.evidence["name"].items[0]: given(), item.evidence["adult"].items[0]: NO}, NOW_MS)
    looked = evaluate(item, known, {"age"})
    assert (looked["age"].standing, looked.complete) == (Standing.MISSING, True)


def test_what_is_handed_in_counts_where_the_service_item_says_so() -> None:
    needs = {"who": Need([["name"]]), "residence": Need([["lease"]]), "age": Need([["adult"]])}
    nothing = look(FACTS, needs, {"name": given(), "birth_date": GONE})
    [gap] = nothing["residence"].nearest.lacking[0].gaps
    assert (gap.why, gap.item) == (Why.BY_HAND, None)
    both = look(FACTS, needs, {"name": given(), "birth_date": GONE}, handed_in={"lease", "adult"})
    assert both.complete
    assert both["age"].nearest.members[0].handed_in
    # A name cannot be handed in, whatever is said.
    assert not look(FACTS, needs, {"name": GONE}, handed_in={"lease", "adult", "name"}).complete


def test_of_the_lists_that_lack_the_one_that_the_applicant_can_complete_is_told_first() -> None:
    needs = {"residence": Need([["home"], ["name", "adult"], ["name", "lease"], ["lease", "adult"]])}
    lacks = look(FACTS, needs, {"name": given(), "location": GONE, "birth_date": GONE})["residence"]
    assert [one.by_hand for one in lacks.lists] == [False, True, True, True]
    assert [one.evidence.code for one in lacks.nearest.members] == ["name", "adult"]
    silent = look(FACTS, needs, {"name": given(), "location": SILENT, "birth_date": GONE})["residence"]
    assert [one.evidence.code for one in silent.nearest.members] == ["home"]


def test_what_no_agreement_permits_lacks_without_being_asked() -> None:
    item = service({"name": FACTS["name"]}, {"who": Need([["name"]])})
    result = evaluate(item, Known({}, NOW_MS, not_agreed=item.evidence["name"].items))
    assert (result.state, result["who"].nearest.lacking[0].gaps[0].why) == (State.INCOMPLETE, Why.NOT_AGREED)
    assert evaluate(item, Known({}, NOW_MS)).state is State.UNKNOWN


def test_the_oldest_answer_gives_the_age_and_one_of_unknown_age_makes_it_unknown() -> None:
    facts = {"person": Fact(["name", "address"])}
    needs = {"who": Need([["person"]])}
    aged = look(facts, needs, {"name": given(as_of_ms=9), "address": given(as_of_ms=3, department="housing")})
    member = aged["who"].nearest.members[0]
    assert (member.as_of_ms, member.departments) == (3, ("civil", "housing"))
    unknown = look(facts, needs, {"name": given(as_of_ms=9), "address": given(as_of_ms=None)})
    assert unknown["who"].nearest.members[0].as_of_ms is None


def test_a_disputed_value_counts_and_its_mark_is_handed_on() -> None:
    found = look({"name": FACTS["name"]}, {"who": Need([["name"]])}, {"name": given(marks=(FieldMark.DISPUTED,))})
    assert (found.complete, found["who"].nearest.members[0].marks) == (True, (FieldMark.DISPUTED,))


def test_what_the_person_entered_counts_only_where_the_service_item_says_so() -> None:
    needs = {"contact": Need([["phone"]])}
    own = given(source="user_provided")
    strict = look({"phone": Fact(["phone"], "oncegate.profile")}, needs, {"phone": own})
    assert strict["contact"].nearest.lacking[0].gaps[0].why is Why.OWN_WORD
    assert look(
        {"phone": Fact(["phone"], "oncegate.profile", more="user_provided = true\n")}, needs, {"phone": own}
    ).complete
    verified = given(source="platform_verified")
    assert look({"phone": Fact(["phone"], "oncegate.profile")}, needs, {"phone": verified}).complete


def year(text: str) -> Given:
    return given(text=text, form=Form.YEAR, kind=DataType.DATE)


def day(text: str) -> Given:
    return given(text=text, kind=DataType.DATE)


@pytest.mark.parametrize(
    ("fields", "answer", "why"),
    [
        ("birth_date=age_at_least(18)|year|value", YES, None),
        ("birth_date=age_at_least(18)|year|value", NO, Why.NOT_MET),
        ("birth_date=age_at_least(18)|year|value", day("2000-01-01"), None),
        ("birth_date=age_at_least(18)|year|value", day("2007-05-31"), None),
        ("birth_date=age_at_least(18)|year|value", day("2007-06-01"), Why.NOT_MET),
        ("birth_date=age_at_least(18)|year|value", year("2006"), None),
        ("birth_date=age_at_least(18)|year|value", year("2007"), Why.UNDECIDED),
        ("birth_date=age_at_least(18)|year|value", year("2008"), Why.NOT_MET),
        ("birth_date=age_at_least(18)|year|value", year("2025"), Why.NOT_MET),
        ("birth_date=age_at_least(18)|year|value", year("2026"), Why.UNDECIDED),
        ("birth_date=age_at_least(18)|year|value", year("０００１"), Why.UNDECIDED),
        ("birth_date=age_at_least(18)|year|value", day("9999-12-31"), Why.UNDECIDED),
        ("birth_date=age_at_least(18)|year|value", given(text="soon", kind=DataType.DATE), Why.UNDECIDED),
        ("registered=le(2020-06-30)|year", year("2019"), None),
        ("registered=le(2020-06-30)|year", year("2020"), Why.UNDECIDED),
        ("registered=ge(2020-06-30)|year", year("2019"), Why.NOT_MET),
        ("registered=in(2020-06-30)|year", year("2020"), Why.UNDECIDED),
        ("status=in(已婚)|value", given(text="已婚"), None),
        ("status=in(已婚)|value", given(text="未婚"), Why.NOT_MET),
        ("months=ge(12)|value", given(text="12", kind=DataType.INTEGER), None),
        ("months=ge(12)|value", given(text="11", kind=DataType.INTEGER), Why.NOT_MET),
        ("months=ge(12)|value", given(text="12", kind=None), Why.UNDECIDED),
        ("mortgaged=in(false)|value", given(text="false", kind=DataType.BOOLEAN), None),
        ("record=exists", given(text="true", form=Form.EXISTS, kind=DataType.BOOLEAN), None),
        ("record=exists", given(text="false", form=Form.EXISTS, kind=DataType.BOOLEAN), Why.NOT_MET),
        ("phone=exists|value", given(text="13800001111"), None),
        ("birth_date=year", year("1990"), None),
        ("name=masked", given(text="王**", form=Form.MASKED), None),
        ("name", given(text=""), Why.NOT_MET),
        ("name", given(Status.WITHHELD, reason="NOT_IN_AGREEMENT"), Why.WITHHELD),
        ("name", GONE, Why.NOT_AVAILABLE),
        ("name=equals", YES, None),
        ("name=equals|value", given(text="王 静"), None),
        ("name=equals|value", given(text="王净"), Why.NOT_MET),
    ],
)
def test_what_an_answer_says(fields: str, answer: Given, why: Why | None) -> None:
    name = fields.partition("=")[0]
    operands = {"civil.resident:name": " 王　静"}
    found = look({"fact": Fact([fields])}, {"need": Need([["fact"]])}, {name: answer}, operands=operands)
    gaps = [gap.why for member in found["need"].nearest.lacking for gap in member.gaps]
    assert gaps == ([] if why is None else [why])


def test_an_equality_without_what_it_compares_with_is_left_open_for_no_one_to_guess() -> None:
    found = look({"fact": Fact(["name=equals|value"])}, {"need": Need([["fact"]])}, {"name": given(text="王静")})
    assert found["need"].nearest.lacking[0].gaps[0].why is Why.UNDECIDED


def test_a_value_that_is_here_already_answers_another_need_of_the_same_field() -> None:
    facts = {
        "day": Fact(["birth_date"]),
        "adult": Fact(["birth_date=age_at_least(18)"]),
        "year": Fact(["birth_date=year"]),
    }
    item = service(facts, {code: Need([[code]]) for code in facts})
    value, adult = item.evidence["day"].items[0], item.evidence["adult"].items[0]
    assert evaluate(item, Known({value: day("1990-01-01")}, NOW_MS)).complete
    # But a yes does not give a day, nor a no for one need a no for another.
    yes = evaluate(item, Known({adult: YES}, NOW_MS))
    assert [one.standing for one in yes.requirements] == [Standing.UNKNOWN, Standing.SATISFIED, Standing.UNKNOWN]
    young = evaluate(item, Known({value: day("2020-01-01"), adult: SILENT}, NOW_MS))
    assert [one.standing for one in young.requirements] == [Standing.SATISFIED, Standing.UNKNOWN, Standing.SATISFIED]


def test_no_value_and_no_operand_is_in_what_is_printed_of_it() -> None:
    item = AskedItem("civil.resident", "name")
    known = Known({item: given(text="王静")}, NOW_MS, operands={"civil.resident:name": "李四"})
    assert "王静" not in repr(known)
    assert "李四" not in repr(known)


@pytest.mark.parametrize("table", [STATES, STANDINGS, WHYS, NECESSITIES, CHANNELS, FALLBACKS])
def test_every_word_has_a_text_in_both_languages(table) -> None:
    words = type(next(iter(table)))
    assert set(table) == set(words)
    assert all(text.zh.strip() and text.en.strip() for text in table.values())
