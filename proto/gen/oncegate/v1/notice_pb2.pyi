from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NoticeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NOTICE_KIND_UNSPECIFIED: _ClassVar[NoticeKind]
    NOTICE_KIND_ERASE: _ClassVar[NoticeKind]
    NOTICE_KIND_PSEUDONYMS: _ClassVar[NoticeKind]
    NOTICE_KIND_CONSENT: _ClassVar[NoticeKind]
    NOTICE_KIND_EMERGENCY: _ClassVar[NoticeKind]
NOTICE_KIND_UNSPECIFIED: NoticeKind
NOTICE_KIND_ERASE: NoticeKind
NOTICE_KIND_PSEUDONYMS: NoticeKind
NOTICE_KIND_CONSENT: NoticeKind
NOTICE_KIND_EMERGENCY: NoticeKind

class NoticedRelease(_message.Message):
    __slots__ = ("system", "request_id", "purpose", "case_reference", "fields", "released_unix_ms", "leaf_index")
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    CASE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    RELEASED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    system: str
    request_id: str
    purpose: str
    case_reference: str
    fields: _containers.RepeatedScalarFieldContainer[str]
    released_unix_ms: int
    leaf_index: int
    def __init__(self, system: _Optional[str] = ..., request_id: _Optional[str] = ..., purpose: _Optional[str] = ..., case_reference: _Optional[str] = ..., fields: _Optional[_Iterable[str]] = ..., released_unix_ms: _Optional[int] = ..., leaf_index: _Optional[int] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("notice_id", "kind", "created_unix_ms", "due_unix_ms", "releases", "consent")
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DUE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    notice_id: bytes
    kind: NoticeKind
    created_unix_ms: int
    due_unix_ms: int
    releases: _containers.RepeatedCompositeFieldContainer[NoticedRelease]
    consent: bytes
    def __init__(self, notice_id: _Optional[bytes] = ..., kind: _Optional[_Union[NoticeKind, str]] = ..., created_unix_ms: _Optional[int] = ..., due_unix_ms: _Optional[int] = ..., releases: _Optional[_Iterable[_Union[NoticedRelease, _Mapping]]] = ..., consent: _Optional[bytes] = ...) -> None: ...

class ListNoticesRequest(_message.Message):
    __slots__ = ("page_size",)
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    def __init__(self, page_size: _Optional[int] = ...) -> None: ...

class ListNoticesResponse(_message.Message):
    __slots__ = ("notices",)
    NOTICES_FIELD_NUMBER: _ClassVar[int]
    notices: _containers.RepeatedCompositeFieldContainer[Notice]
    def __init__(self, notices: _Optional[_Iterable[_Union[Notice, _Mapping]]] = ...) -> None: ...

class AcknowledgeNoticeRequest(_message.Message):
    __slots__ = ("notice_id",)
    NOTICE_ID_FIELD_NUMBER: _ClassVar[int]
    notice_id: bytes
    def __init__(self, notice_id: _Optional[bytes] = ...) -> None: ...

class AcknowledgeNoticeResponse(_message.Message):
    __slots__ = ("acknowledged_unix_ms",)
    ACKNOWLEDGED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    acknowledged_unix_ms: int
    def __init__(self, acknowledged_unix_ms: _Optional[int] = ...) -> None: ...
