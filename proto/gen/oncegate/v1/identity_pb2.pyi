from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Whose(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHOSE_UNSPECIFIED: _ClassVar[Whose]
    WHOSE_PERSON: _ClassVar[Whose]
    WHOSE_OFFICIAL: _ClassVar[Whose]
WHOSE_UNSPECIFIED: Whose
WHOSE_PERSON: Whose
WHOSE_OFFICIAL: Whose

class OpenIdentityRequest(_message.Message):
    __slots__ = ("whose", "pseudonym", "entry", "why", "key_ids")
    WHOSE_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    whose: Whose
    pseudonym: str
    entry: int
    why: str
    key_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, whose: _Optional[_Union[Whose, str]] = ..., pseudonym: _Optional[str] = ..., entry: _Optional[int] = ..., why: _Optional[str] = ..., key_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class OpenIdentityResponse(_message.Message):
    __slots__ = ("whose", "pseudonym", "scheme", "origin", "key_id", "sealed", "sealed_entry", "opened_entry")
    WHOSE_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SEALED_FIELD_NUMBER: _ClassVar[int]
    SEALED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    OPENED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    whose: Whose
    pseudonym: bytes
    scheme: str
    origin: str
    key_id: bytes
    sealed: bytes
    sealed_entry: int
    opened_entry: int
    def __init__(self, whose: _Optional[_Union[Whose, str]] = ..., pseudonym: _Optional[bytes] = ..., scheme: _Optional[str] = ..., origin: _Optional[str] = ..., key_id: _Optional[bytes] = ..., sealed: _Optional[bytes] = ..., sealed_entry: _Optional[int] = ..., opened_entry: _Optional[int] = ...) -> None: ...

class GetIdentityKeyRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetIdentityKeyResponse(_message.Message):
    __slots__ = ("key_id", "since_unix_ms", "entry")
    KEY_ID_FIELD_NUMBER: _ClassVar[int]
    SINCE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    key_id: bytes
    since_unix_ms: int
    entry: int
    def __init__(self, key_id: _Optional[bytes] = ..., since_unix_ms: _Optional[int] = ..., entry: _Optional[int] = ...) -> None: ...
