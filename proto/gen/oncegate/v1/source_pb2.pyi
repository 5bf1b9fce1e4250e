from oncegate.v1 import profile_pb2 as _profile_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Arrival(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARRIVAL_UNSPECIFIED: _ClassVar[Arrival]
    ARRIVAL_TAKEN: _ClassVar[Arrival]
    ARRIVAL_KEPT_STRONGER: _ClassVar[Arrival]

class CorrectionAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CORRECTION_ANSWER_UNSPECIFIED: _ClassVar[CorrectionAnswer]
    CORRECTION_ANSWER_ACCEPT: _ClassVar[CorrectionAnswer]
    CORRECTION_ANSWER_REJECT: _ClassVar[CorrectionAnswer]
ARRIVAL_UNSPECIFIED: Arrival
ARRIVAL_TAKEN: Arrival
ARRIVAL_KEPT_STRONGER: Arrival
CORRECTION_ANSWER_UNSPECIFIED: CorrectionAnswer
CORRECTION_ANSWER_ACCEPT: CorrectionAnswer
CORRECTION_ANSWER_REJECT: CorrectionAnswer

class RecordVerifiedFieldRequest(_message.Message):
    __slots__ = ("subject_scheme", "subject_identifier", "field", "value", "unavailable_reason", "record", "last_updated_unix_ms", "valid_until_unix_ms")
    SUBJECT_SCHEME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    UNAVAILABLE_REASON_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    LAST_UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    subject_scheme: str
    subject_identifier: str
    field: str
    value: str
    unavailable_reason: str
    record: str
    last_updated_unix_ms: int
    valid_until_unix_ms: int
    def __init__(self, subject_scheme: _Optional[str] = ..., subject_identifier: _Optional[str] = ..., field: _Optional[str] = ..., value: _Optional[str] = ..., unavailable_reason: _Optional[str] = ..., record: _Optional[str] = ..., last_updated_unix_ms: _Optional[int] = ..., valid_until_unix_ms: _Optional[int] = ...) -> None: ...

class RecordVerifiedFieldResponse(_message.Message):
    __slots__ = ("arrival",)
    ARRIVAL_FIELD_NUMBER: _ClassVar[int]
    arrival: Arrival
    def __init__(self, arrival: _Optional[_Union[Arrival, str]] = ...) -> None: ...

class ListCorrectionsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListCorrectionsResponse(_message.Message):
    __slots__ = ("corrections", "next_page_token")
    CORRECTIONS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    corrections: _containers.RepeatedCompositeFieldContainer[_profile_pb2.Correction]
    next_page_token: str
    def __init__(self, corrections: _Optional[_Iterable[_Union[_profile_pb2.Correction, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class AnswerCorrectionRequest(_message.Message):
    __slots__ = ("correction_id", "answer", "note", "value", "valid_until_unix_ms")
    CORRECTION_ID_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    correction_id: bytes
    answer: CorrectionAnswer
    note: str
    value: str
    valid_until_unix_ms: int
    def __init__(self, correction_id: _Optional[bytes] = ..., answer: _Optional[_Union[CorrectionAnswer, str]] = ..., note: _Optional[str] = ..., value: _Optional[str] = ..., valid_until_unix_ms: _Optional[int] = ...) -> None: ...

class AnswerCorrectionResponse(_message.Message):
    __slots__ = ("correction",)
    CORRECTION_FIELD_NUMBER: _ClassVar[int]
    correction: _profile_pb2.Correction
    def __init__(self, correction: _Optional[_Union[_profile_pb2.Correction, _Mapping]] = ...) -> None: ...
