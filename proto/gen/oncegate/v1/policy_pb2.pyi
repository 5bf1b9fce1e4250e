from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Explanation(_message.Message):
    __slots__ = ("document", "zh", "en")
    DOCUMENT_FIELD_NUMBER: _ClassVar[int]
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    document: str
    zh: _containers.RepeatedScalarFieldContainer[str]
    en: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, document: _Optional[str] = ..., zh: _Optional[_Iterable[str]] = ..., en: _Optional[_Iterable[str]] = ...) -> None: ...

class HypotheticalItem(_message.Message):
    __slots__ = ("resource", "field", "form", "optional", "predicate", "accepted")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    FORM_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FIELD_NUMBER: _ClassVar[int]
    PREDICATE_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    resource: str
    field: str
    form: _signed_pb2.Form
    optional: bool
    predicate: str
    accepted: _containers.RepeatedScalarFieldContainer[_signed_pb2.Form]
    def __init__(self, resource: _Optional[str] = ..., field: _Optional[str] = ..., form: _Optional[_Union[_signed_pb2.Form, str]] = ..., optional: _Optional[bool] = ..., predicate: _Optional[str] = ..., accepted: _Optional[_Iterable[_Union[_signed_pb2.Form, str]]] = ...) -> None: ...

class ExplainDecisionRequest(_message.Message):
    __slots__ = ("consumer", "system", "items", "purpose", "legal_basis", "subject_scheme", "case_present", "official_present", "consent_present", "emergency", "service")
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    LEGAL_BASIS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_SCHEME_FIELD_NUMBER: _ClassVar[int]
    CASE_PRESENT_FIELD_NUMBER: _ClassVar[int]
    OFFICIAL_PRESENT_FIELD_NUMBER: _ClassVar[int]
    CONSENT_PRESENT_FIELD_NUMBER: _ClassVar[int]
    EMERGENCY_FIELD_NUMBER: _ClassVar[int]
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    consumer: str
    system: str
    items: _containers.RepeatedCompositeFieldContainer[HypotheticalItem]
    purpose: str
    legal_basis: _signed_pb2.LegalBasis
    subject_scheme: str
    case_present: bool
    official_present: bool
    consent_present: bool
    emergency: str
    service: str
    def __init__(self, consumer: _Optional[str] = ..., system: _Optional[str] = ..., items: _Optional[_Iterable[_Union[HypotheticalItem, _Mapping]]] = ..., purpose: _Optional[str] = ..., legal_basis: _Optional[_Union[_signed_pb2.LegalBasis, str]] = ..., subject_scheme: _Optional[str] = ..., case_present: _Optional[bool] = ..., official_present: _Optional[bool] = ..., consent_present: _Optional[bool] = ..., emergency: _Optional[str] = ..., service: _Optional[str] = ...) -> None: ...

class ExplainDecisionResponse(_message.Message):
    __slots__ = ("explanation",)
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    explanation: Explanation
    def __init__(self, explanation: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class ExplainEntryRequest(_message.Message):
    __slots__ = ("leaf_index",)
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    def __init__(self, leaf_index: _Optional[int] = ...) -> None: ...

class ExplainEntryResponse(_message.Message):
    __slots__ = ("leaf_index", "explanation", "outcome", "same_today", "differences_zh", "differences_en", "today")
    LEAF_INDEX_FIELD_NUMBER: _ClassVar[int]
    EXPLANATION_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    SAME_TODAY_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_ZH_FIELD_NUMBER: _ClassVar[int]
    DIFFERENCES_EN_FIELD_NUMBER: _ClassVar[int]
    TODAY_FIELD_NUMBER: _ClassVar[int]
    leaf_index: int
    explanation: Explanation
    outcome: str
    same_today: bool
    differences_zh: _containers.RepeatedScalarFieldContainer[str]
    differences_en: _containers.RepeatedScalarFieldContainer[str]
    today: Explanation
    def __init__(self, leaf_index: _Optional[int] = ..., explanation: _Optional[_Union[Explanation, _Mapping]] = ..., outcome: _Optional[str] = ..., same_today: _Optional[bool] = ..., differences_zh: _Optional[_Iterable[str]] = ..., differences_en: _Optional[_Iterable[str]] = ..., today: _Optional[_Union[Explanation, _Mapping]] = ...) -> None: ...

class BundleFile(_message.Message):
    __slots__ = ("name", "content")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    name: str
    content: bytes
    def __init__(self, name: _Optional[str] = ..., content: _Optional[bytes] = ...) -> None: ...

class LintFinding(_message.Message):
    __slots__ = ("code", "severity", "place", "zh", "en")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PLACE_FIELD_NUMBER: _ClassVar[int]
    ZH_FIELD_NUMBER: _ClassVar[int]
    EN_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: str
    place: str
    zh: str
    en: str
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[str] = ..., place: _Optional[str] = ..., zh: _Optional[str] = ..., en: _Optional[str] = ...) -> None: ...

