"""Values of the node link to protobuf messages and back.

Rules kept: what a peer sent is parsed once, its sizes and vocabularies are checked here, and a parse error names the
broken rule by a fixed code, never the content. Signed bodies are never re-encoded: the exact bytes carried are what
was verified. It checks shapes only; whether a receipt fits its ask is `receipts.py`'s business.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from gateway.errors import Code, Refused
from gateway.federation.model import DIGEST_BYTES, HANDLE_BYTES, Order, PointerChange, SnapshotPiece
from gateway.federation.ports import Rejection
from keys.key_certificates import CertifiedKeys
from oncegate.v1 import catalog_pb2, node_link_pb2, signed_pb2
from policies.resources import FieldDescription, LocalText, ResourceDescription
from policies.vocabulary import Classification, DataType, Form, LegalBasis, Mask, Mode, SharingType

MAX_RESOURCES = 256
MAX_FIELDS = 256
MAX_TEXT = 128
MAX_IDENTIFIER = 64

Outcomes = tuple[tuple[str, Form, str], ...]
"""Field, form and outcome (lower-case name of ItemOutcome) of each item."""

FORM_NUMBERS = {
    Form.EXISTS: signed_pb2.FORM_EXISTS,
    Form.YEAR: signed_pb2.FORM_YEAR,
    Form.MASKED: signed_pb2.FORM_MASKED,
    Form.VALUE: signed_pb2.FORM_VALUE,
    Form.PREDICATE: signed_pb2.FORM_PREDICATE,
}
FORMS: dict[int, Form] = {number: form for form, number in FORM_NUMBERS.items()}
BASIS_NUMBERS = {
    LegalBasis.MANDATE: signed_pb2.LEGAL_BASIS_MANDATE,
    LegalBasis.EXPLICIT_REQUEST: signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST,
    LegalBasis.CONSENT: signed_pb2.LEGAL_BASIS_CONSENT,
}
OUTCOMES = {
    number: name.removeprefix("ITEM_OUTCOME_").lower()
    for name, number in signed_pb2.ItemOutcome.items()
    if number != signed_pb2.ITEM_OUTCOME_UNSPECIFIED
}
_CLASSIFICATIONS = {
    catalog_pb2.Classification.Value(f"CLASSIFICATION_{member.name}"): member for member in Classification
}
_MODES = {catalog_pb2.Mode.Value(f"MODE_{member.name}"): member for member in Mode}
_SHARING_TYPES = {catalog_pb2.SharingType.Value(f"SHARING_TYPE_{member.name}"): member for member in SharingType}


class BadBody(Exception):
    """Bytes that are not the body they should be; the text is a fixed rule code."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A parsed ReceiptBody."""

    ticket_digest: bytes
    request_digest: bytes
    node: str
    resource: str
    ciphertext_digest: bytes
    disclosure_digest: bytes
    released_ms: int


def ticket_body(order: Order, *, ticket_id: bytes, session_id: bytes, issued_ms: int, expires_ms: int) -> bytes:
    """The exact bytes of the TicketBody of one order."""
    return signed_pb2.TicketBody(
        ticket_id=ticket_id,
        node=order.node,
        session_id=session_id,
        resource=order.resource,
        handle=order.handle,
        items=[
            signed_pb2.TicketItem(field=field, form=FORM_NUMBERS[form], predicate=order.predicates.get(field, ""))
            for field, form in order.items
        ],
        purpose=order.purpose,
        legal_basis=BASIS_NUMBERS[order.basis],
        agreement_id=order.agreement_id,
        agreement_revision=order.agreement_revision,
        agreement_digest=order.agreement_digest,
        request_digest=order.request_digest,
        issued_unix_ms=issued_ms,
        expires_unix_ms=expires_ms,
        consent=order.consent_digest,
        emergency=order.emergency,
    ).SerializeToString(deterministic=True)


