"""Changing the rules takes two people: one proposes a bundle, another approves it, and then it can be activated.

Who may: an operator proposes, activates and goes back; an operator or a department's steward approves, never whoever
proposed. Rules kept here: a bundle that does not load, that the linter finds an error in or that fails a decision table
is not even proposed; each step is on the log before it takes effect, refusals too; what counts for the next step is
what the log says, not what the tables say; bytes are checked again before they come in force. Fails closed: without a
log, a role or a second person nothing changes.

Going back to the bundle that was in force before takes one operator: two people agreed to it once, and it is done in
need. People are told apart by issuer and subject: somebody whom two issuers vouch for counts as two.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from gateway.audit.counters import Placed
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.kinds import Kind
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.examine_bundle import Examine, bundle_refused, examined
from gateway.exchange.policy_log import ROLLBACK, PolicyLog, Step
from gateway.exchange.record import Record
from gateway.identity.departments import Departments
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from gateway.policy.active import ActiveBundle
from gateway.policy.bundles import (
    ACTIVATED,
    APPROVED,
    PROPOSED,
    BundleDamaged,
    Bundles,
    StoredBundle,
    require_bounded,
)
from policies.engine import BadBundle, PolicyEngine
from policies.engine.bundle import check_bundle, digest_of

MAX_LISTED = 100


@dataclass(frozen=True, slots=True)
class BundleState:
    """A bundle and what became of it, as the log says.

    Args:
        stored: As stored.
        state: proposed, approved, active, past or bootstrap.
        proposal: Who proposed it.
        approval: Who approved it.
        activated_ms: When it last came in force; 0 when it never did.
    """

    stored: StoredBundle
    state: str
    proposal: Step | None
    approval: Step | None
    activated_ms: int


class PolicyDesk:
    """Carries out the steps.

    Args:
        people: Verifies tokens.
        departments: A steward's department must be in good standing.
        bundles: What was handed in.
        active: What is in force.
        log: What the log says of both.
        record: Writes the log.
        examine: Loads, lints and tests what is proposed.
    """

    def __init__(
        self,
        people: People,
        departments: Departments,
        bundles: Bundles,
        active: ActiveBundle,
        log: PolicyLog,
        record: Record,
        examine: Examine = examined,
    ) -> None:
        self._people = people
        self._departments = departments
        self._bundles = bundles
        self._active = active
        self._log = log
        self._record = record
        self._examine = examine
        self._one_at_a_time = asyncio.Lock()

    async def propose(self, bearer: str, files: Mapping[str, bytes], tables: Mapping[str, bytes]) -> BundleState:
        """Hand in a bundle. Handing in the same bytes again changes nothing.

        Args:
            bearer: An operator's token.
            files: Exact bytes by name.
            tables: Decision tables that it must pass, by name.

        Raises:
            Refused: TOO_LARGE; BUNDLE_REFUSED with what is wrong; the ledger cannot write.
        """
        person = self._people.authenticate(bearer)
        async with self._one_at_a_time, self._on_record(person, "propose", ""):
            self._require(person, frozenset({Role.OPERATOR}))
            require_bounded({**files, **{f"tests/{name}": raw for name, raw in tables.items()}})
            report = await asyncio.to_thread(self._examine, files, tables, self._active.purposes)
            digest = digest_of(files)
            known = [one for one in await asyncio.to_thread(self._bundles.list) if one.digest == digest]
            if not known or self._log.proposal(known[0]) is None:
                text = json.dumps(report, ensure_ascii=False, sort_keys=True)

                def keep(connection: Connection, entry: int) -> None:
                    self._bundles.take(connection, files, text, entry)

                await self._write(Kind.POLICY_PROPOSED, person, digest, PROPOSED, keep, report=report)
            else:
                await asyncio.to_thread(self._bundles.mend, files)
            return self._state(self._bundles.find(digest))

    async def approve(self, bearer: str, digest: str) -> BundleState:
        """Agree to what somebody else proposed.

        Raises:
            Refused: NOT_FOUND; OWN_PROPOSAL; BUNDLE_REFUSED when the stored bytes are not the proposed ones.
        """
        person = self._people.authenticate(bearer)
        async with self._one_at_a_time, self._on_record(person, "approve", digest):
            self._require(person, frozenset({Role.OPERATOR, Role.STEWARD}))
            stored = self._bundles.find(digest)
            proposal = self._log.proposal(stored)
            if proposal is None:
                raise Refused(Code.NOT_FOUND, "the bundle is not proposed")
            if proposal.by == person.subject_key:
                raise Refused(Code.OWN_PROPOSAL)
            if self._log.approval(stored) is None:
                await self._intact(digest)
                await self._write(
                    Kind.POLICY_APPROVED, person, digest, APPROVED, proposal=proposal.entry, proposed_by=proposal.by
                )
            return self._state(self._bundles.find(digest))

    async def activate(self, bearer: str, digest: str) -> BundleState:
        """Put an approved bundle in force. Activating the one in force changes nothing.

        Raises:
            Refused: NOT_FOUND; NOT_APPROVED; BUNDLE_REFUSED when the stored bytes are not the approved ones.
        """
        person = self._people.authenticate(bearer)
        async with self._one_at_a_time, self._on_record(person, "activate", digest):
            self._require(person, frozenset({Role.OPERATOR}))
            stored = self._bundles.find(digest)
            proposal, approval = self._log.proposal(stored), self._log.approval(stored)
            if proposal is None or approval is None:
                raise Refused(Code.NOT_APPROVED)
            if self._log.activated() != digest:
                await self._activated(person, digest, why="activate", approval=approval.entry, approved_by=approval.by)
            return self._state(self._bundles.find(digest))

    async def roll_back(self, bearer: str, from_digest: str) -> BundleState:
        """Put the bundle in force again that was before the present one.

        Args:
            bearer: An operator's token.
            from_digest: The bundle in force, so that two who do so at once go back only once.

        Raises:
            Refused: BAD_REQUEST when another one is in force; NOT_FOUND when there was none before; BUNDLE_REFUSED
                when the stored bytes of the former one were changed.
        """
        person = self._people.authenticate(bearer)
        async with self._one_at_a_time, self._on_record(person, "rollback", from_digest):
            self._require(person, frozenset({Role.OPERATOR}))
            last = self._log.last_activation()
            if last is None or last.account["bundle"] != from_digest:
                raise bad_request("from_digest", "must be the bundle that was activated last")
            digest = self._log.before(from_digest)
            if not digest:
                raise Refused(Code.NOT_FOUND, "there was no bundle before")
            await self._activated(person, digest, why=ROLLBACK)
            return self._state(self._bundles.find(digest))

    def list(self, bearer: str) -> tuple[Sequence[BundleState], str]:
        """Bundles, newest first, and why the last activated one is not in force (empty when it is).

        Raises:
            Refused: The token is of none who may.
        """
        self._reader(bearer)
        return [self._state(one) for one in self._bundles.list()[:MAX_LISTED]], self._active.problem

    def show(self, bearer: str, digest: str) -> tuple[BundleState, Mapping[str, bytes]]:
        """One bundle with its files; without a digest the one in force.

        Raises:
            Refused: The token is of none who may; NOT_FOUND; BUNDLE_REFUSED when its bytes were changed.
        """
        self._reader(bearer)
        stored = self._bundles.find(digest or self._active.digest)
        try:
            return self._state(stored), self._bundles.files(stored.digest)
        except BundleDamaged as error:
            raise bundle_refused("files", str(error)) from None

    async def _activated(self, person: Person, digest: str, **why: Json) -> None:
        await self._intact(digest)
        last = self._log.last_activation()
        before = "" if last is None else str(last.account["bundle"])
        await self._write(
            Kind.POLICY_ACTIVATED, person, digest, ACTIVATED, activated_by=person.subject_key, before=before, **why
        )
        # At once, so that whoever activated is told whether it is in force here.
        if self._active.problem:
            raise Refused(Code.POLICY_UNAVAILABLE, self._active.problem)

    async def _intact(self, digest: str) -> None:
        try:
            await asyncio.to_thread(
                lambda: PolicyEngine(check_bundle(self._bundles.files(digest), self._active.purposes))
            )
        except (BundleDamaged, BadBundle) as error:
            raise bundle_refused("files", str(error)) from None

    def _state(self, stored: StoredBundle) -> BundleState:
        proposal, approval = self._log.proposal(stored), self._log.approval(stored)
        activated_ms = self._log.activation_ms(stored)
        if stored.digest == self._active.digest:
            state = "active"
        elif activated_ms:
            state = "past"
        elif approval is not None:
            state = "approved"
        else:
            state = "bootstrap" if proposal is None else "proposed"
        return BundleState(stored, state, proposal, approval, activated_ms)

    def _reader(self, bearer: str) -> None:
        self._require(self._people.authenticate(bearer), frozenset({Role.OPERATOR, Role.STEWARD, Role.AUDITOR}))

    def _require(self, person: Person, roles: frozenset[Role]) -> None:
        """Refuse whoever has none of the roles for a step. Fails closed."""
        has = person.roles & roles
        if not has:
            raise Refused(Code.NOT_ALLOWED, "no role for this step")
        if has == {Role.STEWARD}:
            if not person.department:
                raise Refused(Code.NOT_ALLOWED, "the issuer vouches for no department")
            # Raises when it is unknown or revoked.
            self._departments.fingerprint(person.department)

    @asynccontextmanager
    async def _on_record(self, person: Person, what: str, digest: str) -> AsyncIterator[None]:
        """Put a refusal inside the block on the ledger before it is told."""
        try:
            yield
        except Refused as error:
            known = {"official": person.subject_key, "what": f"policy_{what}", "items": []}
            await self._record.refused(known | ({"bundle": digest} if _is_digest(digest) else {}), None, error)
            raise

    async def _write(
        self, kind: Kind, person: Person, digest: str, step: str, also: Placed | None = None, /, **further: Json
    ) -> None:
        """Put a step on the ledger and, in the same commit, among the steps, so that no process misses it."""
        body: dict[str, Json] = {"bundle": digest, "by": person.subject_key, **further}
        if person.department:
            body["department"] = person.department

        def place(connection: Connection, entry: int) -> None:
            self._bundles.note(connection, digest, step, entry)

        placed = (place,) if also is None else (also, place)
        await self._record.write(EntryDraft(kind=kind, accountability=body, placed=placed))


def _is_digest(text: str) -> bool:
    """Only what is one goes on the ledger: what was typed may be anything."""
    scheme, _, digits = text.partition(":")
    return scheme == "sha256" and len(digits) == 64 and set(digits) <= set("0123456789abcdef")  # noqa: PLR2004
