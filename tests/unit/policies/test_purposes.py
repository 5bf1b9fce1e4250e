"""Purposes and legal bases: names, bases, law and retirement; further ones from a file; what is malformed is refused."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from policies.agreements.toml_text import MAX_BYTES
from policies.purposes import BASES, PURPOSES, BadPurposes, Purposes, Status, extended_by, parse_purposes
from policies.purposes.grounds import RULES, ungrounded
from policies.purposes.listing import basis_rows, listing, rows
from policies.purposes.parse import MAX_TEXT
from policies.reasons import Reason
from policies.vocabulary import PURPOSE_PATTERN, LegalBasis
from tests.support.policy_cases import NOW_MS, agreement
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, TEXT, VOCABULARY

HEAD = 'format = "oncegate.purposes/1"\n'
KEYS = {
    "zh": '"老年人补贴"',
    "en": '"Subsidy for the elderly"',
    "bases": '["mandate"]',
    "law_zh": '"《中华人民共和国老年人权益保障法》"',
    "law_en": '"Law on the Rights of the Elderly"',
}


def table(code: str = "elderly", **changes: str) -> str:
    """A table of a purpose; an empty change leaves the key out."""
    lines = [f"{key} = {value}" for key, value in (KEYS | changes).items() if value]
    return "\n".join([f"[{code}]", *lines, ""])


def refused(text: str | bytes, registered: Purposes | None = PURPOSES) -> tuple[int | None, str, str]:
    with pytest.raises(BadPurposes) as caught:
        parse_purposes(text if isinstance(text, bytes) else text.encode(), registered)
    error = caught.value
    assert error.rule in str(error)
    return error.line, error.key, error.rule


def at(*moment: int) -> int:
    """Milliseconds of a moment of China Standard Time."""
    return int(datetime(*moment, tzinfo=timezone(timedelta(hours=8))).timestamp() * 1000)  # type: ignore[misc,arg-type]


@pytest.mark.parametrize("code", PURPOSES)
def test_every_packaged_purpose_has_names_bases_and_a_law_and_is_active(code: str) -> None:
    purpose = PURPOSES[code]
    assert PURPOSE_PATTERN.fullmatch(purpose.code)
    assert purpose.code == code
    assert purpose.bases <= frozenset(LegalBasis)
    assert purpose.bases
    assert re.search(r"[\u4e00-\u9fff]", purpose.zh)
    assert re.fullmatch(r"[A-Z][ -~]+", purpose.en)
    assert re.fullmatch(
        r"(《[^《》]+》(第[一二三四五六七八九十百千零]+条(、第[一二三四五六七八九十百千零]+条)*)?)+", purpose.law_zh
    )
    assert re.fullmatch(r"[A-Z][ -~]+", purpose.law_en)
    # The two languages cite equally many articles.
    assert purpose.law_zh.count("条") - purpose.law_zh.count("条例") == len(re.findall(r"\d+", purpose.law_en))
    assert purpose.status(NOW_MS) is Status.ACTIVE


@pytest.mark.parametrize("basis", LegalBasis)
def test_every_legal_basis_has_names_and_a_law(basis: LegalBasis) -> None:
    words = BASES[basis]
    assert "《中华人民共和国个人信息保护法》第十三条" in words.law_zh
    assert "Personal Information Protection Law, article 13" in words.law_en
    assert re.search(r"[\u4e00-\u9fff]", words.zh)
    assert words.en.isascii()
    assert any(basis in purpose.bases for purpose in PURPOSES.values())


def test_exactly_what_the_purpose_has_is_a_ground() -> None:
    faults = {basis: VOCABULARY.fault(CONSENT_ONLY, basis, NOW_MS) for basis in LegalBasis}
    assert faults == {
        LegalBasis.MANDATE: Reason.BASIS_NOT_FOR_PURPOSE,
        LegalBasis.EXPLICIT_REQUEST: Reason.BASIS_NOT_FOR_PURPOSE,
        LegalBasis.CONSENT: None,
    }
    assert PURPOSES.fault(CONSENT_ONLY, LegalBasis.CONSENT, NOW_MS) is Reason.UNKNOWN_TERM
    assert PURPOSES.fault("", LegalBasis.MANDATE, NOW_MS) is Reason.PURPOSE_MISSING


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        (at(2025, 5, 31, 23, 59, 59), Status.ACTIVE),
        (at(2025, 6, 1) - 1, Status.ACTIVE),
        (at(2025, 6, 1), Status.RETIRED),
        (at(2199, 1, 1), Status.RETIRED),
        (0, Status.ACTIVE),
        (-(10**18), Status.ACTIVE),
        (10**18, Status.RETIRED),
    ],
)
def test_a_purpose_is_retired_from_midnight_of_its_day_in_civil_time(moment: int, status: Status) -> None:
    assert VOCABULARY[RETIRED].status(moment) is status
    fault = VOCABULARY.fault(RETIRED, LegalBasis.MANDATE, moment)
    assert fault is (Reason.PURPOSE_RETIRED if status is Status.RETIRED else None)


def test_a_retired_purpose_is_told_as_such_whatever_the_basis() -> None:
    assert VOCABULARY.fault(RETIRED, LegalBasis.CONSENT, NOW_MS) is Reason.PURPOSE_RETIRED


def test_a_file_adds_purposes_and_retires_registered_ones(tmp_path: Path) -> None:
    file = tmp_path / "purposes.toml"
    file.write_text(
        HEAD + table() + table("elderly_2", zh='"甲"', en='"Two"') + "[tax_assessment]\nretired = 2027-01-01\n"
    )
    found = extended_by(PURPOSES, file)
    assert list(found) == [*PURPOSES, "elderly", "elderly_2"]
    assert found["tax_assessment"] == replace(PURPOSES["tax_assessment"], retired=date(2027, 1, 1))
    assert {code: found[code] for code in PURPOSES if code != "tax_assessment"} == {
        code: one for code, one in PURPOSES.items() if code != "tax_assessment"
    }
    assert extended_by(PURPOSES, None) is PURPOSES
    assert hash(found) != hash(PURPOSES)
    assert found == parse_purposes(file.read_bytes(), PURPOSES)


def test_a_purpose_that_was_retired_does_not_come_back() -> None:
    later = parse_purposes((HEAD + f"[{RETIRED}]\nretired = 2030-01-01\n").encode(), VOCABULARY)
    earlier = parse_purposes((HEAD + f"[{RETIRED}]\nretired = 2024-01-01\n").encode(), VOCABULARY)
    assert later[RETIRED].retired == date(2025, 6, 1)
    assert earlier[RETIRED].retired == date(2024, 1, 1)


BASES_RULE = "must list at least one of mandate, explicit_request, consent, and nothing else"
MALFORMED = {
    "other format": ('format = "oncegate.purposes/2"\n' + table(), (1, "format", "must be oncegate.purposes/1")),
    "no format": (table(), (None, "format", "must be oncegate.purposes/1")),
    "nothing in it": (HEAD, (None, "", "must register or retire at least one purpose")),
    "not TOML": (HEAD + "[elderly\n", (2, "", "the file must be TOML")),
    "a code twice": (HEAD + table() + table(), (8, "", "the file must be TOML")),
    "not UTF-8": (HEAD.encode() + b"# \xff\n", (2, "", "the file must be UTF-8")),
    "too large": (HEAD.encode() + b"#" * MAX_BYTES, (None, "", f"the file must be at most {MAX_BYTES} bytes")),
    "bad code": (HEAD + table("Elderly"), (2, "Elderly", f"a code must match {PURPOSE_PATTERN.pattern}")),
    "code of another kind": (HEAD + table('"老"'), (None, "?", f"a code must match {PURPOSE_PATTERN.pattern}")),
    "no table": (HEAD + "elderly = 3\n", (2, "elderly", "must be a table")),
    "key missing": (HEAD + table(law_en=""), (2, "elderly", "needs the key law_en")),
    "bases missing": (HEAD + table(bases=""), (2, "elderly", "needs the key bases")),
    "unknown key": (HEAD + table(fr='"un"'), (8, "elderly.fr", "is not a key of a purpose")),
    "name not a text": (
        HEAD + table(zh="3"),
        (3, "elderly.zh", f"must be a text of 1 to {MAX_TEXT} printable characters"),
    ),
    "name empty": (
        HEAD + table(en='" "'),
        (4, "elderly.en", f"must be a text of 1 to {MAX_TEXT} printable characters"),
    ),
    "name too long": (
        HEAD + table(en=f'"{"a" * 301}"'),
        (4, "elderly.en", f"must be a text of 1 to {MAX_TEXT} printable characters"),
    ),
    "name that turns the line around": (
        HEAD + table(en='"a\\u202eb"'),
        (4, "elderly.en", f"must be a text of 1 to {MAX_TEXT} printable characters"),
    ),
    "Chinese name not Chinese": (HEAD + table(zh='"elderly"'), (3, "elderly.zh", "must be Chinese")),
    "English name Chinese": (HEAD + table(en='"老人"'), (4, "elderly.en", "must not be Chinese")),
    "name of another purpose": (
        HEAD + table(zh='"婚姻登记"'),
        (3, "elderly.zh", "must not be the name of another purpose"),
    ),
    "no law named": (HEAD + table(law_zh='"有关规定"'), (6, "elderly.law_zh", "must name a law between 《 and 》")),
    "basis unknown": (HEAD + table(bases='["whim"]'), (5, "elderly.bases", BASES_RULE)),
    "no basis": (HEAD + table(bases="[]"), (5, "elderly.bases", BASES_RULE)),
    "basis not a list": (HEAD + table(bases='"mandate"'), (5, "elderly.bases", BASES_RULE)),
    "basis nested": (HEAD + table(bases='[["mandate"]]'), (5, "elderly.bases", BASES_RULE)),
    "basis twice": (
        HEAD + table(bases='["mandate", "mandate"]'),
        (5, "elderly.bases", "must not repeat an entry"),
    ),
    "day with a time": (
        HEAD + table(retired="2027-01-01T00:00:00+08:00"),
        (8, "elderly.retired", "must be a date such as 2027-01-01, without a time"),
    ),
    "day as a text": (
        HEAD + table(retired='"2027-01-01"'),
        (8, "elderly.retired", "must be a date such as 2027-01-01, without a time"),
    ),
    "registered one changed": (
        HEAD + table("tax_assessment"),
        (2, "tax_assessment", "is registered already: its table may have retired and nothing else"),
    ),
    "registered one widened": (
        HEAD + '[profile_verification]\nbases = ["mandate"]\nretired = 2027-01-01\n',
        (2, "profile_verification", "is registered already: its table may have retired and nothing else"),
    ),
    "registered one without anything": (
        HEAD + "[tax_assessment]\n",
        (2, "tax_assessment", "is registered already: its table may have retired and nothing else"),
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_what_is_malformed_is_refused_with_line_key_and_rule(case: str) -> None:
    text, expected = MALFORMED[case]
    assert refused(text) == expected


def test_an_error_says_line_and_key_and_never_the_value() -> None:
    with pytest.raises(BadPurposes, match=r"^line 5: elderly\.bases: must list at least one") as caught:
        parse_purposes((HEAD + table(bases='["secret"]')).encode(), PURPOSES)
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(BadPurposes, match=r"^the file cannot be read$"):
            extended_by(PURPOSES, file)


def test_what_is_wrong_with_the_purposes_of_an_agreement_is_told_for_each() -> None:
    held = agreement(purposes=frozenset({"school_enrolment", "curiosity", RETIRED, CONSENT_ONLY}))
    found = {one.purpose: (one.reason, one.rule) for one in ungrounded(held, VOCABULARY, NOW_MS)}
    assert found == {
        code: (reason, f"{code}: {RULES[reason]}")
        for code, reason in {
            "curiosity": Reason.UNKNOWN_TERM,
            RETIRED: Reason.PURPOSE_RETIRED,
            CONSENT_ONLY: Reason.BASIS_NOT_FOR_PURPOSE,
        }.items()
    }
    assert ungrounded(agreement(), PURPOSES, NOW_MS) == ()


def test_the_listing_says_names_bases_law_and_status_in_both_languages() -> None:
    found = listing(VOCABULARY, NOW_MS)
    by_code = {one["code"]: one for one in found["purposes"]}
    assert by_code[RETIRED] == {
        "code": RETIRED,
        "zh": "二〇二〇年洪灾救助",
        "en": "Relief after the flood of 2020",
        "legal_bases": ["mandate", "explicit_request"],
        "law_zh": "《自然灾害救助条例》",
        "law_en": "Regulation on Relief for Natural Disasters",
        "status": "retired",
        "retired": "2025-06-01",
        "registered_in": "file",
    }
    assert (by_code["tax_assessment"]["status"], by_code["tax_assessment"]["retired"]) == ("active", None)
    assert by_code["tax_assessment"]["registered_in"] == "package"
    assert [one["code"] for one in found["legal_bases"]] == list(LegalBasis)
    assert len(rows(found)) == len(VOCABULARY)
    assert len(basis_rows(found)) == 3
    assert "retired 已停用\n2025-06-01" in {row[0]: row[4] for row in rows(found)}[RETIRED]


def test_questions_lie_on_the_day_on_which_their_purpose_is_retired() -> None:
    assert TEXT.count("retired = 2025-06-01") == 1
    assert datetime.fromtimestamp(NOW_MS / 1000, UTC).date() == date(2025, 6, 1)
