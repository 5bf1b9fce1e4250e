"""What goes into and comes out of the use cases. Plain values; the doors translate them from and to the wire."""

from dataclasses import dataclass, field

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from policies.emergencies import Emergency
from policies.predicates import Need
from policies.service_reference import ServiceReference
from policies.vocabulary import FieldMark, Form, LegalBasis, Necessity


@dataclass(frozen=True, slots=True)
class RequestItem:
    """One item that a system asks for.

    `form` is the least revealing one that will do, `need` the predicate when that is its form, `accepted` what the
    system takes instead, and `operand_commitment` binds the operand of an equality.
    """

    resource: str
    field: str
    form: Form
    necessity: Necessity
    need: Need | None = None
    accepted: tuple[Form, ...] = ()
    operand_commitment: bytes = b""

    @property
    def forms(self) -> tuple[Form, ...]:
        """Every form that will do, the least revealing first."""
        return tuple(sorted((self.form, *self.accepted), key=lambda form: form.rank))


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A parsed RequestBody (proto/oncegate/v1/signed.proto). Parsed only after its signature is verified."""

    request_id: str
    trust_domain: str
    system: str
    subject_scheme: str
    subject_commitment: bytes
    purpose: str
    legal_basis: LegalBasis
    case_reference: str
    items: tuple[RequestItem, ...]
    created_ms: int
    deadline_ms: int
    sealing_key_id: bytes
    understood_marks: frozenset[FieldMark] = frozenset()
    consent: bytes = b""
    explicit_request: bytes = b""
    emergency: Emergency | None = None
    service: ServiceReference | None = None

    @property
    def emergency_reason(self) -> str:
        """Reason of the declared emergency; empty when none is declared."""
        return "" if self.emergency is None else self.emergency.reason


@dataclass(frozen=True, slots=True)
class EmergencyMark:
    """What every entry of a request under a declared emergency says beside the reason.

    Args:
        asked_ms: When it was decided, Unix ms.
        law: By which the person is told later; empty when at once.
        visible_from_ms: From when on the person may see it; 0 when at once.
    """

    asked_ms: int
    law: str = ""
    visible_from_ms: int = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a system: the exact bytes that it signed and what travels beside them.

    Args:
        certificate: The peer's TLS certificate, PEM; None when it showed none.
        body: Serialised RequestBody.
        signature: The system's signature over it.
        keys: The system's certified keys.
        subject_identifier: As typed.
        subject_nonce: Key of the subject commitment, 32 bytes.
        official_token: The official's OIDC token, or empty.
        operands: Resource, field and text of what values are compared with. Never kept, logged or part of the `repr`.
    """

    certificate: bytes | None
    body: bytes
    signature: bytes
    keys: CertifiedKeys
    subject_identifier: str
    subject_nonce: bytes
    official_token: str
    operands: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class WithheldItem:
    """An item withheld by policy before any look-up, with its public reason."""

    resource: str
    field: str
    form: Form
    reason: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """What one provider did about one resource. `silence` is empty when it answered."""

    department: str
    resource: str
    silence: str
    synced_ms: int
    stale: bool
    sealed: bytes = b""
    ticket_digest: bytes = b""
    receipt: BatchItem | None = None
    session_id: bytes = b""
    node_keys: CertifiedKeys | None = None


@dataclass(frozen=True, slots=True)
class Disclosed:
    """The answer to a fetch. `own` never leaves: how the person's own fields stood, for a repeat."""

    request_id: str
    complete: bool
    answers: tuple[ProviderAnswer, ...]
    withheld: tuple[WithheldItem, ...]
    asked: BatchItem
    outcome: BatchItem
    asked_index: int
    replayed: bool = False
    own: tuple[tuple[tuple[str, str, tuple[str, ...]], ...], ...] = ()

    @property
    def size(self) -> int:
        """Bytes that keeping this answer costs, for the cap on kept answers."""
        return 2048 + sum(len(answer.sealed) + 4096 for answer in self.answers)


@dataclass(frozen=True, slots=True)
class LocatedResource:
    """Whether one resource has exactly one live record about the subject."""

    resource: str
    exists: bool
    updated_ms: int


@dataclass(frozen=True, slots=True)
class Located:
    """The answer to a locate."""

    request_id: str
    sealed: bytes
    withheld: tuple[WithheldItem, ...]
    asked: BatchItem
    outcome: BatchItem


@dataclass(frozen=True, slots=True)
class AnswerField:
    """One field of an answer that the gateway itself seals (the vault's); `text` is None when there is no value."""

    field: str
    form: Form
    text: str | None
    data_type: str
    as_of_ms: int
    source: str
    marks: tuple[FieldMark, ...] = ()


@dataclass(frozen=True, slots=True)
class OpenedAnswer:
    """An answer that was sealed to the gateway itself; `text` of a field is None when it is not available."""

    request_digest: bytes
    resource: str
    fields: tuple[AnswerField, ...]
