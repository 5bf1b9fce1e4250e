"""What the steps of one proposal amount to: its state, its texts, and which keys its parties sign with.

Rules kept here: every step is a party's, in order (`policies.agreements.workflow`), brings exactly the text that it
names, and is signed by a key that a text of the proposal names for that party, so that a history that somebody else
signed anew is not this proposal's. Gateway, provider and consumer use the same code, each over what it was given. Fails
closed.

What it does not do: it verifies no signature and no chaining (`keys.agreement_steps` does).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from policies.agreements.agreement import Agreement
from policies.agreements.parse import parse_agreement
from policies.agreements.workflow import START, Act, Move, OutOfOrder, Party, State, advance, check_text


class Said(Protocol):
    """A step whose signature was verified."""

    @property
    def department(self) -> str:
        """Who says it."""

    @property
    def act(self) -> str:
        """What is done."""

    @property
    def text(self) -> bytes:
        """Digest of the text that it names."""

    @property
    def law(self) -> str:
        """The law cited."""

    @property
    def reason(self) -> str:
        """Why."""


@dataclass(frozen=True, slots=True)
class History:
    """Everything that was said so far.

    Args:
        state: What it amounts to.
        texts: Every agreement text by its digest, in the order in which they came.
    """

    state: State = START
    texts: Mapping[bytes, Agreement] = field(default_factory=dict)

    @property
    def first(self) -> Agreement:
        """The first text: it names id, parties and resource for good. There must be one."""
        return next(iter(self.texts.values()))

    @property
    def pending(self) -> Agreement | None:
        """The text under review."""
        return self.texts.get(self.state.pending)

    @property
    def offered(self) -> Agreement | None:
        """The narrower text that waits for the consumer."""
        return self.texts.get(self.state.offered)

    @property
    def in_force(self) -> Agreement | None:
        """The text that the provider approved last."""
        return self.texts.get(self.state.in_force)

    @property
    def current(self) -> Agreement:
        """The text that is talked about, else the one in force, else the last one that was."""
        return self.texts.get(self.state.text) or list(self.texts.values())[-1]

    def party_of(self, department: str) -> Party | None:
        """Which side a department is; None when it is neither, or nothing was said yet."""
        if not self.texts:
            return None
        return {self.first.consumer: Party.CONSUMER, self.first.provider: Party.PROVIDER}.get(department)

    def keys_of(self, party: Party) -> frozenset[str]:
        """Fingerprints that the texts name for a side."""
        return _keys(party, self.texts.values())

    def followed_by(self, said: Said, fingerprint: str, raw: bytes, *, with_signature: bool) -> "History":
        """The history with one more step. Fails closed.

        Args:
            said: The step, verified.
            fingerprint: Of the key that signed it.
            raw: The agreement text that it brings; empty when it brings none.
            with_signature: Whether it comes with a signature over the approved text.

        Returns:
            The longer history.

        Raises:
            BadAgreement: The text does not parse.
            OutOfOrder: The act, its party, its key or its text cannot come now.
        """
        text = parse_agreement(raw) if raw else None
        texts = self.texts if text is None else {**self.texts, text.digest: text}
        if not texts:
            raise OutOfOrder("act", "a proposal begins with propose and its text")
        party = History(texts=texts).party_of(said.department)
        if party is None:
            raise OutOfOrder("department", "is no party of the agreement")
        move = Move(Act(said.act), party, said.text, said.law, said.reason)
        state = advance(self.state, move)
        first = self.first if self.texts else None
        check_text(move, text, pending=self.pending, in_force=self.in_force, first=first)
        if fingerprint not in _keys(party, texts.values()):
            raise OutOfOrder("department_key", "is none that a text of the proposal names for this department")
        if with_signature is not (move.act is Act.APPROVE):
            raise OutOfOrder("agreement_signature", "must come exactly with an approval")
        return History(state, texts)


def _keys(party: Party, texts: Iterable[Agreement]) -> frozenset[str]:
    return frozenset(text.consumer_key if party is Party.CONSUMER else text.provider_key for text in texts)
