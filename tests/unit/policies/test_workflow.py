"""Acts come in order, from the party whose they are, with the text that may come with them."""

import pytest

from policies.agreements import parse_agreement
from policies.agreements.workflow import START, Act, Move, OutOfOrder, Party, State, Status, Talk, advance, check_text
from tests.support.policy_cases import AGREEMENT_TEXT

CONSUMER, PROVIDER = Party.CONSUMER, Party.PROVIDER
ONE, TWO = b"1" * 32, b"2" * 32
LAW = "数据安全法第三十八条"


def after(*moves: Move) -> State:
    state = START
    for move in moves:
        state = advance(state, move)
    return state


def move(act: Act, party: Party, text: bytes = b"", **more: str) -> Move:
    return Move(act, party, text, **{"law": LAW, "reason": "because", **more})


PROPOSED = (move(Act.PROPOSE, CONSUMER, ONE),)
APPROVED = (*PROPOSED, move(Act.APPROVE, PROVIDER, ONE))
NARROWED = (*PROPOSED, move(Act.NARROW, PROVIDER, TWO))


def refused(*moves: Move) -> OutOfOrder:
    state = after(*moves[:-1])
    with pytest.raises(OutOfOrder) as caught:
        advance(state, moves[-1])
    return caught.value


def test_a_proposal_waits_for_the_provider_and_its_approval_puts_exactly_that_text_in_force() -> None:
    assert (after(*PROPOSED).status, after(*PROPOSED).turn) == (Status.REVIEW, PROVIDER)
    state = after(*APPROVED)
    assert (state.status, state.in_force, state.pending, state.turn) == (Status.APPROVED, ONE, b"", None)
    assert refused(*PROPOSED, move(Act.APPROVE, PROVIDER, TWO)).field == "text"


def test_a_question_waits_for_the_consumer_and_its_answer_for_the_provider_again() -> None:
    asked = after(*PROPOSED, move(Act.ASK, PROVIDER))
    assert (asked.status, asked.turn) == (Status.QUESTIONED, CONSUMER)
    answered = after(*PROPOSED, move(Act.ASK, PROVIDER), move(Act.ANSWER, CONSUMER))
    assert (answered.status, answered.pending) == (Status.REVIEW, ONE)
    assert refused(*PROPOSED, move(Act.ASK, PROVIDER), move(Act.APPROVE, PROVIDER, ONE)).field == "act"


def test_a_narrowing_is_approved_only_after_the_consumer_accepted_it() -> None:
    assert (after(*NARROWED).status, after(*NARROWED).turn) == (Status.NARROWED, CONSUMER)
    for text in (ONE, TWO):
        assert refused(*NARROWED, move(Act.APPROVE, PROVIDER, text)).field == "act"
    accepted = (*NARROWED, move(Act.ACCEPT_NARROWING, CONSUMER, TWO))
    assert after(*accepted).pending == TWO
    assert refused(*NARROWED, move(Act.ACCEPT_NARROWING, CONSUMER, ONE)).field == "text"
    assert refused(*accepted, move(Act.APPROVE, PROVIDER, ONE)).field == "text"
    assert after(*accepted, move(Act.APPROVE, PROVIDER, TWO)).in_force == TWO


def test_a_narrowing_that_the_consumer_does_not_want_leaves_the_first_text_under_review() -> None:
    state = after(*NARROWED, move(Act.ANSWER, CONSUMER))
    assert (state.status, state.pending, state.offered) == (Status.REVIEW, ONE, b"")


@pytest.mark.parametrize(
    ("act", "party", "status"), [(Act.REFUSE, PROVIDER, Status.REFUSED), (Act.WITHDRAW, CONSUMER, Status.WITHDRAWN)]
)
def test_a_talk_that_ends_without_approval_ends_the_proposal_for_good(act: Act, party: Party, status: Status) -> None:
    over = (*PROPOSED, move(act, party))
    assert after(*over).status is status
    for again in (move(Act.APPROVE, PROVIDER, ONE), move(Act.ANSWER, CONSUMER), move(Act.PROPOSE, CONSUMER, ONE)):
        assert refused(*over, again).field == "act"