def add_ask(asks: node_link_pb2.Asks, ask_id: int, ticket: bytes, order: Order, deadline_ms: int, credit: int) -> None:
    """Append one ask to a frame."""
    keys = order.requester_keys
    promise = order.promise
    asks.asks.add(
        ask_id=ask_id,
        ticket=ticket,
        request=order.request,
        request_signature=order.request_signature,
        requester_keys=signed_pb2.CertifiedKeys(
            body=keys.body, signature=keys.signature, department_key=keys.department_key
        ),
        subject_nonce=order.subject_nonce,
        subject_identifier=order.subject_identifier,
        promise=signed_pb2.SignedItem(
            body=promise.body,
            signature=promise.signature,
            leaf_index=promise.leaf_index,
            leaf_count=promise.leaf_count,
            path=promise.path,
        ),
        deadline_ms=deadline_ms,
        credit=credit,
        operands=[
            signed_pb2.Operand(resource=order.resource, field=field, value=operand)
            for field, operand in order.operands.items()
        ],
        consent=order.consent,
        consent_proof=order.consent_proof,
    )


def order_size(order: Order) -> int:
    """About how many bytes the order takes in a frame, so that a frame stays under its limit."""
    keys = order.requester_keys
    return (
        len(order.request)
        + len(order.consent)
        + len(order.consent_proof)
        + len(keys.body)
        + len(keys.signature)
        + len(keys.department_key)
        + 128 * len(order.items)
        + sum(4 * len(operand) for operand in order.operands.values())
        + 1024
    )


def parse_receipt(body: bytes) -> Receipt:
    """Parse a ReceiptBody whose signature was verified.

    Raises:
        BadBody: It is no ReceiptBody, or a digest has the wrong length.
    """
    message = signed_pb2.ReceiptBody()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise BadBody("RECEIPT_UNREADABLE") from None
    digests = (
        message.ticket_digest,
        message.request_digest,
        message.ciphertext_digest,
        message.disclosure_digest,
    )
    if any(len(digest) != DIGEST_BYTES for digest in digests):
        raise BadBody("RECEIPT_DIGEST_LENGTH")
    return Receipt(
        ticket_digest=digests[0],
        request_digest=digests[1],
        node=message.node,
        resource=message.resource,
        ciphertext_digest=digests[2],
        disclosure_digest=digests[3],
        released_ms=message.released_unix_ms,
    )


def parse_disclosure(body: bytes) -> Outcomes:
    """Field, form and outcome of each item of a Disclosure whose digest was verified.

    Raises:
        BadBody: It is no Disclosure, its salt is short, or an item states no form or outcome.
    """
    message = signed_pb2.Disclosure()
    try:
        message.ParseFromString(body)
    except DecodeError:
        raise BadBody("DISCLOSURE_UNREADABLE") from None
    if len(message.salt) != HANDLE_BYTES:
        raise BadBody("DISCLOSURE_SALT")
    try:
        return tuple((item.field, FORMS[item.form], OUTCOMES[item.outcome]) for item in message.outcomes)
    except KeyError:
        raise BadBody("DISCLOSURE_VOCABULARY") from None


def certified_keys(message: signed_pb2.CertifiedKeys) -> CertifiedKeys:
    """The keys of a Hello as the value that `keys` opens."""
    return CertifiedKeys(body=message.body, signature=message.signature, department_key=message.department_key)


def resources(messages: Iterable[catalog_pb2.Resource]) -> tuple[ResourceDescription, ...]:
    """What a Hello offers.

    Raises:
        Refused: BAD_FRAME when one states no known classification, sharing type, data type, form, mode or mask.
    """
    try:
        return tuple(_resource(message) for message in messages)
    except (KeyError, ValueError):
        raise Refused(Code.BAD_FRAME, "hello: unknown term in a resource") from None


