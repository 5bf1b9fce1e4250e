from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Classification(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLASSIFICATION_UNSPECIFIED: _ClassVar[Classification]
    CLASSIFICATION_PUBLIC: _ClassVar[Classification]
    CLASSIFICATION_INTERNAL: _ClassVar[Classification]
    CLASSIFICATION_CONFIDENTIAL: _ClassVar[Classification]
    CLASSIFICATION_SENSITIVE: _ClassVar[Classification]

class SharingType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARING_TYPE_UNSPECIFIED: _ClassVar[SharingType]
    SHARING_TYPE_UNCONDITIONAL: _ClassVar[SharingType]
    SHARING_TYPE_CONDITIONAL: _ClassVar[SharingType]
    SHARING_TYPE_NOT_SHARED: _ClassVar[SharingType]

class Mode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODE_UNSPECIFIED: _ClassVar[Mode]
    MODE_QUERY: _ClassVar[Mode]
    MODE_BULK: _ClassVar[Mode]
    MODE_SUBSCRIPTION: _ClassVar[Mode]
CLASSIFICATION_UNSPECIFIED: Classification
CLASSIFICATION_PUBLIC: Classification
CLASSIFICATION_INTERNAL: Classification
CLASSIFICATION_CONFIDENTIAL: Classification
CLASSIFICATION_SENSITIVE: Classification
SHARING_TYPE_UNSPECIFIED: SharingType
SHARING_TYPE_UNCONDITIONAL: SharingType
SHARING_TYPE_CONDITIONAL: SharingType
SHARING_TYPE_NOT_SHARED: SharingType
MODE_UNSPECIFIED: Mode
MODE_QUERY: Mode
MODE_BULK: Mode
MODE_SUBSCRIPTION: Mode

class LocalText(_message.Message):
    __slots__ = ("zh", "en")
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    zh: str
    en: str
    def __init__(self, zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Field(_message.Message):
    __slots__ = ("code", "name", "data_type", "classification", "forms", "mask", "authority")
    CODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    DATA_TYPE_FIELD_NUMBER: _ClassVar[int]
    CLASSIFICATION_FIELD_NUMBER: _ClassVar[int]
    FORMS_FIELD_NUMBER: _ClassVar[int]
    MASK_FIELD_NUMBER: _ClassVar[int]
    AUTHORITY_FIELD_NUMBER: _ClassVar[int]
    code: str
    name: LocalText
    data_type: str
    classification: Classification
    forms: _containers.RepeatedScalarFieldContainer[_signed_pb2.Form]
    mask: str
    authority: str
    def __init__(self, code: _Optional[str] = ..., name: _Optional[_Union[LocalText, _Mapping]] = ..., data_type: _Optional[str] = ..., classification: _Optional[_Union[Classification, str]] = ..., forms: _Optional[_Iterable[_Union[_signed_pb2.Form, str]]] = ..., mask: _Optional[str] = ..., authority: _Optional[str] = ...) -> None: ...

class Resource(_message.Message):
    __slots__ = ("code", "name", "provider", "abstract", "classification", "sharing_type", "sharing_terms", "update_cycle", "subject_schemes", "unlisted", "fields", "published_unix_ms", "version", "classification_path", "duty", "purpose", "modes", "related", "fingerprint", "withdrawn_unix_ms")
    CODE_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ABSTRACT_FIELD_NUMBER: _ClassVar[int]
    CLASSIFICATION_FIELD_NUMBER: _ClassVar[int]
    SHARING_TYPE_FIELD_NUMBER: _ClassVar[int]
    SHARING_TERMS_FIELD_NUMBER: _ClassVar[int]
    UPDATE_CYCLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_SCHEMES_FIELD_NUMBER: _ClassVar[int]
    UNLISTED_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CLASSIFICATION_PATH_FIELD_NUMBER: _ClassVar[int]
    DUTY_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    MODES_FIELD_NUMBER: _ClassVar[int]
    RELATED_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    code: str
    name: LocalText
    provider: str
    abstract: LocalText
    classification: Classification
    sharing_type: SharingType
    sharing_terms: str
    update_cycle: str
    subject_schemes: _containers.RepeatedScalarFieldContainer[str]
    unlisted: bool
    fields: _containers.RepeatedCompositeFieldContainer[Field]
    published_unix_ms: int
    version: int
    classification_path: _containers.RepeatedCompositeFieldContainer[LocalText]
    duty: str
    purpose: str
    modes: _containers.RepeatedScalarFieldContainer[Mode]
    related: _containers.RepeatedScalarFieldContainer[str]
    fingerprint: str
    withdrawn_unix_ms: int
    def __init__(self, code: _Optional[str] = ..., name: _Optional[_Union[LocalText, _Mapping]] = ..., provider: _Optional[str] = ..., abstract: _Optional[_Union[LocalText, _Mapping]] = ..., classification: _Optional[_Union[Classification, str]] = ..., sharing_type: _Optional[_Union[SharingType, str]] = ..., sharing_terms: _Optional[str] = ..., update_cycle: _Optional[str] = ..., subject_schemes: _Optional[_Iterable[str]] = ..., unlisted: _Optional[bool] = ..., fields: _Optional[_Iterable[_Union[Field, _Mapping]]] = ..., published_unix_ms: _Optional[int] = ..., version: _Optional[int] = ..., classification_path: _Optional[_Iterable[_Union[LocalText, _Mapping]]] = ..., duty: _Optional[str] = ..., purpose: _Optional[str] = ..., modes: _Optional[_Iterable[_Union[Mode, str]]] = ..., related: _Optional[_Iterable[str]] = ..., fingerprint: _Optional[str] = ..., withdrawn_unix_ms: _Optional[int] = ...) -> None: ...

class Department(_message.Message):
    __slots__ = ("id", "name", "key_fingerprint", "status")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    KEY_FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: LocalText
    key_fingerprint: str
    status: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[_Union[LocalText, _Mapping]] = ..., key_fingerprint: _Optional[str] = ..., status: _Optional[str] = ...) -> None: ...

class ListResourcesRequest(_message.Message):
    __slots__ = ("page_size", "page_token", "provider")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    provider: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., provider: _Optional[str] = ...) -> None: ...

