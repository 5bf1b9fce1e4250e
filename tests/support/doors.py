"""Raw gRPC at the doors of a test city: what a hostile or foreign client can send, and what it gets back.

Nothing here goes through the SDK, so that neither its checks nor its mistakes stand between a test and a door.
"""

import os
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2, status_pb2

from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys
from keys.sealing import answer_info
from keys.signing import REQUEST, digest
from keys.subjects import subject_commitment
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import open_own
from oncegate.v1 import (
    audit_pb2_grpc,
    catalog_pb2_grpc,
    consent_pb2_grpc,
    emergency_pb2_grpc,
    enrolment_pb2_grpc,
    exchange_pb2,
    exchange_pb2_grpc,
    explicit_request_pb2_grpc,
    identity_pb2_grpc,
    node_link_pb2_grpc,
    policy_pb2_grpc,
    profile_pb2_grpc,
    relation_pb2_grpc,
    signed_pb2,
    source_pb2_grpc,
)
from policies.identifiers import normalise
from tests.support.city import ALICE, PURPOSE, TRUST_DOMAIN, City

TIMEOUT_S = 30
OPTIONS = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", 32 << 20))
NAME = ("civil.resident", "name", signed_pb2.FORM_VALUE)
LOCATION = ("housing.property", "location", signed_pb2.FORM_VALUE)
RECORD = ("civil.resident", "record", signed_pb2.FORM_EXISTS)
Term = tuple[str, str, int] | tuple[str, str, int, int]
Pair = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused call as it looks from outside; `everything` is all bytes that came back."""

    status: str
    reason: str
    message: str
    texts: Mapping[str, str]
    violations: Mapping[str, str]
    facts: Mapping[str, str]
    retry_ms: int | None
    everything: bytes


async def refused(call: Awaitable[Any]) -> Refusal:
    """The refusal of a call, which must not succeed."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return read_refusal(error)
    raise AssertionError("the call was carried out")


def read_refusal(error: grpc.aio.AioRpcError) -> Refusal:
    """Reads google.rpc.Status out of the trailer, without our own SDK."""
    reason, retry_ms = "", None
    texts: dict[str, str] = {}
    violations: dict[str, str] = {}
    facts: dict[str, str] = {}
    trailer: Any = error.trailing_metadata() or ()
    raw = b"".join(v if isinstance(v, bytes) else str(v).encode() for _, v in trailer)
    for key, value in trailer:
        if key != "grpc-status-details-bin":
            continue
        status = status_pb2.Status.FromString(value)
        assert status.code == error.code().value[0]
        assert status.message == error.details()
        for detail in status.details:
            if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
                info = error_details_pb2.ErrorInfo.FromString(detail.value)
                assert info.domain == "oncegate"
                reason, facts = info.reason, dict(info.metadata)
            elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
                text = error_details_pb2.LocalizedMessage.FromString(detail.value)
                texts[text.locale] = text.message
            elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
                bad = error_details_pb2.BadRequest.FromString(detail.value)
                violations |= {v.field: v.description for v in bad.field_violations}
            elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
                retry_ms = error_details_pb2.RetryInfo.FromString(detail.value).retry_delay.ToMilliseconds()
    message = error.details() or ""
    return Refusal(error.code().name, reason, message, texts, violations, facts, retry_ms, raw + message.encode())


class Door:
    """A channel to one door with every stub; use it as an asynchronous context.

    Args:
        address: host:port.
        ca_pem: Which authority the server must prove itself by.
        pair: The client's private key and certificate, PEM; None for none.
    """

    def __init__(self, address: str, ca_pem: bytes, pair: Pair | None = None) -> None:
        key, certificate = pair or (None, None)
        credentials = grpc.ssl_channel_credentials(ca_pem, key, certificate)
        self.channel: Any = grpc.aio.secure_channel(address, credentials, options=OPTIONS)
        self.exchange = exchange_pb2_grpc.ExchangeServiceStub(self.channel)
        self.catalog = catalog_pb2_grpc.CatalogServiceStub(self.channel)
        self.enrolment = enrolment_pb2_grpc.EnrolmentServiceStub(self.channel)
        self.link = node_link_pb2_grpc.NodeLinkServiceStub(self.channel)
        self.profile = profile_pb2_grpc.ProfileServiceStub(self.channel)
        self.source = source_pb2_grpc.SourceServiceStub(self.channel)
        self.consent = consent_pb2_grpc.ConsentServiceStub(self.channel)
        self.clicks = explicit_request_pb2_grpc.ExplicitRequestServiceStub(self.channel)
        self.consent_requests = consent_pb2_grpc.ConsentRequestServiceStub(self.channel)
        self.policy = policy_pb2_grpc.PolicyServiceStub(self.channel)
        self.emergency = emergency_pb2_grpc.EmergencyServiceStub(self.channel)
        self.audit = audit_pb2_grpc.AuditServiceStub(self.channel)
        self.identity = identity_pb2_grpc.IdentityServiceStub(self.channel)
        self.relations = relation_pb2_grpc.RelationServiceStub(self.channel)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.channel.close(None)

    async def call(self, method: str, message: bytes = b"", metadata: Sequence[tuple[str, str]] = ()) -> bytes:
        """Call any method with any bytes."""
        caller = self.channel.unary_unary(method)
        return bytes(await caller(message, metadata=tuple(metadata), timeout=TIMEOUT_S))


