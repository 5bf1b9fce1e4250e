from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetCheckpointRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCheckpointResponse(_message.Message):
    __slots__ = ("checkpoint",)
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    def __init__(self, checkpoint: _Optional[str] = ...) -> None: ...

class GetInclusionProofRequest(_message.Message):
    __slots__ = ("leaf_index", "tree_size")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    tree_size: int
    def __init__(self, leaf_index: _Optional[int] = ..., tree_size: _Optional[int] = ...) -> None: ...

class GetInclusionProofResponse(_message.Message):
    __slots__ = ("leaf_hash", "tree_size", "path", "checkpoint")
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    leaf_hash: bytes
    tree_size: int
    path: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: str
    def __init__(self, leaf_hash: _Optional[bytes] = ..., tree_size: _Optional[int] = ..., path: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class GetConsistencyProofRequest(_message.Message):
    __slots__ = ("old_size", "new_size")
    OLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    old_size: int
    new_size: int
    def __init__(self, old_size: _Optional[int] = ..., new_size: _Optional[int] = ...) -> None: ...

class GetConsistencyProofResponse(_message.Message):
    __slots__ = ("new_size", "path")
    NEW_SIZE_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    new_size: int
    path: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, new_size: _Optional[int] = ..., path: _Optional[_Iterable[bytes]] = ...) -> None: ...

class ListEpochsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListEpochsResponse(_message.Message):
    __slots__ = ("statements",)
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    statements: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, statements: _Optional[_Iterable[str]] = ...) -> None: ...

class Entry(_message.Message):
    __slots__ = ("leaf_index", "leaf_hash", "accountability", "accountability_salt", "person", "person_salt", "person_digest", "accountability_digest", "pruned_under")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTABILITY_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTABILITY_SALT_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    PERSON_SALT_FIELD_NUMBER: _ClassVar[int]
    PERSON_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTABILITY_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PRUNED_UNDER_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    leaf_hash: bytes
    accountability: bytes
    accountability_salt: bytes
    person: bytes
    person_salt: bytes
    person_digest: bytes
    accountability_digest: bytes
    pruned_under: int
    def __init__(self, leaf_index: _Optional[int] = ..., leaf_hash: _Optional[bytes] = ..., accountability: _Optional[bytes] = ..., accountability_salt: _Optional[bytes] = ..., person: _Optional[bytes] = ..., person_salt: _Optional[bytes] = ..., person_digest: _Optional[bytes] = ..., accountability_digest: _Optional[bytes] = ..., pruned_under: _Optional[int] = ...) -> None: ...

class Retained(_message.Message):
    __slots__ = ("from_index", "pruned_under", "newest_unix_ms")
    FROM_INDEX_FIELD_NUMBER: _ClassVar[int]
    PRUNED_UNDER_FIELD_NUMBER: _ClassVar[int]
    NEWEST_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    from_index: int
    pruned_under: int
    newest_unix_ms: int
    def __init__(self, from_index: _Optional[int] = ..., pruned_under: _Optional[int] = ..., newest_unix_ms: _Optional[int] = ...) -> None: ...

class ListEntriesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "kind", "department")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    kind: str
    department: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., kind: _Optional[str] = ..., department: _Optional[str] = ...) -> None: ...

