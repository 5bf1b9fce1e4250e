"""Reading a service item's file."""

from hashlib import sha256

import pytest

from policies.items import AskedItem
from policies.predicates import Need as Question
from policies.predicates import Operator
from policies.services import BadService, Channel, Necessity, NoMatch, parse_service
from policies.services.parse import MOST_EVIDENCE, MOST_ITEMS
from policies.vocabulary import Form, LegalBasis
from tests.support.services import Fact, Need, service_text

FACTS = {
    "adult": Fact(["birth_date=age_at_least(18)|year"], by_hand="身份证"),
    "home": Fact(["record=exists", "location=masked"], "housing.property"),
    "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
}
NEEDS = {"age": Need([["adult"]]), "residence": Need([["home"], ["lease", "adult"]], "deferrable")}
GOOD = service_text(FACTS, NEEDS)


def test_everything_in_the_file_is_read() -> None:
    item = parse_service(GOOD.encode())
    assert (item.code, item.version, item.department) == ("school-enrolment", 1, "education")
    assert (item.purpose, item.legal_basis, item.subject_scheme) == (
        "school_enrolment",
        LegalBasis.MANDATE,
        "cn.resident-id",
    )
    assert item.title.zh == "义务教育入学登记"
    assert item.laws == ("《中华人民共和国义务教育法》第十二条",)
    adult = item.evidence["adult"]
    question = Question("", Operator.AGE_AT_LEAST, ("18",))
    assert adult.items == (AskedItem("civil.resident", "birth_date", Form.PREDICATE, question, (Form.YEAR,)),)
    assert adult.by_hand is not None
    assert (adult.by_hand.zh, adult.channel, adult.user_provided) == ("身份证", Channel.SHARED_DATA, False)
    assert (item.evidence["lease"].items, item.evidence["lease"].channel) == ((), Channel.APPLICANT)
    age, residence = item.requirements
    assert (age.lists, age.necessity, age.due_days) == ((("adult",),), Necessity.REQUIRED, 0)
    assert (residence.lists, residence.necessity, residence.due_days) == (
        (("home",), ("lease", "adult")),
        Necessity.DEFERRABLE,
        20,
    )
    assert (age.no_match.then, age.no_match.text.en) == (NoMatch.SUPPLEMENT, "Hand it in")
    assert item.requirement("age") is age
    assert item.requirement("other") is None


def test_a_service_item_is_its_exact_bytes() -> None:
    raw = GOOD.encode()
    item = parse_service(raw)
    assert item.digest == sha256(raw).digest()
    assert item.reference.digest == item.digest
    other = parse_service(raw + b"\n")
    assert other.digest != item.digest
    assert len({item, other, parse_service(raw)}) == 2


