"""An agreement file is wholly understood or refused, and a node's own check of it fails closed."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from policies.agreements import BadAgreement, Term, parse_agreement
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis, SharingType
from tests.support.policy_cases import AGREEMENT_TEXT, NOW_MS, agreement


def refusal(text: str | bytes) -> BadAgreement:
    with pytest.raises(BadAgreement) as caught:
        parse_agreement(text if isinstance(text, bytes) else text.encode())
    return caught.value


def test_every_part_of_the_file_is_read() -> None:
    read = parse_agreement(AGREEMENT_TEXT.encode())
    assert (read.id, read.revision, read.provider, read.consumer) == ("civil-education-2025", 3, "civil", "education")
    assert (read.provider_key, read.consumer_key) == ("sha256:" + "a" * 64, "sha256:" + "b" * 64)
    assert read.systems == {"enrolment", "archive"}
    assert read.resource == "civil.resident"
    assert (read.sharing_type, read.condition) == (None, "")
    assert read.legal_basis is LegalBasis.EXPLICIT_REQUEST
    assert read.purposes == {"school_enrolment", "newborn_registration"}
    assert read.valid_from_ms == int(datetime(2024, 12, 31, 16, tzinfo=UTC).timestamp()) * 1000
    assert read.valid_until_ms == int(datetime(2025, 12, 31, 16, tzinfo=UTC).timestamp()) * 1000
    assert (read.case_required, read.official_required, read.uses_per_day) == (True, False, 1000)
    assert read.items == {
        "name": {Form.VALUE, Form.MASKED},
        "birth_date": {Form.YEAR},
        "record": {Form.EXISTS},
    }


def test_the_digest_is_over_the_exact_bytes() -> None:
    raw = AGREEMENT_TEXT.encode()
    assert parse_agreement(raw).digest == hashlib.sha256(raw).digest()
    assert parse_agreement(raw).raw == raw
    spaced = parse_agreement(raw + b"\n")
    assert spaced.digest != parse_agreement(raw).digest
    assert spaced != parse_agreement(raw)
    assert hash(parse_agreement(raw)) == hash(parse_agreement(raw))


def test_sharing_type_condition_and_official_may_be_stated() -> None:
    extra = 'sharing_type = "conditional"\ncondition = "仅限入学登记"\nofficial_required = true\n'
    read = parse_agreement((extra + AGREEMENT_TEXT).encode())
    assert (read.sharing_type, read.condition, read.official_required) == (
        SharingType.CONDITIONAL,
        "仅限入学登记",
        True,
    )


def test_limits_that_are_left_out_have_strict_defaults() -> None:
    read = parse_agreement(AGREEMENT_TEXT.encode())
    assert (read.rate_per_minute, read.subjects_per_day) == (600, 1000)
    many = parse_agreement(AGREEMENT_TEXT.replace("uses_per_day = 1000", "uses_per_day = 1000000").encode())
    assert (many.rate_per_minute, many.subjects_per_day) == (600, 10_000)


def test_limits_may_be_stated() -> None:
    stated = parse_agreement(("rate_per_minute = 30\nsubjects_per_day = 999\n" + AGREEMENT_TEXT).encode())
    assert (stated.rate_per_minute, stated.subjects_per_day) == (30, 999)


CHANGES = [
    ("oncegate.agreement/1", "oncegate.agreement/2", "format", 1),
    ('id = "civil-education-2025"', 'id = "no spaces"', "id", 2),
    ("revision = 3", "revision = 0", "revision", 3),
    ("revision = 3", "revision = true", "revision", 3),
    ("revision = 3", 'revision = "3"', "revision", 3),
    ('provider = "civil"', 'provider = "Civil"', "provider", 4),
    ('"sha256:a', '"sha256:A', "provider_key", 5),
    ('consumer = "education"', "consumer = 7", "consumer", 6),
    ('"sha256:b', '"md5:b', "consumer_key", 7),
    ('["enrolment", "archive"]', "[]", "systems", 8),
    ('["enrolment", "archive"]', '["*"]', "systems", 8),
    ('["enrolment", "archive"]', '["archive", "archive"]', "systems", 8),
    ('["enrolment", "archive"]', '"archive"', "systems", 8),
    ('["enrolment", "archive"]', "[1]", "systems", 8),
    ('"civil.resident"', '"resident"', "resource", 9),
    ('"civil.resident"', f'"civil.{"r" * 128}"', "resource", 9),
    ('"explicit_request"', '"whim"', "legal_basis", 10),
    ('"explicit_request"', '["mandate", "consent"]', "legal_basis", 10),
    ('["school_enrolment", "newborn_registration"]', "[]", "purposes", 11),
    ('"school_enrolment", ', '"Curiosity", ', "purposes", 11),
    ("2025-01-01T00:00:00+08:00", "2025-01-01T00:00:00", "valid_from", 12),
    ("2025-01-01T00:00:00+08:00", "2025-01-01", "valid_from", 12),
    ("2025-01-01T00:00:00+08:00", '"2025-01-01T00:00:00+08:00"', "valid_from", 12),
    ("2026-01-01T00:00:00+08:00", "2025-01-01T00:00:00+08:00", "valid_until", 13),
    ("2025-01-01T00:00:00+08:00", "1969-12-31T23:59:59Z", "valid_from", 12),
    ("2025-01-01T00:00:00+08:00", "0001-01-01T00:00:00+23:59", "valid_from", 12),
    ("2026-01-01T00:00:00+08:00", "9999-12-31T23:59:59-23:59", "valid_until", 13),
    ("2026-01-01T00:00:00+08:00", "2028-01-05T00:00:00+08:00", "valid_until", 13),
    ("case_required = true", 'case_required = "yes"', "case_required", 14),
    ("uses_per_day = 1000", "uses_per_day = 0", "uses_per_day", 15),
    ("uses_per_day = 1000", "uses_per_day = 1000001", "uses_per_day", 15),
    ("uses_per_day = 1000\n", "", "uses_per_day", None),
    ("uses_per_day = 1000", "uses_per_day = 1000\nrate_per_minute = 0", "rate_per_minute", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\nrate_per_minute = 100001", "rate_per_minute", 16),
    ("uses_per_day = 1000", 'uses_per_day = 1000\nrate_per_minute = "unlimited"', "rate_per_minute", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\nsubjects_per_day = 0", "subjects_per_day", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\nsubjects_per_day = 1001", "subjects_per_day", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\nsubjects_per_day = true", "subjects_per_day", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\ncolour = 1", "colour", 16),
    ("uses_per_day = 1000", 'uses_per_day = 1000\nsharing_type = "whim"', "sharing_type", 16),
    ("uses_per_day = 1000", 'uses_per_day = 1000\nsharing_type = "not_shared"', "sharing_type", 16),
    ("uses_per_day = 1000", 'uses_per_day = 1000\nsharing_type = "conditional"', "condition", None),
    ("uses_per_day = 1000", "uses_per_day = 1000\ncondition = 3", "condition", 16),
    ("uses_per_day = 1000", "uses_per_day = 1000\nofficial_required = 1", "official_required", 16),
    ('field = "name"', 'field = "Name"', "items[0].field", 18),
    ('forms = ["value", "masked"]', "forms = []", "items[0].forms", 19),
    ('forms = ["value", "masked"]', 'forms = ["values"]', "items[0].forms", 19),
    ('forms = ["value", "masked"]', 'forms = ["value"]\nuses = 3', "items[0].uses", 20),
    ('forms = ["year"]\n', "", "items[1].forms", 21),
    ('field = "birth_date"', 'field = "name"', "items[1].field", 22),
    ('forms = ["exists"]', 'forms = ["exists", "value"]', "items[2].forms", 27),
]


@pytest.mark.parametrize(("old", "new", "key", "line"), CHANGES)
def test_what_is_not_right_is_refused_with_its_line_and_key(old: str, new: str, key: str, line: int | None) -> None:
    assert AGREEMENT_TEXT.count(old) >= 1
    error = refusal(AGREEMENT_TEXT.replace(old, new, 1))
    assert (error.key, error.line) == (key, line)
    assert error.rule
    assert key in str(error)


@pytest.mark.parametrize(
    "key",
    [line.split(" = ")[0] for line in AGREEMENT_TEXT.split("\n\n")[0].splitlines()],
)
def test_every_key_is_needed(key: str) -> None:
    lines = [line for line in AGREEMENT_TEXT.splitlines() if not line.startswith(f"{key} =")]
    error = refusal("\n".join(lines))
    assert (error.key, error.rule) == (key, "is missing")


def test_an_agreement_without_items_is_refused() -> None:
    head = AGREEMENT_TEXT.split("\n\n")[0]
    assert refusal(head).key == "items"
    assert refusal(head + "\nitems = []").key == "items"
    assert refusal(head + "\nitems = [3]").key == "items"
    assert refusal(head + '\nitems = "name"').key == "items"


@pytest.mark.parametrize(
    ("raw", "line"),
    [
        (b"format = \nid = 3", 1),
        (b'format = "a"\nid = \xff', 2),
        (b"a = " + b"[" * 30_000, None),
        (b"a = " + b"9" * 5_000, None),
        (b"a = 1e9999999999999999999999", None),
        (b"a = 1e-9999999999999999999999", None),
        (b"\n" + b".".join([b"a"] * 9) + b" = 1", 2),
        (b"[" + b". ".join([b"'a'"] * 9) + b"]", 1),
        (b"a = 3\n[b]\nc = {" + b'."x".'.join([b"a"] * 9) + b" = 1}", 3),
        (b"#" * 65_537, None),
        (b"", None),
    ],
)
def test_what_is_not_a_toml_file_is_refused(raw: bytes, line: int | None) -> None:
    assert refusal(raw).line == line


def test_a_key_of_many_parts_is_refused_before_the_parser_sees_it() -> None:
    for raw in (b".".join([b"a"] * 32_000) + b" = 1", b"[" + b".".join([b"a"] * 32_000) + b"]"):
        # The parser alone takes half a minute for such a file.
        assert refusal(raw).rule == "a key must have at most 8 parts"


def test_a_text_may_hold_dots() -> None:
    condition = 'condition = """\n.......... www.gov.cn 第1.2.3.4条 ..........\n"""\n'
    assert parse_agreement((condition + AGREEMENT_TEXT).encode()).condition.startswith("....")


@pytest.mark.parametrize("key", ["\\u001b[31m", "\\u202e", "k" * 65, "钥匙", "a b"])
def test_an_error_shows_no_key_that_could_mislead_or_flood(key: str) -> None:
    error = refusal(f'"{key}" = 1\n{AGREEMENT_TEXT}')
    assert (error.key, error.rule) == ("?", "is not a known key")


def test_an_error_repeats_no_value_of_the_file() -> None:
    secret = "ZHANG SAN 110105"
    for key in ("id", "provider", "consumer_key", "resource", "legal_basis", "valid_from", "case_required"):
        lines = [f'{key} = "{secret}"' if one.startswith(f"{key} =") else one for one in AGREEMENT_TEXT.splitlines()]
        error = refusal("\n".join(lines))
        assert error.key == key
        assert secret not in str(error)
        assert error.__context__ is None or error.__suppress_context__


def test_the_term_starts_with_its_first_moment_and_ends_before_its_last() -> None:
    held = agreement()
    assert held.term(held.valid_from_ms - 1) is Term.NOT_STARTED
    assert held.term(held.valid_from_ms) is Term.IN_FORCE
    assert held.term(held.valid_until_ms - 1) is Term.IN_FORCE
    assert held.term(held.valid_until_ms) is Term.EXPIRED


ASKED = {
    "system_name": "enrolment",
    "consumer": "education",
    "purpose": "school_enrolment",
    "basis": LegalBasis.EXPLICIT_REQUEST,
    "field": "name",
    "form": Form.VALUE,
    "case_present": True,
    "now_ms": NOW_MS,
}


def test_an_item_that_meets_every_condition_is_permitted() -> None:
    assert agreement().permits(**ASKED) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"now_ms": 0}, Reason.AGREEMENT_NOT_STARTED),
        ({"now_ms": agreement().valid_until_ms}, Reason.AGREEMENT_EXPIRED),
        ({"consumer": "police"}, Reason.WRONG_DEPARTMENT),
        ({"system_name": "intranet"}, Reason.WRONG_SYSTEM),
        ({"purpose": ""}, Reason.PURPOSE_MISSING),
        ({"purpose": "tax_assessment"}, Reason.PURPOSE_NOT_COVERED),
        ({"basis": LegalBasis.MANDATE}, Reason.BASIS_NOT_COVERED),
        ({"basis": LegalBasis.CONSENT}, Reason.BASIS_NOT_COVERED),
        ({"case_present": False}, Reason.CASE_REQUIRED),
        ({"field": "health"}, Reason.NOT_IN_AGREEMENT),
        ({"form": Form.EXISTS}, Reason.FORM_NOT_ALLOWED),
        ({"field": "birth_date"}, Reason.FORM_NOT_ALLOWED),
        ({"field": "birth_date", "form": Form.PREDICATE}, Reason.FORM_NOT_ALLOWED),
    ],
)
def test_a_condition_that_does_not_hold_is_told(change: dict[str, object], reason: Reason) -> None:
    assert agreement().permits(**(ASKED | change)) is reason  # type: ignore[arg-type]


def test_consent_counts_only_when_it_was_verified() -> None:
    held = replace(agreement(), legal_basis=LegalBasis.CONSENT)
    asked = ASKED | {"basis": LegalBasis.CONSENT}
    assert held.permits(**asked) is Reason.CONSENT_MISSING  # type: ignore[arg-type]
    assert held.permits(**asked, consent_present=True) is None  # type: ignore[arg-type]


BORN = AGREEMENT_TEXT.replace('forms = ["year"]', 'forms = ["year", "predicate"]')
ADULT = '[[predicates]]\nname = "adult"\nfield = "birth_date"\noperator = "age_at_least"\nvalue = 18\n'


def further(name: str, operator: str, constants: str = "", field: str = "birth_date") -> str:
    text = f'[[predicates]]\nname = "{name}"\nfield = "{field}"\noperator = "{operator}"\n'
    return text + (f"{constants}\n" if constants else "")


def test_predicates_are_read_with_their_constants_in_canonical_text() -> None:
    read = parse_agreement(
        (BORN + ADULT + further("late", "ge", "value = 1990-01-31") + further("same", "equals")).encode()
    )
    assert {name: str(one) for name, one in read.predicates.items()} == {
        "adult": "age_at_least(18)",
        "late": "ge(1990-01-31)",
        "same": "equals",
    }
    limits = further("rich", "ge", "value = 1000.50") + further("some", "in", 'values = ["２", 1, true]')
    assert [one.constants for one in parse_agreement((BORN + limits).encode()).predicates.values()] == [
        ("1000.5",),
        ("1", "2", "true"),
    ]


@pytest.mark.parametrize(
    ("tables", "key", "line"),
    [
        ("", "items[1].forms", 23),
        (ADULT.replace("adult", "Adult"), "predicates[0].name", 29),
        (ADULT.replace('"birth_date"', '"name"'), "predicates[0].field", 30),
        (ADULT.replace('"birth_date"', '"health"'), "predicates[0].field", 30),
        (ADULT.replace("age_at_least", "older"), "predicates[0].operator", 31),
        (ADULT.replace("value = 18\n", ""), "predicates[0].value", 28),
        (ADULT.replace("value = 18", "value = 0"), "predicates[0].value", 32),
        (ADULT.replace("value = 18", "value = 18.5"), "predicates[0].value", 32),
        (ADULT.replace("value = 18", "value = [18]"), "predicates[0].value", 32),
        (ADULT.replace("value = 18", "value = 2025-01-01T00:00:00Z"), "predicates[0].value", 32),
        (ADULT.replace("value = 18", "values = [18]"), "predicates[0].values", 32),
        (ADULT + "colour = 1\n", "predicates[0].colour", 33),
        (further("some", "in", "values = []"), "predicates[0].values", 32),
        (further("some", "in", f"values = {list(range(65))}"), "predicates[0].values", 32),
        (further("rich", "ge", "value = nan"), "predicates[0].value", 32),
        (further("rich", "ge", "value = 1e400"), "predicates[0].value", 32),
        (further("same", "equals", 'value = "x"'), "predicates[0].value", 32),
        (ADULT + ADULT, "predicates[1].name", 34),
        (ADULT + ADULT.replace("adult", "again"), "predicates[1]", 33),
        ("predicates = 3\n", "items[2].predicates", 28),
    ],
)
def test_a_predicate_that_is_not_right_is_refused_with_its_line_and_key(
    tables: str, key: str, line: int | None
) -> None:
    error = refusal(BORN + tables)
    assert (error.key, error.line) == (key, line)


def test_a_field_has_at_most_three_predicates() -> None:
    tables = "".join(further(f"y{year}", "ge", f"value = {year}-01-01") for year in range(1990, 1993))
    assert len(parse_agreement((BORN + tables).encode()).predicates) == 3
    assert refusal(BORN + tables + further("same", "equals")).key == "predicates[3].field"


def test_a_predicate_is_permitted_by_its_name_and_about_its_field_only() -> None:
    held = parse_agreement((BORN + ADULT).encode())
    asked = ASKED | {"field": "birth_date", "form": Form.PREDICATE}
    assert held.permits(**asked, predicate="adult") is None  # type: ignore[arg-type]
    for predicate in ("", "old"):
        assert held.permits(**asked, predicate=predicate) is Reason.PREDICATE_NOT_AGREED  # type: ignore[arg-type]
    other = replace(held, items={"name": frozenset({Form.PREDICATE})})
    asked |= {"field": "name"}
    assert other.permits(**asked, predicate="adult") is Reason.PREDICATE_NOT_AGREED  # type: ignore[arg-type]