class ListEntriesResponse(_message.Message):
    __slots__ = ("entries", "next_page_token")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    next_page_token: str
    def __init__(self, entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class SearchedPerson(_message.Message):
    __slots__ = ("scheme", "identifier", "pseudonym", "why")
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    PSEUDONYM_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    scheme: str
    identifier: str
    pseudonym: str
    why: str
    def __init__(self, scheme: _Optional[str] = ..., identifier: _Optional[str] = ..., pseudonym: _Optional[str] = ..., why: _Optional[str] = ...) -> None: ...

class SearchFilter(_message.Message):
    __slots__ = ("from_unix_ms", "until_unix_ms", "department", "system", "official", "purpose", "field", "resource", "outcome", "reason", "rule", "agreement", "case_reference", "without_case", "without_official", "emergency", "any_emergency", "legal_basis", "service", "auditor", "person")
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_FIELD_NUMBER: _ClassVar[int]
    CASE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_CASE_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_OFFICIAL_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    ANY_EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    AUDITOR_FIELD_NUMBER: _ClassVar[int]
    PERSON_FIELD_NUMBER: _ClassVar[int]
    from_unix_ms: int
    until_unix_ms: int
    department: str
    system: str
    official: str
    purpose: str
    field: str
    resource: str
    outcome: str
    reason: str
    rule: str
    agreement: str
    case_reference: str
    without_case: bool
    without_official: bool
    emergency: str
    any_emergency: bool
    legal_basis: str
    service: str
    auditor: str
    person: SearchedPerson
    def __init__(self, from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., system: _Optional[str] = ..., official: _Optional[str] = ..., purpose: _Optional[str] = ..., field: _Optional[str] = ..., resource: _Optional[str] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., rule: _Optional[str] = ..., agreement: _Optional[str] = ..., case_reference: _Optional[str] = ..., without_case: _Optional[bool] = ..., without_official: _Optional[bool] = ..., emergency: _Optional[str] = ..., any_emergency: _Optional[bool] = ..., legal_basis: _Optional[str] = ..., service: _Optional[str] = ..., auditor: _Optional[str] = ..., person: _Optional[_Union[SearchedPerson, _Mapping]] = ...) -> None: ...

class FoundEntry(_message.Message):
    __slots__ = ("entry", "question")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    QUESTION_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    question: Entry
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ..., question: _Optional[_Union[Entry, _Mapping]] = ...) -> None: ...

