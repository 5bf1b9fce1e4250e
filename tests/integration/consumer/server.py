# ruff: noqa: N802 - methods are named as in the protos
"""A small real gRPC server with both doors, answering from `tests.support.exchange_gateway`, honest or told to fail."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_health.v1 import health as grpc_health
from grpc_health.v1 import health_pb2, health_pb2_grpc

from keys.certificates.csr import csr_public_key, new_tls_key
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from keys.enrolment_token import EnrolmentToken
from oncegate.v1 import (
    catalog_pb2,
    catalog_pb2_grpc,
    enrolment_pb2,
    enrolment_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
)
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway

SECRET = "s" * 43


def refused(
    status: str, reason: str, *, violations: dict[str, str] | None = None, retry_ms: int | None = None, **facts: str
) -> status_pb2.Status:
    details: list[Any] = [
        error_details_pb2.ErrorInfo(reason=reason, domain="oncegate", metadata=facts),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message="不行"),
        error_details_pb2.LocalizedMessage(locale="en", message="No"),
    ]
    if violations:
        listed = [error_details_pb2.BadRequest.FieldViolation(field=f, description=r) for f, r in violations.items()]
        details.append(error_details_pb2.BadRequest(field_violations=listed))
    if retry_ms is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(retry_ms)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        item = any_pb2.Any()
        item.Pack(detail)
        packed.append(item)
    return status_pb2.Status(code=code_pb2.Code.Value(status), message="No", details=packed)


class Doors(
    exchange_pb2_grpc.ExchangeServiceServicer,
    enrolment_pb2_grpc.EnrolmentServiceServicer,
    catalog_pb2_grpc.CatalogServiceServicer,
):
    """All services; `failures` are taken one per call before anything is answered."""

    def __init__(self, gateway: ExchangeGateway) -> None:
        self.gateway = gateway
        self.failures: deque[status_pb2.Status | grpc.StatusCode] = deque()
        self.catalogue_failure: status_pb2.Status | None = None
        self.acknowledged: list[exchange_pb2.AcknowledgeRequest] = []
        self.acknowledge_failures: deque[status_pb2.Status | grpc.StatusCode] = deque()
        self.requests: list[bytes] = []
        self.peers: list[bytes] = []
        self.used_tokens: set[str] = set()
        self.lifetime_s = 3600
        self.issue_for: SpiffeId | None = None
        self.issue_key: bytes | None = None
        self.change_bundle: Callable[[enrolment_pb2.TrustBundle], None] = lambda _: None
        self.health: grpc_health.aio.HealthServicer | None = None
        self.people = ""
        self.systems = ""

    def token(
        self, *, kind: str = "system", name: str = "counter", department: str = "school", minutes: int = 10
    ) -> str:
        return EnrolmentToken(
            secret=SECRET,
            gateway=self.people,
            systems=self.systems,
            trust_domain=DOMAIN,
            department=department,
            kind=kind,  # type: ignore[arg-type]
            name=name,
            not_after_ms=self.gateway.now_ms + minutes * 60_000,
            ca_pem=self.gateway.authority.certificate_pem,
        ).encode()

    async def healthy(self) -> None:
        """From now on the health check says SERVING."""
        assert self.health is not None
        await self.health.set("", health_pb2.HealthCheckResponse.SERVING)

    async def _maybe_fail(self, context: Any) -> None:
        if not self.failures:
            return
        failure = self.failures.popleft()
        if isinstance(failure, grpc.StatusCode):
            await context.abort(failure, "broken off")
            return
        code = next(c for c in grpc.StatusCode if c.value[0] == failure.code)
        await context.abort(code, failure.message, (("grpc-status-details-bin", failure.SerializeToString()),))

    async def Fetch(self, request: exchange_pb2.FetchRequest, context: Any) -> exchange_pb2.FetchResponse:
        self.requests.append(request.SerializeToString())
        self.peers.append(context.auth_context()["x509_pem_cert"][0])
        await self._maybe_fail(context)
        return self.gateway.fetched(request)

    async def Locate(self, request: exchange_pb2.LocateRequest, context: Any) -> exchange_pb2.LocateResponse:
        await self._maybe_fail(context)
        return self.gateway.located(request)

    async def Acknowledge(
        self, request: exchange_pb2.AcknowledgeRequest, context: Any
    ) -> exchange_pb2.AcknowledgeResponse:
        if self.acknowledge_failures:
            self.failures.append(self.acknowledge_failures.popleft())
            await self._maybe_fail(context)
        self.acknowledged.append(request)
        return exchange_pb2.AcknowledgeResponse(recorded=1)

    async def Enrol(self, request: enrolment_pb2.EnrolRequest, context: Any) -> enrolment_pb2.EnrolResponse:
        await self._maybe_fail(context)
        if request.token_secret != SECRET or request.token_secret in self.used_tokens:
            self.failures.append(refused("UNAUTHENTICATED", "BAD_TOKEN"))
            await self._maybe_fail(context)
        self.used_tokens.add(request.token_secret)
        spiffe = self.issue_for or SpiffeId(DOMAIN, "school", "system", "counter")
        return enrolment_pb2.EnrolResponse(certificate_pem=self._issue(request.csr, spiffe), trust=self._bundle())

    async def Renew(self, request: enrolment_pb2.RenewRequest, context: Any) -> enrolment_pb2.RenewResponse:
        await self._maybe_fail(context)
        peer = peer_from_pem(context.auth_context()["x509_pem_cert"][0])
        assert csr_public_key(request.csr) != peer.public_key_der
        assert request.keys.body
        return enrolment_pb2.RenewResponse(
            certificate_pem=self._issue(request.csr, self.issue_for or peer.spiffe), trust=self._bundle()
        )

    async def ListResources(
        self, request: catalog_pb2.ListResourcesRequest, context: Any
    ) -> catalog_pb2.ListResourcesResponse:
        await self._maybe_fail(context)
        found = [self._resource(code) for code in sorted(self.gateway.providers)]
        if request.provider:
            found = [r for r in found if r.provider == request.provider]
        start = int(request.page_token or 0)
        more = str(start + 1) if start + 1 < len(found) else ""
        return catalog_pb2.ListResourcesResponse(resources=found[start : start + 1], next_page_token=more)

    async def GetResource(
        self, request: catalog_pb2.GetResourceRequest, context: Any
    ) -> catalog_pb2.GetResourceResponse:
        if self.catalogue_failure is not None:
            self.failures.append(self.catalogue_failure)
        elif request.code not in self.gateway.providers:
            self.failures.append(refused("NOT_FOUND", "NOT_FOUND"))
        await self._maybe_fail(context)
        return catalog_pb2.GetResourceResponse(resource=self._resource(request.code))

    def _resource(self, code: str) -> catalog_pb2.Resource:
        side = self.gateway.providers[code]
        resource = catalog_pb2.Resource(
            code=code,
            provider=side.department,
            classification=catalog_pb2.CLASSIFICATION_CONFIDENTIAL,
            sharing_type=catalog_pb2.SHARING_TYPE_CONDITIONAL,
            update_cycle="P1D",
            subject_schemes=["cn.resident-id"],
            version=1,
        )
        resource.name.zh, resource.name.en = "居民", "Resident"
        for name, value in side.values.items():
            field = resource.fields.add(code=name, data_type=value.data_type, forms=[1, 4], classification=2)
            field.name.zh, field.name.en = "姓名", "Name"
        return resource

    def _issue(self, csr: bytes, spiffe: SpiffeId) -> bytes:
        if self.issue_key is not None:
            return self.gateway.leaf_certificate(spiffe, self.issue_key)
        return self.gateway.authority.issue(
            csr, spiffe, now_ms=self.gateway.now_ms, lifetime_s=self.lifetime_s
        ).certificate_pem

    def _bundle(self) -> enrolment_pb2.TrustBundle:
        trust = self.gateway.trust()
        bundle = enrolment_pb2.TrustBundle(
            trust_domain=trust.trust_domain,
            ca_pem=trust.ca_pem,
            ticket_key=trust.ticket_key,
            promise_key=trust.promise_key,
            ledger_key=trust.ledger_key,
            gateway=trust.gateway,
        )
        self.change_bundle(bundle)
        return bundle


@asynccontextmanager
async def serving(gateway: ExchangeGateway) -> AsyncIterator[Doors]:
    """Both doors on free ports of this machine."""
    doors = Doors(gateway)
    server = grpc.aio.server()
    health = grpc_health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    await health.set("", health_pb2.HealthCheckResponse.NOT_SERVING)
    exchange_pb2_grpc.add_ExchangeServiceServicer_to_server(doors, server)
    enrolment_pb2_grpc.add_EnrolmentServiceServicer_to_server(doors, server)
    catalog_pb2_grpc.add_CatalogServiceServicer_to_server(doors, server)
    doors.health = health
    key = new_tls_key()
    pair = (key, gateway.leaf_certificate(SpiffeId(DOMAIN, "", "gateway", "main"), key, server=True))
    open_door = grpc.ssl_server_credentials([pair])
    mutual = grpc.ssl_server_credentials([pair], gateway.authority.certificate_pem, require_client_auth=True)
    doors.people = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', open_door)}"
    doors.systems = f"127.0.0.1:{server.add_secure_port('127.0.0.1:0', mutual)}"
    await server.start()
    try:
        yield doors
    finally:
        await server.stop(None)
