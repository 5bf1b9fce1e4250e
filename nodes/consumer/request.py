"""Builds and signs what a system asks.

The subject's identifier is normalised here as the gateway will normalise it, and committed to under a fresh key, so
that each node can check against its own record that the gateway asks about the subject that the system meant.
A prepared request may be sent again, byte for byte, without a second release; a new one with the same id is refused.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from keys.certificates.spiffe import SpiffeId
from keys.operands import operand_commitment
from keys.signing import REQUEST, SigningKey, digest
from keys.subjects import subject_commitment
from nodes.consumer.items import Item, read_items
from nodes.consumer.words import FORM_NUMBERS, MARKS, OPERATOR_NUMBERS
from nodes.enrolment.errors import BadInput
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.emergencies import BadEmergency, Emergency, declared
from policies.identifiers import BadIdentifier, normalise
from policies.plain import is_plain
from policies.service_reference import BadReference, ServiceReference, checked_reference
from policies.vocabulary import LegalBasis, Necessity

NONCE_BYTES = 32
DIGEST_BYTES = 32
LONGEST_CASE = 128
LONGEST_DEADLINE_S = 120.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BASIS = {
    LegalBasis.MANDATE: signed_pb2.LEGAL_BASIS_MANDATE,
    LegalBasis.EXPLICIT_REQUEST: signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST,
    LegalBasis.CONSENT: signed_pb2.LEGAL_BASIS_CONSENT,
}
_NECESSITY = {
    Necessity.REQUIRED: signed_pb2.NECESSITY_REQUIRED,
    Necessity.OPTIONAL: signed_pb2.NECESSITY_OPTIONAL,
}


@dataclass(frozen=True, slots=True)
class Requester:
    """Who asks.

    Args:
        system: SPIFFE id of the system.
        signing_key: Its certified signing key.
        sealing_key_id: SHA-256 of its certified sealing key.
    """

    system: SpiffeId
    signing_key: SigningKey
    sealing_key_id: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A signed request, ready to be sent once or again. Its `repr` shows neither identifier nor nonce.

    Args:
        request_id: The idempotency key.
        items: What is asked for.
        body: Serialised RequestBody, the exact bytes signed.
        signature: Over the body.
        digest: SHA-256 of the body.
        identifier: Canonical identifier of the subject.
        nonce: Key of the subject commitment.
        deadline_s: How long to wait, seconds; None takes the gateway's default.
        official_token: OIDC token of the official, or empty.
    """

    request_id: str
    items: tuple[Item, ...]
    body: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    identifier: str = field(repr=False)
    nonce: bytes = field(repr=False)
    deadline_s: float | None = None
    official_token: str = field(default="", repr=False)


def fetch_message(prepared: Prepared, keys: signed_pb2.CertifiedKeys) -> exchange_pb2.FetchRequest:
    """A prepared request as it is sent for a fetch.

    Args:
        prepared: What was prepared.
        keys: The system's certified keys.

    Returns:
        The message.
    """
    return exchange_pb2.FetchRequest(
        body=prepared.body,
        signature=prepared.signature,
        keys=keys,
        subject_identifier=prepared.identifier,
        subject_nonce=prepared.nonce,
        official_token=prepared.official_token,
        operands=[
            signed_pb2.Operand(resource=item.resource, field=item.field, value=item.operand)
            for item in prepared.items
            if item.operand
        ],
    )


def locate_message(prepared: Prepared, keys: signed_pb2.CertifiedKeys) -> exchange_pb2.LocateRequest:
    """A prepared request as it is sent for a locate.

    Args:
        prepared: What was prepared.
        keys: The system's certified keys.

    Returns:
        The message.
    """
    return exchange_pb2.LocateRequest(
        body=prepared.body,
        signature=prepared.signature,
        keys=keys,
        subject_identifier=prepared.identifier,
        subject_nonce=prepared.nonce,
        official_token=prepared.official_token,
    )


