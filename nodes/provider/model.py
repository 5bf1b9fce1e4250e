"""What passes between the stream client (`nodes.link`) and the provider: plain data and two Protocols.

Rules kept here: signed bodies travel as the exact bytes carried, and the provider parses them through the `Codec`
only after their signature was verified. Nothing here is generated code and nothing here does any work.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from policies.predicates import Need
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form, LegalBasis, Necessity

HANDLE_BYTES = 16
"""Length of a handle: the node's own name for a record."""


class ItemOutcome(StrEnum):
    """What became of one item, for the ledger; the names are those of the proto enum without its prefix."""

    RELEASED = "RELEASED"
    NO_RECORD = "NO_RECORD"
    NO_VALUE = "NO_VALUE"
    WITHHELD = "WITHHELD"
    SUBJECT_MISMATCH = "SUBJECT_MISMATCH"
    SOURCE_ERROR = "SOURCE_ERROR"


@dataclass(frozen=True, slots=True)
class RequestedItem:
    """One item of a request (proto RequestItem): the form needed, the predicate in that form, what is taken instead."""

    resource: str
    field: str
    form: Form
    necessity: Necessity
    need: Need | None = None
    accepted: tuple[Form, ...] = ()
    operand_commitment: bytes = b""


@dataclass(frozen=True, slots=True)
class Request:
    """A parsed RequestBody."""

    request_id: str
    trust_domain: str
    system: str
    subject_scheme: str
    subject_commitment: bytes
    purpose: str
    basis: LegalBasis
    case_reference: str
    items: tuple[RequestedItem, ...]
    created_ms: int
    deadline_ms: int
    sealing_key_id: bytes
    consent: bytes = b""
    emergency: str = ""
    """Reason of the declared emergency; empty when none is declared."""
    service: str = ""
    """Code of the service item for which the system asks; empty when it names none."""


@dataclass(frozen=True, slots=True)
class OrderedItem:
    """One item of a ticket (proto TicketItem); with the form predicate, its name in the agreement."""

    field: str
    form: Form
    predicate: str = ""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A parsed TicketBody."""

    ticket_id: bytes
    node: str
    session_id: bytes
    resource: str
    handle: bytes
    items: tuple[OrderedItem, ...]
    purpose: str
    basis: LegalBasis
    agreement_id: str
    agreement_revision: int
    agreement_digest: bytes
    request_digest: bytes
    issued_ms: int
    expires_ms: int
    consent: bytes = b""
    emergency: str = ""
    """As in the request."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A parsed PromiseBody."""

    leaf_index: int
    leaf_hash: bytes
    request_digest: bytes


@dataclass(frozen=True, slots=True, eq=False)
class TicketFrame:
    """The tickets of one Asks frame in order, and the one signature over their tree (nothing verified yet).

    All asks of a frame share one object, so that the provider verifies its signature once.
    """

    bodies: tuple[bytes, ...]
    signature: bytes


@dataclass(frozen=True, slots=True, eq=False)
class IncomingAsk:
    """One ask as it came in: nothing in it is verified.

    Args:
        frame: The frame that carried it.
        position: Which ticket of the frame is this ask's.
        request: Exact RequestBody bytes.
        request_signature: The consumer's signature over them.
        requester_keys: The consumer's certified keys.
        subject_nonce: Key of the subject commitment, 32 bytes.
        subject_identifier: Canonical identifier, only for an unlisted resource; else empty.
        promise: The ledger's signed promise of the `asked` entry.
        deadline_ms: Milliseconds from receipt until nobody waits.
        received_s: When it came in, on the node's monotonic clock, seconds.
        clock_offset_ms: Gateway's clock minus node's clock as measured by the link. The provider bounds its effect.
        operands: By field, what an equality is to compare with; never kept or part of the `repr`.
        consent: Exact bytes of the consent; empty with another basis.
        consent_proof: The person's word for it, sealed for whoever knows the identifier.
    """

    frame: TicketFrame
    position: int
    request: bytes
    request_signature: bytes
    requester_keys: CertifiedKeys
    subject_nonce: bytes
    subject_identifier: str
    promise: BatchItem
    deadline_ms: int
    received_s: float
    clock_offset_ms: int = 0
    operands: Mapping[str, str] = field(default_factory=dict, repr=False)
    consent: bytes = b""
    consent_proof: bytes = b""

    @property
    def ticket(self) -> bytes:
        """Exact TicketBody bytes."""
        return self.frame.bodies[self.position]


@dataclass(frozen=True, slots=True)
class AnswerField:
    """One field of a sealed answer (proto AnswerField); `text` is None when not available."""

    field: str
    form: Form
    text: str | None
    data_type: str
    as_of_ms: int
    source: str


@dataclass(frozen=True, slots=True)
class AnswerContent:
    """The plaintext of a sealed answer (proto AnswerBody)."""

    request_digest: bytes
    resource: str
    fields: tuple[AnswerField, ...]


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """What a receipt says (proto ReceiptBody)."""

    ticket_digest: bytes
    request_digest: bytes
    node: str
    resource: str
    ciphertext_digest: bytes
    disclosure_digest: bytes
    released_ms: int


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """What became of one ordered item."""

    field: str
    form: Form
    outcome: ItemOutcome