def test_a_refusal_cites_the_law_and_says_why() -> None:
    assert refused(*PROPOSED, move(Act.REFUSE, PROVIDER, law=" ")).field == "law"
    assert refused(*PROPOSED, move(Act.REFUSE, PROVIDER, reason=" ")).field == "reason"


def test_what_a_party_suspended_only_that_party_resumes() -> None:
    suspended = (*APPROVED, move(Act.SUSPEND, CONSUMER))
    assert after(*suspended).status is Status.SUSPENDED
    assert refused(*suspended, move(Act.RESUME, PROVIDER)).field == "act"
    assert refused(*suspended, move(Act.SUSPEND, CONSUMER)).field == "act"
    both = (*suspended, move(Act.SUSPEND, PROVIDER), move(Act.RESUME, CONSUMER))
    assert after(*both).suspended_by == {PROVIDER}
    assert after(*both, move(Act.RESUME, PROVIDER)).status is Status.APPROVED


@pytest.mark.parametrize("party", Party)
def test_either_party_terminates_and_nothing_comes_behind_it(party: Party) -> None:
    over = (*APPROVED, move(Act.REVISE, CONSUMER, TWO), move(Act.TERMINATE, party))
    assert after(*over).status is Status.TERMINATED
    for act, who, text in (
        (Act.RESUME, party, b""),
        (Act.REVISE, CONSUMER, TWO),
        (Act.APPROVE, PROVIDER, TWO),
        (Act.TERMINATE, party, b""),
    ):
        assert refused(*over, move(act, who, text)).field == "act"


def test_a_revision_goes_through_review_while_the_old_one_stays_in_force() -> None:
    revised = (*APPROVED, move(Act.REVISE, CONSUMER, TWO))
    state = after(*revised)
    assert (state.status, state.talk, state.in_force, state.turn) == (Status.APPROVED, Talk.REVIEW, ONE, PROVIDER)
    refused_revision = after(*revised, move(Act.REFUSE, PROVIDER))
    assert (refused_revision.status, refused_revision.in_force, refused_revision.talk) == (
        Status.APPROVED,
        ONE,
        Talk.NONE,
    )
    assert after(*revised, move(Act.APPROVE, PROVIDER, TWO)).in_force == TWO
    assert refused(*PROPOSED, move(Act.REVISE, CONSUMER, TWO)).field == "act"


def test_a_provider_may_offer_less_than_what_is_in_force_and_nothing_changes_unless_it_is_accepted() -> None:
    offered = (*APPROVED, move(Act.NARROW, PROVIDER, TWO))
    assert (after(*offered).in_force, after(*offered).talk) == (ONE, Talk.NARROWED)
    assert refused(*offered, move(Act.ANSWER, CONSUMER)).field == "act"
    assert after(*offered, move(Act.WITHDRAW, CONSUMER)).status is Status.APPROVED
    accepted = after(*offered, move(Act.ACCEPT_NARROWING, CONSUMER, TWO), move(Act.APPROVE, PROVIDER, TWO))
    assert accepted.in_force == TWO


def test_a_suspended_agreement_stays_suspended_when_a_revision_is_approved() -> None:
    state = after(
        *APPROVED, move(Act.SUSPEND, PROVIDER), move(Act.REVISE, CONSUMER, TWO), move(Act.APPROVE, PROVIDER, TWO)
    )
    assert (state.status, state.in_force) == (Status.SUSPENDED, TWO)


