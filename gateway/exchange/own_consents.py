"""What a person does about consents: reads them, draws one up, grants, refuses, pauses, resumes, withdraws.

Rules kept: the person is the one whom the token names, or one whom an issuer says that the caller may act for
(`acting`). Every act is on the ledger in the commit in which it takes effect, and every reading before anything is
shown; what cannot be recorded does not happen (fails closed). What is granted is exactly the text whose digest the
person names. A proof is verified here by the same code as at a node; where a provider's agreement asks for one, a
consent without it is not granted. A withdrawal holds from the moment it is stored; telling nodes and recipients follows
from what is stored.

What it does not do: an explicit request, with which a person starts a public task, is another thing and is not here.
"""

import asyncio
import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.acting import ActingFor, Actor, Actors
from gateway.exchange.consent_drafts import Draft, DrawUp, Wish
from gateway.exchange.record import Record, item_text
from gateway.sharing.consents import ID_BYTES, Consents, StoredConsent, add_consent
from gateway.vault.consent_proofs import ConsentProofs
from keys.consent_proof import LEEWAY_MS, ConsentProof, ProofKind, ProofVerifier, Proven
from keys.errors import BadConsentProof, BadSignature, ProofFault
from keys.subjects import check_subject
from policies.agreements import Agreement
from policies.consent_words import Proof
from policies.consents import Act, Consent, NotPossible, Status, after
from policies.identifiers import BadIdentifier, normalise

_KINDS = {
    Act.DENY: Kind.CONSENT_DENIED,
    Act.PAUSE: Kind.CONSENT_PAUSED,
    Act.RESUME: Kind.CONSENT_RESUMED,
    Act.WITHDRAW: Kind.CONSENT_REVOKED,
}
_FAULTS = {
    ProofFault.ABSENT: Code.CONSENT_PROOF_NEEDED,
    ProofFault.INVALID: Code.CONSENT_PROOF_INVALID,
    ProofFault.NONCE: Code.CONSENT_PROOF_NONCE,
    ProofFault.TIME: Code.CONSENT_PROOF_TIME,
    ProofFault.PERSON: Code.CONSENT_PROOF_PERSON,
}


@dataclass(frozen=True, slots=True)
class ShownConsent:
    """A consent in full, as its person sees it.

    Attributes:
        stored: The consent and how it stands.
        notice: The notice in the consent's language; empty once its agreements changed.
        salt: Key of its commitments; empty once the person was erased.
    """

    stored: StoredConsent
    notice: str
    salt: bytes


@dataclass(frozen=True, slots=True)
class Given:
    """What a person gives for proof.

    Attributes:
        token: An issuer's token; empty for none.
        key: The person's own key, DER; empty for none.
        signature: That key's signature over the text; empty for none.
    """

    token: str = ""
    key: bytes = b""
    signature: bytes = b""


