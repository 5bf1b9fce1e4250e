"""Signed bodies as protobuf, for the provider: the implementation of `nodes.provider.model.Codec`.

Rules kept: bytes that are not such a message, an unstated enum or a field of the wrong length is a ValueError whose
text names the field and nothing of the content; what this module encodes is encoded once and travels as it is. It
verifies nothing.
"""

from typing import Final, TypeVar

from google.protobuf.message import DecodeError

from nodes.provider.model import (
    AnswerContent,
    DisclosureContent,
    ItemOutcome,
    OrderedItem,
    Promise,
    ReceiptContent,
    Request,
    RequestedItem,
    Ticket,
)
from oncegate.v1 import signed_pb2
from policies.emergencies import Emergency, declared
from policies.predicates import Operator, checked_need
from policies.service_reference import checked_reference
from policies.vocabulary import Form, LegalBasis, Necessity

ID_BYTES: Final = 16
DIGEST_BYTES: Final = 32
MAX_ITEMS: Final = 64
_PADDING_TAG: Final = bytes([15 << 3 | 2])
"""Field 15, length-delimited (AnswerBody.padding)."""
_VARINT_BITS: Final = 7
_V = TypeVar("_V")

FORM_NUMBERS = {
    Form.EXISTS: signed_pb2.FORM_EXISTS,
    Form.YEAR: signed_pb2.FORM_YEAR,
    Form.MASKED: signed_pb2.FORM_MASKED,
    Form.VALUE: signed_pb2.FORM_VALUE,
    Form.PREDICATE: signed_pb2.FORM_PREDICATE,
}
OPERATORS: dict[int, Operator] = {
    signed_pb2.PREDICATE_OPERATOR_GE: Operator.GE,
    signed_pb2.PREDICATE_OPERATOR_LE: Operator.LE,
    signed_pb2.PREDICATE_OPERATOR_IN: Operator.IN,
    signed_pb2.PREDICATE_OPERATOR_EQUALS: Operator.EQUALS,
    signed_pb2.PREDICATE_OPERATOR_SAME_AS: Operator.SAME_AS,
    signed_pb2.PREDICATE_OPERATOR_AGE_AT_LEAST: Operator.AGE_AT_LEAST,
}
_FORMS: dict[int, Form] = {number: form for form, number in FORM_NUMBERS.items()}
_BASES: dict[int, LegalBasis] = {
    signed_pb2.LEGAL_BASIS_MANDATE: LegalBasis.MANDATE,
    signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST: LegalBasis.EXPLICIT_REQUEST,
    signed_pb2.LEGAL_BASIS_CONSENT: LegalBasis.CONSENT,
}
_NECESSITIES: dict[int, Necessity] = {
    signed_pb2.NECESSITY_UNSPECIFIED: Necessity.REQUIRED,
    signed_pb2.NECESSITY_REQUIRED: Necessity.REQUIRED,
    signed_pb2.NECESSITY_OPTIONAL: Necessity.OPTIONAL,
}
_OUTCOME_NUMBERS = {
    ItemOutcome.RELEASED: signed_pb2.ITEM_OUTCOME_RELEASED,
    ItemOutcome.NO_RECORD: signed_pb2.ITEM_OUTCOME_NO_RECORD,
    ItemOutcome.NO_VALUE: signed_pb2.ITEM_OUTCOME_NO_VALUE,
    ItemOutcome.WITHHELD: signed_pb2.ITEM_OUTCOME_WITHHELD,
    ItemOutcome.SUBJECT_MISMATCH: signed_pb2.ITEM_OUTCOME_SUBJECT_MISMATCH,
    ItemOutcome.SOURCE_ERROR: signed_pb2.ITEM_OUTCOME_SOURCE_ERROR,
}


def _length(name: str, value: bytes, expected: int) -> bytes:
    if len(value) != expected:
        raise ValueError(f"{name}: wrong length")
    return value


def _consent(value: bytes) -> bytes:
    return _length("consent", value, DIGEST_BYTES) if value else b""