class ListResourcesResponse(_message.Message):
    __slots__ = ("resources", "next_page_token")
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    resources: _containers.RepeatedCompositeFieldContainer[Resource]
    next_page_token: str
    def __init__(self, resources: _Optional[_Iterable[_Union[Resource, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetResourceRequest(_message.Message):
    __slots__ = ("code", "version")
    CODE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    code: str
    version: int
    def __init__(self, code: _Optional[str] = ..., version: _Optional[int] = ...) -> None: ...

class GetResourceResponse(_message.Message):
    __slots__ = ("resource",)
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    resource: Resource
    def __init__(self, resource: _Optional[_Union[Resource, _Mapping]] = ...) -> None: ...

class SearchRequest(_message.Message):
    __slots__ = ("query", "provider", "page_size", "page_token")
    QUERY_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    query: str
    provider: str
    page_size: int
    page_token: str
    def __init__(self, query: _Optional[str] = ..., provider: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class SearchHit(_message.Message):
    __slots__ = ("resource", "score")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCORE_FIELD_NUMBER: _ClassVar[int]
    resource: Resource
    score: int
    def __init__(self, resource: _Optional[_Union[Resource, _Mapping]] = ..., score: _Optional[int] = ...) -> None: ...

class SearchResponse(_message.Message):
    __slots__ = ("hits", "next_page_token")
    HITS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    hits: _containers.RepeatedCompositeFieldContainer[SearchHit]
    next_page_token: str
    def __init__(self, hits: _Optional[_Iterable[_Union[SearchHit, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ListVersionsRequest(_message.Message):
    __slots__ = ("code", "page_size", "page_token")
    CODE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    code: str
    page_size: int
    page_token: str
    def __init__(self, code: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class Version(_message.Message):
    __slots__ = ("version", "published_unix_ms", "published_by", "fingerprint")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_BY_FIELD_NUMBER: _ClassVar[int]
    FINGERPRINT_FIELD_NUMBER: _ClassVar[int]
    version: int
    published_unix_ms: int
    published_by: str
    fingerprint: str
    def __init__(self, version: _Optional[int] = ..., published_unix_ms: _Optional[int] = ..., published_by: _Optional[str] = ..., fingerprint: _Optional[str] = ...) -> None: ...

class ListVersionsResponse(_message.Message):
    __slots__ = ("versions", "withdrawn_unix_ms", "next_page_token")
    VERSIONS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    versions: _containers.RepeatedCompositeFieldContainer[Version]
    withdrawn_unix_ms: int
    next_page_token: str
    def __init__(self, versions: _Optional[_Iterable[_Union[Version, _Mapping]]] = ..., withdrawn_unix_ms: _Optional[int] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DiffRequest(_message.Message):
    __slots__ = ("code", "before", "after")
    CODE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    code: str
    before: int
    after: int
    def __init__(self, code: _Optional[str] = ..., before: _Optional[int] = ..., after: _Optional[int] = ...) -> None: ...

class Change(_message.Message):
    __slots__ = ("kind", "field", "before", "after", "breaking", "text")
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    BREAKING_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    kind: str
    field: str
    before: str
    after: str
    breaking: bool
    text: LocalText
    def __init__(self, kind: _Optional[str] = ..., field: _Optional[str] = ..., before: _Optional[str] = ..., after: _Optional[str] = ..., breaking: _Optional[bool] = ..., text: _Optional[_Union[LocalText, _Mapping]] = ...) -> None: ...

class AffectedAgreement(_message.Message):
    __slots__ = ("id", "revision", "consumer", "changes")
    ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    id: str
    revision: int
    consumer: str
    changes: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, id: _Optional[str] = ..., revision: _Optional[int] = ..., consumer: _Optional[str] = ..., changes: _Optional[_Iterable[int]] = ...) -> None: ...

class DiffResponse(_message.Message):
    __slots__ = ("before", "after", "changes", "agreements")
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    AGREEMENTS_FIELD_NUMBER: _ClassVar[int]
    before: int
    after: int
    changes: _containers.RepeatedCompositeFieldContainer[Change]
    agreements: _containers.RepeatedCompositeFieldContainer[AffectedAgreement]
    def __init__(self, before: _Optional[int] = ..., after: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[Change, _Mapping]]] = ..., agreements: _Optional[_Iterable[_Union[AffectedAgreement, _Mapping]]] = ...) -> None: ...

class ListDepartmentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListDepartmentsResponse(_message.Message):
    __slots__ = ("departments",)
    DEPARTMENTS_FIELD_NUMBER: _ClassVar[int]
    departments: _containers.RepeatedCompositeFieldContainer[Department]
    def __init__(self, departments: _Optional[_Iterable[_Union[Department, _Mapping]]] = ...) -> None: ...