class OwnConsents:
    """The person's side.

    Args:
        actors: Who acts for whom.
        draw_up: Draws up consents.
        consents: Where they are kept.
        proofs: What ties them to people.
        verifier: Verifies proofs.
        record: Every act and reading is on the ledger.
        clock: Now.
    """

    def __init__(
        self,
        actors: Actors,
        draw_up: DrawUp,
        consents: Consents,
        proofs: ConsentProofs,
        verifier: ProofVerifier,
        record: Record,
        clock: Clock,
    ) -> None:
        self._actors = actors
        self._draw_up = draw_up
        self._consents = consents
        self._proofs = proofs
        self._verifier = verifier
        self._record = record
        self._clock = clock

    async def list(self, bearer: str, acting: ActingFor | None) -> Sequence[StoredConsent]:
        """The person's consents, newest first.

        Raises:
            Refused: The token does not verify; the relation is not vouched for; the ledger cannot write.
        """
        actor = await self._actors(bearer, acting)
        await self._record.write(_entry(Kind.CONSENT_READ, actor, None))
        return await asyncio.to_thread(self._consents.of_person, actor.subject.person_id)

    async def get(self, bearer: str, acting: ActingFor | None, consent_id: bytes) -> ShownConsent:
        """One consent in full.

        Raises:
            Refused: As `list`; NOT_FOUND.
        """
        actor, stored = await self._mine(bearer, acting, consent_id)
        await self._record.write(_entry(Kind.CONSENT_READ, actor, stored.consent))
        return await asyncio.to_thread(self._shown, stored)

    async def draft(
        self,
        bearer: str,
        acting: ActingFor | None,
        consumer: str,
        systems: Sequence[str],
        wish: Wish,
        supersedes: bytes = b"",
    ) -> ShownConsent:
        """Draw up a consent unasked, or one that is to take the place of another.

        Raises:
            Refused: As `list`; NOT_FOUND for the other one; CONSENT_NOT_POSSIBLE when that is final; see `DrawUp`.
        """
        actor = await self._actors(bearer, acting)
        former = b""
        if supersedes:
            held = await self._held(actor, supersedes)
            self._require_possible(held, Act.SUPERSEDE)
            former = held.consent.digest
        drawn = self._draw_up(actor.subject, consumer, systems, wish, delegate=actor.delegate, supersedes=former)
        await self._record.together(
            _entry(Kind.CONSENT_DRAFTED, actor, drawn.consent),
            partial(keep_draft, self._proofs, actor.subject.person_id, drawn, ""),
        )
        return await asyncio.to_thread(self._read, actor.subject.person_id, drawn.consent.id)

    async def grant(
        self, bearer: str, acting: ActingFor | None, consent_id: bytes, digest: bytes, given: Given
    ) -> StoredConsent:
        """Grant exactly the text of a digest.

        Raises:
            Refused: As `list`; NOT_FOUND; CONSENT_NOT_POSSIBLE; NO_AGREEMENT when one it was drawn up under changed;
                BAD_REQUEST for another digest; CONSENT_PROOF_… when the proof does not hold or is needed.
        """
        actor, stored = await self._mine(bearer, acting, consent_id)
        consent = stored.consent
        if not hmac.compare_digest(digest, consent.digest):
            raise bad_request("digest", "must be the SHA-256 of the consent's text")
        self._require_possible(stored, Act.GRANT)
        try:
            agreements = self._draw_up.agreements_of(consent)
            proof = await asyncio.to_thread(self._proved, actor, consent, given, agreements)
        except Refused as error:
            known = {"by": _by(actor), "what": "grant", "consent": consent.digest.hex()}
            await self._record.refused(known, actor.subject, error)
            raise
        draft = _entry(Kind.CONSENT_GRANTED, actor, consent, proof=str(proof.kind), supersedes=consent.supersedes.hex())
        return await self._together(draft, partial(self._grant, actor=actor, consent=consent, proof=proof))

    async def act(self, bearer: str, acting: ActingFor | None, consent_id: bytes, act: Act) -> StoredConsent:
        """Refuse, pause, resume or withdraw. Withdrawing what is withdrawn changes nothing.

        Raises:
            Refused: As `list`; NOT_FOUND; CONSENT_NOT_POSSIBLE.
        """
        actor, stored = await self._mine(bearer, acting, consent_id)
        if act is Act.WITHDRAW and stored.stored is Status.REVOKED:
            return stored
        draft = _entry(_KINDS[act], actor, stored.consent)
        try:
            return await self._together(draft, partial(self._consents.change, consent_id=stored.consent.id, act=act))
        except Refused as error:
            if act is Act.WITHDRAW and ("status", str(Status.REVOKED)) in error.facts:
                # Somebody else was first; it is what was wanted.
                return await self._held(actor, consent_id)
            raise

    async def _together(self, draft: EntryDraft, act: Callable[[Connection], StoredConsent]) -> StoredConsent:
        """The entry and what it says in one commit.

        Raises:
            Refused: CONSENT_NOT_POSSIBLE as the consent stands in that transaction; nothing is recorded then.
        """
        try:
            return await self._record.together(draft, act)
        except NotPossible as error:
            raise _not_possible(error) from None

    async def _mine(self, bearer: str, acting: ActingFor | None, consent_id: bytes) -> tuple[Actor, StoredConsent]:
        actor = await self._actors(bearer, acting)
        return actor, await self._held(actor, consent_id)

    async def _held(self, actor: Actor, consent_id: bytes) -> StoredConsent:
        if len(consent_id) != ID_BYTES:
            raise bad_request("consent_id", f"must be {ID_BYTES} bytes")
        return await asyncio.to_thread(self._consents.get, actor.subject.person_id, consent_id)

    def _shown(self, stored: StoredConsent) -> ShownConsent:
        proof = self._proofs.open(stored.person_id, stored.consent.id)
        return ShownConsent(stored, self._draw_up.notice(stored.consent), b"" if proof is None else proof.salt)

    def _read(self, person_id: bytes, consent_id: bytes) -> ShownConsent:
        return self._shown(self._consents.get(person_id, consent_id))

    def _require_possible(self, stored: StoredConsent, act: Act) -> None:
        """Checked before anything is drawn up or verified; the transaction checks again."""
        try:
            after(stored.status_at(self._clock.now_ms()), act)
        except NotPossible as error:
            raise _not_possible(error) from None

    def _proved(self, actor: Actor, consent: Consent, given: Given, agreements: Sequence[Agreement]) -> ConsentProof:
        """The proof to keep.

        Raises:
            Refused: It does not hold, or there is none and one is needed.
        """
        held = self._proofs.open(actor.subject.person_id, consent.id)
        if held is None:
            raise Refused(Code.NOT_FOUND, "the person was erased")
        _require_named(actor, consent, held.salt)
        if not given.token:
            if given.key or given.signature:
                raise bad_request("token", "must bind the key")
            if any(agreement.consent is None or agreement.consent.proof is Proof.REQUIRED for agreement in agreements):
                raise Refused(Code.CONSENT_PROOF_NEEDED, "by an agreement")
            return held
        kind = ProofKind.KEY if given.key else ProofKind.TOKEN
        proof = ConsentProof(kind, held.salt, given.token, given.key, given.signature)
        now_ms = self._clock.now_ms()
        try:
            proven = self._verifier.verify(
                proof,
                consent.raw,
                created_ms=consent.created_ms,
                valid_until_ms=consent.valid_until_ms,
                now_ms=now_ms,
            )
        except BadConsentProof as error:
            raise Refused(_FAULTS[error.why], "proof of a consent") from None
        if kind is ProofKind.TOKEN and proven.expires_ms + LEEWAY_MS < now_ms:
            raise Refused(Code.CONSENT_PROOF_TIME, "the token has expired")
        _require_person(actor, proven)
        return proof

    def _grant(self, connection: Connection, *, actor: Actor, consent: Consent, proof: ConsentProof) -> StoredConsent:
        """In one transaction: the consent is granted, its proof is kept, and the one whose place it takes ends."""
        person_id = actor.subject.person_id
        if consent.supersedes:
            # First, because it waits for the change counter: everyone takes locks in this order.
            former = self._consents.find(consent.supersedes)
            if former is None or former.person_id != person_id:
                raise Refused(Code.NOT_FOUND, "the consent that is superseded")
            self._consents.change(connection, former.consent.id, Act.SUPERSEDE, superseded_by=consent.id)
        granted = self._consents.change(connection, consent.id, Act.GRANT, proof=str(proof.kind))
        if not self._proofs.grant(connection, person_id, consent.id, proof):
            raise Refused(Code.NOT_FOUND, "the person was erased")
        return granted


