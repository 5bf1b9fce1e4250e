"""How an agreement comes about, stands and ends: the acts of its two parties and the order that they can come in.

```
            propose                   approve
   (nothing) ──────► review ──────────────────────► approved ◄──── resume ────┐
                     │   ▲ ▲ answer                    │  └─── suspend ──► suspended
                ask  │   │ └────────── questioned      │ revise (consumer), narrow (provider)
                     └───┼───────────► (consumer)      ▼
             narrow      │ accept_narrowing, answer   review / narrowed, while the old revision stays in force
                └─► narrowed ──────────┘
   refuse (provider) and withdraw (consumer) end a talk; terminate (either) ends the agreement for good
```

Rules kept here: only the consumer puts a text under review: it proposes it, revises to it or accepts a narrower one;
only the provider approves, and only exactly the text under review; so whatever is in force was wanted by the consumer
and approved by the provider over the same bytes. What a party suspended only that party resumes. The end is final.
Silence is no act: nothing here happens by time passing. Fails closed: an act that is not listed for a state raises.

What it does not do: it verifies no signature, reads no text (`policies.agreements.compare` does) and knows no time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from policies.agreements.agreement import Agreement
from policies.agreements.compare import compare, is_narrower


class Party(StrEnum):
    """The side that acts."""

    CONSUMER = "consumer"
    PROVIDER = "provider"


class Act(StrEnum):
    """What a party can do."""

    PROPOSE = "propose"
    ASK = "ask"
    ANSWER = "answer"
    NARROW = "narrow"
    ACCEPT_NARROWING = "accept_narrowing"
    APPROVE = "approve"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"
    REVISE = "revise"


class Talk(StrEnum):
    """Where the talk about a text is."""

    NONE = "none"
    REVIEW = "review"
    QUESTIONED = "questioned"
    NARROWED = "narrowed"


class Status(StrEnum):
    """The agreement as a steward sees it; expiry is a matter of its term and not told here."""

    REVIEW = "review"
    QUESTIONED = "questioned"
    NARROWED = "narrowed"
    APPROVED = "approved"
    SUSPENDED = "suspended"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    TERMINATED = "terminated"


BRINGS_TEXT: Final = frozenset({Act.PROPOSE, Act.NARROW, Act.REVISE})
"""Acts that come with a text of their own."""
NAMES_TEXT: Final = BRINGS_TEXT | {Act.ACCEPT_NARROWING, Act.APPROVE}
"""Acts whose statement names a text by its digest."""
NEEDS_REASON: Final = frozenset({Act.ASK, Act.ANSWER, Act.REFUSE, Act.SUSPEND, Act.TERMINATE})
"""Acts that must say why."""
OPENS_TALK: Final = frozenset({Act.PROPOSE, Act.REVISE})
"""Acts that begin a talk; a narrowing of what is in force does too."""
STOPS: Final = frozenset({Act.SUSPEND, Act.TERMINATE})
"""Acts that stop releases; they are admitted however long the history is."""


class OutOfOrder(ValueError):
    """An act that cannot come now, or a text that cannot come with it.

    Args:
        field: What is wrong: `act`, `text`, `law`, `reason`, or a key of the text such as `text.items`.
        rule: The rule that is broken; never a value.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Move:
    """One act.

    Args:
        act: What is done.
        party: Who does it.
        text: SHA-256 of the agreement text that it names; empty when it names none.
        law: The law cited; needed to refuse.
        reason: Why.
    """

    act: Act
    party: Party
    text: bytes = b""
    law: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything that the acts so far amount to.

    Args:
        talk: Where the talk is.
        pending: The text that the consumer stands by and that waits for the provider; empty when there is none.
        offered: The narrower text that waits for the consumer; empty when there is none.
        in_force: The text that the provider approved last; empty before the first.
        suspended_by: Who suspended it.
        ended: How it ended; None while it has not.
    """

    talk: Talk = Talk.NONE
    pending: bytes = b""
    offered: bytes = b""
    in_force: bytes = b""
    suspended_by: frozenset[Party] = frozenset()
    ended: Status | None = None

    @property
    def status(self) -> Status:
        """One word for it."""
        if self.ended is not None:
            return self.ended
        if self.in_force:
            return Status.SUSPENDED if self.suspended_by else Status.APPROVED
        return Status(self.talk)

    @property
    def turn(self) -> Party | None:
        """Whose answer is waited for; None when nobody's."""
        return _TURN[self.talk]

    @property
    def text(self) -> bytes:
        """The text that is talked about, else the one in force."""
        return self.offered or self.pending or self.in_force


