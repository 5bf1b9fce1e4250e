from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConsentStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STATUS_UNSPECIFIED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_REQUESTED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_GRANTED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_DENIED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_PAUSED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_REVOKED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_EXPIRED: _ClassVar[ConsentStatus]
    CONSENT_STATUS_SUPERSEDED: _ClassVar[ConsentStatus]

class ConsentFetch(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_FETCH_UNSPECIFIED: _ClassVar[ConsentFetch]
    CONSENT_FETCH_ONCE: _ClassVar[ConsentFetch]
    CONSENT_FETCH_PERIODIC: _ClassVar[ConsentFetch]
CONSENT_STATUS_UNSPECIFIED: ConsentStatus
CONSENT_STATUS_REQUESTED: ConsentStatus
CONSENT_STATUS_GRANTED: ConsentStatus
CONSENT_STATUS_DENIED: ConsentStatus
CONSENT_STATUS_PAUSED: ConsentStatus
CONSENT_STATUS_REVOKED: ConsentStatus
CONSENT_STATUS_EXPIRED: ConsentStatus
CONSENT_STATUS_SUPERSEDED: ConsentStatus
CONSENT_FETCH_UNSPECIFIED: ConsentFetch
CONSENT_FETCH_ONCE: ConsentFetch
CONSENT_FETCH_PERIODIC: ConsentFetch

class ConsentFrequency(_message.Message):
    __slots__ = ("unit", "value", "repeats")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    REPEATS_FIELD_NUMBER: _ClassVar[int]
    unit: str
    value: int
    repeats: int
    def __init__(self, unit: _Optional[str] = ..., value: _Optional[int] = ..., repeats: _Optional[int] = ...) -> None: ...

class ConsentItem(_message.Message):
    __slots__ = ("resource", "field", "form")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    form: _signed_pb2.Form
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., form: _Optional[_Union[_signed_pb2.Form, str]] = ...) -> None: ...

class ConsentWish(_message.Message):
    __slots__ = ("purpose", "items", "valid_from_unix_ms", "valid_until_unix_ms", "fetch", "frequency", "data_life_days", "range_from_unix_ms", "range_until_unix_ms", "locale")
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    FETCH_FIELD_NUMBER: _ClassVar[int]
    FREQUENCY_FIELD_NUMBER: _ClassVar[int]
    DATA_LIFE_DAYS_FIELD_NUMBER: _ClassVar[int]
    RANGE_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    RANGE_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LOCALE_FIELD_NUMBER: _ClassVar[int]
    purpose: str
    items: _containers.RepeatedCompositeFieldContainer[ConsentItem]
    valid_from_unix_ms: int
    valid_until_unix_ms: int
    fetch: ConsentFetch
    frequency: ConsentFrequency
    data_life_days: int
    range_from_unix_ms: int
    range_until_unix_ms: int
    locale: str
    def __init__(self, purpose: _Optional[str] = ..., items: _Optional[_Iterable[_Union[ConsentItem, _Mapping]]] = ..., valid_from_unix_ms: _Optional[int] = ..., valid_until_unix_ms: _Optional[int] = ..., fetch: _Optional[_Union[ConsentFetch, str]] = ..., frequency: _Optional[_Union[ConsentFrequency, _Mapping]] = ..., data_life_days: _Optional[int] = ..., range_from_unix_ms: _Optional[int] = ..., range_until_unix_ms: _Optional[int] = ..., locale: _Optional[str] = ...) -> None: ...

class ConsentSubject(_message.Message):
    __slots__ = ("scheme", "identifier", "relation")
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    scheme: str
    identifier: str
    relation: str
    def __init__(self, scheme: _Optional[str] = ..., identifier: _Optional[str] = ..., relation: _Optional[str] = ...) -> None: ...

class ConsentRecord(_message.Message):
    __slots__ = ("consent_id", "artefact", "digest", "status", "created_unix_ms", "changed_unix_ms", "requested_by", "uses", "last_used_unix_ms", "proof", "superseded_by")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    ARTEFACT_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CREATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_BY_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    LAST_USED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    PROOF_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_BY_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    artefact: bytes
    digest: bytes
    status: ConsentStatus
    created_unix_ms: int
    changed_unix_ms: int
    requested_by: str
    uses: int
    last_used_unix_ms: int
    proof: str
    superseded_by: bytes
    def __init__(self, consent_id: _Optional[bytes] = ..., artefact: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., status: _Optional[_Union[ConsentStatus, str]] = ..., created_unix_ms: _Optional[int] = ..., changed_unix_ms: _Optional[int] = ..., requested_by: _Optional[str] = ..., uses: _Optional[int] = ..., last_used_unix_ms: _Optional[int] = ..., proof: _Optional[str] = ..., superseded_by: _Optional[bytes] = ...) -> None: ...

