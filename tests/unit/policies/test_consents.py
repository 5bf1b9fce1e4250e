"""A consent's text, what it permits, and how it stands: strict, immutable, failing closed."""

import json
from contextlib import suppress
from dataclasses import replace
from hashlib import sha256
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import canonical
from policies.agreements import BadAgreement, parse_agreement
from policies.consent_words import DAY_MS, Fetch, Frequency, Locale, Mode, Proof, Unit
from policies.consents import (
    FINAL,
    Act,
    BadConsent,
    Consent,
    ConsentPart,
    Delegate,
    NotPossible,
    Status,
    after,
    exceeds,
    notice_of,
    notice_text,
    parse_consent,
    standing,
    write_consent,
)
from policies.consents.lifecycle import ANSWER_MS, reason_of
from policies.reasons import Reason
from policies.vocabulary import Form
from tests.support.policy_cases import AGREEMENT_TEXT, NOW_MS

TERMS = """
[consent]
notice_zh = "同意"
notice_en = "Agreed"
mode = "store"
fetch = "periodic"
frequency = { unit = "day", value = 1, repeats = 3 }
max_days = 30
data_life_days = 10
relations = ["guardian"]
"""
HEAD, ITEMS = AGREEMENT_TEXT.replace('"explicit_request"', '"consent"').split("[[items]]", 1)
AGREEMENT = parse_agreement((HEAD + "[[items]]" + ITEMS + TERMS).encode())


def consent(**changes: Any) -> Consent:
    """A consent under the agreement, with some of its members exchanged."""
    drawn = Consent(
        id=bytes(16),
        domain="oncegate.test",
        scheme="cn.resident-id",
        commitment=b"c" * 32,
        delegate=None,
        consumer="education",
        systems=frozenset({"enrolment"}),
        purpose="school_enrolment",
        purpose_text="义务教育入学登记",
        mode=Mode.STORE,
        fetch=Fetch.PERIODIC,
        frequency=Frequency(Unit.DAY, 1, 3),
        range_from_ms=0,
        range_until_ms=0,
        data_life_days=10,
        valid_from_ms=NOW_MS,
        valid_until_ms=NOW_MS + 30 * DAY_MS,
        notice=notice_of([AGREEMENT], Locale.ZH),
        locale=Locale.ZH,
        parts=(
            ConsentPart(
                "civil",
                "civil.resident",
                AGREEMENT.id,
                AGREEMENT.revision,
                AGREEMENT.digest,
                {"name": frozenset({Form.MASKED, Form.VALUE})},
            ),
        ),
        supersedes=b"",
        created_ms=NOW_MS,
        digest=b"",
        raw=b"",
    )
    return parse_consent(write_consent(replace(drawn, **changes)))


ASKED: dict[str, Any] = {
    "consumer": "education",
    "system": "enrolment",
    "purpose": "school_enrolment",
    "resource": "civil.resident",
    "field": "name",
    "form": Form.VALUE,
    "agreement_digest": AGREEMENT.digest,
    "now_ms": NOW_MS,
}


