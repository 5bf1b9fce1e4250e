"""What the engine is asked and what it answers: plain values without behaviour of their own."""

from dataclasses import dataclass

from policies.agreements import Agreement
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.vocabulary import Form, LegalBasis, Necessity


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessQuestion:
    """May this system have these items of one resource about one subject?

    `consumer` is a department id, `system` the system's name; `purpose` is empty when none was stated; `agreement` is
    None when none applies; `consent_present` says that a valid consent artefact of the subject was verified, `official`
    that an official was identified. `predicates` names, for a field asked for in the form predicate, the predicate of
    the agreement that is needed; a field without one has none that fits. `emergency` is the reason of the declared
    emergency, empty when none is declared; `service` the code of the service item for which it is asked, empty for
    none. `now_ms` is Unix time in milliseconds, UTC.
    """

    consumer: str
    system: str
    resource: ResourceDescription
    items: tuple[tuple[str, Form, Necessity], ...]
    purpose: str
    basis: LegalBasis
    case_present: bool
    agreement: Agreement | None
    subject_scheme: str
    now_ms: int
    official: bool = False
    consent_present: bool = False
    predicates: tuple[tuple[str, str], ...] = ()
    emergency: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class ItemDecision:
    """One item: allowed, or withheld with the reason; and the rules that decided it."""

    field: str
    form: Form
    necessity: Necessity
    allowed: bool
    reason: Reason | None
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision per item, in the question's order, and the digest of the bundle that made it."""

    items: tuple[ItemDecision, ...]
    bundle_digest: str

    @property
    def released(self) -> tuple[ItemDecision, ...]:
        """The items that are allowed."""
        return tuple(item for item in self.items if item.allowed)

    @property
    def withheld(self) -> tuple[ItemDecision, ...]:
        """The items that are not allowed."""
        return tuple(item for item in self.items if not item.allowed)

    @property
    def refuses(self) -> bool:
        """Whether an item that is not optional is withheld, so that nobody may be asked."""
        return any(item.necessity is not Necessity.OPTIONAL for item in self.withheld)