class ListConsentsRequest(_message.Message):
    __slots__ = ("subject",)
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    subject: ConsentSubject
    def __init__(self, subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class ListConsentsResponse(_message.Message):
    __slots__ = ("consents",)
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    consents: _containers.RepeatedCompositeFieldContainer[ConsentRecord]
    def __init__(self, consents: _Optional[_Iterable[_Union[ConsentRecord, _Mapping]]] = ...) -> None: ...

class GetConsentRequest(_message.Message):
    __slots__ = ("consent_id", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class GetConsentResponse(_message.Message):
    __slots__ = ("consent", "notice", "salt", "nonce")
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    SALT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    notice: str
    salt: bytes
    nonce: str
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ..., notice: _Optional[str] = ..., salt: _Optional[bytes] = ..., nonce: _Optional[str] = ...) -> None: ...

class DraftConsentRequest(_message.Message):
    __slots__ = ("consumer", "systems", "wish", "supersedes", "subject")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    SYSTEMS_FIELD_NUMBER: _ClassVar[int]
    WISH_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDES_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    systems: _containers.RepeatedScalarFieldContainer[str]
    wish: ConsentWish
    supersedes: bytes
    subject: ConsentSubject
    def __init__(self, consumer: _Optional[str] = ..., systems: _Optional[_Iterable[str]] = ..., wish: _Optional[_Union[ConsentWish, _Mapping]] = ..., supersedes: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class DraftConsentResponse(_message.Message):
    __slots__ = ("draft",)
    DRAFT_FIELD_NUMBER: _ClassVar[int]
    draft: GetConsentResponse
    def __init__(self, draft: _Optional[_Union[GetConsentResponse, _Mapping]] = ...) -> None: ...

class GrantConsentRequest(_message.Message):
    __slots__ = ("consent_id", "digest", "token", "key", "signature", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    digest: bytes
    token: str
    key: bytes
    signature: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., digest: _Optional[bytes] = ..., token: _Optional[str] = ..., key: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class GrantConsentResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...

class DenyConsentRequest(_message.Message):
    __slots__ = ("consent_id", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class DenyConsentResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...

class PauseConsentRequest(_message.Message):
    __slots__ = ("consent_id", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class PauseConsentResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...

class ResumeConsentRequest(_message.Message):
    __slots__ = ("consent_id", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class ResumeConsentResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...

class WithdrawConsentRequest(_message.Message):
    __slots__ = ("consent_id", "subject")
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    subject: ConsentSubject
    def __init__(self, consent_id: _Optional[bytes] = ..., subject: _Optional[_Union[ConsentSubject, _Mapping]] = ...) -> None: ...

class WithdrawConsentResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...

class RequestConsentRequest(_message.Message):
    __slots__ = ("subject_scheme", "subject_identifier", "wish")
    SUBJECT_SCHEME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    WISH_FIELD_NUMBER: _ClassVar[int]
    subject_scheme: str
    subject_identifier: str
    wish: ConsentWish
    def __init__(self, subject_scheme: _Optional[str] = ..., subject_identifier: _Optional[str] = ..., wish: _Optional[_Union[ConsentWish, _Mapping]] = ...) -> None: ...

class RequestConsentResponse(_message.Message):
    __slots__ = ("consent_id",)
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    def __init__(self, consent_id: _Optional[bytes] = ...) -> None: ...

class GetConsentStatusRequest(_message.Message):
    __slots__ = ("consent_id",)
    CONSENT_ID_FIELD_NUMBER: _ClassVar[int]
    consent_id: bytes
    def __init__(self, consent_id: _Optional[bytes] = ...) -> None: ...

class GetConsentStatusResponse(_message.Message):
    __slots__ = ("consent",)
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    consent: ConsentRecord
    def __init__(self, consent: _Optional[_Union[ConsentRecord, _Mapping]] = ...) -> None: ...
