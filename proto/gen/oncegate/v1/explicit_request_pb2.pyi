from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ExplicitRequest(_message.Message):
    __slots__ = ("request_id", "artefact", "digest")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ARTEFACT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    request_id: bytes
    artefact: bytes
    digest: bytes
    def __init__(self, request_id: _Optional[bytes] = ..., artefact: _Optional[bytes] = ..., digest: _Optional[bytes] = ...) -> None: ...

class MakeExplicitRequestRequest(_message.Message):
    __slots__ = ("consumer", "purpose", "resources", "days")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    DAYS_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    purpose: str
    resources: _containers.RepeatedScalarFieldContainer[str]
    days: int
    def __init__(self, consumer: _Optional[str] = ..., purpose: _Optional[str] = ..., resources: _Optional[_Iterable[str]] = ..., days: _Optional[int] = ...) -> None: ...

class MakeExplicitRequestResponse(_message.Message):
    __slots__ = ("request",)
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    request: ExplicitRequest
    def __init__(self, request: _Optional[_Union[ExplicitRequest, _Mapping]] = ...) -> None: ...

class ListExplicitRequestsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListExplicitRequestsResponse(_message.Message):
    __slots__ = ("requests",)
    REQUESTS_FIELD_NUMBER: _ClassVar[int]
    requests: _containers.RepeatedCompositeFieldContainer[ExplicitRequest]
    def __init__(self, requests: _Optional[_Iterable[_Union[ExplicitRequest, _Mapping]]] = ...) -> None: ...
