"""Rules about an official's work as a whole, each with work that only looks like misuse."""

import pytest

from gateway.detection.rules import Rule, Severity
from tests.unit.detection.streams import FIRST, Office, alerts, rules

TODAY = FIRST + 14
"""A Monday after two ordinary weeks."""


@pytest.fixture
def office() -> Office:
    return Office().weeks(3)


def test_very_many_people_in_a_day_alert_before_the_day_is_over_and_name_both_baselines(office: Office) -> None:
    for n in range(300):
        office.read(TODAY, "official-3", 10**6 + n, hour=10 + n / 100)
    (alert,) = alerts(office)
    assert alert.who.official == "official-3"
    bulk = next(one for one in alert.pieces if one.rule is Rule.BULK)
    assert bulk.points >= 100
    assert bulk.observed >= 100
    assert 20 <= bulk.own <= 26
    assert bulk.own_days == 10
    assert 20 <= bulk.peers <= 26
    assert bulk.peers_days == 120
    # Twice what is usual, and a little more, for the day was a little busier for all.
    assert 46 <= bulk.threshold <= 52
    assert bulk.first < bulk.last


def test_a_day_that_is_busy_for_everybody_alerts_about_nobody() -> None:
    office = Office().weeks(2)
    for one in range(12):
        office.ordinary(TODAY, f"official-{one}", 70)
    office.ordinary(TODAY + 1, "official-1", 20)
    assert alerts(office) == []


def test_who_is_new_is_measured_by_the_peers(office: Office) -> None:
    for day in range(5):
        office.ordinary(TODAY + day, "newcomer", 22)
    assert alerts(office) == []
    for n in range(300):
        office.read(TODAY + 4, "newcomer", 10**6 + n, hour=10 + n / 100)
    assert [alert.who.official for alert in alerts(office)] == ["newcomer"]


def test_more_people_for_weeks_alert_together_with_missing_cases_and_not_by_themselves() -> None:
    def with_extra(**changes: object) -> Office:
        office = Office().weeks(4)
        for day in range(14, 26):
            if day % 7 < 5:
                for n in range(18):
                    office.read(FIRST + day, "official-2", 10**7 + 100 * day + n, hour=9 + n / 4, **changes)
        return office

    assert alerts(with_extra()) == []
    (alert,) = alerts(with_extra(case=""))
    assert {Rule.SUSTAINED, Rule.NO_CASE} <= set(alert.rules)
    kept = next(one for one in alert.pieces if one.rule is Rule.SUSTAINED)
    assert kept.observed > 1.6 * kept.own


def test_a_borrowed_case_for_many_people_is_noticed_also_over_days_and_a_familys_is_not(office: Office) -> None:
    for n in range(5):
        office.read(TODAY, "official-1", 10**6 + n, case="FAMILY")
    for n in range(60):
        office.read(TODAY + n % 5, "official-4", 10**7 + n, hour=9 + n / 10, case="BORROWED", purpose="benefit_claim")
    found = alerts(office, alert_points=60)
    assert [alert.who.official for alert in found] == ["official-4"]
    shared = next(one for one in found[0].pieces if one.rule is Rule.SHARED_CASE)
    assert shared.observed > 12


def test_a_credential_used_at_night_alerts_and_an_evening_with_cases_does_not(office: Office) -> None:
    for n in range(30):
        office.read(TODAY, "official-5", 10**6 + n, hour=19 + n / 30)
    assert alerts(office) == []
    for n in range(40):
        office.read(TODAY, "official-6", 10**7 + n, hour=3 + n / 400, case="")
    (alert,) = alerts(office)
    assert alert.who.official == "official-6"
    assert {Rule.OFF_HOURS, Rule.NO_CASE} <= set(alert.rules)


def test_a_night_in_which_many_work_makes_nobody_suspicious(office: Office) -> None:
    for one in range(8):
        for n in range(20):
            office.read(TODAY, f"official-{one}", 10**6 + 100 * one + n, hour=21 + n / 20)
    assert alerts(office, alert_points=45) == []


def test_a_long_night_alone_alerts_by_itself_and_a_late_evening_does_not(office: Office) -> None:
    for n in range(40):
        office.read(TODAY, "official-1", 10**6 + n % 9, hour=2 + n / 60)
        office.read(TODAY, "official-2", 10**6 + 100 + n % 9, hour=21 + n / 60)
    (alert,) = alerts(office, alert_points=100)
    assert (alert.who.official, set(alert.rules)) == ("official-1", {Rule.OFF_HOURS})