def systems_door(city: City, pair: Pair | None) -> Door:
    """The systems' door of a city."""
    return Door(city.systems, city.parts.authority.certificate_pem, pair)


def people_door(city: City, pair: Pair | None = None) -> Door:
    """The people's door of a city."""
    return Door(city.people, city.parts.authority.certificate_pem, pair)


def pair_of(home: Home) -> Pair:
    """Private key and certificate of an enrolled home."""
    tls = home.tls()
    return tls.key_pem, tls.certificate_pem


def issued(authority: CertificateAuthority, spiffe: str, *, now_ms: int | None = None, lifetime_s: int = 3600) -> Pair:
    """A certificate signed by an authority that nobody registered."""
    key = new_tls_key()
    at_ms = int(time.time() * 1000) if now_ms is None else now_ms
    leaf = authority.issue(make_csr(key), SpiffeId.parse(spiffe), now_ms=at_ms, lifetime_s=lifetime_s)
    return key, leaf.certificate_pem


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """Metadata with a person's token."""
    return (("authorization", f"Bearer {token}"),)


class RawSystem:
    """A system that asks in its own name, and can put anything into what it asks.

    Args:
        city: The exchange.
        department: Its department.
        name: Its name.
    """

    def __init__(self, city: City, department: str = "education", name: str = "school") -> None:
        self.home = Home(city.member_home(department, name))
        self.spiffe = str(self.home.spiffe())
        self.signing = self.home.signing_key()
        self.sealing = self.home.sealing_key()
        self.keys = self.home.certified()
        self._key_id = open_own(self.home, self.keys, now_ms=int(time.time() * 1000)).sealing_key_id
        self.door = systems_door(city, pair_of(self.home))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.door.channel.close(None)

    def body(
        self,
        identifier: str = ALICE,
        *,
        nonce: bytes = b"n" * 32,
        scheme: str = "cn.resident-id",
        items: Sequence[Term] = (NAME,),
        **changes: Any,
    ) -> signed_pb2.RequestBody:
        """A request body that holds, but for `changes` of its members."""
        terms = [(*term, signed_pb2.NECESSITY_REQUIRED)[:4] for term in items]
        members: dict[str, Any] = {
            "request_id": os.urandom(16).hex(),
            "trust_domain": TRUST_DOMAIN,
            "system": self.spiffe,
            "subject_scheme": scheme,
            "subject_commitment": subject_commitment(nonce, scheme, identifier),
            "purpose": PURPOSE,
            "legal_basis": signed_pb2.LEGAL_BASIS_MANDATE,
            "items": [
                signed_pb2.RequestItem(resource=r, field=f, form=form, necessity=necessity)
                for r, f, form, necessity in terms
            ],
            "created_unix_ms": int(time.time() * 1000),
            "deadline_ms": 20_000,  # So that a busy machine makes no silence.
            "sealing_key_id": self._key_id,
            **changes,
        }
        return signed_pb2.RequestBody(**members)

    def request(
        self,
        body: signed_pb2.RequestBody | bytes | None = None,
        *,
        typed: str = ALICE,
        nonce: bytes = b"n" * 32,
        signature: bytes | None = None,
        keys: CertifiedKeys | None = None,
        official_token: str = "",
    ) -> exchange_pb2.FetchRequest:
        """A signed message; each part can be replaced."""
        content = self.body() if body is None else body
        raw = content if isinstance(content, bytes) else content.SerializeToString()
        shown = keys or self.keys
        return exchange_pb2.FetchRequest(
            body=raw,
            signature=self.signing.sign(REQUEST, raw) if signature is None else signature,
            keys=signed_pb2.CertifiedKeys(
                body=shown.body, signature=shown.signature, department_key=shown.department_key
            ),
            subject_identifier=typed,
            subject_nonce=nonce,
            official_token=official_token,
        )

    def asking(self, identifier: str = ALICE, **changes: Any) -> exchange_pb2.FetchRequest:
        """An honest request about someone, but for changes of its body."""
        return self.request(self.body(normalise("cn.resident-id", identifier), **changes), typed=identifier)

    async def fetch(self, request: exchange_pb2.FetchRequest) -> exchange_pb2.FetchResponse:
        """Send it."""
        response: exchange_pb2.FetchResponse = await self.door.exchange.Fetch(request, timeout=TIMEOUT_S)
        return response

    def opened(self, request: exchange_pb2.FetchRequest, answer: exchange_pb2.ProviderAnswer) -> signed_pb2.AnswerBody:
        """What is sealed in an answer."""
        info = answer_info(digest(request.body), answer.ticket_digest, answer.resource)
        return signed_pb2.AnswerBody.FromString(self.sealing.open(answer.sealed, info))

    async def locate(self, request: exchange_pb2.FetchRequest) -> exchange_pb2.LocateResponse:
        """Send the same as a locate."""
        message = exchange_pb2.LocateRequest.FromString(request.SerializeToString())
        response: exchange_pb2.LocateResponse = await self.door.exchange.Locate(message, timeout=TIMEOUT_S)
        return response