def test_what_is_written_is_read_and_its_digest_is_over_those_bytes() -> None:
    read = consent(delegate=Delegate("guardian", b"d" * 32), supersedes=b"s" * 32)
    assert read.digest == sha256(read.raw).digest()
    assert write_consent(read) == read.raw == canonical.write(json.loads(read.raw))
    assert read.delegate == Delegate("guardian", b"d" * 32)
    assert read.supersedes == b"s" * 32


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"consumer": "tourism"}, Reason.CONSENT_WRONG_CONSUMER),
        ({"system": "archive"}, Reason.CONSENT_WRONG_CONSUMER),
        ({"purpose": "tax_assessment"}, Reason.CONSENT_WRONG_PURPOSE),
        ({"purpose": ""}, Reason.CONSENT_WRONG_PURPOSE),
        ({"now_ms": NOW_MS - 1}, Reason.CONSENT_NOT_STARTED),
        ({"now_ms": NOW_MS + 30 * DAY_MS}, Reason.CONSENT_EXPIRED),
        ({"now_ms": NOW_MS + 30 * DAY_MS - 1}, None),
        ({"resource": "civil.birth"}, Reason.CONSENT_NOT_COVERED),
        ({"agreement_digest": b"x" * 32}, Reason.CONSENT_WRONG_AGREEMENT),
        ({"field": "birth_date"}, Reason.CONSENT_NOT_COVERED),
        ({"form": Form.EXISTS}, Reason.CONSENT_NOT_COVERED),
        ({"form": Form.MASKED}, None),
    ],
)
def test_each_condition_that_does_not_hold_has_its_own_reason(change: dict[str, Any], reason: Reason | None) -> None:
    assert consent().permits(**{**ASKED, **change}) is reason


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("format", "oncegate.consent/2"),
        ("id", "0" * 31),
        ("domain", "No Domain"),
        ("subject", {"scheme": "cn.resident-id", "commitment": "AA"}),
        ("subject", {"scheme": "cn.resident-id"}),
        ("delegate", {"relation": "Guardian", "commitment": "A" * 43}),
        ("consumer", ""),
        ("systems", []),
        ("systems", ["b", "a"]),
        ("systems", ["a", "a"]),
        ("purpose", {"code": "Unknown", "text": "x"}),
        ("purpose", {"code": "school_enrolment", "text": "x\n"}),
        ("mode", "keep"),
        ("fetch", "once"),
        ("fetch", "always"),
        ("frequency", None),
        ("frequency", {"unit": "day", "value": 1, "repeats": 0}),
        ("frequency", {"unit": "second", "value": 1, "repeats": 1}),
        ("data_range", {"from_ms": 2, "until_ms": 1}),
        ("data_life_days", -1),
        ("data_life_days", True),
        ("valid", {"from_ms": 5, "until_ms": 5}),
        ("valid", {"from_ms": 0, "until_ms": 4 * 366 * DAY_MS}),
        ("notice", {"sha256": "A", "locale": "zh-CN"}),
        ("notice", {"sha256": "A" * 43, "locale": "fr"}),
        ("parts", []),
        ("parts", "x"),
        ("parts", [1]),
        ("supersedes", "AA"),
        ("created_ms", "1"),
        ("extra", 1),
    ],
)
def test_a_text_that_breaks_a_rule_is_refused_and_the_value_is_not_repeated(member: str, value: Any) -> None:
    document = json.loads(consent().raw)
    document[member] = value
    with pytest.raises(BadConsent) as caught:
        parse_consent(canonical.write(document))
    assert "unknown" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("provider",), "Civil"),
        (("agreement", "revision"), 0),
        (("agreement", "sha256"), "AA"),
        (("items",), {}),
        (("items",), {"Name": ["value"]}),
        (("items",), {"name": []}),
        (("items",), {"name": ["value", "masked"]}),
        (("items",), {"name": ["whole"]}),
    ],
)
def test_a_part_that_breaks_a_rule_is_refused(path: tuple[str, ...], value: Any) -> None:
    document = json.loads(consent().raw)
    place = document["parts"][0]
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(BadConsent):
        parse_consent(canonical.write(document))


def test_two_parts_about_one_resource_are_refused() -> None:
    document = json.loads(consent().raw)
    document["parts"] *= 2
    with pytest.raises(BadConsent, match="repeat"):
        parse_consent(canonical.write(document))


@given(st.binary(max_size=400))
def test_bytes_that_are_no_consent_are_refused_and_nothing_else(raw: bytes) -> None:
    with pytest.raises(BadConsent):
        parse_consent(raw)


def test_another_spelling_of_the_same_text_is_refused() -> None:
    raw = consent().raw
    for other in (raw + b" ", raw.replace(b":", b": ", 1), json.dumps(json.loads(raw)).encode()):
        with pytest.raises(BadConsent):
            parse_consent(other)
    with pytest.raises(BadConsent, match="at most"):
        parse_consent(b" " * 20_000)


