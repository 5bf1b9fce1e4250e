"""The steps of one proposal as they are kept, checked from the first to the last.

Rules kept here: every step is verified under the key it comes with, follows the one before it, and is what may be said
then (`policies.agreements.history`). Everything fails closed.

It reads no database and does not know whose registered key is whose now: whoever takes a step in compares that.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from keys.agreement_steps import BadStep, SignedStep, Step, check_follows, open_step
from policies.agreements import BadAgreement
from policies.agreements.due import Turn
from policies.agreements.history import History
from policies.agreements.workflow import OutOfOrder, State, Talk


class BrokenChain(ValueError):
    """What is kept of a proposal is not what its parties said.

    Args:
        number: The step at which it breaks, from 1.
        rule: What does not hold.
    """

    def __init__(self, number: int, rule: str) -> None:
        super().__init__(f"step {number}: {rule}")
        self.number = number
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Kept:
    """A step as it is kept.

    Args:
        signed: Exact bytes, signature and key.
        text: The agreement text that the act brings; empty when it brings none.
        agreement_signature: The provider's signature over the approved text; empty for every other act.
        received_ms: When the gateway got it, Unix ms.
    """

    signed: SignedStep
    text: bytes = b""
    agreement_signature: bytes = b""
    received_ms: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """A proposal with everything that was said about it.

    Args:
        kept: The steps as kept.
        steps: What they say.
        history: What they amount to.
        turns: Who was waited for in the talk that goes on, or went on last.
    """

    kept: tuple[Kept, ...] = ()
    steps: tuple[Step, ...] = ()
    history: History = field(default_factory=History)
    turns: tuple[Turn, ...] = ()

    @property
    def id(self) -> str:
        """The proposal's id; the chain must not be empty."""
        return self.steps[0].proposal

    @property
    def state(self) -> State:
        """What the steps amount to."""
        return self.history.state

    def followed_by(self, kept: Kept) -> "Chain":
        """The chain with one more step. Fails closed.

        Raises:
            BadStep: The step does not verify or does not follow.
            BadAgreement: Its text does not parse.
            OutOfOrder: The act or its text cannot come now.
        """
        step, fingerprint = open_step(kept.signed)
        if self.steps and step.proposal != self.id:
            raise BadStep("the step is of another proposal")
        check_follows(step, [one.signed for one in self.kept])
        history = self.history.followed_by(step, fingerprint, kept.text, with_signature=bool(kept.agreement_signature))
        return Chain((*self.kept, kept), (*self.steps, step), history, _turns(self, history.state, kept.received_ms))


def replay(kept: Iterable[Kept]) -> Chain:
    """Check all steps of a proposal, from the first.

    Args:
        kept: In order.

    Raises:
        BrokenChain: With the first step that does not hold.
    """
    chain = Chain()
    for one in kept:
        try:
            chain = chain.followed_by(one)
        except (BadStep, BadAgreement, OutOfOrder) as error:
            raise BrokenChain(len(chain.steps) + 1, str(error)) from None
    return chain


def _turns(before: Chain, state: State, at_ms: int) -> tuple[Turn, ...]:
    turns = list(before.turns)
    if before.state.talk is Talk.NONE and state.talk is not Talk.NONE:
        turns = []
    if turns and turns[-1].until_ms is None:
        if state.turn == turns[-1].party:
            return tuple(turns)
        turns[-1] = replace(turns[-1], until_ms=at_ms)
    if state.turn is not None:
        turns.append(Turn(state.turn, at_ms))
    return tuple(turns)
