"""Identifiers: folded to one text, checked, and never repeated in an error."""

import pytest

from policies.identifiers import BadIdentifier, has_checksum, known_schemes, normalise, resident_id, uscc

GOOD = [
    ("cn.resident-id", "11010519491231002X", "11010519491231002X"),
    ("cn.resident-id", "11010519491231002x", "11010519491231002X"),
    ("cn.resident-id", "440524188001010014", "440524188001010014"),
    ("cn.resident-id", "４４０５２４１８８００１０１００１４", "440524188001010014"),
    ("cn.resident-id", "１１０１０５１９４９１２３１００２ｘ", "11010519491231002X"),
    ("cn.resident-id", " 110105 19491231 002X\u3000\u200b", "11010519491231002X"),
    ("cn.uscc", "91350100M000100Y43", "91350100M000100Y43"),
    ("cn.uscc", "91350100m000100y43", "91350100M000100Y43"),
    ("cn.uscc", "11320000MB151840XJ", "11320000MB151840XJ"),
    ("cn.birth-certificate", "r310000001", "R310000001"),
]
BAD = [
    ("cn.resident-id", "", "must not be empty"),
    ("cn.resident-id", " \u3000", "must not be empty"),
    ("cn.resident-id", "110105194912310021", "the check character does not fit"),
    ("cn.resident-id", "11010519491331002X", "characters 7 to 14 must be a date"),
    ("cn.resident-id", "110105190002290020", "characters 7 to 14 must be a date"),
    ("cn.resident-id", "110105000012310029", "characters 7 to 14 must be a date"),
    ("cn.resident-id", "110105179912310029", "characters 7 to 14 must be a date"),
    ("cn.resident-id", "1101051949123100", "must be 17 digits and a check digit or X"),
    ("cn.resident-id", "010105194912310028", "must be 17 digits and a check digit or X"),
    ("cn.resident-id", "1101051949123X0028", "must be 17 digits and a check digit or X"),
    ("cn.resident-id", "11010519491231002X\n1", "must be 17 digits and a check digit or X"),
    ("cn.resident-id", "١١٠١٠٥١٩٤٩١٢٣١٠٠٢٨", "only ASCII letters and digits, or their full-width forms"),
    ("cn.resident-id", "1" * 65, "at most 64 characters"),
    ("cn.uscc", "91350100M000100Y4Z", "must be 18 characters"),
    ("cn.uscc", "91350100M000100Y44", "the check character does not fit"),
    ("cn.uscc", "91350100I000100Y43", "must be 18 characters"),
    ("cn.uscc", "9135010XM000100Y43", "must be 18 characters"),
    ("cn.uscc", "91350100M000100Y4", "must be 18 characters"),
    ("cn.birth-certificate", "3310000001", "must be a letter and 9 digits"),
    ("cn.passport", "E12345678", "the scheme is unknown"),
    ("", "E12345678", "the scheme is unknown"),
]


@pytest.mark.domain_check(number=8)
@pytest.mark.parametrize(("scheme", "typed", "canonical"), GOOD)
def test_spellings_of_one_identifier_have_one_canonical_text(scheme: str, typed: str, canonical: str) -> None:
    assert normalise(scheme, typed) == canonical


@pytest.mark.domain_check(number=8)
@pytest.mark.parametrize(("scheme", "typed", "rule"), BAD)
def test_a_bad_identifier_is_refused_with_its_rule_and_not_repeated(scheme: str, typed: str, rule: str) -> None:
    with pytest.raises(BadIdentifier) as caught:
        normalise(scheme, typed)
    assert caught.value.rule.startswith(rule)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    for part in (typed.strip(), typed[6:14], typed[10:14]):
        assert len(part) < 4 or part not in str(caught.value)


def test_schemes_say_whether_they_notice_a_typing_error() -> None:
    assert known_schemes() == {"cn.resident-id", "cn.uscc", "cn.birth-certificate"}
    assert has_checksum("cn.resident-id")
    assert has_checksum("cn.uscc")
    assert not has_checksum("cn.birth-certificate")
    with pytest.raises(BadIdentifier):
        has_checksum("cn.passport")


def test_generators_complete_what_normalise_accepts() -> None:
    assert resident_id("11010519491231002") == "11010519491231002X"
    assert uscc("91350100M000100Y4") == "91350100M000100Y43"


@pytest.mark.parametrize("first", ["", "1101051949123100", "1101051949133100X", "11010519491331002", "1" * 18])
def test_generators_refuse_what_could_not_be_an_identifier(first: str) -> None:
    with pytest.raises(BadIdentifier):
        resident_id(first)
    with pytest.raises(BadIdentifier):
        uscc(first + "I")
