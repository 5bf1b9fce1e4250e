"""The signed bodies of the wire contract as plain values, and back.

Rules kept here: shape, sizes and vocabularies are checked before a value leaves this module; an error names the
field's path and the rule, never the value. What is verified is the exact bytes that arrived, so nothing here
re-encodes what somebody else signed.
"""

import re
import secrets
from collections.abc import Sequence
from functools import lru_cache

from google.protobuf.message import DecodeError, Message

from gateway.errors import Code, Refused, Violation
from gateway.exchange.model import AnswerField, LocatedResource, OpenedAnswer, RequestItem, SignedRequest
from gateway.rpc.declarations import emergency_of, service_of
from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from keys.sealing import padded_length
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.plain import is_plain
from policies.predicates import BadPredicate, Need, Operator, checked_need
from policies.vocabulary import FieldMark, Form, LegalBasis, Necessity

MAX_BODY = 32 * 1024
MAX_ITEMS = 64
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CODE = re.compile(r"[a-z][a-z0-9_-]{0,63}(\.[a-z][a-z0-9_-]{0,63})+")
_FIELD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_PURPOSE = re.compile(r"[a-z][a-z0-9_]{0,63}")
_SCHEME = re.compile(r"[a-z][a-z0-9.-]{0,63}")
_DIGEST = 32
_MAX_CASE = 128

FORMS: "dict[signed_pb2.Form, Form]" = {
    signed_pb2.FORM_EXISTS: Form.EXISTS,
    signed_pb2.FORM_YEAR: Form.YEAR,
    signed_pb2.FORM_MASKED: Form.MASKED,
    signed_pb2.FORM_VALUE: Form.VALUE,
    signed_pb2.FORM_PREDICATE: Form.PREDICATE,
}
OPERATORS: "dict[signed_pb2.PredicateOperator, Operator]" = {
    signed_pb2.PREDICATE_OPERATOR_GE: Operator.GE,
    signed_pb2.PREDICATE_OPERATOR_LE: Operator.LE,
    signed_pb2.PREDICATE_OPERATOR_IN: Operator.IN,
    signed_pb2.PREDICATE_OPERATOR_EQUALS: Operator.EQUALS,
    signed_pb2.PREDICATE_OPERATOR_SAME_AS: Operator.SAME_AS,
    signed_pb2.PREDICATE_OPERATOR_AGE_AT_LEAST: Operator.AGE_AT_LEAST,
}
FORM_NUMBERS = {form: number for number, form in FORMS.items()}
OPERATOR_NUMBERS = {operator: number for number, operator in OPERATORS.items()}
BASES: "dict[signed_pb2.LegalBasis, LegalBasis]" = {
    signed_pb2.LEGAL_BASIS_MANDATE: LegalBasis.MANDATE,
    signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST: LegalBasis.EXPLICIT_REQUEST,
    signed_pb2.LEGAL_BASIS_CONSENT: LegalBasis.CONSENT,
}
BASIS_NUMBERS = {basis: number for number, basis in BASES.items()}
NECESSITIES: "dict[signed_pb2.Necessity, Necessity]" = {
    signed_pb2.NECESSITY_UNSPECIFIED: Necessity.REQUIRED,
    signed_pb2.NECESSITY_REQUIRED: Necessity.REQUIRED,
    signed_pb2.NECESSITY_OPTIONAL: Necessity.OPTIONAL,
}
_YES_OR_NO = frozenset({Form.EXISTS, Form.PREDICATE})
_LONGEST_ANSWER = signed_pb2.AnswerField(
    form=signed_pb2.FORM_PREDICATE,
    status=signed_pb2.FIELD_STATUS_NOT_AVAILABLE,
    text="false",
    data_type="integer",
    as_of_unix_ms=(1 << 63) - 1,
    source="government_verified",
    marks=[signed_pb2.FIELD_MARK_DISPUTED],
)
"""As long as any field that says yes or no."""
MARKS: "dict[signed_pb2.FieldMark, FieldMark]" = {signed_pb2.FIELD_MARK_DISPUTED: FieldMark.DISPUTED}
MARK_NUMBERS = {mark: number for number, mark in MARKS.items()}


def certified_keys(message: signed_pb2.CertifiedKeys) -> CertifiedKeys:
    """Keys as they travel to the value that `keys` opens."""
    return CertifiedKeys(body=message.body, signature=message.signature, department_key=message.department_key)


def certified_keys_message(keys: CertifiedKeys) -> signed_pb2.CertifiedKeys:
    """The message of certified keys."""
    return signed_pb2.CertifiedKeys(body=keys.body, signature=keys.signature, department_key=keys.department_key)