@pytest.mark.parametrize(
    ("before", "after", "key", "rule"),
    [
        ('format = "oncegate.service/1"', 'format = "oncegate.service/2"', "format", "must be oncegate.service/1"),
        ("version = 1", "version = 0", "version", "whole number"),
        ("version = 1", "version = true", "version", "whole number"),
        ("version = 1\n", "", "version", "is missing"),
        ('code = "school-enrolment"', 'code = "学校"', "code", "matches"),
        ('"education"', '"Education"', "department", "matches"),
        ('purpose = "school_enrolment"', 'purpose = "curiosity"', "purpose", "registered purpose"),
        ('legal_basis = "mandate"', 'legal_basis = "because"', "legal_basis", "one of"),
        ('purpose = "school_enrolment"', 'purpose = "profile_verification"', "legal_basis", "purpose may rest"),
        ('laws = ["《中华人民共和国义务教育法》第十二条"]', "laws = []", "laws", "must list 1"),
        ('"cn.resident-id"', '"cn.passport"', "subject_scheme", "known scheme"),
        ("version = 1", "version = 1\nfee = 0", "fee", "not a known key"),
        ("义务教育入学登记", "义务\\u202e教育", "title.zh", "printable"),
        (', en = "Enrolment of a child in school"', "", "title.en", "is missing"),
        ("age_at_least(18)|year", "age_at_least(18)?", "evidence[0].fields", "question mark"),
        ("age_at_least(18)|year", "age_at_least(soon)", "evidence[0].fields", "whole number"),
        ("age_at_least(18)|year", "predicate(adult)", "evidence[0].fields", "written as what it asks"),
        ("age_at_least(18)|year", "age_at_least(18)|masked", "evidence[0].fields", "masked"),
        ("birth_date=age_at_least(18)|year", "birth_date=value|year", "evidence[0].fields", "more revealing"),
        ("birth_date=age_at_least(18)|year", "a.b:birth_date", "evidence[0].fields", "must be written"),
        ("birth_date=age_at_least(18)|year", "record=value", "evidence[0].fields", "only the form exists"),
        ('"record=exists", "location=masked"', '"location", "location=masked"', "evidence[1].fields", "once"),
        ('"record=exists", "location=masked"', "", "evidence[1].fields", "must list 1"),
        ('resource = "housing.property"', 'resource = "housing"', "evidence[1].resource", "matches"),
        ('channel = "applicant"', 'channel = "rumour"', "evidence[2].channel", "one of"),
        ('channel = "applicant"', 'channel = "agency"\nresource = "a.b"', "evidence[2].resource", "not a known key"),
        ('channel = "applicant"\n', "", "evidence[2].fields", "is missing"),
        ('code = "home"', 'code = "adult"', "evidence[1].code", "repeat"),
        ('["lease", "adult"]', '["lease", "baker"]', "requirements[1].lists", "of this file"),
        ('["lease", "adult"]', "[]", "requirements[1].lists", "must list 1"),
        ('["lease", "adult"]', '["lease", "lease"]', "requirements[1].lists", "repeat"),
        ('["lease", "adult"]', '["lease", "home"]', "requirements[1].lists", "never be the one that counts"),
        ('["lease", "adult"]', '["adult"]', "evidence[2].code", "in no list"),
        ('lists = [["adult"]]', "lists = []", "requirements[0].lists", "must be 1 to 8"),
        ('code = "residence"', 'code = "age"', "requirements[1].code", "repeat"),
        ('necessity = "required"', 'necessity = "nice"', "requirements[0].necessity", "one of"),
        ('necessity = "required"', 'necessity = "required"\ndue_days = 3', "requirements[0].due_days", "not a known"),
        ("due_days = 20", "due_days = 0", "requirements[1].due_days", "whole number"),
        ("due_days = 20\n", "", "requirements[1].due_days", "is missing"),
        ('then = "supplement", ', "", "requirements[0].no_match.then", "is missing"),
        ('then = "supplement"', 'then = "pray"', "requirements[0].no_match.then", "one of"),
    ],
)
def test_what_is_not_understood_is_refused_with_line_key_and_rule(before: str, after: str, key: str, rule: str) -> None:
    assert GOOD.count(before) >= 1
    text = GOOD.replace(before, after, 1)
    with pytest.raises(BadService) as refused:
        parse_service(text.encode())
    assert (refused.value.key, rule in refused.value.rule) == (key, True), refused.value
    if "is missing" not in rule:
        lines = text.splitlines()
        assert refused.value.line is not None
        assert lines[refused.value.line - 1].strip().startswith(("[[", key.rpartition(".")[2].partition("[")[0])) or (
            key.split(".")[-2] in lines[refused.value.line - 1]
        )


def test_sizes_are_bounded() -> None:
    facts = {f"e{n}": Fact([f"f{n}"]) for n in range(MOST_EVIDENCE + 1)}
    needs = {f"r{n}": Need([[f"e{n * 8 + m}" for m in range(8)]]) for n in range(8)}
    needs["last"] = Need([[f"e{MOST_EVIDENCE}"]])
    with pytest.raises(BadService, match=f"evidence: must be 1 to {MOST_EVIDENCE}"):
        parse_service(service_text(facts, needs).encode())
    wide = {f"e{n}": Fact([f"f{n}_{m}" for m in range(33)]) for n in range(2)}
    with pytest.raises(BadService, match=f"at most {MOST_ITEMS} different ones"):
        parse_service(service_text(wide, {"r": Need([["e0", "e1"]])}).encode())
    with pytest.raises(BadService, match="must be at most 65536 bytes"):
        parse_service(GOOD.encode() + b"#" * 65_536)
    many = {f"r{n}": Need([["adult"]]) for n in range(33)}
    with pytest.raises(BadService, match="requirements: must be 1 to 32"):
        parse_service(service_text({"adult": FACTS["adult"]}, many).encode())


@pytest.mark.parametrize("raw", [b"", b"\xff", b"x = ", b"[[evidence]]\n" * 3, b"a." * 40_000 + b"b = 1"])
def test_bytes_that_are_no_service_item_are_refused(raw: bytes) -> None:
    with pytest.raises(BadService):
        parse_service(raw)