def prepare(
    requester: Requester,
    *,
    subject: tuple[str, str],
    purpose: str,
    basis: LegalBasis | str,
    items: Iterable[Item | str],
    now_ms: int,
    random_bytes: Callable[[int], bytes],
    case_reference: str = "",
    request_id: str | None = None,
    deadline_s: float | None = None,
    official_token: str = "",
    consent: str = "",
    explicit_request: str = "",
    emergency: Emergency | None = None,
    service: ServiceReference | None = None,
) -> Prepared:
    """Builds and signs a request.

    Args:
        requester: Who asks.
        subject: Scheme and identifier as typed.
        purpose: Registered purpose code.
        basis: The legal ground.
        items: 1 to 64.
        now_ms: The time.
        random_bytes: Source of randomness.
        case_reference: The system's own case number.
        request_id: Idempotency key; None makes a random one.
        deadline_s: How long to wait, seconds; None takes the gateway's default.
        official_token: OIDC token of the official, or empty.
        consent: Digest of the consent, hexadecimal; needed with the basis `consent`, and empty with another.
        explicit_request: Digest of the explicit request that the person made, hexadecimal; may be named with the basis
            `explicit_request`.
        emergency: The declared emergency; None when there is none.
        service: The service item for which the system asks; None when it is none.

    Returns:
        The signed request.

    Raises:
        BadInput: Something breaks a rule; the text never holds the identifier.
    """
    read = read_items(items)
    scheme, typed = subject
    try:
        identifier = normalise(scheme, typed)
    except BadIdentifier as error:
        raise BadInput("subject", error.rule) from None
    if request_id is None:
        request_id = random_bytes(16).hex()
    _check(request_id, purpose, case_reference, deadline_s)
    nonce = random_bytes(NONCE_BYTES)
    body = signed_pb2.RequestBody(
        request_id=request_id,
        trust_domain=requester.system.trust_domain,
        system=str(requester.system),
        subject_scheme=scheme,
        subject_commitment=subject_commitment(nonce, scheme, identifier),
        purpose=purpose,
        legal_basis=_BASIS[_basis(basis)],
        case_reference=case_reference,
        items=[_item(item, nonce) for item in read],
        created_unix_ms=now_ms,
        deadline_ms=0 if deadline_s is None else round(deadline_s * 1000),
        sealing_key_id=requester.sealing_key_id,
        understood_marks=list(MARKS),
        consent=_named("consent", consent, needed=_basis(basis) is LegalBasis.CONSENT),
        explicit_request=_named("explicit_request", explicit_request, needed=bool(explicit_request)),
        emergency=None if emergency is None else _declared(emergency),
        service=None if service is None else _service(service),
    ).SerializeToString()
    return Prepared(
        request_id=request_id,
        items=read,
        body=body,
        signature=requester.signing_key.sign(REQUEST, body),
        digest=digest(body),
        identifier=identifier,
        nonce=nonce,
        deadline_s=deadline_s,
        official_token=official_token,
    )


def _item(item: Item, nonce: bytes) -> signed_pb2.RequestItem:
    message = signed_pb2.RequestItem(
        resource=item.resource,
        field=item.field,
        form=FORM_NUMBERS[item.form],
        necessity=_NECESSITY[item.necessity],
        accepted=[FORM_NUMBERS[form] for form in item.accepted],
    )
    if item.need is not None:
        message.predicate = item.need.name
        message.constants.extend(item.need.constants)
        if item.need.operator is not None:
            message.operator = OPERATOR_NUMBERS[item.need.operator]
    if item.operand:
        message.operand_commitment = operand_commitment(nonce, item.resource, item.field, item.operand)
    return message


def _declared(emergency: Emergency) -> signed_pb2.EmergencyDeclaration:
    try:
        checked = declared(emergency.reason, emergency.statement)
    except BadEmergency as error:
        raise BadInput(f"emergency.{error.field}", error.rule) from None
    return signed_pb2.EmergencyDeclaration(reason=checked.reason, statement=checked.statement)


def _service(service: ServiceReference) -> signed_pb2.ServiceReference:
    try:
        checked = checked_reference(service.code, service.version, service.digest)
    except BadReference as error:
        raise BadInput(f"service.{error.field}", error.rule) from None
    return signed_pb2.ServiceReference(code=checked.code, version=checked.version, digest=checked.digest)


def _basis(basis: LegalBasis | str) -> LegalBasis:
    try:
        return LegalBasis(basis)
    except ValueError as error:
        raise BadInput("basis", f"one of {', '.join(LegalBasis)}") from error


def _named(field_: str, text: str, *, needed: bool) -> bytes:
    try:
        named = bytes.fromhex(text)
    except ValueError:
        named = b"?"
    if len(named) != (DIGEST_BYTES if needed else 0):
        raise BadInput(field_, "the 64 hexadecimal digits of a digest with the basis that it belongs to, else empty")
    return named


def _check(request_id: str, purpose: str, case_reference: str, deadline_s: float | None) -> None:
    if _REQUEST_ID.fullmatch(request_id) is None:
        raise BadInput("request_id", "1 to 64 characters of A-Z a-z 0-9 . _ -")
    if not purpose:
        raise BadInput("purpose", "must not be empty")
    if len(case_reference) > LONGEST_CASE or not is_plain(case_reference):
        raise BadInput("case_reference", f"at most {LONGEST_CASE} printable characters")
    if deadline_s is not None and not 0 < deadline_s <= LONGEST_DEADLINE_S:
        raise BadInput("deadline_s", f"more than 0 and at most {LONGEST_DEADLINE_S:g} seconds")