START: Final = State()
_TURN: Final[Mapping[Talk, Party | None]] = {
    Talk.NONE: None,
    Talk.REVIEW: Party.PROVIDER,
    Talk.QUESTIONED: Party.CONSUMER,
    Talk.NARROWED: Party.CONSUMER,
}


def advance(state: State, move: Move) -> State:
    """The state after one more act. Fails closed.

    Args:
        state: So far; `START` before the first act.
        move: The act.

    Returns:
        The next state.

    Raises:
        OutOfOrder: The act cannot come now, is not this party's, or lacks what it needs.
    """
    parties, follow = _ACTS[move.act]
    if move.party not in parties:
        raise OutOfOrder("act", f"is the {'/'.join(sorted(parties))}'s to do")
    if bool(move.text) is not (move.act in NAMES_TEXT):
        raise OutOfOrder("text", "must be there exactly when the act names a text")
    if move.act in NEEDS_REASON and not move.reason.strip():
        raise OutOfOrder("reason", "is needed for this act")
    if move.act is Act.REFUSE and not move.law.strip():
        raise OutOfOrder("law", "a refusal cites the law that it rests on")
    if state.ended is not None:
        raise OutOfOrder("act", "the proposal has ended")
    if (state == START) is not (move.act is Act.PROPOSE):
        raise OutOfOrder("act", "a proposal begins with propose, and only once")
    return follow(state, move)


def check_text(
    move: Move,
    text: Agreement | None,
    *,
    pending: Agreement | None,
    in_force: Agreement | None,
    first: Agreement | None,
) -> None:
    """Whether the text of an act may come with it; call it after `advance`. Fails closed.

    Args:
        move: The act.
        text: The text that the act brings; None when it brings none.
        pending: The text under review before the act.
        in_force: The approved text before the act.
        first: The first text of the proposal; None for that one itself.

    Raises:
        OutOfOrder: With the key and the rule.
    """
    if (text is None) is (move.act in BRINGS_TEXT):
        raise OutOfOrder("text", "must come exactly with an act that brings one")
    if text is None:
        return
    if text.digest != move.text:
        raise OutOfOrder("text", "is not the one that the statement names")
    if first is not None:
        _same_agreement(first, text)
    if in_force is not None and text.revision <= in_force.revision:
        raise OutOfOrder("text.revision", "must be higher than the one in force")
    if move.act is not Act.NARROW:
        return
    base = pending or in_force
    if base is None:
        raise OutOfOrder("text", "there is nothing to narrow")
    if pending is not None and text.revision != pending.revision:
        raise OutOfOrder("text.revision", "must be the one of the proposal that is narrowed")
    if not is_narrower(base, text):
        wider = next((change.key for change in compare(base, text) if not change.narrows), "")
        raise OutOfOrder(
            f"text.{wider}" if wider else "text", "a narrowing may only take away, and must take something"
        )


def _same_agreement(first: Agreement, text: Agreement) -> None:
    for key in ("id", "provider", "consumer", "resource"):
        if getattr(first, key) != getattr(text, key):
            raise OutOfOrder(f"text.{key}", "must stay the same through all revisions")


def _propose(state: State, move: Move) -> State:
    return replace(state, talk=Talk.REVIEW, pending=move.text)


def _revise(state: State, move: Move) -> State:
    if not state.in_force:
        raise OutOfOrder("act", "there is no approved revision to revise; withdraw and propose again")
    _in_talk(state, Talk.NONE)
    return replace(state, talk=Talk.REVIEW, pending=move.text)


