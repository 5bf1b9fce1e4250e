"""Nodes that speak the node link by hand, so that a test can twist any one thing they say.

An honest `ScriptedNode` answers every ask at once. A `Lie` changes exactly one statement; everything around it stays
genuine, so a test that passes shows that this one check holds and not another.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from gateway.federation.federation import Federation
from keys.batch import scope, sign_batch
from keys.key_certificates import CertifiedKeys
from keys.signing import RECEIPTS, SigningKey, digest
from nodes.link import frames
from oncegate.v1 import node_link_pb2, signed_pb2
from policies.resources import ResourceDescription
from tests.support.federation import NODE, MemoryWorld, NodeEnd, now_ms, pipe, resource


class Lie(StrEnum):
    """What a node does wrong."""

    NONE = "none"
    STALLS = "stalls"
    REFUSES = "refuses"
    REFUSES_IN_ITS_OWN_WORDS = "refuses_in_its_own_words"
    VANISHES = "vanishes"
    ANSWERS_TWICE = "answers_twice"
    ANSWERS_WHAT_WAS_NOT_ASKED = "answers_what_was_not_asked"
    SWAPS_TWO_ANSWERS = "swaps_two_answers"
    REPLAYS_AN_OLD_RECEIPT = "replays_an_old_receipt"
    SIGNS_WITH_ANOTHER_KEY = "signs_with_another_key"
    SIGNS_FOR_ANOTHER_SESSION = "signs_for_another_session"
    NAMES_ANOTHER_TICKET = "names_another_ticket"
    NAMES_ANOTHER_REQUEST = "names_another_request"
    NAMES_ANOTHER_NODE = "names_another_node"
    NAMES_ANOTHER_RESOURCE = "names_another_resource"
    CHANGES_THE_CIPHERTEXT = "changes_the_ciphertext"
    CHANGES_THE_DISCLOSURE = "changes_the_disclosure"
    LEAVES_AN_ITEM_OUT = "leaves_an_item_out"
    STATES_NO_OUTCOME = "states_no_outcome"
    SALT_IS_SHORT = "salt_is_short"
    RELEASED_LAST_YEAR = "released_last_year"
    RECEIPT_IS_GARBAGE = "receipt_is_garbage"
    DISCLOSURE_IS_GARBAGE = "disclosure_is_garbage"
    CHUNK_TOO_LARGE = "chunk_too_large"
    CHUNK_EMPTY = "chunk_empty"
    CHUNK_OUT_OF_ORDER = "chunk_out_of_order"
    NO_RECEIPT = "no_receipt"
    REFUSES_AND_ANSWERS = "refuses_and_answers"
    EMPTY_FRAME = "empty_frame"
    SPEAKS_LIKE_A_GATEWAY = "speaks_like_a_gateway"
    FAR_TOO_MUCH = "far_too_much"


@dataclass(slots=True)
class ScriptedNode:
    """A node whose every step a test may twist."""

    world: MemoryWorld
    node: str = NODE
    lie: Lie = Lie.NONE
    resources: tuple[ResourceDescription, ...] = field(default_factory=lambda: (resource(),))
    key: SigningKey = field(default_factory=SigningKey.generate)
    session_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    outbox_id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    sealed: bytes = b"sealed" * 300
    keys: CertifiedKeys | None = None
    last_sequence: int = 0
    acknowledged: int = 0
    asks: list[node_link_pb2.Ask] = field(default_factory=list)
    seen: list[node_link_pb2.GatewayFrame] = field(default_factory=list)
    _old: node_link_pb2.Reply | None = None

    def hello(self) -> node_link_pb2.NodeFrame:
        return frames.hello(
            session_id=self.session_id,
            keys=self.keys or self.world.certified(self.node, self.key),
            resources=self.resources,
            now_ms=now_ms(),
            outbox_id=self.outbox_id,
            last_sequence=self.last_sequence,
            acknowledged=self.acknowledged,
        )

    async def play(self, wire: NodeEnd) -> None:
        """Greet, then answer until the stream ends."""
        await wire.write(self.hello())
        while (frame := await wire.read()) is not None:
            self.seen.append(frame)
            if frame.WhichOneof("frame") == "asks":
                self.asks += frame.asks.asks
                for answer in self.answers(frame.asks):
                    await wire.write(answer)
                if self.lie is Lie.VANISHES:
                    await wire.put(None)
                    return

    def answers(self, asks: node_link_pb2.Asks) -> list[node_link_pb2.NodeFrame]:
        """The frames with which this node answers one frame of asks."""
        lie = self.lie
        if lie in {Lie.STALLS, Lie.VANISHES}:
            return []
        if lie is Lie.EMPTY_FRAME:
            return [node_link_pb2.NodeFrame(replies=node_link_pb2.Replies())]
        if lie is Lie.SPEAKS_LIKE_A_GATEWAY:
            return [node_link_pb2.NodeFrame()]
        if lie is Lie.FAR_TOO_MUCH:
            return [self._chunks(asks.asks[0].ask_id, 3)]
        replies = [self.reply(ask) for ask in asks.asks]
        if lie is Lie.SWAPS_TWO_ANSWERS and len(replies) > 1:
            replies[0].ask_id, replies[1].ask_id = replies[1].ask_id, replies[0].ask_id
        if lie is Lie.REPLAYS_AN_OLD_RECEIPT:
            replies = [self._replay(reply) for reply in replies]
        frame = self.signed(replies)
        return [frame, frame] if lie is Lie.ANSWERS_TWICE else [frame]

    def _chunks(self, ask_id: int, count: int) -> node_link_pb2.NodeFrame:
        chunk = bytes(64 * 1024)
        replies = [node_link_pb2.Reply(ask_id=ask_id, chunk=number, data=chunk) for number in range(count)]
        return node_link_pb2.NodeFrame(replies=node_link_pb2.Replies(replies=replies))

    def _replay(self, reply: node_link_pb2.Reply) -> node_link_pb2.Reply:
        """The receipt, disclosure and ciphertext of the first ask, under the number of this one."""
        if self._old is None:
            self._old = reply
            return reply
        old = node_link_pb2.Reply()
        old.CopyFrom(self._old)
        old.ask_id = reply.ask_id
        return old

    def reply(self, ask: node_link_pb2.Ask) -> node_link_pb2.Reply:
        """One reply, twisted by the lie."""
        lie = self.lie
        if lie is Lie.REFUSES:
            return node_link_pb2.Reply(ask_id=ask.ask_id, refusal="TICKET_EXPIRED")
        if lie is Lie.REFUSES_IN_ITS_OWN_WORDS:
            return node_link_pb2.Reply(ask_id=ask.ask_id, refusal="张三 is not at home")
        ticket = signed_pb2.TicketBody.FromString(ask.ticket)
        disclosure = self._disclosure(ticket)
        sealed = self.sealed
        receipt = signed_pb2.ReceiptBody(
            ticket_digest=digest(ask.ticket if lie is not Lie.NAMES_ANOTHER_TICKET else b"another"),
            request_digest=digest(ask.request if lie is not Lie.NAMES_ANOTHER_REQUEST else b"another"),
            node=self.node if lie is not Lie.NAMES_ANOTHER_NODE else f"{self.node}2",
            resource=ticket.resource if lie is not Lie.NAMES_ANOTHER_RESOURCE else "civil.other",
            ciphertext_digest=digest(sealed),
            disclosure_digest=digest(disclosure),
            released_unix_ms=now_ms() - (365 * 86_400_000 if lie is Lie.RELEASED_LAST_YEAR else 0),
        ).SerializeToString()
        reply = node_link_pb2.Reply(ask_id=ask.ask_id, data=sealed, last=True, receipt=receipt, disclosure=disclosure)
        self._twist(reply)
        return reply

    def _twist(self, reply: node_link_pb2.Reply) -> None:
        lie = self.lie
        if lie is Lie.ANSWERS_WHAT_WAS_NOT_ASKED:
            reply.ask_id += 1000
        elif lie is Lie.CHANGES_THE_CIPHERTEXT:
            reply.data = b"S" + reply.data[1:]
        elif lie is Lie.CHANGES_THE_DISCLOSURE:
            reply.disclosure = bytes(16) + reply.disclosure[16:]
        elif lie is Lie.RECEIPT_IS_GARBAGE:
            reply.receipt = b"\xff\xff\xff"
        elif lie is Lie.CHUNK_TOO_LARGE:
            reply.data = bytes(64 * 1024 + 1)
        elif lie is Lie.CHUNK_EMPTY:
            reply.data = b""
        elif lie is Lie.CHUNK_OUT_OF_ORDER:
            reply.chunk = 1
        elif lie is Lie.NO_RECEIPT:
            reply.receipt = b""
        elif lie is Lie.REFUSES_AND_ANSWERS:
            reply.refusal = "TICKET_EXPIRED"

    def _disclosure(self, ticket: signed_pb2.TicketBody) -> bytes:
        if self.lie is Lie.DISCLOSURE_IS_GARBAGE:
            return b"\xff\xff\xff"
        message = signed_pb2.Disclosure(salt=secrets.token_bytes(8 if self.lie is Lie.SALT_IS_SHORT else 16))
        for item in ticket.items:
            message.outcomes.add(field=item.field, form=item.form, outcome=signed_pb2.ITEM_OUTCOME_RELEASED)
        if self.lie is Lie.LEAVES_AN_ITEM_OUT:
            del message.outcomes[0]
        if self.lie is Lie.STATES_NO_OUTCOME:
            message.outcomes[0].outcome = signed_pb2.ITEM_OUTCOME_UNSPECIFIED
        return message.SerializeToString()

    def signed(self, replies: list[node_link_pb2.Reply]) -> node_link_pb2.NodeFrame:
        """A frame of replies under one signature."""
        message = node_link_pb2.Replies(replies=replies)
        bodies = [reply.receipt for reply in replies if reply.receipt]
        if bodies:
            key = SigningKey.generate() if self.lie is Lie.SIGNS_WITH_ANOTHER_KEY else self.key
            session = bytes(16) if self.lie is Lie.SIGNS_FOR_ANOTHER_SESSION else self.session_id
            message.signature = sign_batch(key, RECEIPTS, scope(self.node, session), bodies)[0].signature
        return node_link_pb2.NodeFrame(replies=message)


@dataclass(slots=True)
class Connected:
    """A scripted node on a stream of a federation."""

    script: ScriptedNode
    wire: NodeEnd
    serving: "asyncio.Task[None]"
    playing: "asyncio.Task[None]"

    async def ended(self, within_s: float = 5.0) -> BaseException | None:
        """Wait for the gateway to end the stream; with what it refused, if it did."""
        await asyncio.wait({self.serving}, timeout=within_s)
        assert self.serving.done(), "the stream is still open"
        return self.serving.exception()


@asynccontextmanager
async def running(
    world: MemoryWorld,
) -> AsyncIterator[tuple[Federation, Callable[[ScriptedNode], Awaitable[Connected]]]]:
    """A started federation and a function that connects scripted nodes to it without a socket."""
    federation = world.federation()
    await federation.start()
    tasks: list[asyncio.Task[None]] = []

    async def connect(script: ScriptedNode) -> Connected:
        gateway_end, node_end = pipe()
        serving = asyncio.create_task(federation.serve(gateway_end, script.node.encode()))
        playing = asyncio.create_task(script.play(node_end))
        tasks.extend((serving, playing))
        before = len(script.seen)
        await until(lambda: len(script.seen) > before or serving.done())
        return Connected(script, node_end, serving, playing)

    try:
        yield federation, connect
    finally:
        await federation.stop(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition: Callable[[], object], within_s: float = 15.0) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - what is waited for is often no event of ours
            await asyncio.sleep(0.005)
