"""A door of a sealed gateway: it says so to whoever asks, and does nothing else.

Rules kept: no request is read; every method answers UNAVAILABLE with the reason SEALED, the health service says
NOT_SERVING; no client certificate is asked for, since nothing could check it. The TLS certificate is of an authority
made for this moment and kept nowhere, because the real one is in the keyring (docs/adr/0017): peers, who trust only the
gateway's own authority, end the handshake and see UNAVAILABLE; a probe that does not verify sees why.
"""

from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.rpc.access import Door
from gateway.rpc.errors import abort
from gateway.rpc.server import SERVICES
from gateway.rpc.tls import ServerIdentity
from gateway.settings import Settings
from keys.certificates.authority import CertificateAuthority

_HEALTH = f"/{health.SERVICE_NAME}/"
_RETRY_MS = 5_000
_MAX_MESSAGE = 64 * 1024


class _Sealed(grpc.GenericRpcHandler):  # type: ignore[type-arg]  # generic only in the stubs
    """Answers every method but those of the health service."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[Any, Any] | None":
        if handler_call_details.method.startswith(_HEALTH):
            return None
        # As a stream, so that it is answered before anything is read.
        return grpc.stream_stream_rpc_method_handler(_refuse)


async def _refuse(_requests: Any, context: Any) -> None:
    await abort(context, Refused(Code.SEALED, retry_after_ms=_RETRY_MS))


class SealedDoor:
    """One door of a sealed gateway.

    Args:
        door: Which door.
        address: host:port.
        credentials: From `throwaway_credentials`, for this door alone: grpc takes them once.
    """

    def __init__(self, door: Door, address: str, credentials: grpc.ServerCredentials) -> None:
        self._server = grpc.aio.server(
            handlers=[_Sealed()],
            options=[("grpc.max_receive_message_length", _MAX_MESSAGE), ("grpc.so_reuseport", 0)],
        )
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # missing in the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._names = ("", *SERVICES[door])
        self.port = self._server.add_secure_port(address, credentials)

    async def start(self) -> None:
        """Listen and report not serving."""
        for name in self._names:
            await self._health.set(name, health_pb2.HealthCheckResponse.NOT_SERVING)
        await self._server.start()

    async def stop(self) -> None:
        """Close at once, so that the real door can open on the same port."""
        await self._server.stop(0)


def throwaway_credentials(settings: Settings, clock: Clock) -> grpc.ServerCredentials:
    """Server credentials that no peer trusts, for a gateway that cannot reach its own authority."""
    authority = CertificateAuthority.create(settings.trust_domain, clock.now_ms())
    return ServerIdentity(authority, settings, clock).credentials(require_client=False)
