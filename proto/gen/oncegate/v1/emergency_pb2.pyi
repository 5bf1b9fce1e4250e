from oncegate.v1 import catalog_pb2 as _catalog_pb2
from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EmergencyState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EMERGENCY_STATE_UNSPECIFIED: _ClassVar[EmergencyState]
    EMERGENCY_STATE_ALL: _ClassVar[EmergencyState]
    EMERGENCY_STATE_OPEN: _ClassVar[EmergencyState]
    EMERGENCY_STATE_OVERDUE: _ClassVar[EmergencyState]

class EmergencySide(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EMERGENCY_SIDE_UNSPECIFIED: _ClassVar[EmergencySide]
    EMERGENCY_SIDE_PROVIDED: _ClassVar[EmergencySide]
    EMERGENCY_SIDE_ASKED: _ClassVar[EmergencySide]

class ReviewOutcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REVIEW_OUTCOME_UNSPECIFIED: _ClassVar[ReviewOutcome]
    REVIEW_OUTCOME_JUSTIFIED: _ClassVar[ReviewOutcome]
    REVIEW_OUTCOME_NOT_JUSTIFIED: _ClassVar[ReviewOutcome]
    REVIEW_OUTCOME_FOLLOW_UP: _ClassVar[ReviewOutcome]
EMERGENCY_STATE_UNSPECIFIED: EmergencyState
EMERGENCY_STATE_ALL: EmergencyState
EMERGENCY_STATE_OPEN: EmergencyState
EMERGENCY_STATE_OVERDUE: EmergencyState
EMERGENCY_SIDE_UNSPECIFIED: EmergencySide
EMERGENCY_SIDE_PROVIDED: EmergencySide
EMERGENCY_SIDE_ASKED: EmergencySide
REVIEW_OUTCOME_UNSPECIFIED: ReviewOutcome
REVIEW_OUTCOME_JUSTIFIED: ReviewOutcome
REVIEW_OUTCOME_NOT_JUSTIFIED: ReviewOutcome
REVIEW_OUTCOME_FOLLOW_UP: ReviewOutcome

class EmergencyItem(_message.Message):
    __slots__ = ("field", "form")
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    field: str
    form: _signed_pb2.Form
    def __init__(self, field: _Optional[str] = ..., form: _Optional[_Union[_signed_pb2.Form, str]] = ...) -> None: ...

class EmergencyUse(_message.Message):
    __slots__ = ("use_id", "provider", "consumer", "system", "resource", "agreement_id", "agreement_revision", "reason", "reason_text", "statement", "case_reference", "official", "items", "asked_unix_ms", "entry", "due_unix_ms", "overdue", "person_from_unix_ms", "law", "reviewed_unix_ms", "outcome", "review_text")
    USE_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_REVISION_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    CASE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    ASKED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    DUE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    PERSON_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LAW_FIELD_NUMBER: _ClassVar[int]
    REVIEWED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REVIEW_TEXT_FIELD_NUMBER: _ClassVar[int]
    use_id: bytes
    provider: str
    consumer: str
    system: str
    resource: str
    agreement_id: str
    agreement_revision: int
    reason: str
    reason_text: _catalog_pb2.LocalText
    statement: str
    case_reference: str
    official: str
    items: _containers.RepeatedCompositeFieldContainer[EmergencyItem]
    asked_unix_ms: int
    entry: int
    due_unix_ms: int
    overdue: bool
    person_from_unix_ms: int
    law: str
    reviewed_unix_ms: int
    outcome: ReviewOutcome
    review_text: str
    def __init__(self, use_id: _Optional[bytes] = ..., provider: _Optional[str] = ..., consumer: _Optional[str] = ..., system: _Optional[str] = ..., resource: _Optional[str] = ..., agreement_id: _Optional[str] = ..., agreement_revision: _Optional[int] = ..., reason: _Optional[str] = ..., reason_text: _Optional[_Union[_catalog_pb2.LocalText, _Mapping]] = ..., statement: _Optional[str] = ..., case_reference: _Optional[str] = ..., official: _Optional[str] = ..., items: _Optional[_Iterable[_Union[EmergencyItem, _Mapping]]] = ..., asked_unix_ms: _Optional[int] = ..., entry: _Optional[int] = ..., due_unix_ms: _Optional[int] = ..., overdue: _Optional[bool] = ..., person_from_unix_ms: _Optional[int] = ..., law: _Optional[str] = ..., reviewed_unix_ms: _Optional[int] = ..., outcome: _Optional[_Union[ReviewOutcome, str]] = ..., review_text: _Optional[str] = ...) -> None: ...

class ListEmergenciesRequest(_message.Message):
    __slots__ = ("state", "consumer", "page_size", "page_token", "side")
    STATE_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SIDE_FIELD_NUMBER: _ClassVar[int]
    state: EmergencyState
    consumer: str
    page_size: int
    page_token: str
    side: EmergencySide
    def __init__(self, state: _Optional[_Union[EmergencyState, str]] = ..., consumer: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., side: _Optional[_Union[EmergencySide, str]] = ...) -> None: ...

class ListEmergenciesResponse(_message.Message):
    __slots__ = ("uses", "next_page_token")
    USES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    uses: _containers.RepeatedCompositeFieldContainer[EmergencyUse]
    next_page_token: str
    def __init__(self, uses: _Optional[_Iterable[_Union[EmergencyUse, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ReviewEmergencyRequest(_message.Message):
    __slots__ = ("use_id", "outcome", "text")
    USE_ID_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    use_id: bytes
    outcome: ReviewOutcome
    text: str
    def __init__(self, use_id: _Optional[bytes] = ..., outcome: _Optional[_Union[ReviewOutcome, str]] = ..., text: _Optional[str] = ...) -> None: ...

class ReviewEmergencyResponse(_message.Message):
    __slots__ = ("use",)
    USE_FIELD_NUMBER: _ClassVar[int]
    use: EmergencyUse
    def __init__(self, use: _Optional[_Union[EmergencyUse, _Mapping]] = ...) -> None: ...

class SummariseEmergenciesRequest(_message.Message):
    __slots__ = ("from_unix_ms", "until_unix_ms")
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    from_unix_ms: int
    until_unix_ms: int
    def __init__(self, from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ...) -> None: ...

class EmergencySummary(_message.Message):
    __slots__ = ("provider", "consumer", "agreement_id", "reason", "reason_text", "uses", "justified", "not_justified", "open", "overdue", "unread", "kept_from_person")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_TEXT_FIELD_NUMBER: _ClassVar[int]
    USES_FIELD_NUMBER: _ClassVar[int]
    JUSTIFIED_FIELD_NUMBER: _ClassVar[int]
    NOT_JUSTIFIED_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    UNREAD_FIELD_NUMBER: _ClassVar[int]
    KEPT_FROM_PERSON_FIELD_NUMBER: _ClassVar[int]
    provider: str
    consumer: str
    agreement_id: str
    reason: str
    reason_text: _catalog_pb2.LocalText
    uses: int
    justified: int
    not_justified: int
    open: int
    overdue: int
    unread: int
    kept_from_person: int
    def __init__(self, provider: _Optional[str] = ..., consumer: _Optional[str] = ..., agreement_id: _Optional[str] = ..., reason: _Optional[str] = ..., reason_text: _Optional[_Union[_catalog_pb2.LocalText, _Mapping]] = ..., uses: _Optional[int] = ..., justified: _Optional[int] = ..., not_justified: _Optional[int] = ..., open: _Optional[int] = ..., overdue: _Optional[int] = ..., unread: _Optional[int] = ..., kept_from_person: _Optional[int] = ...) -> None: ...

class SummariseEmergenciesResponse(_message.Message):
    __slots__ = ("rows", "more")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[EmergencySummary]
    more: bool
    def __init__(self, rows: _Optional[_Iterable[_Union[EmergencySummary, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ListMyEmergenciesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListMyEmergenciesResponse(_message.Message):
    __slots__ = ("uses",)
    USES_FIELD_NUMBER: _ClassVar[int]
    uses: _containers.RepeatedCompositeFieldContainer[EmergencyUse]
    def __init__(self, uses: _Optional[_Iterable[_Union[EmergencyUse, _Mapping]]] = ...) -> None: ...
