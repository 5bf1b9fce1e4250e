"""A gateway and its provider nodes in one object: honest by default, and twisted at any step by a test.

It signs, seals and promises with the real keys code, so what a test twists is exactly one statement and everything
around it stays genuine. It serves over gRPC in the integration tests and is called directly in the unit tests.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf.message import Message

from keys.batch import BatchItem, scope, sign_batch
from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import SpiffeId
from keys.key_certificates import CertifiedKeys, KeyCertificate, certify, open_certified
from keys.sealing import RecipientKey, SealingKey, answer_info, padded_length
from keys.signing import AGREEMENT, PROMISE, RECEIPTS, SigningKey, VerifyKey, digest
from nodes.enrolment.agreement_files import sign_agreement
from nodes.enrolment.home import Addresses, Home, Trust
from nodes.enrolment.member_keys import certify_home, make_member_keys
from oncegate.v1 import exchange_pb2, signed_pb2

DOMAIN = "gov.test"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
RESIDENT = "11010519491231002X"

AGREEMENT_TEXT = """format = "oncegate.agreement/1"
id = "{id}"
revision = {revision}
provider = "{provider}"
provider_key = "{provider_key}"
consumer = "{consumer}"
consumer_key = "{consumer_key}"
systems = ["counter"]
resource = "{resource}"
legal_basis = "mandate"
purposes = ["school_enrolment"]
valid_from = {valid_from}
valid_until = {valid_until}
case_required = false
uses_per_day = 1000
rate_per_minute = 100000

[[items]]
field = "name"
forms = ["exists", "masked", "value"]

[[items]]
field = "birth_date"
forms = ["year", "value"]

[[items]]
field = "record"
forms = ["exists"]
"""


class FixedClock:
    """A clock that a test sets."""

    def __init__(self, now_ms: int = NOW_MS) -> None:
        self.now = now_ms

    def now_ms(self) -> int:
        """Unix time in milliseconds."""
        return self.now

    def monotonic_s(self) -> float:
        """Follows the wall clock."""
        return self.now / 1000


@dataclass
class FieldValue:
    """What a node's record holds in one field."""

    text: str
    data_type: str = "string"


@dataclass
class ProviderSide:
    """One provider department with its node and one record."""

    department: str
    resource: str
    values: dict[str, FieldValue]
    key: SigningKey
    spiffe: SpiffeId
    signing: SigningKey
    keys: CertifiedKeys
    session: bytes = b"s" * 16
    silent: str = ""


