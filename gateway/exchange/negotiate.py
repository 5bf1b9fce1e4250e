"""What departments do about agreements through the gateway: take steps of a proposal, and read their own proposals.

Rules kept here: authority comes from the department's own key, which signs each step; the certificate only says which
department is at the door, so a member of it can bring a step but not make one. A step is checked as a whole (signature,
registered key, order, text, floors) before anything is written, and is kept and takes effect in the very commit that
puts it on the ledger, or not at all. A party sees only its own proposals: any other is not found. Two steps at once:
one wins, the other is told to look again. The same step twice is the same step. Fails closed everywhere.

What it does not do: it grants nothing. Only the provider's approval, signed over the exact text, puts any in force.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from gateway.audit.counters import Rider
from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerUnavailable, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.identity.departments import Departments
from gateway.identity.peers import Peer, Peers
from gateway.sharing.agreements import Agreements
from gateway.sharing.chain import BrokenChain, Chain, Kept
from gateway.sharing.intake import MAX_RAW, Arriving, Describe, check_text, parsed
from gateway.sharing.proposals import Proposal, Proposals
from keys.agreement_steps import MOST_STEPS, BadStep, SignedStep, Step, open_step
from policies.agreements import Agreement, BadAgreement
from policies.agreements.workflow import BRINGS_TEXT, STOPS, Act, OutOfOrder
from policies.purposes import Purposes

SKEW_MS: Final = 600_000
"""How far a department's clock may be from the gateway's, milliseconds."""
MAX_PAGE: Final = 100
_PROPOSAL_DIGITS: Final = 32
_RETRY_MS: Final = 1000


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """Proposals ordered by id, and the token of the next page (empty at the end)."""

    proposals: tuple[Proposal, ...]
    next_cursor: str


class Negotiate:
    """The departments' side of agreements.

    Args:
        peers: Who is at the door.
        departments: For the registered keys.
        describe: What the catalogue says of a resource.
        agreements: Where an approved revision goes.
        proposals: Where steps are kept.
        ledger: Every act is recorded.
        clock: Now.
        purposes: The registered purposes.
    """

    def __init__(
        self,
        peers: Peers,
        departments: Departments,
        describe: Describe,
        agreements: Agreements,
        proposals: Proposals,
        ledger: SqlLedger,
        clock: Clock,
        purposes: Purposes,
    ) -> None:
        self._peers = peers
        self._departments = departments
        self._describe = describe
        self._agreements = agreements
        self._proposals = proposals
        self._ledger = ledger
        self._clock = clock
        self._purposes = purposes

    async def submit(
        self, certificate: bytes | None, signed: SignedStep, text: bytes, agreement_signature: bytes
    ) -> Proposal:
        """Take one step of a proposal.

        Args:
            certificate: The caller's TLS certificate: of any node or system of the acting department.
            signed: The step, signed by that department's own key.
            text: The agreement text that the act brings; else empty.
            agreement_signature: With an approval, the provider's signature over the approved text; else empty.

        Returns:
            Where the proposal is now.

        Raises:
            Refused: The caller is not in good standing; TOO_LARGE; BAD_REQUEST for a malformed step or text, with its
                keys; BAD_SIGNATURE; REQUEST_EXPIRED for a clock that is off; NOT_FOUND for a proposal of others;
                STEP_OUT_OF_ORDER; STEP_TAKEN; AGREEMENT_CONTRADICTS, ALREADY_EXISTS, NOT_ALLOWED as for an agreement
                that is added; LEDGER_UNAVAILABLE, then nothing has happened.
        """
        peer = self._peers.admit(certificate)
        if len(text) > MAX_RAW:
            raise Refused(Code.TOO_LARGE)
        step = self._authentic(peer, signed)
        chain = await asyncio.to_thread(self._chain, step.proposal)
        if chain.steps and chain.history.party_of(peer.department) is None:
            raise Refused(Code.NOT_FOUND)
        if step.number <= len(chain.steps):
            if chain.kept[step.number - 1].signed.digest == signed.digest:
                return self._now(step.proposal)
            raise Refused(Code.STEP_TAKEN)
        now_ms = self._clock.now_ms()
        if abs(step.time_ms - now_ms) > SKEW_MS:
            raise Refused(Code.REQUEST_EXPIRED)
        grown = self._followed(chain, Kept(signed, text, agreement_signature, now_ms))
        arriving = await asyncio.to_thread(self._checked, grown, agreement_signature)
        await self._take(grown, arriving)
        return self._now(step.proposal)

    async def list(self, certificate: bytes | None, *, waiting: bool, cursor: str, limit: int) -> ProposalPage:
        """The department's proposals, on either side.

        Args:
            certificate: The caller's TLS certificate.
            waiting: Only those in which the department is waited for.
            cursor: From the page before; empty to begin.
            limit: At most this many, 1 to 100; 0 takes 100.

        Raises:
            Refused: The caller is not in good standing; BAD_REQUEST.
        """
        peer = self._peers.admit(certificate)
        if not 0 <= limit <= MAX_PAGE:
            raise bad_request("page_size", f"must be 0 to {MAX_PAGE}")
        if cursor:
            _check_id("page_token", cursor)
        size = limit or MAX_PAGE
        found = await asyncio.to_thread(
            self._proposals.list, department=peer.department, waiting=waiting, after=cursor, limit=size
        )
        return ProposalPage(found, found[-1].id if len(found) == size else "")

    async def read(self, certificate: bytes | None, proposal: str) -> tuple[Proposal, Chain]:
        """One proposal of the department's own with everything that was said about it.

        Args:
            certificate: The caller's TLS certificate.
            proposal: Its id.

        Raises:
            Refused: The caller is not in good standing; BAD_REQUEST; NOT_FOUND also for a proposal of others;
                INTERNAL when what is kept is not what was said.
        """
        peer = self._peers.admit(certificate)
        _check_id("proposal", proposal)
        chain = await asyncio.to_thread(self._chain, proposal)
        if chain.history.party_of(peer.department) is None:
            raise Refused(Code.NOT_FOUND)
        return self._now(proposal), chain

    def _authentic(self, peer: Peer, signed: SignedStep) -> Step:
        try:
            step, fingerprint = open_step(signed)
        except BadStep as error:
            raise bad_request("step", str(error)) from None
        if step.department != peer.department:
            raise Refused(Code.NOT_ALLOWED, "a step of another department")
        if self._departments.fingerprint(peer.department) != fingerprint:
            raise Refused(Code.BAD_SIGNATURE, "the step is not signed by the department's registered key")
        return step

    def _chain(self, proposal: str) -> Chain:
        try:
            return self._proposals.chain(proposal) or Chain()
        except BrokenChain as broken:
            raise Refused(Code.INTERNAL, f"proposal {proposal} breaks at step {broken.number}") from None

    def _followed(self, chain: Chain, kept: Kept) -> Chain:
        if kept.text:
            # For its exact error: line and key.
            parsed(kept.text)
        try:
            grown = chain.followed_by(kept)
        except OutOfOrder as error:
            raise Refused(
                Code.STEP_OUT_OF_ORDER, str(error), violations=(Violation(error.field, error.rule),)
            ) from None
        except (BadStep, BadAgreement) as error:
            raise Refused(Code.STEP_OUT_OF_ORDER, str(error), violations=(Violation("step", str(error)),)) from None
        if len(grown.steps) > MOST_STEPS and Act(grown.steps[-1].act) not in STOPS:
            raise Refused(Code.STEP_OUT_OF_ORDER, violations=(Violation("act", f"a proposal has {MOST_STEPS} steps"),))
        return grown

    def _checked(self, grown: Chain, agreement_signature: bytes) -> Arriving | None:
        """What must hold of the text that the act is about, as of now."""
        act, kept = Act(grown.steps[-1].act), grown.kept[-1]
        if act is Act.APPROVE:
            text: Agreement = grown.history.texts[grown.state.in_force]
            self._offered(text)
            return self._agreements.check(text.raw, agreement_signature, kept.signed.department_key)
        if act in BRINGS_TEXT:
            text = grown.history.texts[grown.steps[-1].text]
            self._offered(text)
            check_text(text, self._departments, self._describe, self._purposes, kept.received_ms)
        return None

    def _offered(self, text: Agreement) -> None:
        resource = self._describe(text.resource)
        if resource is None:
            raise Refused(Code.UNKNOWN_RESOURCE)
        if resource.provider != text.provider:
            raise bad_request("provider", "must be the department that offers the resource")

    async def _take(self, grown: Chain, arriving: Arriving | None) -> None:
        """Record the act and do it."""
        refusals: list[Refused] = []

        def do(connection: Connection) -> None:
            try:
                self._proposals.put(connection, grown, arriving)
            except Refused as refused:
                refusals.append(refused)
                raise RiderRefused(str(refused.code)) from None
            except IntegrityError as error:
                # Rows that no step made stand in the way: the checks report them.
                refusals.append(Refused(Code.INTERNAL, type(error).__name__))
                raise RiderRefused(str(Code.INTERNAL)) from None

        try:
            # One commit: an act that is on the ledger has been done, and one that was not done is not on it.
            await self._ledger.append(_entry(grown, do))
        except RiderRefused:
            raise refusals[-1] from None
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__, retry_after_ms=_RETRY_MS) from None

    def _now(self, proposal: str) -> Proposal:
        found = self._proposals.get(proposal)
        if found is None:
            raise Refused(Code.INTERNAL, "a proposal without its summary")
        return found


def _entry(grown: Chain, do: Rider) -> EntryDraft:
    """The ledger's word for a step. Its free text is only committed to, by the step's digest."""
    step, kept = grown.steps[-1], grown.kept[-1]
    text = grown.history.texts.get(step.text)
    return EntryDraft(
        kind=Kind.AGREEMENT_STEP,
        accountability={
            "department": step.department,
            "proposal": step.proposal,
            "number": step.number,
            "act": step.act,
            "agreement": grown.history.first.id,
            "provider": grown.history.first.provider,
            "consumer": grown.history.first.consumer,
            "revision": 0 if text is None else text.revision,
            "digest": "" if text is None else text.digest.hex(),
            "law": step.law,
            "step": kept.signed.digest.hex(),
            "status": str(grown.state.status),
        },
        riders=(do,),
    )


def _check_id(field: str, text: str) -> None:
    if len(text) != _PROPOSAL_DIGITS or not set(text) <= set("0123456789abcdef"):
        raise bad_request(field, "must be 32 lower-case hex digits")