class SearchEntriesRequest(_message.Message):
    __slots__ = ("filter", "page_size", "page_token")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    filter: SearchFilter
    page_size: int
    page_token: str
    def __init__(self, filter: _Optional[_Union[SearchFilter, _Mapping]] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchEntriesResponse(_message.Message):
    __slots__ = ("hits", "next_page_token", "looked_back_to", "retained")
    HITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    LOOKED_BACK_TO_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[FoundEntry]
    next_page_token: str
    looked_back_to: int
    retained: Retained
    def __init__(self, hits: _Optional[_Iterable[_Union[FoundEntry, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., looked_back_to: _Optional[int] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...

class ExportEntriesRequest(_message.Message):
    __slots__ = ("filter", "most")
    FILTER_FIELD_NUMBER: _ClassVar[int]
    MOST_FIELD_NUMBER: _ClassVar[int]
    filter: SearchFilter
    most: int
    def __init__(self, filter: _Optional[_Union[SearchFilter, _Mapping]] = ..., most: _Optional[int] = ...) -> None: ...

class ExportEntriesResponse(_message.Message):
    __slots__ = ("origin", "hits", "more", "retained")
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    HITS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    origin: str
    hits: _containers.RepeatedCompositeFieldContainer[FoundEntry]
    more: bool
    retained: Retained
    def __init__(self, origin: _Optional[str] = ..., hits: _Optional[_Iterable[_Union[FoundEntry, _Mapping]]] = ..., more: _Optional[bool] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...

class GetStatisticsRequest(_message.Message):
    __slots__ = ("dimension", "period", "from_unix_ms", "until_unix_ms", "department", "outcome")
    DIMENSION_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    dimension: str
    period: str
    from_unix_ms: int
    until_unix_ms: int
    department: str
    outcome: str
    def __init__(self, dimension: _Optional[str] = ..., period: _Optional[str] = ..., from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., outcome: _Optional[str] = ...) -> None: ...

class StatisticsRow(_message.Message):
    __slots__ = ("period_unix_ms", "department", "value", "outcome", "count")
    PERIOD_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    period_unix_ms: int
    department: str
    value: str
    outcome: str
    count: int
    def __init__(self, period_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., value: _Optional[str] = ..., outcome: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class GetStatisticsResponse(_message.Message):
    __slots__ = ("rows", "more", "counted_below", "log_size", "retained")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    COUNTED_BELOW_FIELD_NUMBER: _ClassVar[int]
    LOG_SIZE_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[StatisticsRow]
    more: bool
    counted_below: int
    log_size: int
    retained: Retained
    def __init__(self, rows: _Optional[_Iterable[_Union[StatisticsRow, _Mapping]]] = ..., more: _Optional[bool] = ..., counted_below: _Optional[int] = ..., log_size: _Optional[int] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...

class ExportLogRequest(_message.Message):
    __slots__ = ("first_index",)
    FIRST_INDEX_FIELD_NUMBER: _ClassVar[int]
    first_index: int
    def __init__(self, first_index: _Optional[int] = ...) -> None: ...

class ExportLogResponse(_message.Message):
    __slots__ = ("checkpoint", "entries")
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    checkpoint: str
    entries: _containers.RepeatedCompositeFieldContainer[Entry]
    def __init__(self, checkpoint: _Optional[str] = ..., entries: _Optional[_Iterable[_Union[Entry, _Mapping]]] = ...) -> None: ...

class AccessSubject(_message.Message):
    __slots__ = ("scheme", "identifier", "relation")
    SCHEME_FIELD_NUMBER: _ClassVar[int]
    IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    RELATION_FIELD_NUMBER: _ClassVar[int]
    scheme: str
    identifier: str
    relation: str
    def __init__(self, scheme: _Optional[str] = ..., identifier: _Optional[str] = ..., relation: _Optional[str] = ...) -> None: ...

class ListMyAccessesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "from_unix_ms", "until_unix_ms", "department", "subject")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    from_unix_ms: int
    until_unix_ms: int
    department: str
    subject: AccessSubject
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., subject: _Optional[_Union[AccessSubject, _Mapping]] = ...) -> None: ...

class PublicText(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Access(_message.Message):
    __slots__ = ("time_unix_ms", "department", "system", "purpose", "legal_basis", "case_reference", "fields", "outcome", "reason", "leaf_index", "emergency", "service", "service_version", "department_name", "purpose_name", "purpose_law", "basis_name", "hidden_by_law", "hidden_until_unix_ms", "why")
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    CASE_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    SERVICE_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_NAME_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_LAW_FIELD_NUMBER: _ClassVar[int]
    BASIS_NAME_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_BY_LAW_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    time_unix_ms: int
    department: str
    system: str
    purpose: str
    legal_basis: str
    case_reference: str
    fields: _containers.RepeatedCompositeFieldContainer[AccessedField]
    outcome: str
    reason: str
    leaf_index: int
    emergency: str
    service: str
    service_version: int
    department_name: PublicText
    purpose_name: PublicText
    purpose_law: PublicText
    basis_name: PublicText
    hidden_by_law: str
    hidden_until_unix_ms: int
    why: str
    def __init__(self, time_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., system: _Optional[str] = ..., purpose: _Optional[str] = ..., legal_basis: _Optional[str] = ..., case_reference: _Optional[str] = ..., fields: _Optional[_Iterable[_Union[AccessedField, _Mapping]]] = ..., outcome: _Optional[str] = ..., reason: _Optional[str] = ..., leaf_index: _Optional[int] = ..., emergency: _Optional[str] = ..., service: _Optional[str] = ..., service_version: _Optional[int] = ..., department_name: _Optional[_Union[PublicText, _Mapping]] = ..., purpose_name: _Optional[_Union[PublicText, _Mapping]] = ..., purpose_law: _Optional[_Union[PublicText, _Mapping]] = ..., basis_name: _Optional[_Union[PublicText, _Mapping]] = ..., hidden_by_law: _Optional[str] = ..., hidden_until_unix_ms: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class AccessedField(_message.Message):
    __slots__ = ("resource", "field", "form", "outcome", "resource_name", "field_name")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_NAME_FIELD_NUMBER: _ClassVar[int]
    FIELD_NAME_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    form: str
    outcome: str
    resource_name: PublicText
    field_name: PublicText
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., form: _Optional[str] = ..., outcome: _Optional[str] = ..., resource_name: _Optional[_Union[PublicText, _Mapping]] = ..., field_name: _Optional[_Union[PublicText, _Mapping]] = ...) -> None: ...

class ListMyAccessesResponse(_message.Message):
    __slots__ = ("accesses", "next_page_token", "retained")
    ACCESSES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    accesses: _containers.RepeatedCompositeFieldContainer[Access]
    next_page_token: str
    retained: Retained
    def __init__(self, accesses: _Optional[_Iterable[_Union[Access, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...

class GetMyAccessProofRequest(_message.Message):
    __slots__ = ("leaf_index", "subject")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    subject: AccessSubject
    def __init__(self, leaf_index: _Optional[int] = ..., subject: _Optional[_Union[AccessSubject, _Mapping]] = ...) -> None: ...

class GetMyAccessProofResponse(_message.Message):
    __slots__ = ("entry", "path", "tree_size", "checkpoint")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    path: _containers.RepeatedScalarFieldContainer[bytes]
    tree_size: int
    checkpoint: str
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ..., path: _Optional[_Iterable[bytes]] = ..., tree_size: _Optional[int] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class GetMyUsageRequest(_message.Message):
    __slots__ = ("from_unix_ms", "until_unix_ms", "subject")
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_FIELD_NUMBER: _ClassVar[int]
    from_unix_ms: int
    until_unix_ms: int
    subject: AccessSubject
    def __init__(self, from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., subject: _Optional[_Union[AccessSubject, _Mapping]] = ...) -> None: ...

class UsageRow(_message.Message):
    __slots__ = ("month_unix_ms", "department", "department_name", "purpose", "purpose_name", "outcome", "count")
    MONTH_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_NAME_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_NAME_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    month_unix_ms: int
    department: str
    department_name: PublicText
    purpose: str
    purpose_name: PublicText
    outcome: str
    count: int
    def __init__(self, month_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., department_name: _Optional[_Union[PublicText, _Mapping]] = ..., purpose: _Optional[str] = ..., purpose_name: _Optional[_Union[PublicText, _Mapping]] = ..., outcome: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...

class GetMyUsageResponse(_message.Message):
    __slots__ = ("rows", "counted_from_unix_ms", "held_from_unix_ms", "retained")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    COUNTED_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    HELD_FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[UsageRow]
    counted_from_unix_ms: int
    held_from_unix_ms: int
    retained: Retained
    def __init__(self, rows: _Optional[_Iterable[_Union[UsageRow, _Mapping]]] = ..., counted_from_unix_ms: _Optional[int] = ..., held_from_unix_ms: _Optional[int] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...

class CountHiddenRequest(_message.Message):
    __slots__ = ("from_unix_ms", "until_unix_ms")
    FROM_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    from_unix_ms: int
    until_unix_ms: int
    def __init__(self, from_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ...) -> None: ...

class HiddenRow(_message.Message):
    __slots__ = ("month_unix_ms", "department", "law", "hidden", "ended", "overdue", "first_end_unix_ms", "last_end_unix_ms", "overdue_entries")
    MONTH_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    LAW_FIELD_NUMBER: _ClassVar[int]
    HIDDEN_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_FIELD_NUMBER: _ClassVar[int]
    FIRST_END_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_END_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    OVERDUE_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    month_unix_ms: int
    department: str
    law: str
    hidden: int
    ended: int
    overdue: int
    first_end_unix_ms: int
    last_end_unix_ms: int
    overdue_entries: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, month_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., law: _Optional[str] = ..., hidden: _Optional[int] = ..., ended: _Optional[int] = ..., overdue: _Optional[int] = ..., first_end_unix_ms: _Optional[int] = ..., last_end_unix_ms: _Optional[int] = ..., overdue_entries: _Optional[_Iterable[int]] = ...) -> None: ...

class CountHiddenResponse(_message.Message):
    __slots__ = ("rows", "more")
    ROWS_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[HiddenRow]
    more: bool
    def __init__(self, rows: _Optional[_Iterable[_Union[HiddenRow, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class GetEvidenceRequest(_message.Message):
    __slots__ = ("leaf_index", "system", "request_id")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    system: str
    request_id: str
    def __init__(self, leaf_index: _Optional[int] = ..., system: _Optional[str] = ..., request_id: _Optional[str] = ...) -> None: ...

class ProvenEntry(_message.Message):
    __slots__ = ("entry", "path")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    entry: Entry
    path: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, entry: _Optional[_Union[Entry, _Mapping]] = ..., path: _Optional[_Iterable[bytes]] = ...) -> None: ...

class GetEvidenceResponse(_message.Message):
    __slots__ = ("entries", "tree_size", "checkpoint")
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    TREE_SIZE_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    entries: _containers.RepeatedCompositeFieldContainer[ProvenEntry]
    tree_size: int
    checkpoint: str
    def __init__(self, entries: _Optional[_Iterable[_Union[ProvenEntry, _Mapping]]] = ..., tree_size: _Optional[int] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class ListUnjoinedRequest(_message.Message):
    __slots__ = ("since_unix_ms", "until_unix_ms", "department", "page_size", "page_token")
    SINCE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    since_unix_ms: int
    until_unix_ms: int
    department: str
    page_size: int
    page_token: str
    def __init__(self, since_unix_ms: _Optional[int] = ..., until_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Gap(_message.Message):
    __slots__ = ("code", "text_zh", "text_en", "about", "leaf_index", "in_entry")
    CODE_FIELD_NUMBER: _ClassVar[int]
    TEXT_ZH_FIELD_NUMBER: _ClassVar[int]
    TEXT_EN_FIELD_NUMBER: _ClassVar[int]
    ABOUT_FIELD_NUMBER: _ClassVar[int]
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    IN_ENTRY_FIELD_NUMBER: _ClassVar[int]
    code: str
    text_zh: str
    text_en: str
    about: str
    leaf_index: int
    in_entry: bool
    def __init__(self, code: _Optional[str] = ..., text_zh: _Optional[str] = ..., text_en: _Optional[str] = ..., about: _Optional[str] = ..., leaf_index: _Optional[int] = ..., in_entry: _Optional[bool] = ...) -> None: ...

class UnjoinedRelease(_message.Message):
    __slots__ = ("leaf_index", "time_unix_ms", "department", "system", "request_id", "gaps")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    GAPS_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    time_unix_ms: int
    department: str
    system: str
    request_id: str
    gaps: _containers.RepeatedCompositeFieldContainer[Gap]
    def __init__(self, leaf_index: _Optional[int] = ..., time_unix_ms: _Optional[int] = ..., department: _Optional[str] = ..., system: _Optional[str] = ..., request_id: _Optional[str] = ..., gaps: _Optional[_Iterable[_Union[Gap, _Mapping]]] = ...) -> None: ...

class ListUnjoinedResponse(_message.Message):
    __slots__ = ("releases", "next_page_token", "examined", "retained")
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    EXAMINED_FIELD_NUMBER: _ClassVar[int]
    RETAINED_FIELD_NUMBER: _ClassVar[int]
    releases: _containers.RepeatedCompositeFieldContainer[UnjoinedRelease]
    next_page_token: str
    examined: int
    retained: Retained
    def __init__(self, releases: _Optional[_Iterable[_Union[UnjoinedRelease, _Mapping]]] = ..., next_page_token: _Optional[str] = ..., examined: _Optional[int] = ..., retained: _Optional[_Union[Retained, _Mapping]] = ...) -> None: ...
