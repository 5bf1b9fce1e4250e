from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProviderStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROVIDER_STATUS_UNSPECIFIED: _ClassVar[ProviderStatus]
    PROVIDER_STATUS_ANSWERED: _ClassVar[ProviderStatus]
    PROVIDER_STATUS_SILENT: _ClassVar[ProviderStatus]
PROVIDER_STATUS_UNSPECIFIED: ProviderStatus
PROVIDER_STATUS_ANSWERED: ProviderStatus
PROVIDER_STATUS_SILENT: ProviderStatus

class FetchRequest(_message.Message):
    __slots__ = ("body", "signature", "keys", "subject_identifier", "subject_nonce", "official_token", "operands")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_NONCE_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_TOKEN_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    keys: _signed_pb2.CertifiedKeys
    subject_identifier: str
    subject_nonce: bytes
    official_token: str
    operands: _containers.RepeatedCompositeFieldContainer[_signed_pb2.Operand]
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ..., subject_identifier: _Optional[str] = ..., subject_nonce: _Optional[bytes] = ..., official_token: _Optional[str] = ..., operands: _Optional[_Iterable[_Union[_signed_pb2.Operand, _Mapping]]] = ...) -> None: ...

class ProviderAnswer(_message.Message):
    __slots__ = ("department", "resource", "status", "silence_reason", "synced_unix_ms", "stale", "sealed", "ticket_digest", "receipt", "session_id", "node_keys")
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SILENCE_REASON_FIELD_NUMBER: _ClassVar[int]
    SYNCED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    TICKET_DIGEST_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    NODE_KEYS_FIELD_NUMBER: _ClassVar[int]
    department: str
    resource: str
    status: ProviderStatus
    silence_reason: str
    synced_unix_ms: int
    stale: bool
    sealed: bytes
    ticket_digest: bytes
    receipt: _signed_pb2.SignedItem
    session_id: bytes
    node_keys: _signed_pb2.CertifiedKeys
    def __init__(self, department: _Optional[str] = ..., resource: _Optional[str] = ..., status: _Optional[_Union[ProviderStatus, str]] = ..., silence_reason: _Optional[str] = ..., synced_unix_ms: _Optional[int] = ..., stale: _Optional[bool] = ..., sealed: _Optional[bytes] = ..., ticket_digest: _Optional[bytes] = ..., receipt: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., session_id: _Optional[bytes] = ..., node_keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ...) -> None: ...

class WithheldItem(_message.Message):
    __slots__ = ("resource", "field", "form", "reason", "reason_zh", "reason_en")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_ZH_FIELD_NUMBER: _ClassVar[int]
    REASON_EN_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    form: _signed_pb2.Form
    reason: str
    reason_zh: str
    reason_en: str
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., form: _Optional[_Union[_signed_pb2.Form, str]] = ..., reason: _Optional[str] = ..., reason_zh: _Optional[str] = ..., reason_en: _Optional[str] = ...) -> None: ...

class FetchResponse(_message.Message):
    __slots__ = ("request_id", "complete", "answers", "withheld", "asked", "outcome", "replayed")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REPLAYED_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    complete: bool
    answers: _containers.RepeatedCompositeFieldContainer[ProviderAnswer]
    withheld: _containers.RepeatedCompositeFieldContainer[WithheldItem]
    asked: _signed_pb2.SignedItem
    outcome: _signed_pb2.SignedItem
    replayed: bool
    def __init__(self, request_id: _Optional[str] = ..., complete: _Optional[bool] = ..., answers: _Optional[_Iterable[_Union[ProviderAnswer, _Mapping]]] = ..., withheld: _Optional[_Iterable[_Union[WithheldItem, _Mapping]]] = ..., asked: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., outcome: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., replayed: _Optional[bool] = ...) -> None: ...

class LocateRequest(_message.Message):
    __slots__ = ("body", "signature", "keys", "subject_identifier", "subject_nonce", "official_token")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_NONCE_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_TOKEN_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    keys: _signed_pb2.CertifiedKeys
    subject_identifier: str
    subject_nonce: bytes
    official_token: str
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ..., subject_identifier: _Optional[str] = ..., subject_nonce: _Optional[bytes] = ..., official_token: _Optional[str] = ...) -> None: ...

class LocateResponse(_message.Message):
    __slots__ = ("request_id", "sealed", "asked", "outcome", "withheld")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    ASKED_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    WITHHELD_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    sealed: bytes
    asked: _signed_pb2.SignedItem
    outcome: _signed_pb2.SignedItem
    withheld: _containers.RepeatedCompositeFieldContainer[WithheldItem]
    def __init__(self, request_id: _Optional[str] = ..., sealed: _Optional[bytes] = ..., asked: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., outcome: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., withheld: _Optional[_Iterable[_Union[WithheldItem, _Mapping]]] = ...) -> None: ...

class LocateResult(_message.Message):
    __slots__ = ("located", "padding")
    LOCATED_FIELD_NUMBER: _ClassVar[int]
    PADDING_FIELD_NUMBER: _ClassVar[int]
    located: _containers.RepeatedCompositeFieldContainer[Located]
    padding: bytes
    def __init__(self, located: _Optional[_Iterable[_Union[Located, _Mapping]]] = ..., padding: _Optional[bytes] = ...) -> None: ...

class Located(_message.Message):
    __slots__ = ("resource", "exists", "updated_unix_ms")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    EXISTS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    resource: str
    exists: bool
    updated_unix_ms: int
    def __init__(self, resource: _Optional[str] = ..., exists: _Optional[bool] = ..., updated_unix_ms: _Optional[int] = ...) -> None: ...

class AcknowledgeRequest(_message.Message):
    __slots__ = ("statement", "signature", "keys")
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    statement: bytes
    signature: bytes
    keys: _signed_pb2.CertifiedKeys
    def __init__(self, statement: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ...) -> None: ...

class AcknowledgeResponse(_message.Message):
    __slots__ = ("recorded", "known", "promise")
    RECORDED_FIELD_NUMBER: _ClassVar[int]
    KNOWN_FIELD_NUMBER: _ClassVar[int]
    PROMISE_FIELD_NUMBER: _ClassVar[int]
    recorded: int
    known: int
    promise: _signed_pb2.SignedItem
    def __init__(self, recorded: _Optional[int] = ..., known: _Optional[int] = ..., promise: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ...) -> None: ...
