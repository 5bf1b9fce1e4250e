from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListAlertsRequest(_message.Message):
    __slots__ = ("states", "from_unix_ms", "until_unix_ms", "all", "page_size", "page_token")
    STATES_FIELD_NUMBER: _ClassVar[int]
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ALL_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    states: _containers.RepeatedScalarFieldContainer[str]
    from_unix_ms: int
    until_unix_ms: int
    all: bool
    page_size: int
    page_token: str
    def __init__(self, states: _Optional[_Iterable[str]] = ..., from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., all: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListAlertsResponse(_message.Message):
    __slots__ = ("alerts", "behind", "alerts_per_day", "next_page_token", "looked_below")
    ALERTS_FIELD_NUMBER: _ClassVar[int]
    BEHIND_FIELD_NUMBER: _ClassVar[int]
    ALERTS_PER_DAY_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOOKED_BELOW_FIELD_NUMBER: _ClassVar[int]
    alerts: _containers.RepeatedCompositeFieldContainer[Alert]
    behind: int
    alerts_per_day: int
    next_page_token: str
    looked_below: int
    def __init__(self, alerts: _Optional[_Iterable[_Union[Alert, _Mapping]]] = ..., behind: _Optional[int] = ..., alerts_per_day: _Optional[int] = ..., next_page_token: _Optional[str] = ..., looked_below: _Optional[int] = ...) -> None: ...

class GetAlertRequest(_message.Message):
    __slots__ = ("alert_id",)
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    alert_id: bytes
    def __init__(self, alert_id: _Optional[bytes] = ...) -> None: ...

class GetAlertResponse(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class Alert(_message.Message):
    __slots__ = ("alert_id", "state", "severity", "points", "department", "system", "official", "raised_unix_ms", "trigger_entry", "grown_unix_ms", "place", "raised_entry", "judged_entry", "evidence", "recorded_entry")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    RAISED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    TRIGGER_ENTRY_FIELD_NUMBER: _ClassVar[int]
    GROWN_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    RAISED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    JUDGED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    EVIDENCE_FIELD_NUMBER: _ClassVar[int]
    RECORDED_ENTRY_FIELD_NUMBER: _ClassVar[int]
    alert_id: bytes
    state: str
    severity: str
    points: int
    department: str
    system: str
    official: str
    raised_unix_ms: int
    trigger_entry: int
    grown_unix_ms: int
    place: int
    raised_entry: int
    judged_entry: int
    evidence: _containers.RepeatedCompositeFieldContainer[AlertEvidence]
    recorded_entry: int
    def __init__(self, alert_id: _Optional[bytes] = ..., state: _Optional[str] = ..., severity: _Optional[str] = ..., points: _Optional[int] = ..., department: _Optional[str] = ..., system: _Optional[str] = ..., official: _Optional[str] = ..., raised_unix_ms: _Optional[int] = ..., trigger_entry: _Optional[int] = ..., grown_unix_ms: _Optional[int] = ..., place: _Optional[int] = ..., raised_entry: _Optional[int] = ..., judged_entry: _Optional[int] = ..., evidence: _Optional[_Iterable[_Union[AlertEvidence, _Mapping]]] = ..., recorded_entry: _Optional[int] = ...) -> None: ...

class AlertEvidence(_message.Message):
    __slots__ = ("rule", "points", "count", "first", "last", "entries", "observed", "own", "own_days", "peers", "peers_days", "threshold", "person_id", "detail", "text_zh", "text_en")
    RULE_FIELD_NUMBER: _ClassVar[int]
    POINTS_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    OBSERVED_FIELD_NUMBER: _ClassVar[int]
    OWN_FIELD_NUMBER: _ClassVar[int]
    OWN_DAYS_FIELD_NUMBER: _ClassVar[int]
    PEERS_FIELD_NUMBER: _ClassVar[int]
    PEERS_DAYS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    PERSON_ID_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    TEXT_ZH_FIELD_NUMBER: _ClassVar[int]
    TEXT_EN_FIELD_NUMBER: _ClassVar[int]
    rule: str
    points: int
    count: int
    first: int
    last: int
    entries: _containers.RepeatedScalarFieldContainer[int]
    observed: int
    own: int
    own_days: int
    peers: int
    peers_days: int
    threshold: int
    person_id: bytes
    detail: str
    text_zh: str
    text_en: str
    def __init__(self, rule: _Optional[str] = ..., points: _Optional[int] = ..., count: _Optional[int] = ..., first: _Optional[int] = ..., last: _Optional[int] = ..., entries: _Optional[_Iterable[int]] = ..., observed: _Optional[int] = ..., own: _Optional[int] = ..., own_days: _Optional[int] = ..., peers: _Optional[int] = ..., peers_days: _Optional[int] = ..., threshold: _Optional[int] = ..., person_id: _Optional[bytes] = ..., detail: _Optional[str] = ..., text_zh: _Optional[str] = ..., text_en: _Optional[str] = ...) -> None: ...

class JudgeAlertRequest(_message.Message):
    __slots__ = ("alert_id", "state", "why")
    ALERT_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    alert_id: bytes
    state: str
    why: str
    def __init__(self, alert_id: _Optional[bytes] = ..., state: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class JudgeAlertResponse(_message.Message):
    __slots__ = ("alert",)
    ALERT_FIELD_NUMBER: _ClassVar[int]
    alert: Alert
    def __init__(self, alert: _Optional[_Union[Alert, _Mapping]] = ...) -> None: ...

class ListListedRequest(_message.Message):
    __slots__ = ("list",)
    LIST_FIELD_NUMBER: _ClassVar[int]
    list: str
    def __init__(self, list: _Optional[str] = ...) -> None: ...

class ListListedResponse(_message.Message):
    __slots__ = ("persons",)
    PERSONS_FIELD_NUMBER: _ClassVar[int]
    persons: _containers.RepeatedCompositeFieldContainer[ListedPerson]
    def __init__(self, persons: _Optional[_Iterable[_Union[ListedPerson, _Mapping]]] = ...) -> None: ...

class ListedPerson(_message.Message):
    __slots__ = ("token", "added_unix_ms", "until_unix_ms", "entry")
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    ADDED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    token: bytes
    added_unix_ms: int
    until_unix_ms: int
    entry: int
    def __init__(self, token: _Optional[bytes] = ..., added_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., entry: _Optional[int] = ...) -> None: ...

class AddListedRequest(_message.Message):
    __slots__ = ("list", "scheme", "identifier", "until_unix_ms", "why")
    LIST_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    list: str
    scheme: str
    identifier: str
    until_unix_ms: int
    why: str
    def __init__(self, list: _Optional[str] = ..., scheme: _Optional[str] = ..., identifier: _Optional[str] = ..., until_unix_ms: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class AddListedResponse(_message.Message):
    __slots__ = ("person",)
    PERSON_FIELD_NUMBER: _ClassVar[int]
    person: ListedPerson
    def __init__(self, person: _Optional[_Union[ListedPerson, _Mapping]] = ...) -> None: ...

class RemoveListedRequest(_message.Message):
    __slots__ = ("list", "token", "scheme", "identifier", "why")
    LIST_FIELD_NUMBER: _ClassVar[int]
    TOKEN_FIELD_NUMBER: _ClassVar[int]
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    list: str
    token: bytes
    scheme: str
    identifier: str
    why: str
    def __init__(self, list: _Optional[str] = ..., token: _Optional[bytes] = ..., scheme: _Optional[str] = ..., identifier: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class RemoveListedResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: int
    def __init__(self, entry: _Optional[int] = ...) -> None: ...
