"""Steps of an agreement: what a department says about a proposal, signed with its own key and chained to what was said.

A step counts only under the department's key, and names the digest of the step before it. So a gateway that keeps the
steps can neither invent one, nor change, drop or reorder any that a later one builds on; whoever has the newest step's
digest can check everything before it offline.

The body is canonical JSON (`keys.canonical`) with exactly these keys: `act`, `department`, `format`
("oncegate.agreement-step/1"), `law`, `number` (from 1), `previous` (digest of the step before, base64url; empty for the
first), `proposal` (32 hex digits, chosen at random by the consumer), `reason`, `text` (digest of the agreement text
that the act names, base64url; empty when it names none), `time_ms` (the department's own clock).

It does not know which act may follow which (`policies.agreements.workflow` does) nor whose key a department's is.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys import canonical
from keys.errors import BadSignature
from keys.signing import AGREEMENT_STEP, SigningKey, VerifyKey, digest

FORMAT: Final = "oncegate.agreement-step/1"
LARGEST_BODY: Final = 16 * 1024
LONGEST_REASON: Final = 1000
LONGEST_LAW: Final = 300
MOST_STEPS: Final = 500
"""Steps of one proposal; what stops releases is admitted behind them."""
ACTS: Final = frozenset(
    {
        "propose",
        "ask",
        "answer",
        "narrow",
        "accept_narrowing",
        "approve",
        "refuse",
        "withdraw",
        "suspend",
        "resume",
        "terminate",
        "revise",
    }
)
_DIGEST: Final = 32
_KEYS: Final = frozenset(
    {"act", "department", "format", "law", "number", "previous", "proposal", "reason", "text", "time_ms"}
)
_PROPOSAL: Final = re.compile(r"[0-9a-f]{32}")
_DEPARTMENT: Final = re.compile(r"[a-z][a-z0-9-]{0,62}")
_MAX_TIME: Final = 2**53
_SPACES: Final = frozenset("\n\u3000")


class BadStep(ValueError):
    """A step is malformed, does not verify or does not follow from the one before. Nothing of it counts."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a department says.

    Attributes:
        proposal: 32 lower-case hex digits.
        number: From 1.
        previous: SHA-256 of the body of the step before; empty for the first.
        department: Who says it.
        act: One of `ACTS`.
        text: SHA-256 of the agreement text that the act names; empty when it names none.
        reason: In the department's words, at most 1 000 printable characters; names no person.
        law: The law cited, at most 300 printable characters.
        time_ms: By the department's clock, Unix ms.
    """

    proposal: str
    number: int
    previous: bytes
    department: str
    act: str
    text: bytes
    reason: str
    law: str
    time_ms: int


@dataclass(frozen=True, slots=True)
class SignedStep:
    """A step as it travels.

    Attributes:
        body: Canonical JSON, exact bytes.
        signature: The department's signature over it.
        department_key: DER SubjectPublicKeyInfo of the department's key.
    """

    body: bytes
    signature: bytes
    department_key: bytes

    @property
    def digest(self) -> bytes:
        """What the next step names: SHA-256 of the body, because signatures are malleable."""
        return digest(self.body)


def sign_step(department_key: SigningKey, step: Step) -> SignedStep:
    """Signs a step with the department's own key.

    Args:
        department_key: The department's key.
        step: What is said; checked like a step that is opened.

    Returns:
        What travels.

    Raises:
        BadStep: It would not be accepted by anyone.
    """
    _check(step)
    body = canonical.write(
        {
            "format": FORMAT,
            "proposal": step.proposal,
            "number": step.number,
            "previous": canonical.to_text(step.previous),
            "department": step.department,
            "act": step.act,
            "text": canonical.to_text(step.text),
            "reason": step.reason,
            "law": step.law,
            "time_ms": step.time_ms,
        }
    )
    return SignedStep(body, department_key.sign(AGREEMENT_STEP, body), department_key.verify_key.der)


def open_step(signed: SignedStep) -> tuple[Step, str]:
    """Verifies a step under the key that it comes with. Fails closed.

    Args:
        signed: As it travelled.

    Returns:
        The step, and the fingerprint of that key: whoever calls must know whose it is.

    Raises:
        BadStep: It is not signed by that key, or malformed.
    """
    if len(signed.body) > LARGEST_BODY:
        raise BadStep("the step is too large")
    try:
        key = VerifyKey.from_der(signed.department_key)
        key.verify(AGREEMENT_STEP, signed.body, signed.signature)
    except BadSignature:
        raise BadStep("the step is not signed by the key it comes with") from None
    try:
        value = canonical.read(signed.body)
        if value.keys() != _KEYS or value["format"] != FORMAT:
            raise BadStep("the step has other entries than it must")
        number, time_ms = value["number"], value["time_ms"]
        if type(number) is not int or type(time_ms) is not int:
            raise BadStep("a number is not one")
        texts = {name: value[name] for name in ("proposal", "department", "act", "reason", "law")}
        if not all(isinstance(text, str) for text in texts.values()):
            raise BadStep("a text is not one")
        previous, text = canonical.from_text(value["previous"]), canonical.from_text(value["text"])
        step = Step(number=number, time_ms=time_ms, previous=previous, text=text, **texts)  # type: ignore[arg-type]  # checked above
    except canonical.NotCanonical as error:
        raise BadStep(str(error)) from None
    _check(step)
    return step, key.fingerprint


def check_follows(step: Step, before: Sequence[SignedStep]) -> None:
    """Checks that a step is the next of a chain. Fails closed.

    Args:
        step: The step.
        before: All steps before it, in order, each already checked.

    Raises:
        BadStep: Its number or the digest it names is not the one that must come.
    """
    if step.number != len(before) + 1:
        raise BadStep("the step's number is not the next one")
    if step.previous != (before[-1].digest if before else b""):
        raise BadStep("the step does not build on the one before it")


def _check(step: Step) -> None:
    if not _PROPOSAL.fullmatch(step.proposal):
        raise BadStep("proposal must be 32 lower-case hex digits")
    if not 1 <= step.number <= _MAX_TIME or not 0 <= step.time_ms <= _MAX_TIME:
        raise BadStep("a number is out of range")
    if len(step.previous) != (0 if step.number == 1 else _DIGEST) or len(step.text) not in {0, _DIGEST}:
        raise BadStep("a digest has 32 bytes")
    if not _DEPARTMENT.fullmatch(step.department):
        raise BadStep("department must be a department id")
    if step.act not in ACTS:
        raise BadStep("act must be one of the acts")
    for name, text, longest in (("reason", step.reason, LONGEST_REASON), ("law", step.law, LONGEST_LAW)):
        if len(text) > longest:
            raise BadStep(f"{name} must be at most {longest} characters")
        if not all(character.isprintable() or character in _SPACES for character in text):
            raise BadStep(f"{name} must hold only printable characters and line ends")
