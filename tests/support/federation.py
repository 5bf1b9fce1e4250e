"""A federation in memory: the gateway's neighbours, and nodes that answer honestly, lie, stall or vanish.

The neighbours (`MemoryIndex`, `MemoryCatalogue`, `MemoryPeers`, `MemoryKeys`) implement the ports of
`gateway.federation.ports`. Everything is signed and certified with the real keys code, so that what a node twists is
exactly one statement. `pipe()` joins two ends without a socket; frames are serialised on the way as on the wire.
"""

import asyncio
import secrets
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from gateway.clock import Clock, SystemClock
from gateway.errors import Code, Refused
from gateway.federation import LinkLimits, Order, PointerChange, SnapshotPiece
from gateway.federation.federation import Federation
from gateway.federation.wire import FORM_NUMBERS
from keys.batch import BatchItem, scope, sign_batch
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify
from keys.sealing import SealingKey
from keys.signing import PROMISE, REQUEST, SigningKey, digest
from oncegate.v1 import node_link_pb2, signed_pb2
from policies.resources import FieldDescription, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, SharingType

DOMAIN = "gov.test"
PROVIDER = "civil"
NODE = f"spiffe://{DOMAIN}/department/{PROVIDER}/node/registry"
SYSTEM = f"spiffe://{DOMAIN}/department/education/system/counter"
RESOURCE = "civil.resident"
DAY_MS = 86_400_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def node_id(name: str, department: str = PROVIDER) -> str:
    return f"spiffe://{DOMAIN}/department/{department}/node/{name}"


def resource(code: str = RESOURCE, provider: str = PROVIDER, *, unlisted: bool = False) -> ResourceDescription:
    """A plain resource with two fields."""
    return ResourceDescription(
        code=code,
        name_zh="居民",
        name_en="Resident",
        provider=provider,
        abstract_zh="居民登记",
        abstract_en="Register of residents",
        classification=Classification.CONFIDENTIAL,
        sharing_type=SharingType.CONDITIONAL,
        sharing_terms="by agreement",
        update_cycle="P1D",
        subject_schemes=("cn.resident-id",),
        unlisted=unlisted,
        fields=tuple(
            FieldDescription(
                code=name,
                name_zh=name,
                name_en=name,
                data_type=DataType.STRING,
                classification=Classification.CONFIDENTIAL,
                forms=frozenset({Form.EXISTS, Form.VALUE}),
            )
            for name in ("name", "address")
        ),
    )


@dataclass(frozen=True, slots=True)
class MemoryPeer:
    """A peer as the gateway knows it."""

    spiffe: SpiffeId
    serial: int
    not_after_ms: int

    @property
    def department(self) -> str:
        return self.spiffe.department

    @property
    def kind(self) -> str:
        return self.spiffe.kind


class MemoryPeers:
    """Admits every readable certificate, or a SPIFFE id in its place, until it is revoked or expires."""

    def __init__(self) -> None:
        self.revoked: set[str] = set()
        self.checks = 0

    def admit(self, certificate: bytes | None) -> MemoryPeer:
        if not certificate:
            raise Refused(Code.CERTIFICATE_MISSING)
        if certificate.startswith(b"spiffe:"):
            peer = MemoryPeer(SpiffeId.parse(certificate.decode()), 1, now_ms() + DAY_MS)
        else:
            shown = peer_from_pem(certificate)
            peer = MemoryPeer(shown.spiffe, shown.serial, shown.not_after_ms)
        self.check(peer)
        return peer

    def check(self, peer: MemoryPeer) -> None:
        self.checks += 1
        if str(peer.spiffe) in self.revoked or str(peer.serial) in self.revoked:
            raise Refused(Code.CERTIFICATE_REVOKED)
        if now_ms() > peer.not_after_ms:
            raise Refused(Code.CERTIFICATE_EXPIRED)


class MemoryKeys:
    """Registered keys of departments; every department has one as soon as it is named."""

    def __init__(self) -> None:
        self.keys: dict[str, SigningKey] = {}

    def key(self, department: str) -> SigningKey:
        if department not in self.keys:
            self.keys[department] = SigningKey.generate()
        return self.keys[department]

    def fingerprint(self, department: str) -> str:
        if department not in self.keys:
            raise Refused(Code.DEPARTMENT_UNKNOWN)
        return self.keys[department].verify_key.fingerprint


