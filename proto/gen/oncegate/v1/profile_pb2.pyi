from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FieldSelection(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIELD_SELECTION_UNSPECIFIED: _ClassVar[FieldSelection]
    FIELD_SELECTION_ALL: _ClassVar[FieldSelection]

class ProfileMark(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PROFILE_MARK_UNSPECIFIED: _ClassVar[ProfileMark]
    PROFILE_MARK_DISPUTE: _ClassVar[ProfileMark]
    PROFILE_MARK_WITHDRAW_DISPUTE: _ClassVar[ProfileMark]
    PROFILE_MARK_RESTRICT: _ClassVar[ProfileMark]
    PROFILE_MARK_RELEASE_RESTRICTION: _ClassVar[ProfileMark]
FIELD_SELECTION_UNSPECIFIED: FieldSelection
FIELD_SELECTION_ALL: FieldSelection
PROFILE_MARK_UNSPECIFIED: ProfileMark
PROFILE_MARK_DISPUTE: ProfileMark
PROFILE_MARK_WITHDRAW_DISPUTE: ProfileMark
PROFILE_MARK_RESTRICT: ProfileMark
PROFILE_MARK_RELEASE_RESTRICTION: ProfileMark

class ProfileField(_message.Message):
    __slots__ = ("field", "value", "source", "collected_unix_ms", "updated_unix_ms", "version", "source_department", "source_record", "classification", "last_updated_unix_ms", "verified_unix_ms", "valid_until_unix_ms", "status", "unavailable_reason", "editable", "dispute_reason", "disputed_unix_ms", "restricted_unix_ms", "superseded_unix_ms", "superseded_reason")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SOURCE_DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SOURCE_RECORD_FIELD_NUMBER: _ClassVar[int]
    CLASSIFICATION_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VERIFIED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_REASON_FIELD_NUMBER: _ClassVar[int]
    EDITABLE_FIELD_NUMBER: _ClassVar[int]
    DISPUTE_REASON_FIELD_NUMBER: _ClassVar[int]
    DISPUTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    RESTRICTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_REASON_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    source: str
    collected_unix_ms: int
    updated_unix_ms: int
    version: int
    source_department: str
    source_record: str
    classification: str
    last_updated_unix_ms: int
    verified_unix_ms: int
    valid_until_unix_ms: int
    status: str
    unavailable_reason: str
    editable: bool
    dispute_reason: str
    disputed_unix_ms: int
    restricted_unix_ms: int
    superseded_unix_ms: int
    superseded_reason: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., source: _Optional[str] = ..., collected_unix_ms: _Optional[int] = ..., updated_unix_ms: _Optional[int] = ..., version: _Optional[int] = ..., source_department: _Optional[str] = ..., source_record: _Optional[str] = ..., classification: _Optional[str] = ..., last_updated_unix_ms: _Optional[int] = ..., verified_unix_ms: _Optional[int] = ..., valid_until_unix_ms: _Optional[int] = ..., status: _Optional[str] = ..., unavailable_reason: _Optional[str] = ..., editable: _Optional[bool] = ..., dispute_reason: _Optional[str] = ..., disputed_unix_ms: _Optional[int] = ..., restricted_unix_ms: _Optional[int] = ..., superseded_unix_ms: _Optional[int] = ..., superseded_reason: _Optional[str] = ...) -> None: ...

class GetProfileRequest(_message.Message):
    __slots__ = ("selection",)
    SELECTION_FIELD_NUMBER: _ClassVar[int]
    selection: FieldSelection
    def __init__(self, selection: _Optional[_Union[FieldSelection, str]] = ...) -> None: ...

class GetProfileResponse(_message.Message):
    __slots__ = ("fields",)
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: _containers.RepeatedCompositeFieldContainer[ProfileField]
    def __init__(self, fields: _Optional[_Iterable[_Union[ProfileField, _Mapping]]] = ...) -> None: ...

class SetProfileFieldRequest(_message.Message):
    __slots__ = ("field", "value", "unavailable_reason")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_REASON_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    unavailable_reason: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., unavailable_reason: _Optional[str] = ...) -> None: ...

class SetProfileFieldResponse(_message.Message):
    __slots__ = ("field",)
    FIELD_FIELD_NUMBER: _ClassVar[int]
    field: ProfileField
    def __init__(self, field: _Optional[_Union[ProfileField, _Mapping]] = ...) -> None: ...

