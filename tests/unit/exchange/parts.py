"""What a unit test of the exchange hands to a use case: a verified caller, a subject, a plan's part."""

from dataclasses import dataclass, field
from typing import Any

from gateway.catalog.catalog import CatalogEntry
from gateway.exchange.decide import Permitted
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import Call, RequestItem, SignedRequest
from gateway.identity.peers import Peer
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys
from keys.subjects import SubjectToken
from policies.resources import ResourceDescription
from policies.vocabulary import Form, LegalBasis, Necessity
from tests.support.policy_cases import NOW_MS, agreement, resource

SYSTEM = SpiffeId("oncegate.test", "education", "system", "enrolment")
NODE = "spiffe://oncegate.test/department/civil/node/registry"
SUBJECT = Subject("cn.resident-id", "11010519491231002X", (SubjectToken(1, b"t" * 32),), b"p" * 16)
NO_KEYS = CertifiedKeys(b"", b"", b"")


@dataclass
class Clock:
    now: int = NOW_MS

    def now_ms(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1000


def item(field_code: str = "name", form: Form = Form.VALUE, necessity: Necessity = Necessity.REQUIRED) -> RequestItem:
    return RequestItem("civil.resident", field_code, form, necessity)


def caller(*items: RequestItem, **changes: Any) -> Caller:
    request: dict[str, Any] = {
        "request_id": "1",
        "trust_domain": "oncegate.test",
        "system": str(SYSTEM),
        "subject_scheme": "cn.resident-id",
        "subject_commitment": b"c" * 32,
        "purpose": "school_enrolment",
        "legal_basis": LegalBasis.EXPLICIT_REQUEST,
        "case_reference": "7",
        "items": items or (item(),),
        "created_ms": NOW_MS,
        "deadline_ms": 0,
        "sealing_key_id": b"s" * 32,
        **changes,
    }
    unused: Any = None
    return Caller(Peer(SYSTEM, 1, 1 << 50), SignedRequest(**request), b"d" * 32, unused, unused, "")


def call() -> Call:
    return Call(b"pem", b"body", b"signature", NO_KEYS, "typed", b"n" * 32, "")


def entry(described: ResourceDescription | None = None) -> CatalogEntry:
    return CatalogEntry(described or resource(), 1, NOW_MS, NODE)


def permitted(*items: tuple[str, Form], described: ResourceDescription | None = None) -> Permitted:
    return Permitted(entry(described), agreement(), items or (("name", Form.VALUE),), frozenset({"name"}))


@dataclass
class Catalog:
    entries: dict[str, CatalogEntry] = field(default_factory=lambda: {"civil.resident": entry()})

    def get(self, code: str) -> CatalogEntry | None:
        return self.entries.get(code)
