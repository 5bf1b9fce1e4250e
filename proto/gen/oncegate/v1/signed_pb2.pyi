from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Form(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FORM_UNSPECIFIED: _ClassVar[Form]
    FORM_EXISTS: _ClassVar[Form]
    FORM_YEAR: _ClassVar[Form]
    FORM_MASKED: _ClassVar[Form]
    FORM_VALUE: _ClassVar[Form]
    FORM_PREDICATE: _ClassVar[Form]

class PredicateOperator(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PREDICATE_OPERATOR_UNSPECIFIED: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_GE: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_LE: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_IN: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_EQUALS: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_AGE_AT_LEAST: _ClassVar[PredicateOperator]
    PREDICATE_OPERATOR_SAME_AS: _ClassVar[PredicateOperator]

class LegalBasis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEGAL_BASIS_UNSPECIFIED: _ClassVar[LegalBasis]
    LEGAL_BASIS_MANDATE: _ClassVar[LegalBasis]
    LEGAL_BASIS_EXPLICIT_REQUEST: _ClassVar[LegalBasis]
    LEGAL_BASIS_CONSENT: _ClassVar[LegalBasis]

class Necessity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NECESSITY_UNSPECIFIED: _ClassVar[Necessity]
    NECESSITY_REQUIRED: _ClassVar[Necessity]
    NECESSITY_OPTIONAL: _ClassVar[Necessity]

class ItemOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ITEM_OUTCOME_UNSPECIFIED: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_RELEASED: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_NO_RECORD: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_NO_VALUE: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_WITHHELD: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_SUBJECT_MISMATCH: _ClassVar[ItemOutcome]
    ITEM_OUTCOME_SOURCE_ERROR: _ClassVar[ItemOutcome]

class FieldStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIELD_STATUS_UNSPECIFIED: _ClassVar[FieldStatus]
    FIELD_STATUS_RELEASED: _ClassVar[FieldStatus]
    FIELD_STATUS_NOT_AVAILABLE: _ClassVar[FieldStatus]

class FieldMark(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIELD_MARK_UNSPECIFIED: _ClassVar[FieldMark]
    FIELD_MARK_DISPUTED: _ClassVar[FieldMark]
FORM_UNSPECIFIED: Form
FORM_EXISTS: Form
FORM_YEAR: Form
FORM_MASKED: Form
FORM_VALUE: Form
FORM_PREDICATE: Form
PREDICATE_OPERATOR_UNSPECIFIED: PredicateOperator
PREDICATE_OPERATOR_GE: PredicateOperator
PREDICATE_OPERATOR_LE: PredicateOperator
PREDICATE_OPERATOR_IN: PredicateOperator
PREDICATE_OPERATOR_EQUALS: PredicateOperator
PREDICATE_OPERATOR_AGE_AT_LEAST: PredicateOperator
PREDICATE_OPERATOR_SAME_AS: PredicateOperator
LEGAL_BASIS_UNSPECIFIED: LegalBasis
LEGAL_BASIS_MANDATE: LegalBasis
LEGAL_BASIS_EXPLICIT_REQUEST: LegalBasis
LEGAL_BASIS_CONSENT: LegalBasis
NECESSITY_UNSPECIFIED: Necessity
NECESSITY_REQUIRED: Necessity
NECESSITY_OPTIONAL: Necessity
ITEM_OUTCOME_UNSPECIFIED: ItemOutcome
ITEM_OUTCOME_RELEASED: ItemOutcome
ITEM_OUTCOME_NO_RECORD: ItemOutcome
ITEM_OUTCOME_NO_VALUE: ItemOutcome
ITEM_OUTCOME_WITHHELD: ItemOutcome
ITEM_OUTCOME_SUBJECT_MISMATCH: ItemOutcome
ITEM_OUTCOME_SOURCE_ERROR: ItemOutcome
FIELD_STATUS_UNSPECIFIED: FieldStatus
FIELD_STATUS_RELEASED: FieldStatus
FIELD_STATUS_NOT_AVAILABLE: FieldStatus
FIELD_MARK_UNSPECIFIED: FieldMark
FIELD_MARK_DISPUTED: FieldMark

class Operand(_message.Message):
    __slots__ = ("resource", "field", "value")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    value: str
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

class CertifiedKeys(_message.Message):
    __slots__ = ("body", "signature", "department_key")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_KEY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    department_key: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., department_key: _Optional[bytes] = ...) -> None: ...

class SignedItem(_message.Message):
    __slots__ = ("body", "signature", "leaf_index", "leaf_count", "path")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_COUNT_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    leaf_index: int
    leaf_count: int
    path: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., leaf_index: _Optional[int] = ..., leaf_count: _Optional[int] = ..., path: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RequestItem(_message.Message):
    __slots__ = ("resource", "field", "form", "necessity", "predicate", "operator", "constants", "accepted", "operand_commitment")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    NECESSITY_FIELD_NUMBER: _ClassVar[int]
    PREDICATE_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    CONSTANTS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    OPERAND_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    form: Form
    necessity: Necessity
    predicate: str
    operator: PredicateOperator
    constants: _containers.RepeatedScalarFieldContainer[str]
    accepted: _containers.RepeatedScalarFieldContainer[Form]
    operand_commitment: bytes
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., form: _Optional[_Union[Form, str]] = ..., necessity: _Optional[_Union[Necessity, str]] = ..., predicate: _Optional[str] = ..., operator: _Optional[_Union[PredicateOperator, str]] = ..., constants: _Optional[_Iterable[str]] = ..., accepted: _Optional[_Iterable[_Union[Form, str]]] = ..., operand_commitment: _Optional[bytes] = ...) -> None: ...

class EmergencyDeclaration(_message.Message):
    __slots__ = ("reason", "statement")
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    reason: str
    statement: str
    def __init__(self, reason: _Optional[str] = ..., statement: _Optional[str] = ...) -> None: ...

class ServiceReference(_message.Message):
    __slots__ = ("code", "version", "digest")
    CODE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    code: str
    version: int
    digest: bytes
    def __init__(self, code: _Optional[str] = ..., version: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class RequestBody(_message.Message):
    __slots__ = ("request_id", "trust_domain", "system", "subject_scheme", "subject_commitment", "purpose", "legal_basis", "case_reference", "items", "created_unix_ms", "deadline_ms", "sealing_key_id", "understood_marks", "explicit_request", "consent", "emergency", "service")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TRUST_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_SCHEME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_COMMITMENT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    CASE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    SEALING_KEY_ID_FIELD_NUMBER: _ClassVar[int]
    UNDERSTOOD_MARKS_FIELD_NUMBER: _ClassVar[int]
    EXPLICIT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    trust_domain: str
    system: str
    subject_scheme: str
    subject_commitment: bytes
    purpose: str
    legal_basis: LegalBasis
    case_reference: str
    items: _containers.RepeatedCompositeFieldContainer[RequestItem]
    created_unix_ms: int
    deadline_ms: int
    sealing_key_id: bytes
    understood_marks: _containers.RepeatedScalarFieldContainer[FieldMark]
    explicit_request: bytes
    consent: bytes
    emergency: EmergencyDeclaration
    service: ServiceReference
    def __init__(self, request_id: _Optional[str] = ..., trust_domain: _Optional[str] = ..., system: _Optional[str] = ..., subject_scheme: _Optional[str] = ..., subject_commitment: _Optional[bytes] = ..., purpose: _Optional[str] = ..., legal_basis: _Optional[_Union[LegalBasis, str]] = ..., case_reference: _Optional[str] = ..., items: _Optional[_Iterable[_Union[RequestItem, _Mapping]]] = ..., created_unix_ms: _Optional[int] = ..., deadline_ms: _Optional[int] = ..., sealing_key_id: _Optional[bytes] = ..., understood_marks: _Optional[_Iterable[_Union[FieldMark, str]]] = ..., explicit_request: _Optional[bytes] = ..., consent: _Optional[bytes] = ..., emergency: _Optional[_Union[EmergencyDeclaration, _Mapping]] = ..., service: _Optional[_Union[ServiceReference, _Mapping]] = ...) -> None: ...

class TicketItem(_message.Message):
    __slots__ = ("field", "form", "predicate")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    PREDICATE_FIELD_NUMBER: _ClassVar[int]
    field: str
    form: Form
    predicate: str
    def __init__(self, field: _Optional[str] = ..., form: _Optional[_Union[Form, str]] = ..., predicate: _Optional[str] = ...) -> None: ...

class TicketBody(_message.Message):
    __slots__ = ("ticket_id", "node", "session_id", "resource", "handle", "items", "purpose", "legal_basis", "agreement_id", "agreement_revision", "agreement_digest", "request_digest", "issued_unix_ms", "expires_unix_ms", "consent", "emergency")
    TICKET_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_REVISION_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ISSUED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    ticket_id: bytes
    node: str
    session_id: bytes
    resource: str
    handle: bytes
    items: _containers.RepeatedCompositeFieldContainer[TicketItem]
    purpose: str
    legal_basis: LegalBasis
    agreement_id: str
    agreement_revision: int
    agreement_digest: bytes
    request_digest: bytes
    issued_unix_ms: int
    expires_unix_ms: int
    consent: bytes
    emergency: str
    def __init__(self, ticket_id: _Optional[bytes] = ..., node: _Optional[str] = ..., session_id: _Optional[bytes] = ..., resource: _Optional[str] = ..., handle: _Optional[bytes] = ..., items: _Optional[_Iterable[_Union[TicketItem, _Mapping]]] = ..., purpose: _Optional[str] = ..., legal_basis: _Optional[_Union[LegalBasis, str]] = ..., agreement_id: _Optional[str] = ..., agreement_revision: _Optional[int] = ..., agreement_digest: _Optional[bytes] = ..., request_digest: _Optional[bytes] = ..., issued_unix_ms: _Optional[int] = ..., expires_unix_ms: _Optional[int] = ..., consent: _Optional[bytes] = ..., emergency: _Optional[str] = ...) -> None: ...

class PromiseBody(_message.Message):
    __slots__ = ("leaf_index", "leaf_hash", "request_digest")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    leaf_hash: bytes
    request_digest: bytes
    def __init__(self, leaf_index: _Optional[int] = ..., leaf_hash: _Optional[bytes] = ..., request_digest: _Optional[bytes] = ...) -> None: ...

class ReceiptBody(_message.Message):
    __slots__ = ("ticket_digest", "request_digest", "node", "resource", "ciphertext_digest", "disclosure_digest", "released_unix_ms")
    TICKET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    NODE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    CIPHERTEXT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    DISCLOSURE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RELEASED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ticket_digest: bytes
    request_digest: bytes
    node: str
    resource: str
    ciphertext_digest: bytes
    disclosure_digest: bytes
    released_unix_ms: int
    def __init__(self, ticket_digest: _Optional[bytes] = ..., request_digest: _Optional[bytes] = ..., node: _Optional[str] = ..., resource: _Optional[str] = ..., ciphertext_digest: _Optional[bytes] = ..., disclosure_digest: _Optional[bytes] = ..., released_unix_ms: _Optional[int] = ...) -> None: ...

class FieldOutcome(_message.Message):
    __slots__ = ("field", "form", "outcome")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    field: str
    form: Form
    outcome: ItemOutcome
    def __init__(self, field: _Optional[str] = ..., form: _Optional[_Union[Form, str]] = ..., outcome: _Optional[_Union[ItemOutcome, str]] = ...) -> None: ...

class Disclosure(_message.Message):
    __slots__ = ("salt", "outcomes")
    SALT_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    salt: bytes
    outcomes: _containers.RepeatedCompositeFieldContainer[FieldOutcome]
    def __init__(self, salt: _Optional[bytes] = ..., outcomes: _Optional[_Iterable[_Union[FieldOutcome, _Mapping]]] = ...) -> None: ...

class AnswerField(_message.Message):
    __slots__ = ("field", "form", "status", "text", "data_type", "as_of_unix_ms", "source", "marks")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    field: str
    form: Form
    status: FieldStatus
    text: str
    data_type: str
    as_of_unix_ms: int
    source: str
    marks: _containers.RepeatedScalarFieldContainer[FieldMark]
    def __init__(self, field: _Optional[str] = ..., form: _Optional[_Union[Form, str]] = ..., status: _Optional[_Union[FieldStatus, str]] = ..., text: _Optional[str] = ..., data_type: _Optional[str] = ..., as_of_unix_ms: _Optional[int] = ..., source: _Optional[str] = ..., marks: _Optional[_Iterable[_Union[FieldMark, str]]] = ...) -> None: ...

class AnswerBody(_message.Message):
    __slots__ = ("request_digest", "resource", "fields", "padding")
    REQUEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    request_digest: bytes
    resource: str
    fields: _containers.RepeatedCompositeFieldContainer[AnswerField]
    padding: bytes
    def __init__(self, request_digest: _Optional[bytes] = ..., resource: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[AnswerField, _Mapping]]] = ..., padding: _Optional[bytes] = ...) -> None: ...
