"""A proposal as a department sees it: every step verified here, whatever the gateway says of it.

Rules kept here: signatures, chaining and order are checked from the first step on (`keys.agreement_steps`,
`policies.agreements.history`); the approved text carries the provider's signature over it. Fails closed: one step that
does not hold, and nothing of the proposal is used.

What it does not do: it cannot know that the newest step is the newest; `nodes.agreements.memory` remembers what was
seen. Whose key is whose is for the steward, by its fingerprint.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from keys.agreement_steps import BadStep, SignedStep, Step, check_follows, open_step
from keys.errors import BadSignature
from keys.signing import AGREEMENT, VerifyKey
from nodes.agreements.errors import ProposalUntrusted
from policies.agreements import Agreement, BadAgreement
from policies.agreements.history import History
from policies.agreements.workflow import OutOfOrder

FORMAT = "oncegate.agreement-history/1"


@dataclass(frozen=True, slots=True)
class Received:
    """One step as the gateway hands it out.

    Args:
        signed: Exact bytes, signature and key.
        text: The agreement text that the act brings; empty when it brings none.
        agreement_signature: The provider's signature over the approved text; empty for every other act.
        received_ms: When the gateway says that it got it, Unix ms.
    """

    signed: SignedStep
    text: bytes = b""
    agreement_signature: bytes = b""
    received_ms: int = 0


@dataclass(frozen=True, slots=True)
class Approved:
    """A text that its provider approved, with what makes it an agreement.

    Args:
        agreement: Parsed from exactly the signed bytes.
        signature: The provider's.
        signer_key: DER SubjectPublicKeyInfo.
    """

    agreement: Agreement
    signature: bytes
    signer_key: bytes


@dataclass(frozen=True, slots=True)
class VerifiedProposal:
    """A proposal whose every step was verified.

    Args:
        received: The steps as handed out.
        steps: What they say.
        history: What they amount to.
    """

    received: tuple[Received, ...] = ()
    steps: tuple[Step, ...] = ()
    history: History = field(default_factory=History)

    @property
    def id(self) -> str:
        """The proposal's id."""
        return self.steps[0].proposal

    @property
    def digest(self) -> bytes:
        """Digest of the newest step: with it, everything before can be checked."""
        return self.received[-1].signed.digest

    @property
    def approved(self) -> Approved | None:
        """The text in force with its provider's signature; None while there is none."""
        in_force = self.history.in_force
        if in_force is None:
            return None
        one = next(
            received
            for received, step in zip(reversed(self.received), reversed(self.steps), strict=True)
            if step.act == "approve" and step.text == in_force.digest
        )
        return Approved(in_force, one.agreement_signature, one.signed.department_key)


def verify(received: Sequence[Received]) -> VerifiedProposal:
    """Checks a proposal from its first step on.

    Args:
        received: Its steps, in order; at least one.

    Returns:
        The proposal.

    Raises:
        ProposalUntrusted: With the first step that does not hold.
    """
    if not received:
        raise ProposalUntrusted("it has no steps")
    proposal = VerifiedProposal()
    for number, one in enumerate(received, start=1):
        try:
            proposal = _followed(proposal, one)
        except (BadStep, BadAgreement, OutOfOrder, BadSignature) as error:
            raise ProposalUntrusted(f"step {number}: {error}") from None
    return proposal


def _followed(proposal: VerifiedProposal, one: Received) -> VerifiedProposal:
    step, fingerprint = open_step(one.signed)
    if proposal.steps and step.proposal != proposal.id:
        raise BadStep("the step is of another proposal")
    check_follows(step, [before.signed for before in proposal.received])
    history = proposal.history.followed_by(step, fingerprint, one.text, with_signature=bool(one.agreement_signature))
    if one.agreement_signature:
        _check_approval(one, history)
    return VerifiedProposal((*proposal.received, one), (*proposal.steps, step), history)


def _check_approval(one: Received, history: History) -> None:
    agreement = history.in_force
    if agreement is None:
        raise BadStep("the approval approves nothing")
    key = VerifyKey.from_der(one.signed.department_key)
    if key.fingerprint != agreement.provider_key:
        raise BadStep("the text is approved by another key than the provider's in it")
    key.verify(AGREEMENT, agreement.raw, one.agreement_signature)


def to_json(proposal: VerifiedProposal) -> bytes:
    """The proposal as a file that anyone can verify without the gateway.

    Args:
        proposal: The proposal.

    Returns:
        JSON; bytes in base64.
    """
    steps = [
        {
            "body": _b64(one.signed.body),
            "signature": _b64(one.signed.signature),
            "department_key": _b64(one.signed.department_key),
            "text": _b64(one.text),
            "agreement_signature": _b64(one.agreement_signature),
            "received_unix_ms": one.received_ms,
        }
        for one in proposal.received
    ]
    return json.dumps({"format": FORMAT, "steps": steps}, indent=2).encode() + b"\n"


def from_json(data: bytes) -> VerifiedProposal:
    """Reads and verifies what `to_json` wrote.

    Args:
        data: The file's content.

    Returns:
        The proposal.

    Raises:
        ProposalUntrusted: It is no such file, or a step does not hold.
    """
    try:
        document = json.loads(data)
        if document["format"] != FORMAT:
            raise ProposalUntrusted(f"format must be {FORMAT}")
        received = [_received(step) for step in document["steps"]]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise ProposalUntrusted("this is not a history file") from None
    return verify(received)


def _received(step: Mapping[str, object]) -> Received:
    at_ms = step["received_unix_ms"]
    return Received(
        SignedStep(_bytes(step, "body"), _bytes(step, "signature"), _bytes(step, "department_key")),
        _bytes(step, "text"),
        _bytes(step, "agreement_signature"),
        at_ms if isinstance(at_ms, int) else 0,
    )


def _bytes(step: Mapping[str, object], key: str) -> bytes:
    try:
        return base64.b64decode(str(step[key]), validate=True)
    except binascii.Error:
        raise ValueError(key) from None


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
