"""A resource node with everything around it, without a wire: its department, a consumer with a system, and a gateway
whose keys the test holds, so that it can be honest or taken over.

The gateway's part is `World.ask`: every piece of an ask can be replaced, and whatever the gateway signs is signed again
over what was replaced, as a taken-over gateway would do. What only the consumer can sign stays the consumer's.
"""

import os
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from keys.batch import BatchItem, scope, sign_batch
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify
from keys.sealing import SealingKey, answer_info
from keys.signing import PROMISE, REQUEST, TICKETS, SigningKey, digest
from keys.subjects import subject_commitment
from nodes.enrolment.agreement_files import sign_agreement
from nodes.enrolment.home import Trust
from nodes.link.codec import ProtobufCodec
from nodes.provider.config import load_node
from nodes.provider.model import IncomingAsk, Released, TicketFrame
from nodes.provider.node import ProviderNode
from oncegate.v1 import signed_pb2
from policies.identifiers import resident_id
from tests.support.provider_files import AGREEMENT_TOML, LI, NODE_TOML, PEOPLE, RESOURCES_TOML, ZHANG

__all__ = [
    "ADULT",
    "ASKED",
    "BIRTH_YEAR",
    "DAY_MS",
    "DOMAIN",
    "LI",
    "NAME_VALUE",
    "NOBODY",
    "NODE",
    "NOW_MS",
    "PEOPLE",
    "RECORD",
    "RESOURCE",
    "RESOURCES_TOML",
    "SCHEME",
    "ZHANG",
    "Ask",
    "Clock",
    "System",
    "World",
    "handles_of",
    "items",
    "needed",
    "outcomes",
    "predicate",
    "texts",
]

DOMAIN = "gov.test"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
RESOURCE = "civil.resident"
SCHEME = "cn.resident-id"
NODE = SpiffeId(DOMAIN, "civil", "node", "node-1")
NOBODY = resident_id("11010119700101003")


@dataclass
class Clock:
    """A clock that a test moves."""

    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self.at_ms

    def monotonic_s(self) -> float:
        """Follows the wall clock."""
        return self.at_ms / 1000


class System:
    """A consumer's system with keys of its own."""

    def __init__(self, department: str, department_key: SigningKey, name: str = "counter") -> None:
        self.spiffe = str(SpiffeId(DOMAIN, department, "system", name))
        self.department_key = department_key
        self.signing = SigningKey.generate()
        self.sealing = SealingKey.generate()
        self.certified = self.certify()

    def certify(self, **changes: object) -> CertifiedKeys:
        """The system's keys, certified by its department; `changes` replace what the certificate says."""
        values: dict[str, object] = {
            "holder": self.spiffe,
            "department": SpiffeId.parse(self.spiffe).department,
            "signing_key": self.signing.verify_key.der,
            "sealing_key": self.sealing.public,
            "not_before_ms": NOW_MS - DAY_MS,
            "not_after_ms": NOW_MS + 300 * DAY_MS,
        }
        return certify(self.department_key, KeyCertificate(**values | changes))  # type: ignore[arg-type]


def predicate(field_code: str, name: str) -> signed_pb2.TicketItem:
    """The ticket's item of a predicate."""
    return signed_pb2.TicketItem(field=field_code, form=signed_pb2.FORM_PREDICATE, predicate=name)


def needed(field_code: str, **said: Any) -> signed_pb2.RequestItem:
    """The request's item of a predicate: by name, or by operator and constants."""
    return signed_pb2.RequestItem(
        resource=RESOURCE,
        field=field_code,
        form=signed_pb2.FORM_PREDICATE,
        necessity=signed_pb2.NECESSITY_REQUIRED,
        **said,
    )


ADULT = {"operator": signed_pb2.PREDICATE_OPERATOR_AGE_AT_LEAST, "constants": ["18"]}


def items(*pairs: tuple[str, Any]) -> list[signed_pb2.TicketItem]:
    """Ticket items out of (field, form number)."""
    return [signed_pb2.TicketItem(field=name, form=form) for name, form in pairs]


NAME_VALUE = ("name", signed_pb2.FORM_VALUE)
BIRTH_YEAR = ("birth_date", signed_pb2.FORM_YEAR)
RECORD = ("record", signed_pb2.FORM_EXISTS)
ASKED = (NAME_VALUE, BIRTH_YEAR, ("sex", signed_pb2.FORM_VALUE), RECORD)