def test_every_act_that_is_not_listed_is_not_possible_and_what_is_final_stays() -> None:
    possible = set()
    for status, act in product(Status, Act):
        with suppress(NotPossible):
            after(status, act)
            possible.add(status)
    assert possible == {Status.REQUESTED, Status.GRANTED, Status.PAUSED} == set(Status) - FINAL
    assert after(Status.PAUSED, Act.RESUME) is Status.GRANTED
    with pytest.raises(NotPossible) as caught:
        after(Status.REVOKED, Act.RESUME)
    assert caught.value.status is Status.REVOKED


def test_time_ends_what_is_open_and_nothing_else() -> None:
    times = {"created_ms": 0, "valid_until_ms": 10 * ANSWER_MS}
    assert standing(Status.REQUESTED, now_ms=ANSWER_MS - 1, **times) is Status.REQUESTED
    assert standing(Status.REQUESTED, now_ms=ANSWER_MS, **times) is Status.EXPIRED
    assert standing(Status.GRANTED, now_ms=ANSWER_MS, **times) is Status.GRANTED
    assert standing(Status.PAUSED, now_ms=10 * ANSWER_MS, **times) is Status.EXPIRED
    assert standing(Status.REVOKED, now_ms=10 * ANSWER_MS, **times) is Status.REVOKED


def test_only_what_is_granted_has_no_reason_against_it() -> None:
    assert [status for status in Status if reason_of(status) is None] == [Status.GRANTED]


def test_the_use_counter_follows_the_frequency_from_the_first_moment_on() -> None:
    one = consent(frequency=Frequency(Unit.WEEK, 2, 5))
    assert one.limit(NOW_MS - 5) == (0, 5)
    assert one.limit(NOW_MS + 14 * DAY_MS - 1) == (0, 5)
    assert one.limit(NOW_MS + 14 * DAY_MS) == (1, 5)
    assert one.stretch_began_ms(NOW_MS + 15 * DAY_MS) == NOW_MS + 14 * DAY_MS
    once = consent(fetch=Fetch.ONCE, frequency=None)
    assert once.limit(NOW_MS + 20 * DAY_MS) == (0, 1)
    assert once.stretch_began_ms(NOW_MS + 20 * DAY_MS) == NOW_MS


def test_a_data_range_lets_nothing_of_unknown_age_through() -> None:
    assert consent().covers_time(0)
    ranged = consent(range_from_ms=10, range_until_ms=20)
    assert [ranged.covers_time(at) for at in (0, 9, 10, 19, 20)] == [False, False, True, True, False]
    assert [consent(range_from_ms=10).covers_time(at) for at in (0, 9, 10**12)] == [False, False, True]
    assert [consent(range_until_ms=20).covers_time(at) for at in (0, 19, 20)] == [False, True, False]


@pytest.mark.parametrize(
    ("change", "member"),
    [
        ({}, ""),
        ({"fetch": Fetch.ONCE, "frequency": None}, ""),
        ({"frequency": Frequency(Unit.DAY, 1, 4)}, "frequency"),
        ({"frequency": Frequency(Unit.HOUR, 1, 3)}, "frequency"),
        ({"frequency": Frequency(Unit.DAY, 2, 3)}, ""),
        ({"data_life_days": 11}, "data_life_days"),
        ({"valid_until_ms": NOW_MS + 30 * DAY_MS + 1}, "valid"),
        ({"mode": Mode.VIEW}, "mode"),
        ({"systems": frozenset({"enrolment", "other"})}, "systems"),
        ({"consumer": "tourism"}, "consumer"),
        ({"purpose": "tax_assessment"}, "purpose"),
        ({"delegate": Delegate("guardian", b"d" * 32)}, ""),
        ({"delegate": Delegate("friend", b"d" * 32)}, "delegate"),
    ],
)
def test_a_consent_that_goes_beyond_its_agreement_is_told_by_its_member(change: dict[str, Any], member: str) -> None:
    assert exceeds(consent(**change), AGREEMENT) == member