def signed_item(item: BatchItem) -> signed_pb2.SignedItem:
    """The message of one signed body of a batch."""
    return signed_pb2.SignedItem(
        body=item.body,
        signature=item.signature,
        leaf_index=item.leaf_index,
        leaf_count=item.leaf_count,
        path=item.path,
    )


def promise(leaf_index: int, leaf_hash: bytes, request_digest: bytes) -> bytes:
    """A PromiseBody, for the ledger to sign."""
    body = signed_pb2.PromiseBody(leaf_index=leaf_index, leaf_hash=leaf_hash, request_digest=request_digest)
    return body.SerializeToString(deterministic=True)


def _check(broken: list[Violation], field: str, rule: str, *, holds: bool) -> None:
    if not holds:
        broken.append(Violation(field, rule))


def _items(body: signed_pb2.RequestBody, broken: list[Violation]) -> tuple[RequestItem, ...]:
    _check(broken, "items", f"must hold 1 to {MAX_ITEMS} items", holds=1 <= len(body.items) <= MAX_ITEMS)
    items: list[RequestItem] = []
    seen: set[tuple[str, str]] = set()
    for position, item in enumerate(body.items[:MAX_ITEMS]):
        path = f"items[{position}]"
        good = _good_item(item.resource, item.field, item.form, item.necessity)
        if good is not None and (item.resource, item.field) not in seen:
            seen.add((item.resource, item.field))
            # Most items are plain, and were made before.
            items.append(_further(good, item, path, broken) if _has_further(item) else good)
            continue
        _check(broken, f"{path}.resource", "must be a resource code", holds=bool(_CODE.fullmatch(item.resource)))
        _check(broken, f"{path}.field", "must be a field code", holds=bool(_FIELD.fullmatch(item.field)))
        _check(broken, f"{path}.form", "must be exists, predicate, year, masked or value", holds=item.form in FORMS)
        _check(broken, f"{path}.necessity", "must be required or optional", holds=item.necessity in NECESSITIES)
        _check(broken, path, "asks for a field twice", holds=(item.resource, item.field) not in seen)
        seen.add((item.resource, item.field))
    return tuple(items)


@lru_cache(maxsize=8192)
def _good_item(
    resource: str, field: str, form: "signed_pb2.Form", necessity: "signed_pb2.Necessity"
) -> RequestItem | None:
    """An item that breaks no rule; None otherwise. The same few items are asked for again and again."""
    if not (_CODE.fullmatch(resource) and _FIELD.fullmatch(field) and form in FORMS and necessity in NECESSITIES):
        return None
    return RequestItem(resource, field, FORMS[form], NECESSITIES[necessity])


def _has_further(item: signed_pb2.RequestItem) -> bool:
    predicate = item.form == signed_pb2.FORM_PREDICATE
    return bool(
        predicate
        or item.accepted
        or item.predicate
        or item.constants
        or item.operand_commitment
        # An operator that this version does not know is not passed over either.
        or item.operator != signed_pb2.PREDICATE_OPERATOR_UNSPECIFIED
    )


def _further(good: RequestItem, item: signed_pb2.RequestItem, path: str, broken: list[Violation]) -> RequestItem:
    """What an item says beyond its form: which predicate, and what is taken instead."""
    unknown = item.operator not in OPERATORS and item.operator != signed_pb2.PREDICATE_OPERATOR_UNSPECIFIED
    if unknown or any(form not in FORMS for form in item.accepted):
        _check(broken, f"{path}.{'operator' if unknown else 'accepted'}", "is not a known word", holds=False)
        return good
    commitment = item.operand_commitment
    if len(commitment) not in {0, _DIGEST}:
        _check(broken, f"{path}.operand_commitment", "must be 32 bytes", holds=False)
        return good
    accepted = tuple(FORMS[form] for form in item.accepted)
    try:
        need = checked_need(
            good.form,
            name=item.predicate,
            operator=OPERATORS.get(item.operator),
            constants=item.constants,
            accepted=accepted,
            committed=bool(commitment),
        )
    except BadPredicate as error:
        _check(broken, f"{path}.{error.key}", error.rule, holds=False)
        return good
    return RequestItem(good.resource, good.field, good.form, good.necessity, need, accepted, commitment)


