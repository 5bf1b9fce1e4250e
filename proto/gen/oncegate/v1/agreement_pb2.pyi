from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SignedStep(_message.Message):
    __slots__ = ("body", "signature", "department_key")
    BODY_FIELD_NUMBER: _ClassVar[int]
    SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    DEPARTMENT_KEY_FIELD_NUMBER: _ClassVar[int]
    body: bytes
    signature: bytes
    department_key: bytes
    def __init__(self, body: _Optional[bytes] = ..., signature: _Optional[bytes] = ..., department_key: _Optional[bytes] = ...) -> None: ...

class ProposalStep(_message.Message):
    __slots__ = ("step", "text", "agreement_signature", "received_unix_ms")
    STEP_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    step: SignedStep
    text: bytes
    agreement_signature: bytes
    received_unix_ms: int
    def __init__(self, step: _Optional[_Union[SignedStep, _Mapping]] = ..., text: _Optional[bytes] = ..., agreement_signature: _Optional[bytes] = ..., received_unix_ms: _Optional[int] = ...) -> None: ...

class Proposal(_message.Message):
    __slots__ = ("proposal_id", "agreement_id", "provider", "consumer", "resource", "revision", "revision_in_force", "status", "talk", "turn", "steps", "opened_unix_ms", "changed_unix_ms", "due_unix_ms", "late", "late_working_days")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_FIELD_NUMBER: _ClassVar[int]
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    REVISION_IN_FORCE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    TALK_FIELD_NUMBER: _ClassVar[int]
    TURN_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    OPENED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    CHANGED_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    DUE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    LATE_FIELD_NUMBER: _ClassVar[int]
    LATE_WORKING_DAYS_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    agreement_id: str
    provider: str
    consumer: str
    resource: str
    revision: int
    revision_in_force: int
    status: str
    talk: str
    turn: str
    steps: int
    opened_unix_ms: int
    changed_unix_ms: int
    due_unix_ms: int
    late: bool
    late_working_days: int
    def __init__(self, proposal_id: _Optional[str] = ..., agreement_id: _Optional[str] = ..., provider: _Optional[str] = ..., consumer: _Optional[str] = ..., resource: _Optional[str] = ..., revision: _Optional[int] = ..., revision_in_force: _Optional[int] = ..., status: _Optional[str] = ..., talk: _Optional[str] = ..., turn: _Optional[str] = ..., steps: _Optional[int] = ..., opened_unix_ms: _Optional[int] = ..., changed_unix_ms: _Optional[int] = ..., due_unix_ms: _Optional[int] = ..., late: _Optional[bool] = ..., late_working_days: _Optional[int] = ...) -> None: ...

class SubmitStepRequest(_message.Message):
    __slots__ = ("step", "text", "agreement_signature")
    STEP_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    AGREEMENT_SIGNATURE_FIELD_NUMBER: _ClassVar[int]
    step: SignedStep
    text: bytes
    agreement_signature: bytes
    def __init__(self, step: _Optional[_Union[SignedStep, _Mapping]] = ..., text: _Optional[bytes] = ..., agreement_signature: _Optional[bytes] = ...) -> None: ...

class SubmitStepResponse(_message.Message):
    __slots__ = ("proposal",)
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    proposal: Proposal
    def __init__(self, proposal: _Optional[_Union[Proposal, _Mapping]] = ...) -> None: ...

class ListProposalsRequest(_message.Message):
    __slots__ = ("waiting", "page_size", "page_token")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    waiting: bool
    page_size: int
    page_token: str
    def __init__(self, waiting: _Optional[bool] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListProposalsResponse(_message.Message):
    __slots__ = ("proposals", "next_page_token")
    PROPOSALS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    proposals: _containers.RepeatedCompositeFieldContainer[Proposal]
    next_page_token: str
    def __init__(self, proposals: _Optional[_Iterable[_Union[Proposal, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetProposalRequest(_message.Message):
    __slots__ = ("proposal_id", "after")
    PROPOSAL_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    proposal_id: str
    after: int
    def __init__(self, proposal_id: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class GetProposalResponse(_message.Message):
    __slots__ = ("proposal", "steps")
    PROPOSAL_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    proposal: Proposal
    steps: _containers.RepeatedCompositeFieldContainer[ProposalStep]
    def __init__(self, proposal: _Optional[_Union[Proposal, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[ProposalStep, _Mapping]]] = ...) -> None: ...