class DeleteProfileFieldRequest(_message.Message):
    __slots__ = ("field",)
    FIELD_FIELD_NUMBER: _ClassVar[int]
    field: str
    def __init__(self, field: _Optional[str] = ...) -> None: ...

class DeleteProfileFieldResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EraseProfileRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EraseProfileResponse(_message.Message):
    __slots__ = ("receipt", "signature", "signing_key", "keys")
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SIGNING_KEY_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    receipt: bytes
    signature: bytes
    signing_key: bytes
    keys: _signed_pb2.CertifiedKeys
    def __init__(self, receipt: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., signing_key: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ...) -> None: ...

class MarkProfileFieldRequest(_message.Message):
    __slots__ = ("field", "mark", "reason")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    field: str
    mark: ProfileMark
    reason: str
    def __init__(self, field: _Optional[str] = ..., mark: _Optional[_Union[ProfileMark, str]] = ..., reason: _Optional[str] = ...) -> None: ...

class MarkProfileFieldResponse(_message.Message):
    __slots__ = ("field",)
    FIELD_FIELD_NUMBER: _ClassVar[int]
    field: ProfileField
    def __init__(self, field: _Optional[_Union[ProfileField, _Mapping]] = ...) -> None: ...

class GetFieldHistoryRequest(_message.Message):
    __slots__ = ("field",)
    FIELD_FIELD_NUMBER: _ClassVar[int]
    field: str
    def __init__(self, field: _Optional[str] = ...) -> None: ...

class GetFieldHistoryResponse(_message.Message):
    __slots__ = ("versions",)
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[ProfileField]
    def __init__(self, versions: _Optional[_Iterable[_Union[ProfileField, _Mapping]]] = ...) -> None: ...

class ExportProfileRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ExportProfileResponse(_message.Message):
    __slots__ = ("piece",)
    PIECE_FIELD_NUMBER: _ClassVar[int]
    piece: bytes
    def __init__(self, piece: _Optional[bytes] = ...) -> None: ...

class SubmitCorrectionRequest(_message.Message):
    __slots__ = ("field", "proposal", "reason")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    field: str
    proposal: str
    reason: str
    def __init__(self, field: _Optional[str] = ..., proposal: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class SubmitCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class ListMyCorrectionsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListMyCorrectionsResponse(_message.Message):
    __slots__ = ("corrections",)
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    corrections: _containers.RepeatedCompositeFieldContainer[Correction]
    def __init__(self, corrections: _Optional[_Iterable[_Union[Correction, _Mapping]]] = ...) -> None: ...

class WithdrawCorrectionRequest(_message.Message):
    __slots__ = ("correction_id",)
    CORRECTION_ID_FIELD_NUMBER: _ClassVar[int]
    correction_id: bytes
    def __init__(self, correction_id: _Optional[bytes] = ...) -> None: ...

class WithdrawCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: Correction
    def __init__(self, correction: _Optional[_Union[Correction, _Mapping]] = ...) -> None: ...

class Correction(_message.Message):
    __slots__ = ("correction_id", "field", "department", "record", "proposal", "reason", "status", "created_unix_ms", "changed_unix_ms", "note")
    CORRECTION_ID_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    correction_id: bytes
    field: str
    department: str
    record: str
    proposal: str
    reason: str
    status: str
    created_unix_ms: int
    changed_unix_ms: int
    note: str
    def __init__(self, correction_id: _Optional[bytes] = ..., field: _Optional[str] = ..., department: _Optional[str] = ..., record: _Optional[str] = ..., proposal: _Optional[str] = ..., reason: _Optional[str] = ..., status: _Optional[str] = ..., created_unix_ms: _Optional[int] = ..., changed_unix_ms: _Optional[int] = ..., note: _Optional[str] = ...) -> None: ...

class VerifyProfileFieldRequest(_message.Message):
    __slots__ = ("field", "resource")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    field: str
    resource: str
    def __init__(self, field: _Optional[str] = ..., resource: _Optional[str] = ...) -> None: ...

class VerifyProfileFieldResponse(_message.Message):
    __slots__ = ("equal", "field")
    EQUAL_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    equal: bool
    field: ProfileField
    def __init__(self, equal: _Optional[bool] = ..., field: _Optional[_Union[ProfileField, _Mapping]] = ...) -> None: ...
