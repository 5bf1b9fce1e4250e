from oncegate.v1 import catalog_pb2 as _catalog_pb2
from oncegate.v1 import signed_pb2 as _signed_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConsentStanding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSENT_STANDING_UNSPECIFIED: _ClassVar[ConsentStanding]
    CONSENT_STANDING_GRANTED: _ClassVar[ConsentStanding]
    CONSENT_STANDING_PAUSED: _ClassVar[ConsentStanding]
    CONSENT_STANDING_ENDED: _ClassVar[ConsentStanding]
CONSENT_STANDING_UNSPECIFIED: ConsentStanding
CONSENT_STANDING_GRANTED: ConsentStanding
CONSENT_STANDING_PAUSED: ConsentStanding
CONSENT_STANDING_ENDED: ConsentStanding

class NodeFrame(_message.Message):
    __slots__ = ("hello", "deltas", "snapshot", "replies", "heartbeat", "drain")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    hello: Hello
    deltas: Deltas
    snapshot: Snapshot
    replies: Replies
    heartbeat: Heartbeat
    drain: Drain
    def __init__(self, hello: _Optional[_Union[Hello, _Mapping]] = ..., deltas: _Optional[_Union[Deltas, _Mapping]] = ..., snapshot: _Optional[_Union[Snapshot, _Mapping]] = ..., replies: _Optional[_Union[Replies, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ...) -> None: ...

class GatewayFrame(_message.Message):
    __slots__ = ("welcome", "delta_ack", "asks", "credit", "cancel", "heartbeat", "drain", "snapshot_request", "consents")
    WELCOME_FIELD_NUMBER: _ClassVar[int]
    DELTA_ACK_FIELD_NUMBER: _ClassVar[int]
    ASKS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_REQUEST_FIELD_NUMBER: _ClassVar[int]
    CONSENTS_FIELD_NUMBER: _ClassVar[int]
    welcome: Welcome
    delta_ack: DeltaAck
    asks: Asks
    credit: Credit
    cancel: Cancel
    heartbeat: Heartbeat
    drain: Drain
    snapshot_request: SnapshotRequest
    consents: ConsentChanges
    def __init__(self, welcome: _Optional[_Union[Welcome, _Mapping]] = ..., delta_ack: _Optional[_Union[DeltaAck, _Mapping]] = ..., asks: _Optional[_Union[Asks, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ..., cancel: _Optional[_Union[Cancel, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., snapshot_request: _Optional[_Union[SnapshotRequest, _Mapping]] = ..., consents: _Optional[_Union[ConsentChanges, _Mapping]] = ...) -> None: ...

class Hello(_message.Message):
    __slots__ = ("session_id", "protocol_versions", "keys", "resources", "clock_unix_ms", "last_sequence", "outbox_id", "acknowledged_sequence")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    RESOURCES_FIELD_NUMBER: _ClassVar[int]
    CLOCK_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OUTBOX_ID_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    session_id: bytes
    protocol_versions: _containers.RepeatedScalarFieldContainer[int]
    keys: _signed_pb2.CertifiedKeys
    resources: _containers.RepeatedCompositeFieldContainer[_catalog_pb2.Resource]
    clock_unix_ms: int
    last_sequence: int
    outbox_id: bytes
    acknowledged_sequence: int
    def __init__(self, session_id: _Optional[bytes] = ..., protocol_versions: _Optional[_Iterable[int]] = ..., keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ..., resources: _Optional[_Iterable[_Union[_catalog_pb2.Resource, _Mapping]]] = ..., clock_unix_ms: _Optional[int] = ..., last_sequence: _Optional[int] = ..., outbox_id: _Optional[bytes] = ..., acknowledged_sequence: _Optional[int] = ...) -> None: ...

class Welcome(_message.Message):
    __slots__ = ("protocol_version", "acknowledged_sequence", "clock_unix_ms", "heartbeat_ms", "max_deltas")
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    ACKNOWLEDGED_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_DELTAS_FIELD_NUMBER: _ClassVar[int]
    protocol_version: int
    acknowledged_sequence: int
    clock_unix_ms: int
    heartbeat_ms: int
    max_deltas: int
    def __init__(self, protocol_version: _Optional[int] = ..., acknowledged_sequence: _Optional[int] = ..., clock_unix_ms: _Optional[int] = ..., heartbeat_ms: _Optional[int] = ..., max_deltas: _Optional[int] = ...) -> None: ...

class Delta(_message.Message):
    __slots__ = ("sequence", "resource", "handle", "subject_scheme", "subject_identifier", "version", "updated_unix_ms", "tombstone")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_SCHEME_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    UPDATED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    TOMBSTONE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    resource: str
    handle: bytes
    subject_scheme: str
    subject_identifier: str
    version: int
    updated_unix_ms: int
    tombstone: bool
    def __init__(self, sequence: _Optional[int] = ..., resource: _Optional[str] = ..., handle: _Optional[bytes] = ..., subject_scheme: _Optional[str] = ..., subject_identifier: _Optional[str] = ..., version: _Optional[int] = ..., updated_unix_ms: _Optional[int] = ..., tombstone: _Optional[bool] = ...) -> None: ...

class Deltas(_message.Message):
    __slots__ = ("deltas",)
    DELTAS_FIELD_NUMBER: _ClassVar[int]
    deltas: _containers.RepeatedCompositeFieldContainer[Delta]
    def __init__(self, deltas: _Optional[_Iterable[_Union[Delta, _Mapping]]] = ...) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("snapshot_id", "resource", "part", "entries", "last", "total", "as_of_sequence")
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    ENTRIES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    AS_OF_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    snapshot_id: bytes
    resource: str
    part: int
    entries: _containers.RepeatedCompositeFieldContainer[Delta]
    last: bool
    total: int
    as_of_sequence: int
    def __init__(self, snapshot_id: _Optional[bytes] = ..., resource: _Optional[str] = ..., part: _Optional[int] = ..., entries: _Optional[_Iterable[_Union[Delta, _Mapping]]] = ..., last: _Optional[bool] = ..., total: _Optional[int] = ..., as_of_sequence: _Optional[int] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("sequence", "handle", "reason")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    HANDLE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    handle: bytes
    reason: str
    def __init__(self, sequence: _Optional[int] = ..., handle: _Optional[bytes] = ..., reason: _Optional[str] = ...) -> None: ...

class DeltaAck(_message.Message):
    __slots__ = ("through_sequence", "rejections", "snapshot_id")
    THROUGH_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REJECTIONS_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_ID_FIELD_NUMBER: _ClassVar[int]
    through_sequence: int
    rejections: _containers.RepeatedCompositeFieldContainer[Rejection]
    snapshot_id: bytes
    def __init__(self, through_sequence: _Optional[int] = ..., rejections: _Optional[_Iterable[_Union[Rejection, _Mapping]]] = ..., snapshot_id: _Optional[bytes] = ...) -> None: ...

class ConsentChanges(_message.Message):
    __slots__ = ("changes",)
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    changes: _containers.RepeatedCompositeFieldContainer[ConsentChange]
    def __init__(self, changes: _Optional[_Iterable[_Union[ConsentChange, _Mapping]]] = ...) -> None: ...

class ConsentChange(_message.Message):
    __slots__ = ("consent", "standing", "valid_until_unix_ms")
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    STANDING_FIELD_NUMBER: _ClassVar[int]
    VALID_UNTIL_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    consent: bytes
    standing: ConsentStanding
    valid_until_unix_ms: int
    def __init__(self, consent: _Optional[bytes] = ..., standing: _Optional[_Union[ConsentStanding, str]] = ..., valid_until_unix_ms: _Optional[int] = ...) -> None: ...

class SnapshotRequest(_message.Message):
    __slots__ = ("resource",)
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    resource: str
    def __init__(self, resource: _Optional[str] = ...) -> None: ...

class Ask(_message.Message):
    __slots__ = ("ask_id", "ticket", "request", "request_signature", "requester_keys", "subject_nonce", "subject_identifier", "promise", "deadline_ms", "credit", "operands", "consent", "consent_proof")
    ASK_ID_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    REQUEST_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    REQUESTER_KEYS_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_NONCE_FIELD_NUMBER: _ClassVar[int]
    SUBJECT_IDENTIFIER_FIELD_NUMBER: _ClassVar[int]
    PROMISE_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    OPERANDS_FIELD_NUMBER: _ClassVar[int]
    CONSENT_FIELD_NUMBER: _ClassVar[int]
    CONSENT_PROOF_FIELD_NUMBER: _ClassVar[int]
    ask_id: int
    ticket: bytes
    request: bytes
    request_signature: bytes
    requester_keys: _signed_pb2.CertifiedKeys
    subject_nonce: bytes
    subject_identifier: str
    promise: _signed_pb2.SignedItem
    deadline_ms: int
    credit: int
    operands: _containers.RepeatedCompositeFieldContainer[_signed_pb2.Operand]
    consent: bytes
    consent_proof: bytes
    def __init__(self, ask_id: _Optional[int] = ..., ticket: _Optional[bytes] = ..., request: _Optional[bytes] = ..., request_signature: _Optional[bytes] = ..., requester_keys: _Optional[_Union[_signed_pb2.CertifiedKeys, _Mapping]] = ..., subject_nonce: _Optional[bytes] = ..., subject_identifier: _Optional[str] = ..., promise: _Optional[_Union[_signed_pb2.SignedItem, _Mapping]] = ..., deadline_ms: _Optional[int] = ..., credit: _Optional[int] = ..., operands: _Optional[_Iterable[_Union[_signed_pb2.Operand, _Mapping]]] = ..., consent: _Optional[bytes] = ..., consent_proof: _Optional[bytes] = ...) -> None: ...

class Asks(_message.Message):
    __slots__ = ("asks", "signature")
    ASKS_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    asks: _containers.RepeatedCompositeFieldContainer[Ask]
    signature: bytes
    def __init__(self, asks: _Optional[_Iterable[_Union[Ask, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("ask_id", "bytes")
    ASK_ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    ask_id: int
    bytes: int
    def __init__(self, ask_id: _Optional[int] = ..., bytes: _Optional[int] = ...) -> None: ...

class Cancel(_message.Message):
    __slots__ = ("ask_id",)
    ASK_ID_FIELD_NUMBER: _ClassVar[int]
    ask_id: int
    def __init__(self, ask_id: _Optional[int] = ...) -> None: ...

class Reply(_message.Message):
    __slots__ = ("ask_id", "chunk", "data", "last", "receipt", "disclosure", "refusal")
    ASK_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    DISCLOSURE_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ask_id: int
    chunk: int
    data: bytes
    last: bool
    receipt: bytes
    disclosure: bytes
    refusal: str
    def __init__(self, ask_id: _Optional[int] = ..., chunk: _Optional[int] = ..., data: _Optional[bytes] = ..., last: _Optional[bool] = ..., receipt: _Optional[bytes] = ..., disclosure: _Optional[bytes] = ..., refusal: _Optional[str] = ...) -> None: ...

class Replies(_message.Message):
    __slots__ = ("replies", "signature")
    REPLIES_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    replies: _containers.RepeatedCompositeFieldContainer[Reply]
    signature: bytes
    def __init__(self, replies: _Optional[_Iterable[_Union[Reply, _Mapping]]] = ..., signature: _Optional[bytes] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("clock_unix_ms", "synced_unix_ms")
    CLOCK_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    SYNCED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    clock_unix_ms: int
    synced_unix_ms: int
    def __init__(self, clock_unix_ms: _Optional[int] = ..., synced_unix_ms: _Optional[int] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...