def _ask(state: State, _move: Move) -> State:
    _in_talk(state, Talk.REVIEW)
    return replace(state, talk=Talk.QUESTIONED)


def _answer(state: State, _move: Move) -> State:
    _in_talk(state, Talk.QUESTIONED, Talk.NARROWED)
    if not state.pending:
        raise OutOfOrder("act", "there is no text of the consumer's to stand by; accept the narrowing or withdraw")
    return replace(state, talk=Talk.REVIEW, offered=b"")


def _narrow(state: State, move: Move) -> State:
    if state.talk is Talk.NONE and not state.in_force:
        raise OutOfOrder("act", "there is nothing to narrow")
    _in_talk(state, Talk.REVIEW, Talk.NONE)
    return replace(state, talk=Talk.NARROWED, offered=move.text)


def _accept_narrowing(state: State, move: Move) -> State:
    _in_talk(state, Talk.NARROWED)
    if move.text != state.offered:
        raise OutOfOrder("text", "is not the narrower text that was offered")
    return replace(state, talk=Talk.REVIEW, pending=move.text, offered=b"")


def _approve(state: State, move: Move) -> State:
    _in_talk(state, Talk.REVIEW)
    if move.text != state.pending:
        raise OutOfOrder("text", "is not the text under review")
    return replace(state, talk=Talk.NONE, pending=b"", in_force=move.text)


def _end_talk(status: Status) -> Callable[[State, Move], State]:
    def follow(state: State, _move: Move) -> State:
        _in_talk(state, Talk.REVIEW, Talk.QUESTIONED, Talk.NARROWED)
        over = replace(state, talk=Talk.NONE, pending=b"", offered=b"")
        return over if state.in_force else replace(over, ended=status)

    return follow


def _suspend(state: State, move: Move) -> State:
    _approved(state)
    if move.party in state.suspended_by:
        raise OutOfOrder("act", "it is suspended by this party already")
    return replace(state, suspended_by=state.suspended_by | {move.party})


def _resume(state: State, move: Move) -> State:
    _approved(state)
    if move.party not in state.suspended_by:
        raise OutOfOrder("act", "only the party that suspended it resumes it")
    return replace(state, suspended_by=state.suspended_by - {move.party})


def _terminate(state: State, _move: Move) -> State:
    _approved(state)
    return replace(state, talk=Talk.NONE, pending=b"", offered=b"", ended=Status.TERMINATED)


def _in_talk(state: State, *talks: Talk) -> None:
    if state.talk not in talks:
        raise OutOfOrder("act", f"comes only in the state {'/'.join(talks)}, not in {state.talk}")


def _approved(state: State) -> None:
    if not state.in_force:
        raise OutOfOrder("act", "nothing was approved yet")


_CONSUMER: Final = frozenset({Party.CONSUMER})
_PROVIDER: Final = frozenset({Party.PROVIDER})
_EITHER: Final = _CONSUMER | _PROVIDER
_ACTS: Final[Mapping[Act, tuple[frozenset[Party], Callable[[State, Move], State]]]] = {
    Act.PROPOSE: (_CONSUMER, _propose),
    Act.REVISE: (_CONSUMER, _revise),
    Act.ANSWER: (_CONSUMER, _answer),
    Act.ACCEPT_NARROWING: (_CONSUMER, _accept_narrowing),
    Act.WITHDRAW: (_CONSUMER, _end_talk(Status.WITHDRAWN)),
    Act.ASK: (_PROVIDER, _ask),
    Act.NARROW: (_PROVIDER, _narrow),
    Act.APPROVE: (_PROVIDER, _approve),
    Act.REFUSE: (_PROVIDER, _end_talk(Status.REFUSED)),
    Act.SUSPEND: (_EITHER, _suspend),
    Act.RESUME: (_EITHER, _resume),
    Act.TERMINATE: (_EITHER, _terminate),
}
