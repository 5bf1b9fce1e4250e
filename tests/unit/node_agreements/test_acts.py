"""What is not in order, or names other keys, is not signed; templates never break the format."""

from dataclasses import replace
from pathlib import Path

import pytest

from keys.signing import SigningKey
from nodes.agreements.acts import check_floors, check_parties, check_purposes
from nodes.agreements.chain import from_json, to_json
from nodes.agreements.errors import ProposalUntrusted
from nodes.agreements.memory import Memory
from nodes.agreements.template import Wish, write
from nodes.enrolment.errors import BadInput, HomeInvalid
from nodes.enrolment.home import Home
from policies.agreements import parse_agreement
from policies.agreements.workflow import Act
from policies.purposes import PURPOSES
from policies.vocabulary import Classification
from tests.support.exchange_gateway import ExchangeGateway
from tests.support.policy_cases import NOW_MS, agreement, resource
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, VOCABULARY
from tests.support.proposals import Talk, talk_with

KEY = "sha256:" + "a" * 64


@pytest.fixture
def talk(tmp_path: Path) -> Talk:
    return talk_with(ExchangeGateway.create(), tmp_path / "texts")


def refused(talk: Talk, act: Act, text: bytes = b"", **changes: object) -> str:
    with pytest.raises(BadInput) as caught:
        talk.say(act, text, **changes)
    return caught.value.violations[0].field


def test_an_act_that_cannot_come_now_is_not_signed(talk: Talk) -> None:
    text = talk.text()
    assert refused(talk, Act.APPROVE, text, provider=True) == "act"
    talk.say(Act.PROPOSE, text)
    assert refused(talk, Act.APPROVE, text) == "act"
    assert refused(talk, Act.APPROVE, talk.text(uses_per_day="5"), provider=True) == "text"
    assert refused(talk, Act.REFUSE, provider=True, law="") == "law"
    assert refused(talk, Act.ASK, provider=True, reason="") == "reason"
    assert refused(talk, Act.ASK, provider=True, reason="\x1b[2J") == "step"
    assert refused(talk, Act.ASK, provider=True, reason="长" * 1001) == "step"
    assert refused(talk, Act.NARROW, talk.text(uses_per_day="1000000"), provider=True) == "text.uses_per_day"
    talk.provider = SigningKey.generate()
    assert refused(talk, Act.ASK, provider=True) == "department_key"


def test_a_history_written_to_a_file_is_verified_without_a_gateway(talk: Talk) -> None:
    text = talk.text()
    talk.say(Act.PROPOSE, text)
    proposal = talk.say(Act.APPROVE, text, provider=True)
    data = to_json(proposal)
    assert from_json(data) == proposal
    approved = proposal.approved
    assert approved is not None
    assert approved.agreement.raw == text
    for broken in (b"", b"[]", b"{}", b"\xff", data.replace(b'"text": "Z', b'"text": "A', 1), data[:-10]):
        with pytest.raises(ProposalUntrusted):
            from_json(broken)


def test_a_damaged_memory_is_an_error_and_never_an_empty_one(talk: Talk, tmp_path: Path) -> None:
    proposal = talk.say(Act.PROPOSE, talk.text())
    memory = Memory(Home(tmp_path))
    memory.check(proposal)
    assert not memory.was_shown(proposal.id, proposal.history.current.digest)
    memory.show(proposal)
    assert memory.was_shown(proposal.id, proposal.history.current.digest)
    memory.check(talk.say(Act.ASK, provider=True))
    assert memory.was_shown(proposal.id, proposal.history.current.digest)
    for content in ("", "{}", '{"format": "oncegate.seen-proposal/1", "steps": 0, "digest": "", "shown": ""}'):
        (tmp_path / "proposals" / f"{proposal.id}.json").write_text(content)
        with pytest.raises(HomeInvalid):
            memory.check(proposal)


