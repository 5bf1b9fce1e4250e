"""What the gateway asks of a node and what comes back, as plain values.

Rules kept: no generated code and no transport here; an answer exists only after its receipt was verified, so whoever
holds an `Answer` may rely on it; a node that did not answer is a `Silence` with its reason, never an empty answer.
It does not decide what may be asked: an `Order` is carried out as it stands.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from policies.reasons import Reason
from policies.vocabulary import Form, LegalBasis

HANDLE_BYTES = 16
SESSION_BYTES = 16
DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class Order:
    """One thing to ask of one node; becomes one ticket.

    Attributes:
        node: SPIFFE id of the node.
        resource: Resource code.
        handle: The node's name of the record, 16 bytes; random when there is no unique pointer.
        items: Field codes and the forms in which to release them.
        purpose: Registered purpose code.
        basis: The legal ground.
        agreement_id: The agreement that permits it.
        agreement_revision: Its revision, from 1.
        agreement_digest: SHA-256 of the agreement's exact bytes.
        request: The asking system's signed body, exact bytes.
        request_signature: Its signature.
        requester_keys: The asking system's certified keys.
        subject_nonce: The key of the subject commitment, 32 bytes.
        subject_identifier: Canonical identifier for an unlisted resource, else empty.
        promise: The ledger's promise of the `asked` entry.
        request_digest: SHA-256 of `request`.
        predicates: By field, the name of the predicate of each item in that form.
        operands: By field, what an equality compares with; never part of the `repr`.
        consent: The consent's exact bytes; empty with another basis.
        consent_digest: Its SHA-256; empty with another basis.
        consent_proof: The person's word for it, sealed for whoever knows the identifier.
        emergency: Reason of the declared emergency; empty when none is declared.
    """

    node: str
    resource: str
    handle: bytes
    items: tuple[tuple[str, Form], ...]
    purpose: str
    basis: LegalBasis
    agreement_id: str
    agreement_revision: int
    agreement_digest: bytes
    request: bytes
    request_signature: bytes
    requester_keys: CertifiedKeys
    subject_nonce: bytes
    subject_identifier: str
    promise: BatchItem
    request_digest: bytes
    predicates: Mapping[str, str] = field(default_factory=dict)
    operands: Mapping[str, str] = field(default_factory=dict, repr=False)
    consent: bytes = b""
    consent_digest: bytes = b""
    consent_proof: bytes = b""
    emergency: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A sealed answer whose receipt was verified.

    Attributes:
        order: What was asked.
        sealed: HPKE ciphertext for the asking system; the gateway cannot open it.
        ticket_digest: SHA-256 of the ticket, part of the HPKE info.
        receipt: The node's signed receipt with its path, verifiable alone.
        session_id: The session under which the receipt was signed, 16 bytes.
        node_keys: The node's certified keys.
        outcomes: Field, form and what became of it (names of `ItemOutcome` in lower case); for the ledger only.
        released_ms: When the node released, by its own clock, Unix ms.
    """

    order: Order
    sealed: bytes
    ticket_digest: bytes
    receipt: BatchItem
    session_id: bytes
    node_keys: CertifiedKeys
    outcomes: tuple[tuple[str, Form, str], ...]
    released_ms: int


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer, and why.

    Attributes:
        order: What was asked.
        reason: NOT_CONNECTED, NODE_DOWN, DEADLINE, NODE_REFUSED or BAD_ANSWER.
        detail: The node's own reason code when it refused, or the rule its answer broke; a fixed code, never free text.
    """

    order: Order
    reason: Reason
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """One connected node, for the operator.

    Attributes:
        node: SPIFFE id.
        department: Its department id.
        connected_ms: When its stream opened, Unix ms.
        heard_ms: When its last frame arrived, Unix ms.
        synced_ms: When it last compared its sources with what it published, Unix ms; 0 when never told.
        clock_offset_ms: The node's clock minus the gateway's when the stream opened.
        resources: Codes of the resources it offers.
        waiting: Asks not yet answered.
        answered: Answers accepted on this stream.
        bad_answers: Answers not accepted on this stream.
        refused: Asks that the node refused on this stream.
        draining: Whether it takes no new asks.
    """

    node: str
    department: str
    connected_ms: int
    heard_ms: int
    synced_ms: int
    clock_offset_ms: int
    resources: tuple[str, ...]
    waiting: int
    answered: int
    bad_answers: int
    refused: int
    draining: bool


@dataclass(frozen=True, slots=True)
class PointerChange:
    """One change of the index as a node sent it.

    Attributes:
        sequence: Position in the node's outbox, from 1; 0 in a snapshot.
        resource: Resource code.
        handle: The node's name of the record, 16 bytes.
        subject_scheme: Scheme of the identifier; empty in a tombstone.
        subject_identifier: Identifier; empty in a tombstone. Lives in memory only.
        version: Version of the record.
        updated_ms: When the source changed it, Unix ms; 0 when unknown.
        tombstone: Whether the record is gone.
    """

    sequence: int
    resource: str
    handle: bytes
    subject_scheme: str
    subject_identifier: str
    version: int
    updated_ms: int
    tombstone: bool


@dataclass(frozen=True, slots=True)
class SnapshotPiece:
    """A part of a full list of one resource's pointers.

    Attributes:
        snapshot_id: The same in all parts, 16 bytes.
        resource: Resource code.
        part: Number of this part, from 0.
        entries: Live records.
        last: Whether this is the last part.
        total: In the last part, the number of entries in all parts.
        as_of_sequence: In the last part, the outbox sequence as of which the list holds.
    """

    snapshot_id: bytes
    resource: str
    part: int
    entries: tuple[PointerChange, ...]
    last: bool
    total: int
    as_of_sequence: int


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """Sizes, counts and times of the node link.

    Attributes:
        heartbeat_ms: How often a node must show life; after three times this without a frame its stream is closed.
        ticket_life_ms: Longest life of a ticket.
        answer_bytes: Largest sealed answer.
        waiting_asks: Most unanswered asks of one stream; beyond it a new ask is a silence at once.
        deltas_per_frame: Most deltas in one frame.
        hello_s: How long a new stream may take to say hello, seconds.
        drain_s: How long a replaced stream may finish its asks, seconds.
        clock_skew_ms: Largest tolerated difference between a node's clock and ours in a receipt.
    """

    heartbeat_ms: int = 2000
    ticket_life_ms: int = 30_000
    answer_bytes: int = 1 << 20
    waiting_asks: int = 1024
    deltas_per_frame: int = 1000
    hello_s: float = 10.0
    drain_s: float = 30.0
    clock_skew_ms: int = 120_000