class MemoryCatalogue:
    """Takes what a node offers, unless it is another department's."""

    def __init__(self) -> None:
        self.published: dict[str, str] = {}

    def publish(self, node: str, department: str, resources: Sequence[ResourceDescription]) -> None:
        if any(item.provider != department for item in resources):
            raise Refused(Code.NOT_ALLOWED, "resource of another department")
        self.published.update({item.code: node for item in resources})


@dataclass(frozen=True, slots=True)
class MemoryState:
    outbox_id: bytes
    acknowledged: int


@dataclass(frozen=True, slots=True)
class MemoryRejection:
    sequence: int
    handle: bytes
    reason: str


@dataclass(frozen=True, slots=True)
class MemoryApplied:
    through: int
    rejections: tuple[MemoryRejection, ...] = ()


class MemoryIndex:
    """Applies changes in memory. A test slows it down with `delay_s` or breaks it with `failure`."""

    def __init__(self) -> None:
        self.states: dict[str, MemoryState] = {}
        self.pointers: dict[tuple[str, bytes], PointerChange] = {}
        self.staged: list[PointerChange] = []
        self.synced: dict[str, int] = {}
        self.wants_snapshot = False
        self.delay_s = 0.0
        self.failure: Exception | None = None
        self.allowed: Collection[str] = ()

    def outbox(self, node: str) -> MemoryState | None:
        return self.states.get(node)

    def needs_snapshot(self, node: str, outbox_id: bytes, last_sequence: int, resources: Collection[str] = ()) -> bool:
        del last_sequence, resources
        state = self.states.get(node)
        return self.wants_snapshot or (state is not None and state.outbox_id != outbox_id)

    def apply(
        self, node: str, outbox_id: bytes, deltas: Sequence[PointerChange], *, allowed: Collection[str]
    ) -> MemoryApplied:
        self._trouble()
        self.allowed = allowed
        rejected = []
        for delta in deltas:
            if delta.resource not in allowed:
                rejected.append(MemoryRejection(delta.sequence, delta.handle, "UNKNOWN_RESOURCE"))
            elif delta.tombstone:
                self.pointers.pop((delta.resource, delta.handle), None)
            else:
                self.pointers[delta.resource, delta.handle] = delta
        through = deltas[-1].sequence
        self.states[node] = MemoryState(outbox_id, through)
        return MemoryApplied(through, tuple(rejected))

    def snapshot_part(
        self, node: str, outbox_id: bytes, part: SnapshotPiece, *, allowed: Collection[str]
    ) -> MemoryApplied | None:
        self._trouble()
        self.allowed = allowed
        self.staged += part.entries
        if not part.last:
            return None
        if part.total != len(self.staged):
            raise Refused(Code.BAD_FRAME, "snapshot: total")
        self.pointers = {(entry.resource, entry.handle): entry for entry in self.staged}
        self.staged = []
        self.states[node] = MemoryState(outbox_id, part.as_of_sequence)
        return MemoryApplied(part.as_of_sequence)

    def mark_synced(self, node: str, synced_ms: int) -> None:
        self.synced[node] = synced_ms

    def _trouble(self) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure


