"""Rules about one person's reads by one official, each with honest work that looks like it."""

import pytest

from gateway.detection.reads import Finding
from gateway.detection.relations import Pair, Relation
from gateway.detection.rules import Rule, Severity
from tests.unit.detection.streams import FIRST, HOUR_MS, Known, Office, alerts, engine, person

TODAY = FIRST + 14
CLIENT = 10**12


@pytest.fixture
def office() -> Office:
    return Office().weeks(3)


def related(*relations: Relation, official: str = "official-2") -> Known:
    known = Known()
    known.answers[Pair(official, person(CLIENT))] = frozenset(relations)
    return known


@pytest.mark.parametrize(
    ("relations", "detail"),
    [
        ([Relation.COLLEAGUE], "colleague"),
        ([Relation.FAMILY, Relation.SAME_ADDRESS], "family"),
        ([Relation.SAME_ADDRESS, Relation.SAME_SURNAME], "household"),
    ],
)
def test_a_relative_or_colleague_read_without_a_case_alerts_and_one_who_has_a_case_does_not(
    office: Office, relations: list[Relation], detail: str
) -> None:
    known = related(*relations)
    office.read(TODAY, "official-2", CLIENT)
    assert alerts(office, known=known) == []
    office.read(TODAY + 1, "official-2", CLIENT, case="")
    office.read(TODAY + 2, "official-2", CLIENT, case="")
    found = alerts(office, known=known)
    assert [alert.who.official for alert in found] == ["official-2"]
    assert next(one.detail for one in found[0].pieces if one.rule is Rule.RELATION) == detail


@pytest.mark.parametrize("relations", [[Relation.SAME_ADDRESS], [Relation.SAME_SURNAME], []])
def test_a_neighbour_or_somebody_of_the_same_name_read_without_a_case_is_no_alert(
    office: Office, relations: list[Relation]
) -> None:
    office.read(TODAY, "official-2", CLIENT, case="")
    assert alerts(office, known=related(*relations)) == []


def test_a_relation_is_wanted_only_once_something_else_speaks_for_misuse(office: Office) -> None:
    office.read(TODAY, "official-2", CLIENT)
    office.read(TODAY + 1, "official-3", CLIENT, case="")
    looking = engine()
    for read in office.logged():
        looking.feed(read)
    (wanted,) = looking.take().wanted
    assert wanted.pair == Pair("official-3", person(CLIENT))
    assert wanted.suspicion == 45


def test_an_answer_that_comes_later_counts_at_the_next_hour(office: Office) -> None:
    office.read(TODAY, "official-2", CLIENT, case="")
    known = Known()
    looking = engine(known=known)
    for read in office.logged():
        if read.time_ms > office.reads[-1].time_ms + 5 * HOUR_MS:
            known.answers = related(Relation.FAMILY).answers
        looking.feed(read)
    (alert,) = looking.take().alerts
    assert set(alert.rules) == {Rule.RELATION, Rule.NO_CASE}


def test_somebody_on_the_list_alerts_only_together_with_something_else(office: Office) -> None:
    def listed(about: bytes) -> str:
        return "watched" if about == person(CLIENT) else ""

    office.read(TODAY, "official-1", CLIENT)
    assert alerts(office, listed) == []
    office.read(TODAY + 1, "official-2", CLIENT, case="", hour=20)
    (alert,) = alerts(office, listed)
    assert alert.who.official == "official-2"
    assert {Rule.WATCHED, Rule.NO_CASE} <= set(alert.rules)


def test_many_who_look_somebody_on_the_list_up_in_days_alert_and_many_who_work_on_one_case_do_not() -> None:
    def listed(about: bytes) -> str:
        return "watched" if about == person(CLIENT) else ""

    together = Office().weeks(3)
    for one in range(6):
        together.read(TODAY + one % 2, f"official-{one}", CLIENT, case="BIG-CASE")
    assert alerts(together, listed) == []
    headline = Office().weeks(3)
    for one in range(6):
        headline.read(TODAY + one % 2, f"official-{one}", CLIENT, **({"case": ""} if one % 2 else {}))
    found = alerts(headline, listed)
    assert {alert.who.official for alert in found} == {"official-1", "official-3", "official-5"}