def _known(name: str, table: dict[int, _V], number: int) -> _V:
    value = table.get(number)
    if value is None:
        raise ValueError(f"{name}: not stated or not known")
    return value


def _requested(item: signed_pb2.RequestItem) -> RequestedItem:
    """One requested item.

    Raises:
        ValueError: A word is not known, or what is said of a predicate breaks a rule (`BadPredicate` is one).
    """
    form = _known("form", _FORMS, item.form)
    accepted = tuple(_known("accepted", _FORMS, other) for other in item.accepted)
    operator = None if not item.operator else _known("operator", OPERATORS, item.operator)
    commitment = item.operand_commitment
    if commitment:
        _length("operand_commitment", commitment, DIGEST_BYTES)
    need = checked_need(
        form,
        name=item.predicate,
        operator=operator,
        constants=item.constants,
        accepted=accepted,
        committed=bool(commitment),
    )
    necessity = _known("necessity", _NECESSITIES, item.necessity)
    return RequestedItem(item.resource, item.field, form, necessity, need, accepted, commitment)


def _emergency(message: signed_pb2.RequestBody) -> Emergency | None:
    """The declared emergency.

    Raises:
        ValueError: The declaration breaks a rule (`BadEmergency` is one).
    """
    if not message.HasField("emergency"):
        return None
    return declared(message.emergency.reason, message.emergency.statement)


def declaration_in(request: bytes) -> Emergency | None:
    """The emergency that a kept request declares; None when it declares none.

    Args:
        request: Exact RequestBody bytes, as a release keeps them.

    Raises:
        ValueError: They are none.
    """
    message = signed_pb2.RequestBody()
    try:
        message.ParseFromString(request)
    except DecodeError:
        raise ValueError("request: unreadable") from None
    return _emergency(message)


def _service(message: signed_pb2.RequestBody) -> str:
    """Code of the service item for which the system asks; empty when it names none.

    Raises:
        ValueError: The reference breaks a rule (`BadReference` is one).
    """
    if not message.HasField("service"):
        return ""
    return checked_reference(message.service.code, message.service.version, message.service.digest).code


