"""A provider in memory for the node's end of the link: answers with genuine receipts, holds an outbox, keeps receipts.

It checks nothing of an ask; `nodes.provider` does, and has its own tests.
"""

import asyncio
import secrets
from collections.abc import Iterator, Sequence

from keys.signing import digest
from nodes.link.codec import ProtobufCodec
from nodes.provider.model import (
    ConsentChange,
    DeltaRejection,
    DisclosureContent,
    FieldOutcome,
    IncomingAsk,
    ItemOutcome,
    OutboxPosition,
    PointerDelta,
    ReceiptContent,
    Refusal,
    Released,
    Reply,
)
from policies.reasons import Reason
from policies.resources import ResourceDescription
from tests.support.federation import NODE, now_ms, resource

_CODEC = ProtobufCodec()


def delta(sequence: int, code: str = "civil.resident") -> PointerDelta:
    """A change of the index."""
    return PointerDelta(
        sequence=sequence,
        resource=code,
        handle=sequence.to_bytes(16, "big"),
        subject_scheme="cn.resident-id",
        subject_identifier="11010519491231002X",
        version=1,
        updated_ms=0,
        tombstone=False,
    )


class MemoryProvider:
    """Answers every ask.

    Args:
        node: SPIFFE id of the node.
        sealed: The answer it gives.
    """

    def __init__(self, node: str = NODE, sealed: bytes = b"sealed" * 300) -> None:
        self.node = node
        self.sealed = sealed
        self.session_id = secrets.token_bytes(16)
        self.resources: Sequence[ResourceDescription] = (resource(),)
        self.synced_ms = 0
        self.outbox_id = secrets.token_bytes(16)
        self.deltas: list[PointerDelta] = []
        self.acknowledged: list[int] = []
        self.rejections: list[DeltaRejection] = []
        self.records: list[PointerDelta] = []
        self.asks: list[IncomingAsk] = []
        self.go = asyncio.Event()
        self.go.set()
        self.failure: Exception | None = None
        self.refuse: Reason | None = None
        self.told: list[ConsentChange] = []
        self._changed = asyncio.Event()

    async def answer(self, ask: IncomingAsk) -> Reply:
        self.asks.append(ask)
        if not self.go.is_set():
            await self.go.wait()
        if self.failure is not None:
            raise self.failure
        if self.refuse is not None:
            return Refusal(self.refuse)
        ticket = _CODEC.parse_ticket(ask.ticket)
        disclosure = _CODEC.encode_disclosure(
            DisclosureContent(
                secrets.token_bytes(16),
                tuple(FieldOutcome(item.field, item.form, ItemOutcome.RELEASED) for item in ticket.items),
            )
        )
        receipt = _CODEC.encode_receipt(
            ReceiptContent(
                ticket_digest=digest(ask.ticket),
                request_digest=ticket.request_digest,
                node=self.node,
                resource=ticket.resource,
                ciphertext_digest=digest(self.sealed),
                disclosure_digest=digest(disclosure),
                released_ms=now_ms(),
            )
        )
        return Released(self.sealed, receipt, disclosure, digest(ask.ticket))

    def consents(self, changes: Sequence[ConsentChange]) -> None:
        """See `Provider`."""
        self.told += changes

    async def outbox(self) -> OutboxPosition:
        acknowledged = max(self.acknowledged, default=0)
        return OutboxPosition(self.outbox_id, self.deltas[-1].sequence if self.deltas else acknowledged, acknowledged)

    def publish(self, *changes: PointerDelta) -> None:
        """Put changes into the outbox."""
        self.deltas += changes
        self._changed.set()

    async def pending(self, after: int, limit: int) -> Sequence[PointerDelta]:
        return [change for change in self.deltas if change.sequence > after][:limit]

    async def wait_for_deltas(self, after: int, timeout_s: float) -> None:
        self._changed.clear()
        if any(change.sequence > after for change in self.deltas):
            return
        try:
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def acknowledge(self, through: int, rejections: Sequence[DeltaRejection]) -> None:
        self.acknowledged.append(through)
        self.rejections += rejections
        self.deltas = [change for change in self.deltas if change.sequence > through]

    async def snapshot(self, code: str) -> tuple[int, Iterator[Sequence[PointerDelta]]]:
        if all(item.code != code for item in self.resources):
            raise KeyError(code)
        as_of = self.deltas[-1].sequence if self.deltas else max(self.acknowledged, default=0)
        return as_of, iter([self.records[start : start + 3] for start in range(0, len(self.records), 3)])