def test_anybody_who_does_not_exist_alerts_at_once_also_when_refused(office: Office) -> None:
    def listed(about: bytes) -> str:
        return "honeytoken" if about == person(CLIENT) else ""

    office.read(TODAY, "official-1", CLIENT, outcome="refused", reason="NOT_IN_AGREEMENT")
    (alert,) = alerts(office, listed)
    assert alert.rules == [Rule.HONEYTOKEN]
    assert alert.severity is Severity.CRITICAL
    assert alert.entries == [alert.raised_at]


def test_a_former_spouse_looked_up_for_weeks_under_changing_cases_alerts(office: Office) -> None:
    for day in (0, 3, 7, 10):
        office.read(FIRST + 7 + day, "official-2", CLIENT)
    (alert,) = alerts(office, known=related(Relation.FAMILY))
    repeated = next(one for one in alert.pieces if one.rule is Rule.REPEATED)
    assert repeated.observed == 4
    assert len(repeated.entries) == 4
    assert repeated.threshold == 3


def test_a_long_case_with_one_number_and_a_system_where_repeating_is_usual_do_not_alert() -> None:
    long = Office().weeks(3)
    for day in (0, 3, 7, 10, 11):
        long.read(FIRST + 3 + day, "official-2", CLIENT, case="LONG")
    assert alerts(long, known=related(Relation.FAMILY)) == []
    clinic = Office().weeks(5)
    for patient in range(61):
        first = FIRST + 3 if patient < 60 else FIRST + 20
        for day in (0, 4, 7, 8, 11):
            clinic.read(first + day, f"official-{patient % 12}", CLIENT + patient, hour=9 + patient / 10)
    found = alerts(clinic, alert_points=10)
    pieces = {one.person: one for alert in found for one in alert.pieces if one.rule is Rule.REPEATED}
    usual, first = pieces[person(CLIENT + 60)], pieces[person(CLIENT)]
    assert usual.observed == first.observed
    assert usual.points * 2 <= first.points
    assert usual.peers > 0


def test_emergencies_that_nobody_reviews_alert_and_a_late_finding_takes_the_suspicion_back(office: Office) -> None:
    def emergency(read: object) -> bool:
        return bool(getattr(read, "emergency", ""))

    for n in range(2):
        office.read(TODAY + n, "official-1", CLIENT + n, emergency="life_saving_care")
    late = (emergency, 24 * HOUR_MS, Finding.OVERDUE)
    (alert,) = alerts(office, reviews=[late])
    assert alert.rules == [Rule.EMERGENCY]
    assert alerts(office, reviews=[(emergency, HOUR_MS, Finding.JUSTIFIED)]) == []
    soon = (emergency, 24 * HOUR_MS - 1, Finding.OVERDUE)
    assert alerts(office, reviews=[soon, (emergency, 24 * HOUR_MS - 1, Finding.JUSTIFIED)]) == []


def test_one_emergency_that_was_not_justified_alerts_by_itself(office: Office) -> None:
    office.read(TODAY, "official-1", CLIENT, emergency="life_saving_care")
    (alert,) = alerts(office, reviews=[(lambda read: bool(read.emergency), HOUR_MS, Finding.NOT_JUSTIFIED)])
    assert alert.severity is Severity.CRITICAL


def test_one_misuse_is_one_alert_that_grows(office: Office) -> None:
    known = related(Relation.FAMILY)
    for day in (0, 1, 2, 3):
        office.read(TODAY + day, "official-2", CLIENT, case="", hour=20)
    (alert,) = alerts(office, known=known)
    no_case = next(one for one in alert.pieces if one.rule is Rule.NO_CASE)
    assert no_case.count == 4
    assert alert.raised_at < alert.grown_at
