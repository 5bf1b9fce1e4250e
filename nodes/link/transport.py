"""A stream over gRPC: one channel for each, since a channel does not see a renewed certificate.

Rules kept: mutual TLS always, the gateway proves itself by the exchange's own CA and never by the machine's public
ones; bytes that are no frame end the stream.
"""

from collections.abc import Sequence

import grpc
from grpc.aio import EOF  # type: ignore[attr-defined]  # missing in the stubs

from nodes.link.frames import BadFrame
from nodes.link.identity import LinkIdentity
from oncegate.v1 import node_link_pb2, node_link_pb2_grpc

LARGEST_FRAME = 4 * 1024 * 1024
OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", LARGEST_FRAME),
    ("grpc.max_send_message_length", LARGEST_FRAME),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 2),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_retries", 0),
)


class GrpcConnection:
    """One channel with one stream on it.

    Args:
        address: The gateway's systems door, host:port.
        identity: Who this node is and which CAs to accept.
    """

    def __init__(self, address: str, identity: LinkIdentity) -> None:
        credentials = grpc.ssl_channel_credentials(identity.ca, identity.tls_key, identity.tls_certificate)
        self._channel = grpc.aio.secure_channel(address, credentials, options=OPTIONS)
        stub = node_link_pb2_grpc.NodeLinkServiceStub(self._channel)
        self._call = stub.Connect()

    async def read(self) -> node_link_pb2.GatewayFrame | None:
        """The next frame; None when the gateway closed the stream in order.

        Raises:
            BadFrame: What came is no frame.
            grpc.aio.AioRpcError: The gateway refused, or the connection broke.
        """
        frame = await self._call.read()
        if frame is EOF:
            return None
        # grpc turns bytes that its deserialiser refuses into None.
        if not isinstance(frame, node_link_pb2.GatewayFrame):
            raise BadFrame("unreadable frame")
        return frame

    async def write(self, frame: node_link_pb2.NodeFrame) -> None:
        """Send a frame.

        Raises:
            grpc.aio.AioRpcError: The gateway refused, or the connection broke.
        """
        await self._call.write(frame)

    async def close(self) -> None:
        """End the stream and its connection."""
        self._call.cancel()
        await self._channel.close(None)
