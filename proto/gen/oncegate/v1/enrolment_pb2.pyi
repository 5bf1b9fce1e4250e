from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class TrustBundle(_message.Message):
    __slots__ = ("trust_domain", "ca_pem", "ticket_key", "promise_key", "ledger_key", "gateway", "custodians", "custodians_needed")
    TRUST_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    CA_PEM_FIELD_NUMBER: _ClassVar[int]
    TICKET_KEY_FIELD_NUMBER: _ClassVar[int]
    PROMISE_KEY_FIELD_NUMBER: _ClassVar[int]
    LEDGER_KEY_FIELD_NUMBER: _ClassVar[int]
    GATEWAY_FIELD_NUMBER: _ClassVar[int]
    CUSTODIANS_FIELD_NUMBER: _ClassVar[int]
    CUSTODIANS_NEEDED_FIELD_NUMBER: _ClassVar[int]
    trust_domain: str
    ca_pem: bytes
    ticket_key: bytes
    promise_key: bytes
    ledger_key: str
    gateway: str
    custodians: _containers.RepeatedScalarFieldContainer[str]
    custodians_needed: int
    def __init__(self, trust_domain: _Optional[str] = ..., ca_pem: _Optional[bytes] = ..., ticket_key: _Optional[bytes] = ..., promise_key: _Optional[bytes] = ..., ledger_key: _Optional[str] = ..., gateway: _Optional[str] = ..., custodians: _Optional[_Iterable[str]] = ..., custodians_needed: _Optional[int] = ...) -> None: ...

class EnrolRequest(_message.Message):
    __slots__ = ("token_secret", "csr", "keys")
    TOKEN_SECRET_FIELD_NUMBER: _ClassVar[int]
    CSR_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    token_secret: str
    csr: bytes
    keys: _signed_pb2.CertifiedKeys
    def __init__(self, token_secret: _Optional[str] = ..., csr: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ...) -> None: ...

class EnrolResponse(_message.Message):
    __slots__ = ("certificate_pem", "trust")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: bytes
    trust: TrustBundle
    def __init__(self, certificate_pem: _Optional[bytes] = ..., trust: _Optional[_Union[TrustBundle, _Mapping]] = ...) -> None: ...

class RenewRequest(_message.Message):
    __slots__ = ("csr", "keys")
    CSR_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    csr: bytes
    keys: _signed_pb2.CertifiedKeys
    def __init__(self, csr: _Optional[bytes] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ...) -> None: ...

class RenewResponse(_message.Message):
    __slots__ = ("certificate_pem", "trust")
    CERTIFICATE_PEM_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    certificate_pem: bytes
    trust: TrustBundle
    def __init__(self, certificate_pem: _Optional[bytes] = ..., trust: _Optional[_Union[TrustBundle, _Mapping]] = ...) -> None: ...
