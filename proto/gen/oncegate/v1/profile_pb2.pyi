from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ProfileField(_message.Message):
    __slots__ = ("field", "value", "source", "collected_unix_ms", "updated_unix_ms", "version")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    COLLECTED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    source: str
    collected_unix_ms: int
    updated_unix_ms: int
    version: int
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ..., source: _Optional[str] = ..., collected_unix_ms: _Optional[int] = ..., updated_unix_ms: _Optional[int] = ..., version: _Optional[int] = ...) -> None: ...

class GetProfileRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetProfileResponse(_message.Message):
    __slots__ = ("fields",)
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    fields: _containers.RepeatedCompositeFieldContainer[ProfileField]
    def __init__(self, fields: _Optional[_Iterable[_Union[ProfileField, _Mapping]]] = ...) -> None: ...

class SetProfileFieldRequest(_message.Message):
    __slots__ = ("field", "value")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    field: str
    value: str
    def __init__(self, field: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...

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