def test_a_consent_to_a_form_that_the_agreement_lacks_or_of_another_revision_goes_too_far() -> None:
    part = consent().parts[0]
    for changed in (
        replace(part, items={"name": frozenset({Form.EXISTS})}),
        replace(part, agreement_digest=b"x" * 32),
        replace(part, provider="housing"),
        replace(part, resource="civil.birth"),
    ):
        assert exceeds(consent(parts=(changed,)), AGREEMENT) == "parts"


def test_the_notice_is_the_agreements_text_and_repeats_nothing() -> None:
    assert notice_text([AGREEMENT, AGREEMENT], Locale.EN) == "Agreed"
    assert notice_of([AGREEMENT], Locale.ZH) == sha256("同意".encode()).digest()
    with pytest.raises(ValueError, match="terms"):
        notice_text([replace(AGREEMENT, consent=None)], Locale.ZH)


@pytest.mark.parametrize("notice", ["\\u202e", "a\\u200bb", "a\\u001b[8m", "\\u3164", "\\n", "a\\u2028b"])
@pytest.mark.parametrize("old", ['notice_zh = "同意"', 'notice_en = "Agreed"'])
def test_a_notice_in_which_something_is_hidden_is_refused(old: str, notice: str) -> None:
    text = HEAD + "[[items]]" + ITEMS + TERMS
    hidden = text.replace(old, f'{old.partition(" ")[0]} = "{notice}"')
    with pytest.raises(BadAgreement) as refused:
        parse_agreement(hidden.encode())
    assert refused.value.key == f"consent.{old.partition(' ')[0]}"
    lines = text.replace(old, f'{old.partition(" ")[0]} = "第一段　如下\\nSecond"')
    assert parse_agreement(lines.encode()).consent is not None


def test_terms_of_consent_ask_for_the_persons_own_word_unless_they_say_otherwise() -> None:
    assert AGREEMENT.consent is not None
    assert AGREEMENT.consent.proof is Proof.REQUIRED
    softer = parse_agreement((HEAD + "[[items]]" + ITEMS + TERMS + 'proof = "gateway"\n').encode())
    assert softer.consent is not None
    assert softer.consent.proof is Proof.GATEWAY


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        (TERMS, "", "consent"),
        ('notice_zh = "同意"', 'notice_zh = " "', "consent.notice_zh"),
        ('notice_en = "Agreed"\n', "", "consent.notice_en"),
        ('mode = "store"', 'mode = "keep"', "consent.mode"),
        ("frequency = { unit", "rhythm = { unit", "consent.rhythm"),
        ('frequency = { unit = "day", value = 1, repeats = 3 }\n', "", "consent.frequency"),
        ("repeats = 3", "repeats = 0", "consent.frequency.repeats"),
        ('fetch = "periodic"', 'fetch = "once"', "consent.frequency"),
        ("max_days = 30", "max_days = 5000", "consent.max_days"),
        ("data_life_days = 10", "data_life_days = 0", "consent.data_life_days"),
        ('relations = ["guardian"]', 'relations = ["Guardian"]', "consent.relations"),
        ("max_days", 'proof = "none"\nmax_days', "consent.proof"),
    ],
)
def test_terms_that_break_a_rule_are_refused_with_line_and_key(old: str, new: str, key: str) -> None:
    text = HEAD + "[[items]]" + ITEMS + TERMS
    assert old in text
    with pytest.raises(BadAgreement) as caught:
        parse_agreement(text.replace(old, new).encode())
    assert caught.value.key == key


def test_terms_of_consent_on_another_basis_are_refused() -> None:
    with pytest.raises(BadAgreement) as caught:
        parse_agreement((AGREEMENT_TEXT + TERMS).encode())
    assert caught.value.key == "consent"
