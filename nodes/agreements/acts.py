"""Makes the steps of a department: what is said, signed with the department key behind the newest step that was seen.

Rules kept here: before anything is signed it is tried on the verified proposal, so that what the gateway would refuse,
or should, is not signed at all; a text that names other keys for this department, or another key for the other one than
the steward accepts, is not approved.
"""

import secrets
from dataclasses import dataclass
from typing import Final

from keys.agreement_steps import BadStep, SignedStep, Step, sign_step
from keys.signing import AGREEMENT, SigningKey
from nodes.agreements.chain import Received, VerifiedProposal, verify
from nodes.agreements.errors import ProposalUntrusted
from nodes.enrolment.errors import BadInput
from policies.agreements import Agreement, Term
from policies.agreements.floors import breaches
from policies.agreements.workflow import Act, OutOfOrder
from policies.purposes import Purposes
from policies.purposes.grounds import ungrounded
from policies.resources import ResourceDescription

_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Prepared:
    """A step that is ready to be brought to the gateway.

    Args:
        signed: The step.
        text: The agreement text that it brings; empty when it brings none.
        agreement_signature: With an approval, the signature over the approved text.
        after: The proposal as it will be.
    """

    signed: SignedStep
    text: bytes
    agreement_signature: bytes
    after: VerifiedProposal


def prepare(
    department_key: SigningKey,
    department: str,
    act: Act,
    *,
    proposal: VerifiedProposal | None,
    now_ms: int,
    text: Agreement | None = None,
    reason: str = "",
    law: str = "",
) -> Prepared:
    """Makes and signs the next step of a proposal.

    Args:
        department_key: The acting department's key.
        department: Its id.
        act: What is done.
        proposal: The proposal so far; None to begin one.
        now_ms: The time, Unix ms.
        text: The text that the act brings or names.
        reason: Why.
        law: The law cited.

    Returns:
        The step, tried on the proposal.

    Raises:
        BadInput: The act cannot come now, or something in it breaks a rule; nothing was signed that could be used.
    """
    before = () if proposal is None else proposal.received
    step = Step(
        proposal=secrets.token_hex(_ID_BYTES) if proposal is None else proposal.id,
        number=len(before) + 1,
        previous=before[-1].signed.digest if before else b"",
        department=department,
        act=str(act),
        text=b"" if text is None else text.digest,
        reason=reason,
        law=law,
        time_ms=now_ms,
    )
    brings = act in {Act.PROPOSE, Act.NARROW, Act.REVISE}
    raw = text.raw if brings and text is not None else b""
    fingerprint = department_key.verify_key.fingerprint
    history = VerifiedProposal().history if proposal is None else proposal.history
    try:
        # Tried first: a department key signs nothing that its own side would not believe.
        history.followed_by(step, fingerprint, raw, with_signature=act is Act.APPROVE)
        signed = sign_step(department_key, step)
    except OutOfOrder as error:
        raise BadInput(error.field, error.rule) from None
    except BadStep as error:
        raise BadInput("step", str(error)) from None
    signature = department_key.sign(AGREEMENT, text.raw) if act is Act.APPROVE and text is not None else b""
    after = verify([*before, Received(signed, raw, signature, now_ms)])
    return Prepared(signed, raw, signature, after)


def check_parties(text: Agreement, department: str, own_key: str, accepted: str = "") -> None:
    """Whether a text names the right keys: this department's own, and the other's as the steward accepts it.

    Args:
        text: The text.
        department: This department.
        own_key: Fingerprint of its key.
        accepted: Fingerprint that the steward accepts for the other department; empty to leave that open.

    Raises:
        BadInput: Another key is named.
    """
    provider = text.provider == department
    mine, theirs = (text.provider_key, text.consumer_key) if provider else (text.consumer_key, text.provider_key)
    if mine != own_key:
        raise BadInput("agreement", "names another key for this department than its own")
    if accepted and theirs != accepted:
        raise BadInput("fingerprint", "is not the other department's key in the agreement")


def check_floors(text: Agreement, resource: ResourceDescription | None, now_ms: int) -> None:
    """Whether a text may be approved by what the provider itself knows of its resource.

    Args:
        text: The text.
        resource: As the node offers it; None when the home does not say.
        now_ms: The time, Unix ms.

    Raises:
        BadInput: The text goes below a floor, or its term is over.
    """
    if text.term(now_ms) is Term.EXPIRED:
        raise BadInput("valid_until", "has passed")
    broken = () if resource is None else breaches(text, resource)
    if broken:
        raise BadInput(broken[0].key, "; ".join(f"{breach.key}: {breach.rule}" for breach in broken))


def check_purposes(text: Agreement, purposes: Purposes | None, now_ms: int) -> None:
    """Whether the own node would release for the purposes of a text, on its legal basis.

    Args:
        text: The text.
        purposes: The vocabulary of the home's node; None where the home has no node.
        now_ms: The time, Unix ms.

    Raises:
        BadInput: A purpose is not registered there, is retired, or may not rest on the legal basis.
    """
    bad = () if purposes is None else ungrounded(text, purposes, now_ms)
    if bad:
        raise BadInput("purposes", "; ".join(one.rule for one in bad))


def check_same(after: VerifiedProposal, found: VerifiedProposal) -> None:
    """Whether the gateway keeps a proposal as it was left.

    Args:
        after: As this department left it.
        found: As the gateway shows it.

    Raises:
        ProposalUntrusted: It is another one.
    """
    number = len(after.steps)
    if len(found.steps) < number or found.received[number - 1].signed.digest != after.digest:
        raise ProposalUntrusted("the gateway does not show the step that it took")
