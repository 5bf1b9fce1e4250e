"""What an alert says: every rule in Chinese and English, the page about them, and the settings behind them."""

import re
from dataclasses import fields

import pytest

from gateway.detection.actors import Who
from gateway.detection.alert_text import explain, piece_of, read_alert, title, write_alert
from gateway.detection.alerts import Alert, new_alert
from gateway.detection.rules import KEPT_ENTRIES, Evidence, Rule, Severity, evidence
from gateway.detection.thresholds import Thresholds
from gateway.detection_settings import DetectionSettings
from gateway.settings import Settings
from tests.unit.docs.pages import read, table

PAGE = read("docs/detection.md")
DETAILS = {Rule.RELATION: "family", Rule.EMERGENCY: "overdue", Rule.NEW_PURPOSE: "debt_recovery", Rule.REFUSALS: "4"}


def piece(rule: Rule, points: int = 50, about: bytes = b"", **numbers: int | str | bytes) -> Evidence:
    said: dict[str, int | str | bytes] = {"observed": 61, "own": 23, "own_days": 9, "peers": 27, "peers_days": 140}
    more = {"threshold": 54, "person": about, "detail": DETAILS.get(rule, "")}
    return evidence(rule, points, 20_500, [4, 9, 12], **{**said, **more, **numbers})


@pytest.mark.parametrize("about", [b"", b"p" * 16])
@pytest.mark.parametrize("rule", Rule)
def test_every_rule_is_explained_in_both_languages_with_what_was_seen_and_which_entries(
    rule: Rule, about: bytes
) -> None:
    zh, en = explain(piece(rule, about=about))
    assert re.search(r"[一-鿿]{4}", zh)
    assert not re.search(r"[一-鿿]", en)
    assert "第4至12条" in zh
    assert "entries 4 to 12" in en
    if rule is not Rule.RELATION:
        assert "61" in zh
        assert "61" in en
    assert all(title(rule))


def test_baselines_and_the_threshold_are_named_or_that_there_is_none() -> None:
    zh, en = explain(piece(Rule.BULK))
    assert all(number in zh and number in en for number in ("61", "23", "9", "27", "140", "54"))
    assert "no baseline yet" in explain(piece(Rule.BULK, own=-1, peers=-1))[1]


def test_an_alert_is_read_as_it_was_written() -> None:
    alert = new_alert(Who("welfare", "spiffe://x/system/y", "a" * 64), 20_500, 12, 1_700_000_000_000)
    assert alert.grow([piece(Rule.BULK), piece(Rule.NO_CASE, about=b"p" * 16)], 1_700_000_000_001)
    again = read_alert(alert.id, write_alert(alert))
    assert again == alert
    assert write_alert(again) == write_alert(alert)
    assert [piece_of(one) for one in again.pieces] == [piece_of(one) for one in alert.pieces]


def test_points_about_one_person_add_up_and_those_about_several_do_not() -> None:
    alert: Alert = new_alert(Who("d", "s", "o"), 1, 1, 1)
    alert.grow([piece(Rule.NO_CASE, 45, b"p" * 16), piece(Rule.WATCHED, 50, b"p" * 16)], 1)
    assert alert.points == 95
    alert.grow([piece(Rule.OFF_HOURS, 30, b"q" * 16)], 1)
    assert alert.points == 95
    assert alert.severity is Severity.MEDIUM
    alert.grow([piece(Rule.REPEATED, 65, b"p" * 16)], 1)
    assert (alert.points, alert.severity) == (160, Severity.HIGH)


def test_the_same_again_does_not_make_an_alert_grow_and_many_pieces_keep_the_strongest() -> None:
    alert = new_alert(Who("d", "s", "o"), 1, 1, 1)
    assert alert.grow([piece(Rule.BULK)], 1)
    assert not alert.grow([piece(Rule.BULK)], 2)
    assert alert.grown_ms == 1
    many = [piece(Rule.NO_CASE, 45 + number % 3, bytes([number]) * 16) for number in range(80)]
    assert alert.grow(many, 3)
    assert len(alert.pieces) <= 40
    assert alert.pieces[0].rule is Rule.BULK


def test_of_many_entries_some_are_named_and_all_are_counted() -> None:
    made = evidence(Rule.NO_CASE, 45, 1, list(range(1000, 1200)))
    assert (made.first, made.last, made.count, len(made.entries)) == (1000, 1199, 200, KEPT_ENTRIES)


def test_the_page_has_every_rule_and_every_threshold() -> None:
    rows = [row for row in table(PAGE, "rule | points") if row[0]]
    assert [row[0] for row in rows] == [str(rule) for rule in Rule]
    named = {field.name for field in fields(Thresholds)} - {"calendar"}
    assert not {name for name in named if name not in PAGE}


def test_settings_and_thresholds_have_the_same_names_and_defaults() -> None:
    thresholds, settings = Thresholds(), DetectionSettings()
    chosen = settings.model_dump()
    for field in fields(Thresholds):
        if field.name == "weights":
            assert dict(thresholds.weights) == chosen[field.name]
        elif field.name != "calendar":
            assert getattr(thresholds, field.name) == chosen[field.name], field.name


@pytest.mark.parametrize("weights", [{"curiosity": 50}, {"bulk": -1}, {"bulk": 5000}])
def test_a_weight_for_no_rule_or_out_of_range_is_refused(weights: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="weights"):
        DetectionSettings(weights=weights)


def test_every_rule_can_be_weighed(tmp_path: object) -> None:
    settings = Settings(home=tmp_path, detection={"weights": {str(rule): 50 for rule in Rule}})  # type: ignore[arg-type]
    assert len(settings.detection.weights) == len(Rule)