class Bundle(_message.Message):
    __slots__ = ("digest", "state", "proposed_unix_ms", "proposed_by", "approved_unix_ms", "approved_by", "activated_unix_ms", "tested_rows", "findings")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_BY_FIELD_NUMBER: _ClassVar[int]
    APPROVED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    APPROVED_BY_FIELD_NUMBER: _ClassVar[int]
    ACTIVATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    TESTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    FINDINGS_FIELD_NUMBER: _ClassVar[int]
    digest: str
    state: str
    proposed_unix_ms: int
    proposed_by: str
    approved_unix_ms: int
    approved_by: str
    activated_unix_ms: int
    tested_rows: int
    findings: _containers.RepeatedCompositeFieldContainer[LintFinding]
    def __init__(self, digest: _Optional[str] = ..., state: _Optional[str] = ..., proposed_unix_ms: _Optional[int] = ..., proposed_by: _Optional[str] = ..., approved_unix_ms: _Optional[int] = ..., approved_by: _Optional[str] = ..., activated_unix_ms: _Optional[int] = ..., tested_rows: _Optional[int] = ..., findings: _Optional[_Iterable[_Union[LintFinding, _Mapping]]] = ...) -> None: ...

class ProposeBundleRequest(_message.Message):
    __slots__ = ("files", "tables")
    FILES_FIELD_NUMBER: _ClassVar[int]
    TABLES_FIELD_NUMBER: _ClassVar[int]
    files: _containers.RepeatedCompositeFieldContainer[BundleFile]
    tables: _containers.RepeatedCompositeFieldContainer[BundleFile]
    def __init__(self, files: _Optional[_Iterable[_Union[BundleFile, _Mapping]]] = ..., tables: _Optional[_Iterable[_Union[BundleFile, _Mapping]]] = ...) -> None: ...

class ProposeBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class ApproveBundleRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class ApproveBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class ActivateBundleRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class ActivateBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class RollBackBundleRequest(_message.Message):
    __slots__ = ("from_digest",)
    FROM_DIGEST_FIELD_NUMBER: _ClassVar[int]
    from_digest: str
    def __init__(self, from_digest: _Optional[str] = ...) -> None: ...

class RollBackBundleResponse(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ...) -> None: ...

class ListBundlesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ListBundlesResponse(_message.Message):
    __slots__ = ("bundles", "problem")
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    bundles: _containers.RepeatedCompositeFieldContainer[Bundle]
    problem: str
    def __init__(self, bundles: _Optional[_Iterable[_Union[Bundle, _Mapping]]] = ..., problem: _Optional[str] = ...) -> None: ...

class GetBundleRequest(_message.Message):
    __slots__ = ("digest",)
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    digest: str
    def __init__(self, digest: _Optional[str] = ...) -> None: ...

class GetBundleResponse(_message.Message):
    __slots__ = ("bundle", "files")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    FILES_FIELD_NUMBER: _ClassVar[int]
    bundle: Bundle
    files: _containers.RepeatedCompositeFieldContainer[BundleFile]
    def __init__(self, bundle: _Optional[_Union[Bundle, _Mapping]] = ..., files: _Optional[_Iterable[_Union[BundleFile, _Mapping]]] = ...) -> None: ...
