"""The gRPC door of the link: what the transport says, in our words."""

import asyncio

import grpc
import pytest
from google.protobuf.message import DecodeError

from gateway.errors import Code, Refused
from gateway.federation.servicer import GrpcStream, peer_certificate
from gateway.federation.stream import StreamEnded
from oncegate.v1 import node_link_pb2
from tests.support.federation import NODE, MemoryWorld
from tests.support.lying_nodes import ScriptedNode


class Context:
    """A call's context that gives or raises what a test wants."""

    def __init__(self, outcome=None, certificates=None):
        self.outcome = outcome
        self.certificates = certificates

    async def read(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    async def write(self, _frame):
        if isinstance(self.outcome, Exception):
            raise self.outcome

    def auth_context(self):
        return {} if self.certificates is None else {"x509_pem_cert": self.certificates}


async def test_a_frame_is_given_as_it_is_and_the_end_as_none():
    frame = node_link_pb2.NodeFrame()
    assert await GrpcStream(Context(frame)).read() is frame
    assert await GrpcStream(Context(grpc.aio.EOF)).read() is None
    await GrpcStream(Context()).write(node_link_pb2.GatewayFrame())


async def test_unreadable_bytes_are_a_refusal_that_does_not_quote_them():
    with pytest.raises(Refused) as refused:
        await GrpcStream(Context(DecodeError("\xff"))).read()
    assert refused.value.code is Code.BAD_FRAME
    assert refused.value.__cause__ is None


async def test_a_broken_connection_is_an_end_for_readers_and_writers():
    stream = GrpcStream(Context(grpc.aio.InternalError("broken")))
    with pytest.raises(StreamEnded):
        await stream.read()
    with pytest.raises(StreamEnded):
        await stream.write(node_link_pb2.GatewayFrame())


async def test_a_call_ends_only_after_a_write_under_way_has_ended():
    """Else grpc cannot tell the node that the call is over, and the node waits for ever."""
    ended = asyncio.Event()

    class SlowContext(Context):
        async def write(self, _frame):
            await asyncio.sleep(0.05)
            ended.set()

    stream = GrpcStream(SlowContext())
    await stream.settle()
    writing = asyncio.create_task(stream.write(node_link_pb2.GatewayFrame()))
    await asyncio.sleep(0)
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    assert not ended.is_set()
    await stream.settle()
    assert ended.is_set()


class BrokenStream:
    """A connection that is gone after some frames."""

    def __init__(self, *frames):
        self.frames = list(frames)

    async def read(self):
        if not self.frames:
            raise StreamEnded
        return self.frames.pop(0)

    async def write(self, _frame):
        raise StreamEnded


async def test_a_stream_that_breaks_ends_without_an_error_and_before_hello_is_no_session():
    world = MemoryWorld()
    federation = world.federation()
    await federation.start()
    await federation.serve(BrokenStream(ScriptedNode(world).hello()), NODE.encode())
    with pytest.raises(Refused) as refused:
        await federation.serve(BrokenStream(), NODE.encode())
    assert refused.value.code is Code.BAD_FRAME
    assert federation.status() == []
    await federation.stop(0)


@pytest.mark.parametrize(("shown", "expected"), [(None, None), ([], None), ([b"pem"], b"pem")])
def test_the_peers_certificate_is_what_the_transport_verified(shown, expected):
    assert peer_certificate(Context(certificates=shown)) == expected
