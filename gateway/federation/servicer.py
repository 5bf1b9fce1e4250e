"""The gRPC door of the node link; `gateway/rpc` registers it on the systems' port.

Rules kept: the peer is who its TLS certificate says; bytes that are no frame are a refusal with a code, not an
exception whose text could reach the peer. Everything else is `Federation.serve`.
"""

import asyncio
from typing import Any

from google.protobuf.message import DecodeError
from grpc.aio import EOF, BaseError  # type: ignore[attr-defined]  # missing in the stubs

from gateway.errors import Code, Refused
from gateway.federation.federation import Federation
from gateway.federation.stream import StreamEnded
from oncegate.v1 import node_link_pb2, node_link_pb2_grpc

SETTLE_S = 1.0


class GrpcStream:
    """A server-side grpc.aio stream, by its read and write API.

    Args:
        context: The call's context.
    """

    def __init__(self, context: Any) -> None:
        self._context = context
        self._sending: asyncio.Future[None] | None = None

    async def read(self) -> node_link_pb2.NodeFrame | None:
        """The next frame; None at the end of the stream.

        Raises:
            Refused: BAD_FRAME, what came is no frame. Fails closed.
            StreamEnded: The connection is gone.
        """
        try:
            frame = await self._context.read()
        except DecodeError:
            raise Refused(Code.BAD_FRAME, "frame: unreadable") from None
        except BaseError:
            raise StreamEnded from None
        return None if frame is EOF else frame

    async def write(self, frame: node_link_pb2.GatewayFrame) -> None:
        """Send a frame; waits while the node does not read.

        Raises:
            StreamEnded: The connection is gone.
        """
        # A write that grpc has begun cannot be taken back: it goes on when whoever waits for it is cancelled.
        self._sending = asyncio.ensure_future(self._context.write(frame))
        try:
            await asyncio.shield(self._sending)
        except BaseError:
            raise StreamEnded from None

    async def settle(self) -> None:
        """Wait for a write under way, but not for a node that does not read.

        grpc cannot send a call's final status while a write is under way: the call would never end for the node.
        """
        if self._sending is not None:
            done, _ = await asyncio.wait({self._sending}, timeout=SETTLE_S)
            for write in done:
                if not write.cancelled():
                    write.exception()  # Looked at, so that asyncio does not report it: the stream is over anyway.


def peer_certificate(context: Any) -> bytes | None:
    """The peer's TLS certificate, PEM, as the transport verified it; None when it showed none."""
    shown = context.auth_context().get("x509_pem_cert")
    return shown[0] if shown else None


class NodeLink(node_link_pb2_grpc.NodeLinkServiceServicer):
    """Serves NodeLinkService.

    Args:
        federation: Carries the streams.
    """

    def __init__(self, federation: Federation) -> None:
        self._federation = federation

    async def Connect(self, request_iterator: Any, context: Any) -> None:  # noqa: N802 - the name in the .proto
        """One node's stream, until it ends.

        Raises:
            Refused: Why it was not accepted or had to end; the door's interceptor translates it.
        """
        del request_iterator  # the read and write API is used instead: it needs no task per frame
        stream = GrpcStream(context)
        try:
            await self._federation.serve(stream, peer_certificate(context))
        finally:
            await stream.settle()
