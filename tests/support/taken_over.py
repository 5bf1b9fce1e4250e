"""A gateway that somebody took over: it holds every key of the gateway and talks to real nodes over real streams.

It makes the orders that an honest gateway would make, lets the caller change anything in them, and sends them out under
the gateway's own ticket key. What it cannot have are the keys of departments, systems and nodes.
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from gateway.audit.entries import EntryDraft
from gateway.federation.asks import Waiting
from gateway.federation.model import Answer, Order, Silence
from gateway.federation.outgoing import TicketIssuer
from gateway.federation.session import NodeSession
from gateway.index.model import Found
from keys.batch import BatchItem, scope, sign_batch
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify
from keys.sealing import SealingKey
from keys.signing import PROMISE, TICKETS, SigningKey, digest
from oncegate.v1 import exchange_pb2, node_link_pb2, signed_pb2
from policies.vocabulary import Form, LegalBasis
from tests.support.city import ALICE, PURPOSE, City
from tests.support.doors import RawSystem

DEADLINE_S = 2.0


class TakenOver:
    """The gateway of a city in hostile hands.

    Args:
        city: The running city.
        system: An honest system whose signed request the gateway got hold of.
    """

    def __init__(self, city: City, system: RawSystem) -> None:
        assert city.gateway is not None
        self.city = city
        self.system = system
        self.gateway = city.gateway

    async def order(self, request: exchange_pb2.FetchRequest | None = None, subject: str = ALICE) -> Order:
        """What an honest gateway would ask the civil registry for: the name in full."""
        message = request or self.system.asking(subject)
        request_digest = digest(message.body)
        return Order(
            node=self.city.node_id("civil"),
            resource="civil.resident",
            handle=self.handle(subject),
            items=(("name", Form.VALUE),),
            purpose=PURPOSE,
            basis=LegalBasis.MANDATE,
            **self.agreement("education-civil-resident"),
            request=message.body,
            request_signature=message.signature,
            requester_keys=self.system.keys,
            subject_nonce=message.subject_nonce,
            subject_identifier="",
            promise=await self.promise(request_digest),
            request_digest=request_digest,
        )

    def agreement(self, agreement_id: str) -> dict[str, Any]:
        """An agreement as a ticket names it."""
        [found] = [one.agreement for one in self.city.parts.agreements.list() if one.agreement.id == agreement_id]
        return {
            "agreement_id": found.id,
            "agreement_revision": found.revision,
            "agreement_digest": found.digest,
        }

    def handle(self, subject: str) -> bytes:
        """The civil registry's name for someone's record; the index knows it."""
        token = self.city.parts.secrets.subject_tokens.derive("cn.resident-id", subject)
        found = self.gateway.index.find("civil.resident", (token,))
        assert isinstance(found, Found)
        return found.handle

    async def promise(self, request_digest: bytes) -> BatchItem:
        """A true promise: the entry is in the log."""
        draft = EntryDraft(kind="asked", accountability={"made": "up"}, request_digest=request_digest)
        return (await self.city.parts.ledger.append(draft)).promise

    def forged_promise(self, request_digest: bytes, key: SigningKey | None = None) -> BatchItem:
        """A promise of an entry that is nowhere; with the log's own key unless another is given."""
        body = signed_pb2.PromiseBody(leaf_index=7, leaf_hash=os.urandom(32), request_digest=request_digest)
        signer = key or self.city.parts.secrets.promise_key
        origin = scope(self.city.parts.settings.log_origin)
        return sign_batch(signer, PROMISE, origin, [body.SerializeToString()])[0]

    async def ask(self, order: Order) -> Answer | Silence:
        """Send an order as it stands."""
        [outcome] = await self.gateway.federation.ask([order], DEADLINE_S)
        return outcome

    def session(self, department: str = "civil") -> NodeSession:
        """The gateway's end of a node's stream."""
        return self.gateway.federation._current[self.city.node_id(department)]

    async def ask_with(self, order: Order, issuer: TicketIssuer) -> Answer | Silence:
        """Send an order whose frame another issuer makes."""
        outgoing = self.session().outgoing
        honest, outgoing._issuer = outgoing._issuer, issuer
        try:
            return await self.ask(order)
        finally:
            outgoing._issuer = honest

    def spy(self, *, department_key: SigningKey | None = None) -> "Spy":
        """A recipient of the attacker's making, certified by a department key of the attacker's making."""
        certifier, signing, sealing = SigningKey.generate(), SigningKey.generate(), SealingKey.generate()
        certificate = KeyCertificate(
            holder=self.system.spiffe,
            department="education",
            signing_key=signing.verify_key.der,
            sealing_key=sealing.public,
            not_before_ms=0,
            not_after_ms=1 << 45,
        )
        certified = certify(certifier, certificate)
        if department_key is not None:
            certified = replace(certified, department_key=department_key.verify_key.der)
        return Spy(signing, sealing, certified)


@dataclass(frozen=True, slots=True)
class Spy:
    """Keys that the attacker holds, and a certificate over them."""

    signing: SigningKey
    sealing: SealingKey
    certified: CertifiedKeys


class Twisting(TicketIssuer):
    """Makes frames whose tickets were changed after they were made, signed all the same.

    Args:
        taken: The gateway whose key signs.
        twist: Changes a ticket.
        resign: Whether the gateway's key signs again what was changed.
    """

    def __init__(
        self, taken: TakenOver, twist: Callable[[signed_pb2.TicketBody], None], *, resign: bool = True
    ) -> None:
        key = taken.city.parts.secrets.ticket_key
        super().__init__(key, taken.city.parts.clock, 30_000, secrets.token_bytes)
        self._ticket_key = key
        self._twist = twist
        self._resign = resign

    def frame(self, batch: list[Waiting], session_id: bytes, scope: bytes, now_s: float) -> node_link_pb2.GatewayFrame:
        """An honest frame, then changed."""
        frame = super().frame(batch, session_id, scope, now_s)
        tickets = []
        for waiting, ask in zip(batch, frame.asks.asks, strict=True):
            ticket = signed_pb2.TicketBody.FromString(ask.ticket)
            self._twist(ticket)
            ask.ticket = ticket.SerializeToString()
            waiting.ticket_digest = digest(ask.ticket)
            tickets.append(ask.ticket)
        if self._resign:
            frame.asks.signature = sign_batch(self._ticket_key, TICKETS, scope, tickets)[0].signature
        return frame


class Replaying(Twisting):
    """Makes honest frames and keeps the first; from then on sends its ticket and signature again and again.

    Args:
        taken: The gateway whose key signs.
    """

    def __init__(self, taken: TakenOver) -> None:
        super().__init__(taken, lambda _ticket: None)
        self.kept: node_link_pb2.Asks | None = None

    def frame(self, batch: list[Waiting], session_id: bytes, scope: bytes, now_s: float) -> node_link_pb2.GatewayFrame:
        """The first frame again, under the new number of the ask."""
        frame = super().frame(batch, session_id, scope, now_s)
        if self.kept is None:
            self.kept = node_link_pb2.Asks.FromString(frame.asks.SerializeToString())
            return frame
        [ask], [waiting] = frame.asks.asks, batch
        ask.ticket = self.kept.asks[0].ticket
        frame.asks.signature = self.kept.signature
        waiting.ticket_digest = digest(ask.ticket)
        return frame
