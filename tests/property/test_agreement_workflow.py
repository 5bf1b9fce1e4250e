"""Whatever two parties do in whatever order: nothing is in force that the consumer did not want and the provider approve."""

from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from policies.agreements.workflow import START, Act, Move, OutOfOrder, Party, State, Status, Talk, advance

TEXTS = [bytes([n]) * 32 for n in range(1, 4)]
MOVES = st.builds(
    Move,
    act=st.sampled_from(Act),
    party=st.sampled_from(Party),
    text=st.sampled_from([b"", *TEXTS]),
    law=st.sampled_from(["", "§ 1"]),
    reason=st.sampled_from(["", "because"]),
)


def played(moves: list[Move]) -> list[tuple[State, Move, State]]:
    """The moves that were admitted, each with the state before and after it."""
    state, steps = START, []
    for move in moves:
        try:
            following = advance(state, move)
        except OutOfOrder:
            continue
        steps.append((state, move, following))
        state = following
    return steps


NAMING = {Act.PROPOSE, Act.NARROW, Act.REVISE, Act.ACCEPT_NARROWING, Act.APPROVE}
EVERY = [
    Move(act, party, text, "§ 1", "because")
    for act in Act
    for party in Party
    for text in (TEXTS if act in NAMING else [b""])
]


@st.composite
def plays(draw: st.DrawFn) -> list[Move]:
    """Mostly moves that can come, so that talks go far; some that cannot, and ends only now and then."""
    state, moves = START, []
    for _ in range(draw(st.integers(0, 40))):
        move = draw(st.sampled_from(_going_on(state)) | MOVES | st.sampled_from(EVERY))
        moves.append(move)
        with suppress(OutOfOrder):
            state = advance(state, move)
    return moves


def _going_on(state: State) -> list[Move]:
    found = []
    for move in EVERY:
        with suppress(OutOfOrder):
            if advance(state, move).ended is None:
                found.append(move)
    return found or EVERY


@settings(max_examples=200, deadline=None)
@given(plays())
def test_no_path_leads_to_a_text_in_force_but_both_parties_acts_over_exactly_that_text(moves: list[Move]) -> None:
    wanted: set[bytes] = set()
    approved: set[bytes] = set()
    for before, move, after in played(moves):
        if move.act in {Act.PROPOSE, Act.REVISE, Act.ACCEPT_NARROWING}:
            assert move.party is Party.CONSUMER
            wanted.add(move.text)
        if move.act is Act.APPROVE:
            assert move.party is Party.PROVIDER
            approved.add(move.text)
        if after.in_force != before.in_force:
            assert move.act is Act.APPROVE
            assert after.in_force == move.text == before.pending
        if after.in_force:
            assert after.in_force in wanted & approved
        if after.pending:
            assert after.pending in wanted


@settings(max_examples=200, deadline=None)
@given(plays())
def test_the_states_are_consistent_and_an_end_is_final(moves: list[Move]) -> None:
    for before, move, after in played(moves):
        assert before.ended is None
        assert (after.talk is Talk.NARROWED) is bool(after.offered)
        assert (after.talk is Talk.NONE) is (after.turn is None)
        assert not after.pending or after.talk is not Talk.NONE
        assert after.talk not in {Talk.REVIEW, Talk.QUESTIONED} or after.pending
        assert not after.suspended_by or after.in_force
        if after.ended in {Status.REFUSED, Status.WITHDRAWN}:
            assert not after.in_force
        if move.act is Act.RESUME:
            assert move.party in before.suspended_by
        if after.suspended_by < before.suspended_by:
            assert move.act is Act.RESUME