@dataclass
class Ask:
    """The pieces of one ask before they are put together; a test replaces what it wants."""

    request: bytes
    request_signature: bytes
    ticket: bytes
    requester_keys: CertifiedKeys
    nonce: bytes
    promise: BatchItem
    identifier: str = ""
    deadline_ms: int = 10_000
    clock_offset_ms: int = 0
    operands: Mapping[str, str] = field(default_factory=dict)


@dataclass
class World:
    """Everything around one node.

    Args:
        folder: The node's home.
        clock: Moved by the test.
    """

    folder: Path
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.provider_key = SigningKey.generate()
        self.consumer_key = SigningKey.generate()
        self.system = System("education", self.consumer_key)
        self.ticket_key = SigningKey.generate()
        self.promise_key = SigningKey.generate()
        self.receipt_key = SigningKey.generate()
        self.codec = ProtobufCodec()
        self.nonce = bytes(range(32))
        self.trust = Trust(
            trust_domain=DOMAIN,
            ca_pem=b"",
            ticket_key=self.ticket_key.verify_key.der,
            promise_key=self.promise_key.verify_key.der,
            ledger_key=f"{DOMAIN}/ledger+00000000+AQ==",
            gateway=f"spiffe://{DOMAIN}/gateway/main",
        )
        self.folder.mkdir(exist_ok=True)
        (self.folder / "node.toml").write_text(NODE_TOML)
        (self.folder / "resources.toml").write_text(RESOURCES_TOML)
        self.agreement = self.accept_agreement()
        with sqlite3.connect(self.folder / "people.db") as people:
            people.execute("CREATE TABLE residents (id INTEGER PRIMARY KEY, id_no, xm, csrq, xb, updated_at)")
            people.executemany("INSERT INTO residents VALUES (?, ?, ?, ?, ?, ?)", PEOPLE)
        people.close()

    def sql(self, statement: str, *values: object) -> None:
        """Changes the department's database."""
        people = sqlite3.connect(self.folder / "people.db")
        with people:
            people.execute(statement, values)
        people.close()

    def accept_agreement(self, **changes: object) -> bytes:
        """Puts a signed agreement into the node's folder and gives its bytes."""
        values: dict[str, object] = {
            "id": "civil-education-1",
            "revision": 1,
            "resource": RESOURCE,
            "purpose": "school_enrolment",
            "provider_key": self.provider_key.verify_key.fingerprint,
            "consumer_key": self.consumer_key.verify_key.fingerprint,
            "valid_from": _moment(NOW_MS - DAY_MS),
            "valid_until": _moment(NOW_MS + 300 * DAY_MS),
            "uses_per_day": 1000,
            "rate_per_minute": 100_000,
        }
        values |= changes
        folder = self.folder / "agreements"
        folder.mkdir(exist_ok=True)
        file = folder / f"{values['id']}.toml"
        file.write_text(AGREEMENT_TOML.format(**values))
        sign_agreement(file, self.provider_key)
        return file.read_bytes()

    def node(self, session_id: bytes = b"S" * 16) -> ProviderNode:
        """A node in this home; close it."""
        settings, offer = load_node(self.folder / "node.toml", "civil", {})
        return ProviderNode(
            node=NODE,
            department_key=self.provider_key.verify_key.fingerprint,
            session_id=session_id,
            trust=self.trust,
            settings=settings,
            offer=offer,
            codec=self.codec,
            signing_key=self.receipt_key,
            clock=self.clock,
        )

    def request(self, subject: str = ZHANG, **changes: object) -> bytes:
        """What the consumer's system asks for."""
        values: dict[str, Any] = {
            "request_id": "r-1",
            "trust_domain": DOMAIN,
            "system": self.system.spiffe,
            "subject_scheme": SCHEME,
            "subject_commitment": subject_commitment(self.nonce, SCHEME, subject),
            "purpose": "school_enrolment",
            "legal_basis": signed_pb2.LEGAL_BASIS_MANDATE,
            "items": [
                signed_pb2.RequestItem(
                    resource=RESOURCE,
                    field=name,
                    form=form,
                    necessity=signed_pb2.NECESSITY_REQUIRED,
                    accepted=[signed_pb2.FORM_VALUE] if form == signed_pb2.FORM_YEAR else [],
                )
                for name, form in ASKED
            ],
            "created_unix_ms": self.clock.at_ms,
            "sealing_key_id": self.system.sealing.key_id,
        }
        return signed_pb2.RequestBody(**values | changes).SerializeToString()

    def ticket(self, request: bytes, handle: bytes, **changes: object) -> bytes:
        """What the gateway orders."""
        values: dict[str, Any] = {
            "ticket_id": os.urandom(16),
            "node": str(NODE),
            "session_id": b"S" * 16,
            "resource": RESOURCE,
            "handle": handle,
            "items": items(NAME_VALUE, BIRTH_YEAR),
            "purpose": "school_enrolment",
            "legal_basis": signed_pb2.LEGAL_BASIS_MANDATE,
            "agreement_id": "civil-education-1",
            "agreement_revision": 1,
            "agreement_digest": digest(self.agreement),
            "request_digest": digest(request),
            "issued_unix_ms": self.clock.at_ms,
            "expires_unix_ms": self.clock.at_ms + 10_000,
        }
        return signed_pb2.TicketBody(**values | changes).SerializeToString()

    def promise(self, request: bytes, key: SigningKey | None = None, origin: str = f"{DOMAIN}/ledger") -> BatchItem:
        """The ledger's promise of the `asked` entry."""
        body = signed_pb2.PromiseBody(leaf_index=7, leaf_hash=bytes(32), request_digest=digest(request))
        other = signed_pb2.PromiseBody(leaf_index=8, leaf_hash=bytes(32)).SerializeToString()
        bodies = [body.SerializeToString(), other]
        return sign_batch(key or self.promise_key, PROMISE, scope(origin), bodies)[0]

    def ask(self, handle: bytes, *, request: bytes | None = None, **ticket: object) -> Ask:
        """An honest ask, unless `ticket` replaces something in its ticket."""
        request = request or self.request()
        return Ask(
            request=request,
            request_signature=self.system.signing.sign(REQUEST, request),
            ticket=self.ticket(request, handle, **ticket),
            requester_keys=self.system.certified,
            nonce=self.nonce,
            promise=self.promise(request),
        )

    def send(self, *asks: Ask, key: SigningKey | None = None, session_id: bytes = b"S" * 16) -> list[IncomingAsk]:
        """One frame, signed by the gateway, as the link hands it over."""
        bodies = tuple(ask.ticket for ask in asks)
        signed = sign_batch(key or self.ticket_key, TICKETS, scope(str(NODE), session_id), bodies)
        frame = TicketFrame(bodies, signed[0].signature)
        return [
            IncomingAsk(
                frame=frame,
                position=position,
                request=ask.request,
                request_signature=ask.request_signature,
                requester_keys=ask.requester_keys,
                subject_nonce=ask.nonce,
                subject_identifier=ask.identifier,
                promise=ask.promise,
                deadline_ms=ask.deadline_ms,
                received_s=self.clock.monotonic_s(),
                clock_offset_ms=ask.clock_offset_ms,
                operands=ask.operands,
            )
            for position, ask in enumerate(asks)
        ]

    def open(self, ask: Ask, reply: Released) -> signed_pb2.AnswerBody:
        """Opens an answer as the consumer's system does."""
        info = answer_info(
            digest(ask.request), digest(ask.ticket), signed_pb2.TicketBody.FromString(ask.ticket).resource
        )
        return signed_pb2.AnswerBody.FromString(self.system.sealing.open(reply.sealed, info))


def texts(answer: signed_pb2.AnswerBody) -> list[str | None]:
    """The released texts of an answer; None for what is not available."""
    return [item.text if item.status == signed_pb2.FIELD_STATUS_RELEASED else None for item in answer.fields]


def outcomes(reply: Released) -> list[str]:
    """What the node tells the ledger."""
    names = [
        signed_pb2.ItemOutcome.Name(item.outcome)
        for item in signed_pb2.Disclosure.FromString(reply.disclosure).outcomes
    ]
    return [name.removeprefix("ITEM_OUTCOME_") for name in names]


async def handles_of(node: ProviderNode, resource: str = RESOURCE) -> dict[str, bytes]:
    """Handles by identifier, as the gateway's index learned them."""
    deltas = [delta for delta in await node.pending(0, 10_000) if delta.resource == resource]
    return {delta.subject_identifier: delta.handle for delta in deltas if not delta.tombstone}


def _moment(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()
