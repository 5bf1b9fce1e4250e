from oncegate.v1 import identity_pb2 as _identity_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Relation(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RELATION_UNSPECIFIED: _ClassVar[Relation]
    RELATION_COLLEAGUE: _ClassVar[Relation]
    RELATION_FAMILY: _ClassVar[Relation]
    RELATION_SAME_ADDRESS: _ClassVar[Relation]
    RELATION_SAME_SURNAME: _ClassVar[Relation]
RELATION_UNSPECIFIED: Relation
RELATION_COLLEAGUE: Relation
RELATION_FAMILY: Relation
RELATION_SAME_ADDRESS: Relation
RELATION_SAME_SURNAME: Relation

class ListRelationQuestionsRequest(_message.Message):
    __slots__ = ("most",)
    MOST_FIELD_NUMBER: _ClassVar[int]
    most: int
    def __init__(self, most: _Optional[int] = ...) -> None: ...

class RelationQuestion(_message.Message):
    __slots__ = ("pair", "entry", "suspicion")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    SUSPICION_FIELD_NUMBER: _ClassVar[int]
    pair: bytes
    entry: int
    suspicion: int
    def __init__(self, pair: _Optional[bytes] = ..., entry: _Optional[int] = ..., suspicion: _Optional[int] = ...) -> None: ...

class ListRelationQuestionsResponse(_message.Message):
    __slots__ = ("questions",)
    QUESTIONS_FIELD_NUMBER: _ClassVar[int]
    questions: _containers.RepeatedCompositeFieldContainer[RelationQuestion]
    def __init__(self, questions: _Optional[_Iterable[_Union[RelationQuestion, _Mapping]]] = ...) -> None: ...

class OpenRelationPartyRequest(_message.Message):
    __slots__ = ("pair", "whose", "key_ids")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    WHOSE_FIELD_NUMBER: _ClassVar[int]
    KEY_IDS_FIELD_NUMBER: _ClassVar[int]
    pair: bytes
    whose: _identity_pb2.Whose
    key_ids: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, pair: _Optional[bytes] = ..., whose: _Optional[_Union[_identity_pb2.Whose, str]] = ..., key_ids: _Optional[_Iterable[bytes]] = ...) -> None: ...

class RecordRelationsRequest(_message.Message):
    __slots__ = ("pair", "answered", "holds")
    PAIR_FIELD_NUMBER: _ClassVar[int]
    ANSWERED_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    pair: bytes
    answered: _containers.RepeatedScalarFieldContainer[Relation]
    holds: _containers.RepeatedScalarFieldContainer[Relation]
    def __init__(self, pair: _Optional[bytes] = ..., answered: _Optional[_Iterable[_Union[Relation, str]]] = ..., holds: _Optional[_Iterable[_Union[Relation, str]]] = ...) -> None: ...

class RecordRelationsResponse(_message.Message):
    __slots__ = ("entry",)
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    entry: int
    def __init__(self, entry: _Optional[int] = ...) -> None: ...