@dataclass
class ExchangeGateway:
    """The gateway's side of the exchange.

    `twists` maps a step to a function that changes its message before it is signed or sealed: `answer_body`,
    `receipt`, `promise`, `located`; or after everything: `provider_answer`, `response`.
    """

    now_ms: int
    authority: CertificateAuthority
    promise_key: SigningKey
    ticket_key: SigningKey
    consumer_key: SigningKey
    providers: dict[str, ProviderSide] = field(default_factory=dict)
    withheld: dict[tuple[str, str], str] = field(default_factory=dict)
    twists: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    leaf: int = 0

    @staticmethod
    def create(now_ms: int = NOW_MS) -> "ExchangeGateway":
        """A gateway with two providers: `civil` with `civil.resident`, `tax` with `tax.payer`."""
        gateway = ExchangeGateway(
            now_ms=now_ms,
            authority=CertificateAuthority.create(DOMAIN, now_ms),
            promise_key=SigningKey.generate(),
            ticket_key=SigningKey.generate(),
            consumer_key=SigningKey.generate(),
        )
        gateway.add_provider(
            "civil",
            "civil.resident",
            {"name": FieldValue("王小明"), "birth_date": FieldValue("1949-12-31", "date")},
        )
        gateway.add_provider("tax", "tax.payer", {"name": FieldValue("王小明")})
        return gateway

    def add_provider(self, department: str, resource: str, values: dict[str, FieldValue]) -> ProviderSide:
        """A provider with a node of certified keys."""
        key, signing, sealing = SigningKey.generate(), SigningKey.generate(), SealingKey.generate()
        spiffe = SpiffeId(DOMAIN, department, "node", "main")
        side = ProviderSide(
            department, resource, values, key, spiffe, signing, self.certify_node(key, spiffe, signing, sealing)
        )
        self.providers[resource] = side
        return side

    def certify_node(
        self, key: SigningKey, spiffe: SpiffeId, signing: SigningKey, sealing: SealingKey, days: int = 30
    ) -> CertifiedKeys:
        """Keys certified by a department key."""
        return certify(
            key,
            KeyCertificate(
                str(spiffe),
                spiffe.department,
                signing.verify_key.der,
                sealing.public,
                self.now_ms - 2 * DAY_MS,
                self.now_ms + (days - 2) * DAY_MS,
            ),
        )

    def trust(self) -> Trust:
        """What members are told of this gateway."""
        return Trust(
            trust_domain=DOMAIN,
            ca_pem=self.authority.certificate_pem,
            ticket_key=self.ticket_key.verify_key.der,
            promise_key=self.promise_key.verify_key.der,
            ledger_key=f"{DOMAIN}/ledger+00000000+AQ==",
            gateway=f"spiffe://{DOMAIN}/gateway/main",
        )

    def leaf_certificate(
        self, spiffe: SpiffeId, key_pem: bytes, *, server: bool = False, lifetime_s: int = 3600
    ) -> bytes:
        """A certificate for a TLS key."""
        return self.authority.issue(
            make_csr(key_pem),
            spiffe,
            now_ms=self.now_ms,
            lifetime_s=lifetime_s,
            dns_names=("localhost",) if server else (),
            ip_addresses=("127.0.0.1",) if server else (),
            server=server,
        ).certificate_pem

    def consumer_home(self, path: Path, *, address: str = "127.0.0.1:1", agreements: bool = True) -> Home:
        """An enrolled home of system `counter` of department `school` that accepted agreements with all providers."""
        home = Home(path)
        spiffe = SpiffeId(DOMAIN, "school", "system", "counter")
        home.create(spiffe, Addresses(people=address, systems=address))
        make_member_keys(home)
        certify_home(self.consumer_key, home, now_ms=self.now_ms)
        home.write_trust(self.trust())
        key_pem = new_tls_key()
        home.write_identity(key_pem, self.leaf_certificate(spiffe, key_pem))
        if agreements:
            for side in self.providers.values():
                self.write_agreement(home.agreements, side)
        return home

    def write_agreement(
        self, folder: Path, side: ProviderSide, *, revision: int = 1, signer: SigningKey | None = None, **changes: str
    ) -> Path:
        """A signed agreement file between a provider and `school`."""
        values = {
            "id": f"{side.department}-school",
            "provider": side.department,
            "provider_key": side.key.verify_key.fingerprint,
            "consumer": "school",
            "consumer_key": self.consumer_key.verify_key.fingerprint,
            "resource": side.resource,
            "valid_from": "2020-01-01T00:00:00Z",
            "valid_until": "2022-01-01T00:00:00Z",
            **_term(self.now_ms),
            **changes,
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{values['id']}.toml"
        path.write_text(AGREEMENT_TEXT.format(revision=revision, **values), encoding="utf-8")
        sign_agreement(path, signer or side.key)
        return path

    def fetched(self, message: exchange_pb2.FetchRequest) -> exchange_pb2.FetchResponse:
        """Answers a fetch: every requested resource is answered, silent or withheld."""
        body, request_digest, recipient = self._read(message)
        response = exchange_pb2.FetchResponse(request_id=body.request_id, complete=True)
        response.asked.CopyFrom(self._promise(request_digest))
        by_resource: dict[str, list[signed_pb2.RequestItem]] = {}
        for item in body.items:
            reason = self.withheld.get((item.resource, item.field))
            if reason is None:
                by_resource.setdefault(item.resource, []).append(item)
            else:
                response.withheld.add(resource=item.resource, field=item.field, form=item.form, reason=reason)
        for resource, items in by_resource.items():
            answer = self._answer(resource, items, request_digest, recipient)
            response.answers.append(answer)
            if answer.silence_reason and any(i.necessity != signed_pb2.NECESSITY_OPTIONAL for i in items):
                response.complete = False
        response.outcome.CopyFrom(self._promise(request_digest))
        self._twist("response", response)
        return response

    def located(self, message: exchange_pb2.LocateRequest) -> exchange_pb2.LocateResponse:
        """Answers a locate: every known resource has a record."""
        body, request_digest, recipient = self._read(message)
        response = exchange_pb2.LocateResponse(request_id=body.request_id)
        response.asked.CopyFrom(self._promise(request_digest))
        result = exchange_pb2.LocateResult()
        for item in body.items:
            reason = self.withheld.get((item.resource, item.field))
            if reason is not None:
                response.withheld.add(resource=item.resource, field=item.field, form=item.form, reason=reason)
                continue
            known = item.resource in self.providers
            result.located.add(resource=item.resource, exists=known, updated_unix_ms=self.now_ms if known else 0)
        self._twist("located", result)
        info = answer_info(request_digest, request_digest, "oncegate.locate")
        response.sealed = recipient.seal(_padded(result), info)
        response.outcome.CopyFrom(self._promise(request_digest))
        self._twist("response", response)
        return response

    def _read(
        self, message: exchange_pb2.FetchRequest | exchange_pb2.LocateRequest
    ) -> tuple[signed_pb2.RequestBody, bytes, RecipientKey]:
        """Checks the caller as the real gateway does, so that the client's side of the contract is tested too."""
        certified = CertifiedKeys(message.keys.body, message.keys.signature, message.keys.department_key)
        certificate = open_certified(
            certified, accepted_fingerprint=self.consumer_key.verify_key.fingerprint, now_ms=self.now_ms
        )
        VerifyKey.from_der(certificate.signing_key).verify("oncegate/v1/request", message.body, message.signature)
        body = signed_pb2.RequestBody.FromString(message.body)
        assert body.system == certificate.holder
        assert body.sealing_key_id == certificate.sealing_key_id
        return body, digest(message.body), RecipientKey.from_bytes(certificate.sealing_key)

    def _answer(
        self,
        resource: str,
        items: list[signed_pb2.RequestItem],
        request_digest: bytes,
        recipient: RecipientKey,
    ) -> exchange_pb2.ProviderAnswer:
        side = self.providers[resource]
        answer = exchange_pb2.ProviderAnswer(
            department=side.department, resource=resource, synced_unix_ms=self.now_ms - 1000
        )
        if side.silent:
            answer.status = exchange_pb2.PROVIDER_STATUS_SILENT
            answer.silence_reason = side.silent
            self._twist("provider_answer", answer)
            return answer
        body = signed_pb2.AnswerBody(request_digest=request_digest, resource=resource)
        for item in items:
            body.fields.append(self._field(side.values, item))
        self._twist("answer_body", body)
        ticket_digest = digest(b"ticket" + resource.encode() + request_digest)
        sealed = recipient.seal(_padded(body), answer_info(request_digest, ticket_digest, resource))
        receipt = signed_pb2.ReceiptBody(
            ticket_digest=ticket_digest,
            request_digest=request_digest,
            node=str(side.spiffe),
            resource=resource,
            ciphertext_digest=digest(sealed),
            disclosure_digest=digest(b"disclosure"),
            released_unix_ms=self.now_ms,
        )
        self._twist("receipt", receipt)
        signed = sign_batch(
            side.signing, RECEIPTS, scope(str(side.spiffe), side.session), [b"another", receipt.SerializeToString()]
        )[1]
        answer.status = exchange_pb2.PROVIDER_STATUS_ANSWERED
        answer.sealed = sealed
        answer.ticket_digest = ticket_digest
        answer.receipt.CopyFrom(signed_item(signed))
        answer.session_id = side.session
        answer.node_keys.CopyFrom(
            signed_pb2.CertifiedKeys(
                body=side.keys.body, signature=side.keys.signature, department_key=side.keys.department_key
            )
        )
        self._twist("provider_answer", answer)
        return answer

    def _field(self, values: Mapping[str, FieldValue], item: signed_pb2.RequestItem) -> signed_pb2.AnswerField:
        value = values.get(item.field)
        answer = signed_pb2.AnswerField(
            field=item.field, form=item.form, status=signed_pb2.FIELD_STATUS_NOT_AVAILABLE, source="government_verified"
        )
        if value is not None:
            texts = {
                signed_pb2.FORM_EXISTS: "true",
                signed_pb2.FORM_YEAR: value.text[:4],
                signed_pb2.FORM_MASKED: value.text[0] + "*",
                signed_pb2.FORM_VALUE: value.text,
                signed_pb2.FORM_PREDICATE: "true",
            }
            answer.status = signed_pb2.FIELD_STATUS_RELEASED
            answer.text = texts[item.form]
            answer.data_type = value.data_type
            answer.as_of_unix_ms = self.now_ms - DAY_MS
        return answer

    def _promise(self, request_digest: bytes) -> signed_pb2.SignedItem:
        self.leaf += 1
        body = signed_pb2.PromiseBody(
            leaf_index=self.leaf, leaf_hash=digest(str(self.leaf).encode()), request_digest=request_digest
        )
        self._twist("promise", body)
        items = sign_batch(self.promise_key, PROMISE, scope(f"{DOMAIN}/ledger"), [body.SerializeToString()])
        return signed_item(items[0])

    def _twist(self, step: str, message: Any) -> None:
        twist = self.twists.get(step)
        if twist is not None:
            twist(message)


def signed_item(item: BatchItem) -> signed_pb2.SignedItem:
    """The wire form of a batch item."""
    return signed_pb2.SignedItem(
        body=item.body,
        signature=item.signature,
        leaf_index=item.leaf_index,
        leaf_count=item.leaf_count,
        path=list(item.path),
    )


def agreement_signature(key: SigningKey, raw: bytes) -> bytes:
    """A provider's signature over an agreement's bytes."""
    return key.sign(AGREEMENT, raw)


def _padded(message: Message) -> bytes:
    """Serialised with padding to the next step; field 15 is the padding of every sealed body."""
    plain = message.SerializeToString()
    wanted = padded_length(len(plain) + 4)
    # Tag (1 byte) and length (2 bytes from 128 on) come on top of the padding itself.
    message.padding = bytes(wanted - len(plain) - 3)  # type: ignore[attr-defined]
    return message.SerializeToString()


def _term(now_ms: int) -> dict[str, str]:
    from datetime import UTC, datetime, timedelta

    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    form = "%Y-%m-%dT%H:%M:%SZ"
    return {
        "valid_from": (now - timedelta(days=30)).strftime(form),
        "valid_until": (now + timedelta(days=30)).strftime(form),
    }