def test_night_shifts_are_the_baseline_of_a_system_that_has_them() -> None:
    office = Office()
    for day in range(21):
        for one in range(10):
            for n in range(12):
                office.read(FIRST + day, f"nurse-{one}", hash((day, one, n)) % 10**9, hour=(one % 3) * 8 + n / 2)
    for n in range(30):
        office.read(FIRST + 15, "nurse-0", 10**10 + n, hour=3 + n / 60)
    assert Rule.OFF_HOURS not in rules(alerts(office, alert_points=20))


def test_weekends_and_holidays_are_off_hours_and_a_weekend_that_is_worked_is_not() -> None:
    from datetime import date, timedelta

    from policies.agreements.due import Calendar

    office = Office().weeks(3)
    saturday = FIRST + 12
    for n in range(20):
        office.read(saturday, "official-5", 10**6 + n, hour=10 + n / 60)
    found = alerts(office, alert_points=50)
    assert rules(found) == {Rule.OFF_HOURS}
    worked = Calendar(workdays=frozenset({date(1970, 1, 1) + timedelta(saturday)}))
    assert alerts(office, alert_points=50, calendar=worked) == []


def test_trying_out_what_is_possible_alerts_and_a_stubborn_program_or_an_outage_does_not(office: Office) -> None:
    refused = {"outcome": "refused"}
    for n in range(40):
        office.read(TODAY, "official-1", 10**6, hour=10 + n / 60, reason="CONSENT_EXPIRED", **refused)
    office.read(TODAY, "official-1", -1, reason="BAD_IDENTIFIER", **refused)
    for one in range(12):
        for n in range(12):
            about, asks = 10**6 + 20 * one + n, "abc"[n % 3]
            office.read(
                TODAY + 1, f"official-{one}", about, hour=10 + n / 9, reason="AGREEMENT_EXPIRED", asks=asks, **refused
            )
    assert alerts(office) == []
    reasons = ("NOT_IN_AGREEMENT", "PURPOSE_NOT_COVERED", "NO_AGREEMENT")
    for n in range(30):
        reason, asks = reasons[n % 3], ["debts", "health", "photo"][n % 2]
        office.read(TODAY + 2, "official-9", 10**7 + n, hour=10 + n / 60, reason=reason, asks=asks, **refused)
    (alert,) = alerts(office)
    assert alert.who.official == "official-9"
    assert alert.rules[0] is Rule.REFUSALS


def test_a_purpose_new_to_the_system_counts_once_the_system_is_known_and_a_campaign_of_all_does_not(
    office: Office,
) -> None:
    for n in range(40):
        office.read(TODAY + n % 3, "official-8", 10**6 + n, hour=9 + n / 10, purpose="debt_recovery", case="PROJECT")
    (alert,) = alerts(office)
    assert {Rule.NEW_PURPOSE, Rule.SHARED_CASE} <= set(alert.rules)
    campaign = Office().weeks(3)
    for one in range(12):
        for n in range(20):
            campaign.read(TODAY, f"official-{one}", 10**6 + 100 * one + n, hour=9 + n / 4, purpose="winter_aid")
    assert alerts(campaign) == []
    early = Office().weeks(3)
    for n in range(40):
        early.read(FIRST + 2, "official-8", 10**6 + n, hour=9 + n / 10, purpose="debt_recovery")
    assert Rule.NEW_PURPOSE not in rules(alerts(early, alert_points=30))


def test_a_script_is_faster_than_people_are(office: Office) -> None:
    for n in range(80):
        office.read(TODAY, "official-7", 10**6 + n, hour=11 + n / 3600, case="")
    (alert,) = alerts(office)
    fast = next(one for one in alert.pieces if one.rule is Rule.FAST)
    assert fast.observed > 12
    assert fast.threshold >= 12


def test_settings_decide_what_is_an_alert(office: Office) -> None:
    for n in range(300):
        office.read(TODAY, "official-3", 10**6 + n, hour=10 + n / 100)
    assert alerts(office, weights={"bulk": 0, "fast": 0, "sustained": 0}) == []
    assert alerts(office, bulk_factor=5000, fast_factor=5000) == []
    (alert,) = alerts(office, alert_points=1000, weights={"bulk": 1000})
    assert alert.severity is Severity.HIGH