class Codec:
    """The wire codec that the use cases are given (gateway.exchange.ports.WireCodec)."""

    def parse_request(self, body: bytes) -> SignedRequest:
        """Parse and check the shape of a RequestBody.

        Raises:
            Refused: TOO_LARGE, or BAD_REQUEST with every broken rule.
        """
        if len(body) > MAX_BODY:
            raise Refused(Code.TOO_LARGE, violations=(Violation("body", f"must be at most {MAX_BODY} bytes"),))
        message = signed_pb2.RequestBody()
        try:
            message.ParseFromString(body)
        except DecodeError:
            raise Refused(Code.BAD_REQUEST, violations=(Violation("body", "is not a RequestBody"),)) from None
        broken: list[Violation] = []
        request_id_rule = "must be 1 to 64 characters of A-Z a-z 0-9 . _ -"
        _check(broken, "request_id", request_id_rule, holds=bool(_REQUEST_ID.fullmatch(message.request_id)))
        _check(broken, "subject_scheme", "must be a scheme code", holds=bool(_SCHEME.fullmatch(message.subject_scheme)))
        _check(broken, "purpose", "must be a purpose code", holds=bool(_PURPOSE.fullmatch(message.purpose)))
        _check(
            broken, "legal_basis", "must be mandate, explicit_request or consent", holds=message.legal_basis in BASES
        )
        case, case_rule = message.case_reference, f"must be at most {_MAX_CASE} printable characters"
        _check(broken, "case_reference", case_rule, holds=len(case) <= _MAX_CASE and is_plain(case))
        commitment_holds = len(message.subject_commitment) == _DIGEST
        _check(broken, "subject_commitment", "must be 32 bytes", holds=commitment_holds)
        _check(broken, "sealing_key_id", "must be 32 bytes", holds=len(message.sealing_key_id) == _DIGEST)
        given = message.legal_basis == signed_pb2.LEGAL_BASIS_CONSENT
        _check(
            broken,
            "consent",
            "must be 32 bytes with the basis consent, and empty with another",
            holds=len(message.consent) in ({0, _DIGEST} if given else {0}),
        )
        clicked = message.legal_basis == signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST
        _check(
            broken,
            "explicit_request",
            "must be empty, or 32 bytes with the basis explicit_request",
            holds=len(message.explicit_request) in ({0, _DIGEST} if clicked else {0}),
        )
        # A mark that this version does not know is none that it could release: saying that it is understood is no harm.
        understood = frozenset(MARKS[number] for number in message.understood_marks if number in MARKS)
        items = _items(message, broken)
        emergency, service = emergency_of(message, broken), service_of(message, broken)
        if broken:
            raise Refused(Code.BAD_REQUEST, "request body", violations=tuple(broken[:16]))
        return SignedRequest(
            request_id=message.request_id,
            trust_domain=message.trust_domain,
            system=message.system,
            subject_scheme=message.subject_scheme,
            subject_commitment=message.subject_commitment,
            purpose=message.purpose,
            legal_basis=BASES[message.legal_basis],
            case_reference=message.case_reference,
            items=items,
            created_ms=message.created_unix_ms,
            deadline_ms=message.deadline_ms,
            sealing_key_id=message.sealing_key_id,
            understood_marks=understood,
            consent=message.consent,
            explicit_request=message.explicit_request,
            emergency=emergency,
            service=service,
        )

    def request(self, request: SignedRequest) -> bytes:
        """A RequestBody of the gateway's own, the exact bytes to sign."""
        return signed_pb2.RequestBody(
            request_id=request.request_id,
            trust_domain=request.trust_domain,
            system=request.system,
            subject_scheme=request.subject_scheme,
            subject_commitment=request.subject_commitment,
            purpose=request.purpose,
            legal_basis=BASIS_NUMBERS[request.legal_basis],
            case_reference=request.case_reference,
            items=[_item_message(item) for item in request.items],
            created_unix_ms=request.created_ms,
            deadline_ms=request.deadline_ms,
            sealing_key_id=request.sealing_key_id,
            understood_marks=[MARK_NUMBERS[mark] for mark in sorted(request.understood_marks)],
        ).SerializeToString(deterministic=True)

    def opened(self, plaintext: bytes) -> OpenedAnswer:
        """Parse an AnswerBody that was sealed to the gateway itself.

        Raises:
            Refused: BAD_FRAME when it is not one.
        """
        body = signed_pb2.AnswerBody()
        try:
            body.ParseFromString(plaintext)
            fields = tuple(
                AnswerField(
                    field=field.field,
                    form=FORMS[field.form],
                    text=field.text if field.status == signed_pb2.FIELD_STATUS_RELEASED else None,
                    data_type=field.data_type,
                    as_of_ms=field.as_of_unix_ms,
                    source=field.source,
                )
                for field in body.fields
            )
        except (DecodeError, KeyError):
            raise Refused(Code.BAD_FRAME, "a sealed answer") from None
        return OpenedAnswer(body.request_digest, body.resource, fields)

    def answer(self, request_digest: bytes, resource: str, fields: Sequence[AnswerField]) -> bytes:
        """A padded AnswerBody; whether a yes-or-no field is yes, no or not available does not change its length."""
        body = signed_pb2.AnswerBody(request_digest=request_digest, resource=resource)
        longest = signed_pb2.AnswerBody(request_digest=request_digest, resource=resource)
        for field in fields:
            released = field.text is not None
            body.fields.add(
                field=field.field,
                form=FORM_NUMBERS[field.form],
                status=signed_pb2.FIELD_STATUS_RELEASED if released else signed_pb2.FIELD_STATUS_NOT_AVAILABLE,
                text=field.text or "",
                data_type=field.data_type if released else "",
                as_of_unix_ms=field.as_of_ms if released else 0,
                source=field.source if released else "",
                marks=[MARK_NUMBERS[mark] for mark in field.marks] if released else [],
            )
            longest.fields.append(_LONGEST_ANSWER if field.form in _YES_OR_NO else body.fields[-1])
            longest.fields[-1].field = field.field
        return _pad(body, longest.ByteSize())

    def located(self, located: Sequence[LocatedResource]) -> bytes:
        """A padded LocateResult."""
        result = exchange_pb2.LocateResult()
        for item in located:
            result.located.add(resource=item.resource, exists=item.exists, updated_unix_ms=item.updated_ms)
        return _pad(result)

    def receipt(
        self,
        ticket_digest: bytes,
        request_digest: bytes,
        node: str,
        resource: str,
        ciphertext_digest: bytes,
        disclosure_digest: bytes,
        released_ms: int,
    ) -> bytes:
        """A ReceiptBody."""
        return signed_pb2.ReceiptBody(
            ticket_digest=ticket_digest,
            request_digest=request_digest,
            node=node,
            resource=resource,
            ciphertext_digest=ciphertext_digest,
            disclosure_digest=disclosure_digest,
            released_unix_ms=released_ms,
        ).SerializeToString(deterministic=True)

    def disclosure(self, salt: bytes, outcomes: Sequence[tuple[str, Form, str]]) -> bytes:
        """A Disclosure; an outcome is the lower-case name of an ItemOutcome, such as `released`."""
        message = signed_pb2.Disclosure(salt=salt)
        for field, form, outcome in outcomes:
            number = signed_pb2.ItemOutcome.Value(f"ITEM_OUTCOME_{outcome.upper()}")
            message.outcomes.add(field=field, form=FORM_NUMBERS[form], outcome=number)
        return message.SerializeToString(deterministic=True)