@dataclass(frozen=True, slots=True)
class DisclosureContent:
    """What the node did, for the ledger (proto Disclosure)."""

    salt: bytes
    outcomes: tuple[FieldOutcome, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Released:
    """The reply to a ticket that was carried out. The link signs `receipt` with the frame and sends all three.

    Args:
        sealed: The answer, sealed to the consumer.
        receipt: Serialised ReceiptBody.
        disclosure: Serialised Disclosure.
        ticket_digest: SHA-256 of the ticket, under which the receipt is kept.
    """

    sealed: bytes
    receipt: bytes
    disclosure: bytes
    ticket_digest: bytes


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reply to a ticket that was not carried out."""

    reason: Reason


Reply = Released | Refusal


@dataclass(frozen=True, slots=True)
class PointerDelta:
    """One change of the index (proto Delta). A tombstone has no scheme and identifier, a snapshot entry sequence 0."""

    sequence: int
    resource: str
    handle: bytes
    subject_scheme: str
    subject_identifier: str
    version: int
    updated_ms: int
    tombstone: bool


@dataclass(frozen=True, slots=True)
class DeltaRejection:
    """A delta or snapshot entry (sequence 0) that the gateway did not index, with its reason code."""

    sequence: int
    handle: bytes
    reason: str


class Standing(StrEnum):
    """Whether anything may be released under a consent."""

    GRANTED = "granted"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """How a consent stands from now on.

    Args:
        digest: SHA-256 of the consent, 32 bytes.
        standing: From now on.
        valid_until_ms: Until when it has to be remembered, Unix ms.
    """

    digest: bytes
    standing: Standing
    valid_until_ms: int


@dataclass(frozen=True, slots=True)
class OutboxPosition:
    """How a node's outbox stands.

    Args:
        outbox_id: Which outbox this is, 16 bytes; changes when the node lost its state.
        last_sequence: How far it reaches; 0 when empty.
        acknowledged: Up to where its changes have left, because the gateway said that they are durable there.
    """

    outbox_id: bytes
    last_sequence: int
    acknowledged: int


class Codec(Protocol):
    """Turns signed bodies into bytes and back. Implemented by `nodes.link.codec`.

    Each parse function raises ValueError for bytes that are not such a message, for an unstated enum, or for a
    field of the wrong length. Its error text carries nothing of the content.
    """

    def parse_ticket(self, body: bytes) -> Ticket:
        """Parse a TicketBody."""

    def parse_request(self, body: bytes) -> Request:
        """Parse a RequestBody. An unstated necessity is read as required."""

    def parse_promise(self, body: bytes) -> Promise:
        """Parse a PromiseBody."""

    def encode_answer(self, answer: AnswerContent, length: int) -> bytes:
        """Serialise an AnswerBody padded with zero bytes to exactly `length` bytes.

        Raises:
            ValueError: When it does not fit.
        """

    def encode_receipt(self, receipt: ReceiptContent) -> bytes:
        """Serialise a ReceiptBody."""

    def encode_disclosure(self, disclosure: DisclosureContent) -> bytes:
        """Serialise a Disclosure."""


class Provider(Protocol):
    """What the stream client needs of a provider. Implemented by `nodes.provider.node.ProviderNode`.

    Every coroutine may be called on the event loop; blocking work is done in the provider's own threads.
    """

    @property
    def session_id(self) -> bytes:
        """The node's session, new each boot, 16 bytes."""

    @property
    def resources(self) -> Sequence[ResourceDescription]:
        """Every resource the node offers, for Hello."""

    @property
    def synced_ms(self) -> int:
        """When every source was last compared with what is published (the oldest of them); 0 when never."""

    async def answer(self, ask: IncomingAsk) -> Reply:
        """Carry out one ticket or refuse it; everything that proves a release is durable when it returns.

        Asks that wait at the same time are carried out together.
        """

    def consents(self, changes: Sequence[ConsentChange]) -> None:
        """Take over how consents stand; it holds for the next release and is kept. Called on the event loop."""

    async def outbox(self) -> OutboxPosition:
        """Where the outbox stands."""

    async def pending(self, after: int, limit: int) -> Sequence[PointerDelta]:
        """Deltas with a sequence above `after`, consecutive and in order, at most `limit`."""

    async def wait_for_deltas(self, after: int, timeout_s: float) -> None:
        """Return when the outbox holds a sequence above `after`, or after `timeout_s` seconds."""

    async def acknowledge(self, through: int, rejections: Sequence[DeltaRejection]) -> None:
        """Forget deltas up to `through`, now durable at the gateway, and note the rejected ones for the steward."""

    async def snapshot(self, resource: str) -> tuple[int, Iterator[Sequence[PointerDelta]]]:
        """The sequence as of which a snapshot holds, and its live records in parts of at most 500.

        The iterator blocks on the node's own database: step it in a thread. Unlisted resources have no entries.

        Raises:
            KeyError: When the node has no such resource.
        """
