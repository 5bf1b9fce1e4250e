"""Two grpc.aio servers, one per door, with the limits that keep one bad peer from hurting the others."""

from collections.abc import Callable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from gateway.rpc.access import Door
from gateway.rpc.interceptors import DoorInterceptor
from gateway.settings import Settings
from oncegate.v1 import (
    agreement_pb2,
    audit_pb2,
    catalog_pb2,
    emergency_pb2,
    enrolment_pb2,
    exchange_pb2,
    node_link_pb2,
    notice_pb2,
    profile_pb2,
    source_pb2,
)

SERVICES: dict[Door, tuple[str, ...]] = {
    Door.SYSTEMS: (
        agreement_pb2.DESCRIPTOR.services_by_name["AgreementService"].full_name,
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
        enrolment_pb2.DESCRIPTOR.services_by_name["EnrolmentService"].full_name,
        exchange_pb2.DESCRIPTOR.services_by_name["ExchangeService"].full_name,
        node_link_pb2.DESCRIPTOR.services_by_name["NodeLinkService"].full_name,
        notice_pb2.DESCRIPTOR.services_by_name["NoticeService"].full_name,
    ),
    Door.PEOPLE: (
        audit_pb2.DESCRIPTOR.services_by_name["AuditService"].full_name,
        catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].full_name,
        emergency_pb2.DESCRIPTOR.services_by_name["EmergencyService"].full_name,
        enrolment_pb2.DESCRIPTOR.services_by_name["EnrolmentService"].full_name,
        profile_pb2.DESCRIPTOR.services_by_name["ProfileService"].full_name,
        source_pb2.DESCRIPTOR.services_by_name["SourceService"].full_name,
    ),
}


class _ByName:
    """A server's services without a waiting call for each of their methods.

    grpc.aio waits for the next call of every registered method and, at each call, builds that wait up and takes it
    down again for all of them. Handlers found by name share one wait, however many methods a door has.
    """

    def __init__(self, server: Any) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """As the server's."""
        self._server.add_generic_rpc_handlers(handlers)

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """Nothing: generated code registers every method both ways."""


class DoorServer:
    """One door: a grpc.aio server with health and reflection.

    Args:
        door: Which door.
        address: host:port; port 0 takes a free one.
        credentials: TLS, with or without client certificates.
        settings: Limits.
        register: Adds the door's servicers.
    """

    def __init__(
        self,
        door: Door,
        address: str,
        credentials: grpc.ServerCredentials,
        settings: Settings,
        register: Callable[[Any], None],
    ) -> None:
        self._server = grpc.aio.server(
            interceptors=[DoorInterceptor(door)],
            options=[
                ("grpc.max_receive_message_length", settings.limits.message_bytes),
                ("grpc.max_send_message_length", settings.limits.message_bytes),
                ("grpc.max_metadata_size", 16 * 1024),
                ("grpc.max_concurrent_streams", 1024),
                ("grpc.keepalive_time_ms", 30_000),
                ("grpc.keepalive_timeout_ms", 10_000),
                ("grpc.http2.min_recv_ping_interval_without_data_ms", 5_000),
                ("grpc.http2.max_ping_strikes", 3),
                ("grpc.so_reuseport", 0),
            ],
        )
        services: Any = _ByName(self._server)
        register(services)
        self._health = health.aio.HealthServicer()  # type: ignore[attr-defined]  # missing in the stubs
        health_pb2_grpc.add_HealthServicer_to_server(self._health, services)
        names = SERVICES[door]
        reflection.enable_server_reflection((*names, health.SERVICE_NAME, reflection.SERVICE_NAME), services)
        self._names = names
        self.port = self._server.add_secure_port(address, credentials)

    async def start(self) -> None:
        """Listen and report healthy."""
        await self._server.start()
        for name in ("", *self._names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def report(self, name: str, *, serving: bool) -> None:
        """Say of one service whether it serves; the door as a whole stays open.

        Args:
            name: The service's full name.
            serving: Whether it does.
        """
        states = health_pb2.HealthCheckResponse
        await self._health.set(name, states.SERVING if serving else states.NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Report not serving, refuse new calls, let running ones end within the grace."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace_s)
