"""A gateway's node link over real gRPC and mutual TLS on the loopback, and real node links that connect to it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc

from gateway.errors import Refused
from gateway.federation.federation import Federation
from gateway.federation.servicer import NodeLink as NodeLinkServicer
from keys.signing import SigningKey
from nodes.clock import SystemClock
from nodes.link.identity import LinkIdentity
from nodes.link.link import LinkTimes, NodeLink
from nodes.provider.model import Provider
from oncegate.v1 import node_link_pb2_grpc
from tests.support.federation import MemoryWorld
from tests.support.tls import TlsLeaf, TlsWorld

QUICK = LinkTimes(greet_s=3.0, poll_s=0.05, grace_s=2.0, steady_s=0.1)


class _Door(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # not subscriptable at run time
    """Translates refusals to a status, as the gateway's door does, and notes what it would have to call internal."""

    def __init__(self) -> None:
        self.unknown: list[Exception] = []

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        handler = await continuation(handler_call_details)

        async def connect(requests: Any, context: Any) -> None:
            try:
                await handler.stream_stream(requests, context)
            except Refused as refused:
                code = getattr(grpc.StatusCode, refused.public.status.value)
                await context.abort(code, str(refused.code))
            except Exception as error:
                self.unknown.append(error)
                raise

        return grpc.stream_stream_rpc_method_handler(connect, handler.request_deserializer, handler.response_serializer)


class Gateway:
    """A serving gateway end."""

    def __init__(self, world: MemoryWorld, tls: TlsWorld) -> None:
        self.world = world
        self.tls = tls
        self.federation: Federation = world.federation()
        self.address = ""
        self.door = _Door()
        self._server: grpc.aio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self.federation = self.world.federation()
        await self.federation.start()
        self._server = grpc.aio.server(interceptors=[self.door])
        node_link_pb2_grpc.add_NodeLinkServiceServicer_to_server(NodeLinkServicer(self.federation), self._server)
        bound = self._server.add_secure_port(f"127.0.0.1:{port}", self.tls.server_credentials())
        await self._server.start()
        self.address = f"127.0.0.1:{bound}"

    async def stop(self, grace_s: float = 0) -> None:
        await self.federation.stop(grace_s)
        if self._server is not None:
            await self._server.stop(0)


@asynccontextmanager
async def gateway(world: MemoryWorld, tls: TlsWorld) -> AsyncIterator[Gateway]:
    """A gateway that serves until the block ends."""
    serving = Gateway(world, tls)
    await serving.start()
    try:
        yield serving
    finally:
        await serving.stop()


class MutableIdentities:
    """An identity that a test renews."""

    def __init__(self, world: MemoryWorld, tls: TlsWorld, node: str, leaf: TlsLeaf | None = None) -> None:
        self._world = world
        self._tls = tls
        self.node = node
        self.version = 0
        self.failure: Exception | None = None
        self.identity = self._make(leaf or tls.leaf(node))

    def _make(self, leaf: TlsLeaf) -> LinkIdentity:
        key = SigningKey.generate()
        return LinkIdentity(leaf.key, leaf.certificate, self._tls.ca, self._world.certified(self.node, key), key)

    def renew(self, leaf: TlsLeaf | None = None) -> None:
        self.identity = self._make(leaf or self._tls.leaf(self.node))
        self.version += 1

    def stamp(self) -> int:
        return self.version

    def load(self) -> LinkIdentity:
        if self.failure is not None:
            raise self.failure
        return self.identity


def node_link(address: str, identities: MutableIdentities, provider: Provider) -> NodeLink:
    """A real node link with short times."""
    return NodeLink(
        address=address,
        node=identities.node,
        provider=provider,
        identities=identities,
        clock=SystemClock(),
        times=QUICK,
        uniform=lambda: 0.0,
    )


@asynccontextmanager
async def linked(link: NodeLink) -> AsyncIterator["asyncio.Task[None]"]:
    """A running node link; cancelled at the end."""
    task = asyncio.create_task(link.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