@pytest.mark.parametrize("act", Act)
def test_each_act_is_refused_from_the_party_whose_it_is_not_and_with_or_without_a_text_that_does_not_belong(
    act: Act,
) -> None:
    own = {
        Act.PROPOSE: CONSUMER,
        Act.REVISE: CONSUMER,
        Act.ANSWER: CONSUMER,
        Act.ACCEPT_NARROWING: CONSUMER,
        Act.WITHDRAW: CONSUMER,
        Act.ASK: PROVIDER,
        Act.NARROW: PROVIDER,
        Act.APPROVE: PROVIDER,
        Act.REFUSE: PROVIDER,
    }
    names = {Act.PROPOSE, Act.REVISE, Act.NARROW, Act.ACCEPT_NARROWING, Act.APPROVE}
    party = own.get(act, CONSUMER)
    if act in own:
        other = PROVIDER if party is CONSUMER else CONSUMER
        assert "to do" in refused(*PROPOSED, move(act, other, ONE)).rule
    assert refused(*PROPOSED, move(act, party, b"" if act in names else ONE)).field == "text"


def text(**changes: str) -> bytes:
    raw = AGREEMENT_TEXT
    for change in changes.values():
        old, new = change.split(" => ")
        assert old in raw
        raw = raw.replace(old, new)
    return raw.encode()


FIRST = parse_agreement(text())


def checked(act: Act, raw: bytes, *, pending=None, in_force=None, first=FIRST) -> None:
    agreement = parse_agreement(raw)
    party = PROVIDER if act is Act.NARROW else CONSUMER
    check_text(move(act, party, agreement.digest), agreement, pending=pending, in_force=in_force, first=first)


def text_refused(*arguments, **keywords) -> str:
    with pytest.raises(OutOfOrder) as caught:
        checked(*arguments, **keywords)
    return caught.value.field


def test_a_text_is_the_one_that_the_statement_names() -> None:
    wrong = move(Act.PROPOSE, CONSUMER, ONE)
    with pytest.raises(OutOfOrder, match="names"):
        check_text(wrong, FIRST, pending=None, in_force=None, first=None)
    with pytest.raises(OutOfOrder, match="must come"):
        check_text(wrong, None, pending=None, in_force=None, first=None)
    with pytest.raises(OutOfOrder, match="must come"):
        check_text(move(Act.APPROVE, PROVIDER, ONE), FIRST, pending=FIRST, in_force=None, first=FIRST)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ('"civil-education-2025" => "another"', "text.id"),
        ('consumer = "education" => consumer = "tourism"', "text.consumer"),
        ('provider = "civil" => provider = "tax"', "text.provider"),
        ('"civil.resident" => "civil.marriage"', "text.resource"),
    ],
)
def test_parties_resource_and_id_stay_through_all_revisions(change: str, key: str) -> None:
    assert text_refused(Act.REVISE, text(a=change, b="revision = 3 => revision = 4"), in_force=FIRST) == key


def test_a_revision_is_higher_than_the_one_in_force() -> None:
    checked(Act.REVISE, text(a="revision = 3 => revision = 4"), in_force=FIRST)
    assert (
        text_refused(Act.REVISE, text(a="uses_per_day = 1000 => uses_per_day = 1"), in_force=FIRST) == "text.revision"
    )
    assert (
        text_refused(Act.NARROW, text(a="uses_per_day = 1000 => uses_per_day = 1"), in_force=FIRST) == "text.revision"
    )


def test_a_narrowing_takes_away_and_adds_nothing() -> None:
    checked(Act.NARROW, text(a='["value", "masked"] => ["masked"]'), pending=FIRST)
    assert text_refused(Act.NARROW, text(), pending=FIRST) == "text"
    wider = text(a='["value", "masked"] => ["masked"]', b='["year"] => ["year", "value"]')
    assert text_refused(Act.NARROW, wider, pending=FIRST) == "text.items.birth_date"
    numbered = text(a="uses_per_day = 1000 => uses_per_day = 1", b="revision = 3 => revision = 4")
    assert text_refused(Act.NARROW, numbered, pending=FIRST) == "text.revision"
    checked(Act.NARROW, numbered, in_force=FIRST)
