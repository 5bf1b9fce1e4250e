"""What a department's system does about consents: asks a person for one, and learns how one for it stands.

Rules kept: a request is drawn up for the asking department and system alone, under an agreement on the basis of
consent; it says and costs the same whether there is such a person or not, and waits until somebody answers or it
expires. A department has few requests waiting for one person, so that nobody can be worn down. What is asked for is on
the ledger, and on the person's list of accesses, in the commit in which it is there. Refusals are recorded. It shows a
consent to the department that it is for, and to no other: another's is not found.
"""

import asyncio
from functools import partial
from typing import Any

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.consent_drafts import DrawUp, Wish
from gateway.exchange.identify import Identify, IdentifySubject, Subject, canonical_identifier, claimed
from gateway.exchange.own_consents import consent_account, keep_draft
from gateway.exchange.record import Record
from gateway.identity.peers import Peer
from gateway.sharing.consents import ID_BYTES, Consents, StoredConsent
from gateway.vault.consent_proofs import ConsentProofs
from policies.identifiers import known_schemes

_RETRY_MS = 86_400_000


class RequestConsent:
    """The department's side.

    Args:
        identify: Verifies callers.
        subjects: From identifier to person id.
        draw_up: Draws up consents.
        consents: Where they are kept.
        proofs: What ties them to people.
        record: Requests and refusals are on the ledger.
        most_open: Requests of one department that may wait for one person.
    """

    def __init__(
        self,
        identify: Identify,
        subjects: IdentifySubject,
        draw_up: DrawUp,
        consents: Consents,
        proofs: ConsentProofs,
        record: Record,
        most_open: int,
    ) -> None:
        self._identify = identify
        self._subjects = subjects
        self._draw_up = draw_up
        self._consents = consents
        self._proofs = proofs
        self._record = record
        self._most_open = most_open

    async def __call__(self, certificate: bytes | None, scheme: str, identifier: str, wish: Wish) -> bytes:
        """Ask a person for a consent.

        Args:
            certificate: The system's TLS certificate, PEM.
            scheme: Kind of the person's identifier.
            identifier: As typed; never stored.
            wish: What the consent is to say.

        Returns:
            Its id.

        Raises:
            Refused: The caller is no system in good standing; BAD_IDENTIFIER; see `DrawUp`; OVERLOADED when too many
                requests of the department wait for this person.
        """
        peer = await self._system(certificate)
        subject: Subject | None = None
        try:
            if scheme not in known_schemes():
                raise bad_request("subject_scheme", "must be a known scheme")
            subject = await self._subjects.known(scheme, canonical_identifier(scheme, identifier))
            drawn = self._draw_up(subject, peer.department, [peer.name], wish)
            await asyncio.to_thread(self._require_room, subject.person_id, peer.department)
        except Refused as error:
            await self._record.refused({**_known(peer), "what": "request_consent"}, subject, error)
            raise
        await self._record.together(
            EntryDraft(
                kind=str(Kind.CONSENT_REQUESTED),
                accountability={**consent_account(drawn.consent), **_known(peer)},
                person={"person": subject.person_id.hex(), "scheme": subject.scheme},
                about=subject.person_id,
            ),
            partial(keep_draft, self._proofs, subject.person_id, drawn, str(peer.spiffe)),
        )
        return drawn.consent.id

    async def status(self, certificate: bytes | None, consent_id: bytes) -> StoredConsent:
        """How a consent for the caller's department stands.

        Raises:
            Refused: The caller is no system in good standing; NOT_FOUND.
        """
        peer = await self._system(certificate)
        if len(consent_id) != ID_BYTES:
            raise bad_request("consent_id", f"must be {ID_BYTES} bytes")
        return await asyncio.to_thread(self._consents.of_consumer, peer.department, consent_id)

    async def _system(self, certificate: bytes | None) -> Peer:
        try:
            return self._identify.system(certificate)
        except Refused as error:
            await self._record.refused(claimed(certificate), None, error)
            raise

    def _require_room(self, person_id: bytes, department: str) -> None:
        if self._consents.waiting(person_id, department) >= self._most_open:
            raise Refused(Code.OVERLOADED, "requests for consent", retry_after_ms=_RETRY_MS)


def _known(peer: Peer) -> dict[str, Any]:
    return {"department": peer.department, "system": str(peer.spiffe)}