def _resource(message: catalog_pb2.Resource) -> ResourceDescription:
    return ResourceDescription(
        code=message.code,
        name_zh=message.name.zh,
        name_en=message.name.en,
        provider=message.provider,
        abstract_zh=message.abstract.zh,
        abstract_en=message.abstract.en,
        classification=_CLASSIFICATIONS[message.classification],
        sharing_type=_SHARING_TYPES[message.sharing_type],
        sharing_terms=message.sharing_terms,
        update_cycle=message.update_cycle,
        subject_schemes=tuple(message.subject_schemes),
        unlisted=message.unlisted,
        fields=tuple(
            FieldDescription(
                code=field.code,
                name_zh=field.name.zh,
                name_en=field.name.en,
                data_type=DataType(field.data_type),
                classification=_CLASSIFICATIONS[field.classification],
                forms=frozenset(FORMS[form] for form in field.forms),
                mask=Mask(field.mask) if field.mask else None,
                authority=field.authority,
            )
            for field in message.fields
        ),
        classification_path=tuple(LocalText(step.zh, step.en) for step in message.classification_path),
        duty=message.duty,
        purpose=message.purpose,
        modes=frozenset(_MODES[mode] for mode in message.modes),
        related=tuple(message.related),
    )


def _change(message: node_link_pb2.Delta) -> PointerChange:
    if len(message.handle) != HANDLE_BYTES:
        raise Refused(Code.BAD_FRAME, "delta: handle length")
    if len(message.resource) > MAX_TEXT or len(message.subject_scheme) > MAX_TEXT:
        raise Refused(Code.BAD_FRAME, "delta: code length")
    if len(message.subject_identifier) > MAX_IDENTIFIER:
        raise Refused(Code.BAD_FRAME, "delta: identifier length")
    return PointerChange(
        sequence=message.sequence,
        resource=message.resource,
        handle=message.handle,
        subject_scheme=message.subject_scheme,
        subject_identifier=message.subject_identifier,
        version=message.version,
        updated_ms=message.updated_unix_ms,
        tombstone=message.tombstone,
    )


def deltas(message: node_link_pb2.Deltas, most: int) -> tuple[PointerChange, ...]:
    """The changes of a Deltas frame.

    Raises:
        Refused: BAD_FRAME when there are none or too many, they are not consecutive, or one has a wrong shape.
    """
    if not 1 <= len(message.deltas) <= most:
        raise Refused(Code.BAD_FRAME, "deltas: count")
    changes = tuple(_change(delta) for delta in message.deltas)
    first = changes[0].sequence
    if first < 1 or any(change.sequence != first + place for place, change in enumerate(changes)):
        raise Refused(Code.BAD_FRAME, "deltas: sequence")
    return changes


def snapshot(message: node_link_pb2.Snapshot, most: int) -> SnapshotPiece:
    """The part of a snapshot in a Snapshot frame.

    Raises:
        Refused: BAD_FRAME when it has too many entries, or one has a wrong shape, a sequence or is a tombstone.
    """
    if len(message.snapshot_id) != HANDLE_BYTES or len(message.resource) > MAX_TEXT or len(message.entries) > most:
        raise Refused(Code.BAD_FRAME, "snapshot: shape")
    entries = tuple(_change(entry) for entry in message.entries)
    if any(entry.sequence or entry.tombstone or entry.resource != message.resource for entry in entries):
        raise Refused(Code.BAD_FRAME, "snapshot: entry")
    return SnapshotPiece(
        snapshot_id=message.snapshot_id,
        resource=message.resource,
        part=message.part,
        entries=entries,
        last=message.last,
        total=message.total,
        as_of_sequence=message.as_of_sequence,
    )


def rejections(message: node_link_pb2.DeltaAck, found: Iterable[Rejection]) -> None:
    """Append what was not indexed to an acknowledgement."""
    for rejection in found:
        message.rejections.add(sequence=rejection.sequence, handle=rejection.handle, reason=str(rejection.reason))