def test_a_text_with_other_keys_than_ours_and_the_accepted_one_is_not_agreed_to() -> None:
    text = agreement()
    check_parties(text, "civil", text.provider_key, text.consumer_key)
    check_parties(text, "education", text.consumer_key)
    for department, own, accepted in (
        ("civil", KEY[:-1] + "b", text.consumer_key),
        ("civil", text.provider_key, text.provider_key),
        ("education", text.provider_key, ""),
    ):
        with pytest.raises(BadInput):
            check_parties(text, department, own, accepted)


def test_the_providers_own_description_is_looked_at_before_it_approves() -> None:
    described = resource(classification=Classification.CONFIDENTIAL)
    check_floors(agreement(), described, NOW_MS)
    check_floors(agreement(), None, NOW_MS)
    with pytest.raises(BadInput, match="impact_assessment"):
        check_floors(agreement(), replace(described, classification=Classification.SENSITIVE), NOW_MS)
    with pytest.raises(BadInput, match="valid_until"):
        check_floors(agreement(), described, agreement().valid_until_ms)


def test_the_nodes_own_vocabulary_of_purposes_is_looked_at_before_anything_is_accepted() -> None:
    check_purposes(agreement(), PURPOSES, NOW_MS)
    groundless = agreement(purposes=frozenset({RETIRED, CONSENT_ONLY, "school_enrolment"}))
    check_purposes(groundless, None, NOW_MS)
    with pytest.raises(BadInput) as caught:
        check_purposes(groundless, VOCABULARY, NOW_MS)
    assert RETIRED in str(caught.value)
    assert CONSENT_ONLY in str(caught.value)
    assert "school_enrolment" not in str(caught.value)
    with pytest.raises(BadInput, match="must be a registered purpose"):
        check_purposes(groundless, PURPOSES, NOW_MS)


WISH = Wish(
    id="education-civil-resident",
    revision=1,
    provider="civil",
    provider_key=KEY,
    consumer="education",
    consumer_key=KEY,
    systems=["school"],
    resource="civil.resident",
    legal_basis="mandate",
    purposes=["school_enrolment"],
    items={"name": ["value", "masked"]},
    begin_ms=NOW_MS,
    days=365,
    uses_per_day=100,
    further={"condition": '仅限"入学"登记\n第二行', "retention_days": 30, "case_required": True},
)


def test_a_template_says_what_was_wished() -> None:
    read = parse_agreement(write(WISH))
    assert (read.condition, read.retention_days, read.case_required) == ('仅限"入学"登记\n第二行', 30, True)
    assert (read.valid_until_ms - read.valid_from_ms, read.uses_per_day) == (365 * 86_400_000, 100)


def test_a_template_asks_questions() -> None:
    items = {"birth_date": ["predicate"], "status": ["predicate"], "name": ["predicate"]}
    asked = ["adult=birth_date:age_at_least:18", "known=status:in:单身,丧偶", "same=name:equals"]
    read = parse_agreement(write(replace(WISH, items=items, questions=asked)))
    assert sorted(read.predicates) == ["adult", "known", "same"]
    assert set(read.predicates["known"].constants) == {"单身", "丧偶"}


@pytest.mark.parametrize(
    "changes",
    [
        {"purposes": ["Curiosity"]},
        {"items": {"name": ["everything"]}},
        {"items": {}},
        {"provider_key": "abc"},
        {"days": 4000},
        {"days": 0},
        {"uses_per_day": 0},
        {"legal_basis": "whim"},
        {"id": 'a"\nb'},
        {"further": {"condition": "\x7f"}},
        {"further": {"condition": "\udcff"}},
        {"further": {"onward_transfer": True}},
        {"items": {"birth_date": ["predicate"]}},
        {"questions": ["adult"]},
        {"questions": ["adult=name:age_at_least:18"]},
    ],
    ids=str,
)
def test_a_template_below_a_floor_or_out_of_the_format_is_not_written(changes: dict) -> None:
    with pytest.raises(BadInput):
        write(replace(WISH, **changes))
