"""What is asked for next."""

from policies.services import Known, OnSilence, Status, Wanted, next_round
from policies.services.plan import indispensable
from tests.support.services import Fact, Need, service
from tests.unit.policies.services.test_evaluate import GONE, NOW_MS, SILENT, given

FACTS = {
    "name": Fact(["name", "sex"]),
    "home": Fact(["location"], "housing.property"),
    "address": Fact(["address"], by_hand="户口簿"),
    "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
}
NEEDS = {"who": Need([["name"]]), "residence": Need([["home"], ["address"], ["lease"]])}


def asked(item, answers=None, **more) -> list[str]:
    items = {one.field: one for evidence in item.evidence.values() for one in evidence.items}
    optional, on_silence = more.pop("optional", ()), more.pop("on_silence", OnSilence.WAIT)
    more = {key: {items[name] for name in value} if key == "not_agreed" else value for key, value in more.items()}
    known = Known({items[name]: one for name, one in (answers or {}).items()}, NOW_MS, **more)
    return [wanted.item.field for wanted in next_round(item, known, optional=optional, on_silence=on_silence)]


def test_only_the_first_list_of_each_requirement_is_asked_for() -> None:
    assert asked(service(FACTS, NEEDS)) == ["name", "sex", "location"]


def test_an_alternative_is_asked_for_only_when_the_earlier_list_failed() -> None:
    item = service(FACTS, NEEDS)
    first = {"name": given(), "sex": given()}
    assert asked(item, first | {"location": given()}) == []
    assert asked(item, first | {"location": GONE}) == ["address"]
    assert asked(item, first | {"location": GONE, "address": GONE}) == []
    # One requirement does not wait for the other.
    assert asked(item, {"name": GONE, "sex": GONE, "location": GONE}) == ["address"]


def test_a_silent_list_waits_unless_it_is_said_to_go_on() -> None:
    item = service(FACTS, NEEDS)
    answers = {"name": given(), "sex": given(), "location": SILENT}
    assert asked(item, answers) == []
    assert asked(item, answers, on_silence=OnSilence.GO_ON) == ["address"]
    assert asked(item, answers | {"address": given()}, on_silence=OnSilence.GO_ON) == []
    # Half a silence is a silence.
    assert asked(item, {"name": given(), "sex": given(Status.FAILED), "location": given()}) == []


def test_what_is_handed_in_or_cannot_be_had_is_not_asked_for() -> None:
    item = service(FACTS, NEEDS)
    assert asked(item, handed_in={"address"}) == ["name", "sex"]
    assert asked(item, handed_in={"lease"}) == ["name", "sex"]
    assert asked(item, not_agreed=["location"]) == ["name", "sex", "address"]
    # Where one member lacks, the others are not asked for either.
    assert asked(item, not_agreed=["sex"]) == ["location"]


def test_a_list_with_something_to_hand_in_is_asked_for_once_it_is_there() -> None:
    item = service(FACTS, {"who": Need([["lease", "name"]])})
    assert asked(item) == []
    assert asked(item, handed_in={"lease"}) == ["name", "sex"]


def test_optional_requirements_are_looked_at_only_when_they_are_named() -> None:
    item = service(FACTS, {"who": Need([["name"]]), "home": Need([["home"]], "optional")})
    assert asked(item) == ["name", "sex"]
    assert asked(item, optional={"home"}) == ["name", "sex", "location"]
    deferrable = service(FACTS, {"who": Need([["name"]]), "home": Need([["home"]], "deferrable")})
    assert asked(deferrable) == ["name", "sex", "location"]


def test_once_nothing_can_make_it_complete_nothing_more_is_asked_for() -> None:
    final = Need([["name"]], then="refusal")
    item = service(FACTS, {"residence": Need([["home"], ["address"]]), "who": final})
    assert asked(item, {"location": GONE, "name": GONE, "sex": given()}) == []
    assert asked(item, not_agreed=["sex"]) == []
    assert asked(item, {"location": GONE, "name": given(), "sex": given()}) == ["address"]
    # Somebody who may hand something in instead is served on.
    other = service(FACTS, {"residence": Need([["home"], ["address"]]), "who": Need([["name"]])})
    assert asked(other, {"location": GONE, "name": GONE, "sex": given()}) == ["address"]


def test_an_item_is_required_of_policy_only_when_nothing_else_would_do() -> None:
    item = service(
        FACTS,
        {
            "who": Need([["name"]], then="refusal"),
            "residence": Need([["home"], ["address"]], then="refusal"),
            "address": Need([["address"]], then="refusal"),
        },
    )
    assert {one.field for one in indispensable(item)} == {"name", "sex"}
    assert [(one.item.field, one.required) for one in next_round(item, Known({}, NOW_MS))] == [
        ("name", True),
        ("sex", True),
        ("location", False),
        ("address", False),
    ]
    assert not indispensable(service(FACTS, NEEDS))
    assert not indispensable(service(FACTS, {"who": Need([["name"]], "deferrable", "refusal")}))


def test_a_field_is_asked_for_once_in_a_round_and_not_again_where_the_answer_does() -> None:
    facts = {"day": Fact(["birth_date"]), "year": Fact(["birth_date=year"])}
    item = service(facts, {"day": Need([["day"]]), "year": Need([["year"]])})
    day, year = item.evidence["day"].items[0], item.evidence["year"].items[0]
    assert next_round(item, Known({}, NOW_MS)) == (Wanted(day, required=False),)
    assert next_round(item, Known({day: given(text="1990-01-01")}, NOW_MS)) == ()
    assert next_round(item, Known({day: GONE}, NOW_MS)) == (Wanted(year, required=False),)