def _item_message(item: RequestItem) -> signed_pb2.RequestItem:
    need = item.need or Need()
    required = item.necessity is Necessity.REQUIRED
    return signed_pb2.RequestItem(
        resource=item.resource,
        field=item.field,
        form=FORM_NUMBERS[item.form],
        necessity=signed_pb2.NECESSITY_REQUIRED if required else signed_pb2.NECESSITY_OPTIONAL,
        predicate=need.name,
        operator=(
            signed_pb2.PREDICATE_OPERATOR_UNSPECIFIED if need.operator is None else OPERATOR_NUMBERS[need.operator]
        ),
        constants=need.constants,
        accepted=[FORM_NUMBERS[form] for form in item.accepted],
        operand_commitment=item.operand_commitment,
    )


def _pad(message: Message, least: int = 0) -> bytes:
    """Serialise with the padding field (number 15, bytes) filled up to the next step of `padded_length`.

    `least` is a size that the step must hold too, so that it does not follow from what the message says.

    The field costs one byte of tag and one to four of length, and an empty one would not be written. The few room
    sizes that no header fits exactly (a gap of one byte where the length grows by a byte) go to the next step.
    """
    size = message.ByteSize()
    # The largest padding header, so that every message of these bounds finds its header below the same step.
    target = padded_length(max(size + 3, least + 8))
    while True:
        for header in (2, 3, 4, 5):
            padding = target - size - header
            if padding > 0 and _varint_length(padding) + 1 == header:
                message.padding = bytes(padding)  # type: ignore[attr-defined]
                return message.SerializeToString()
        target = padded_length(target + 1)


def _varint_length(value: int) -> int:
    return max(1, (value.bit_length() + 6) // 7)


def new_id() -> bytes:
    """A random 16-byte id."""
    return secrets.token_bytes(16)