def keep_draft(
    proofs: ConsentProofs, person_id: bytes, drawn: Draft, requested_by: str, connection: Connection
) -> None:
    """Keep a consent that was drawn up, and the salt that ties it to its person.

    Args:
        proofs: Where the salt is sealed.
        person_id: Whose consent.
        drawn: What was drawn up.
        requested_by: SPIFFE id of the system that asked; empty when the person drew it up.
        connection: An open write transaction.
    """
    add_consent(connection, person_id, drawn.consent, requested_by)
    unproved = ConsentProof(ProofKind.SESSION, drawn.salt)
    proofs.add(connection, person_id, drawn.consent.id, unproved, drawn.consent.created_ms)


def _require_named(actor: Actor, consent: Consent, salt: bytes) -> None:
    """The one who grants is the one who the text says does: the subject, or its delegate in that relation."""
    named = consent.delegate
    if (named.relation if named is not None else "") != actor.relation:
        raise Refused(Code.CONSENT_PROOF_PERSON, "the text names another who consents")
    commitment = consent.commitment if named is None else named.commitment
    try:
        check_subject(salt, actor.subject.scheme, actor.subject.canonical, consent.commitment)
        check_subject(salt, actor.caller.scheme, actor.caller.canonical, commitment)
    except BadSignature:
        raise Refused(Code.CONSENT_PROOF_PERSON, "the text is about others") from None


def _require_person(actor: Actor, proven: Proven) -> None:
    """A proof is the caller's own, and for another person the issuer vouches in the very token."""
    caller, subject = actor.caller, actor.subject
    try:
        same = (proven.scheme, normalise(proven.scheme, proven.identifier)) == (caller.scheme, caller.canonical)
        vouched = not actor.relation or any(
            relation == actor.relation
            and (proven.scheme, normalise(proven.scheme, whom)) == (subject.scheme, subject.canonical)
            for relation, whom in proven.acts_for
        )
    except BadIdentifier:
        same = vouched = False
    if not same or not vouched:
        raise Refused(Code.CONSENT_PROOF_PERSON, "the token is another person's")


def _not_possible(error: NotPossible) -> Refused:
    return Refused(Code.CONSENT_NOT_POSSIBLE, str(error.status), facts=(("status", str(error.status)),))


def _by(actor: Actor) -> str:
    return "delegate" if actor.relation else "person"


def consent_account(consent: Consent) -> dict[str, Any]:
    """What the ledger says of a consent: who may have what and why; codes, no identifiers."""
    return {
        "consent": consent.digest.hex(),
        "consent_id": consent.id.hex(),
        "consumer": consent.consumer,
        "purpose": consent.purpose,
        "legal_basis": "consent",
        "items": [
            item_text(part.resource, field, str(form))
            for part in consent.parts
            for field, forms in sorted(part.items.items())
            for form in sorted(forms)
        ],
    }


def _entry(kind: Kind, actor: Actor, consent: Consent | None, **more: str) -> EntryDraft:
    subject = actor.subject
    person = {"person": subject.person_id.hex(), "scheme": subject.scheme}
    if actor.relation:
        person["delegate"] = actor.caller.person_id.hex()
    account = {} if consent is None else consent_account(consent)
    relation = {"relation": actor.relation} if actor.relation else {}
    return EntryDraft(
        kind=str(kind),
        accountability={"by": _by(actor), **account, **relation, **{key: said for key, said in more.items() if said}},
        person=person,
        about=subject.person_id,
    )