@dataclass(slots=True)
class MemoryWorld:
    """One gateway's federation, the keys of everybody, and orders to ask."""

    limits: LinkLimits = field(default_factory=LinkLimits)
    clock: Clock = field(default_factory=SystemClock)
    index: MemoryIndex = field(default_factory=MemoryIndex)
    catalogue: MemoryCatalogue = field(default_factory=MemoryCatalogue)
    peers: MemoryPeers = field(default_factory=MemoryPeers)
    keys: MemoryKeys = field(default_factory=MemoryKeys)
    ticket_key: SigningKey = field(default_factory=SigningKey.generate)
    promise_key: SigningKey = field(default_factory=SigningKey.generate)
    system_key: SigningKey = field(default_factory=SigningKey.generate)
    sealing_key: SealingKey = field(default_factory=SealingKey.generate)

    def federation(self) -> Federation:
        return Federation(
            index=self.index,
            catalogue=self.catalogue,
            peers=self.peers,
            department_keys=self.keys,
            ticket_key=self.ticket_key,
            clock=self.clock,
            limits=self.limits,
        )

    def certified(
        self, holder: str, key: SigningKey, *, by: SigningKey | None = None, life_ms: int = DAY_MS
    ) -> CertifiedKeys:
        """Keys of a node or system, certified by its department unless another key is given."""
        department = SpiffeId.parse(holder).department
        certificate = KeyCertificate(
            holder=holder,
            department=department,
            signing_key=key.verify_key.der,
            sealing_key=self.sealing_key.public,
            not_before_ms=now_ms() - 1000,
            not_after_ms=now_ms() + life_ms,
        )
        return certify(by or self.keys.key(department), certificate)

    def order(
        self, node: str = NODE, code: str = RESOURCE, *, items: Sequence[tuple[str, Form]] = (("name", Form.VALUE),)
    ) -> Order:
        """A genuine order: signed request, certified keys, promise of its record."""
        request = signed_pb2.RequestBody(
            request_id=secrets.token_hex(8),
            trust_domain=DOMAIN,
            system=SYSTEM,
            subject_scheme="cn.resident-id",
            subject_commitment=bytes(32),
            purpose="school_enrolment",
            legal_basis=signed_pb2.LEGAL_BASIS_MANDATE,
            items=[
                signed_pb2.RequestItem(
                    resource=code,
                    field=name,
                    form=FORM_NUMBERS[form],
                    necessity=signed_pb2.NECESSITY_REQUIRED,
                )
                for name, form in items
            ],
            created_unix_ms=now_ms(),
            sealing_key_id=self.sealing_key.key_id,
        ).SerializeToString()
        promise = signed_pb2.PromiseBody(leaf_index=1, leaf_hash=bytes(32), request_digest=digest(request))
        return Order(
            node=node,
            resource=code,
            handle=secrets.token_bytes(16),
            items=tuple(items),
            purpose="school_enrolment",
            basis=LegalBasis.MANDATE,
            agreement_id="agreement-1",
            agreement_revision=1,
            agreement_digest=bytes(32),
            request=request,
            request_signature=self.system_key.sign(REQUEST, request),
            requester_keys=self.certified(SYSTEM, self.system_key),
            subject_nonce=bytes(32),
            subject_identifier="",
            promise=self.promise(promise.SerializeToString()),
            request_digest=digest(request),
        )

    def promise(self, body: bytes) -> BatchItem:
        return sign_batch(self.promise_key, PROMISE, scope("ledger"), [body])[0]


class PipeEnd:
    """One end of a stream in memory. Frames are serialised, as on the wire; the queue is short, as a window is."""

    def __init__(self, incoming: "asyncio.Queue[bytes | None]", outgoing: "asyncio.Queue[bytes | None]") -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    async def get(self) -> bytes | None:
        return await self._incoming.get()

    async def put(self, frame: bytes | None) -> None:
        await self._outgoing.put(frame)


class GatewayEnd(PipeEnd):
    """What `Federation.serve` is given."""

    async def read(self) -> node_link_pb2.NodeFrame | None:
        raw = await self.get()
        return None if raw is None else node_link_pb2.NodeFrame.FromString(raw)

    async def write(self, frame: node_link_pb2.GatewayFrame) -> None:
        await self.put(frame.SerializeToString())


class NodeEnd(PipeEnd):
    """What a node's stream is given."""

    async def read(self) -> node_link_pb2.GatewayFrame | None:
        raw = await self.get()
        return None if raw is None else node_link_pb2.GatewayFrame.FromString(raw)

    async def write(self, frame: node_link_pb2.NodeFrame) -> None:
        await self.put(frame.SerializeToString())

    async def close(self) -> None:
        await self.put(None)


def pipe(window: int = 8) -> tuple[GatewayEnd, NodeEnd]:
    """Two joined ends."""
    up: asyncio.Queue[bytes | None] = asyncio.Queue(window)
    down: asyncio.Queue[bytes | None] = asyncio.Queue(window)
    return GatewayEnd(up, down), NodeEnd(down, up)