class ProtobufCodec:
    """Implements `nodes.provider.model.Codec`."""

    def parse_ticket(self, body: bytes) -> Ticket:
        """Parse a TicketBody.

        Raises:
            ValueError: It is none, or a field has the wrong length or an unknown word. Fails closed.
        """
        message = signed_pb2.TicketBody()
        try:
            message.ParseFromString(body)
        except DecodeError:
            raise ValueError("ticket: unreadable") from None
        if not 1 <= len(message.items) <= MAX_ITEMS:
            raise ValueError("ticket: number of items")
        return Ticket(
            ticket_id=_length("ticket_id", message.ticket_id, ID_BYTES),
            node=message.node,
            session_id=_length("session_id", message.session_id, ID_BYTES),
            resource=message.resource,
            handle=_length("handle", message.handle, ID_BYTES),
            items=tuple(
                OrderedItem(item.field, _known("form", _FORMS, item.form), item.predicate) for item in message.items
            ),
            purpose=message.purpose,
            basis=_known("legal_basis", _BASES, message.legal_basis),
            agreement_id=message.agreement_id,
            agreement_revision=message.agreement_revision,
            agreement_digest=_length("agreement_digest", message.agreement_digest, DIGEST_BYTES),
            request_digest=_length("request_digest", message.request_digest, DIGEST_BYTES),
            issued_ms=message.issued_unix_ms,
            expires_ms=message.expires_unix_ms,
            consent=_consent(message.consent),
            emergency=message.emergency,
        )

    def parse_request(self, body: bytes) -> Request:
        """Parse a RequestBody. An unstated necessity is read as required.

        Raises:
            ValueError: It is none, or a field has the wrong length or an unknown word. Fails closed.
        """
        message = signed_pb2.RequestBody()
        try:
            message.ParseFromString(body)
        except DecodeError:
            raise ValueError("request: unreadable") from None
        if not 1 <= len(message.items) <= MAX_ITEMS:
            raise ValueError("request: number of items")
        emergency = _emergency(message)
        return Request(
            request_id=message.request_id,
            trust_domain=message.trust_domain,
            system=message.system,
            subject_scheme=message.subject_scheme,
            subject_commitment=_length("subject_commitment", message.subject_commitment, DIGEST_BYTES),
            purpose=message.purpose,
            basis=_known("legal_basis", _BASES, message.legal_basis),
            case_reference=message.case_reference,
            items=tuple(_requested(item) for item in message.items),
            created_ms=message.created_unix_ms,
            deadline_ms=message.deadline_ms,
            sealing_key_id=_length("sealing_key_id", message.sealing_key_id, DIGEST_BYTES),
            consent=_consent(message.consent),
            emergency="" if emergency is None else emergency.reason,
            service=_service(message),
        )

    def parse_promise(self, body: bytes) -> Promise:
        """Parse a PromiseBody.

        Raises:
            ValueError: It is none, or a digest has the wrong length. Fails closed.
        """
        message = signed_pb2.PromiseBody()
        try:
            message.ParseFromString(body)
        except DecodeError:
            raise ValueError("promise: unreadable") from None
        if message.request_digest:
            _length("request_digest", message.request_digest, DIGEST_BYTES)
        leaf_hash = _length("leaf_hash", message.leaf_hash, DIGEST_BYTES)
        return Promise(leaf_index=message.leaf_index, leaf_hash=leaf_hash, request_digest=message.request_digest)

    def encode_answer(self, answer: AnswerContent, length: int) -> bytes:
        """Serialise an AnswerBody padded with zero bytes to exactly `length` bytes.

        Raises:
            ValueError: When it does not fit, or lacks a single byte, which no padding field can fill.
        """
        message = signed_pb2.AnswerBody(request_digest=answer.request_digest, resource=answer.resource)
        for field in answer.fields:
            released = field.text is not None
            message.fields.add(
                field=field.field,
                form=FORM_NUMBERS[field.form],
                status=signed_pb2.FIELD_STATUS_RELEASED if released else signed_pb2.FIELD_STATUS_NOT_AVAILABLE,
                text=field.text or "",
                data_type=field.data_type,
                as_of_unix_ms=field.as_of_ms,
                source=field.source,
            )
        body = message.SerializeToString(deterministic=True)
        return body + _padding(length - len(body))

    def encode_receipt(self, receipt: ReceiptContent) -> bytes:
        """Serialise a ReceiptBody."""
        return signed_pb2.ReceiptBody(
            ticket_digest=receipt.ticket_digest,
            request_digest=receipt.request_digest,
            node=receipt.node,
            resource=receipt.resource,
            ciphertext_digest=receipt.ciphertext_digest,
            disclosure_digest=receipt.disclosure_digest,
            released_unix_ms=receipt.released_ms,
        ).SerializeToString(deterministic=True)

    def encode_disclosure(self, disclosure: DisclosureContent) -> bytes:
        """Serialise a Disclosure."""
        message = signed_pb2.Disclosure(salt=disclosure.salt)
        for item in disclosure.outcomes:
            message.outcomes.add(field=item.field, form=FORM_NUMBERS[item.form], outcome=_OUTCOME_NUMBERS[item.outcome])
        return message.SerializeToString(deterministic=True)


def _padding(size: int) -> bytes:
    """The padding field in exactly `size` bytes: a tag, a length and zero bytes.

    Where the shortest encoding of the length would leave one byte over, the length is written one byte longer than
    necessary, which every protobuf parser accepts.

    Raises:
        ValueError: The size is negative or one.
    """
    if not size:
        return b""
    if size < 2:  # noqa: PLR2004 - a tag and a length of zero
        raise ValueError("answer: does not fit")
    header = 1
    while size - 1 - header >= 1 << (_VARINT_BITS * header):
        header += 1
    count = size - 1 - header
    groups = [count >> (_VARINT_BITS * place) & 0x7F for place in range(header)]
    encoded = bytes(group | (0x80 if place < header - 1 else 0) for place, group in enumerate(groups))
    return _PADDING_TAG + encoded + bytes(count)
