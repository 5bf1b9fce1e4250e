"""What an explanation is made of: one request, by resource, with everything that entered its decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from policies.engine.titles import RuleText
from policies.resources import ResourceDescription
from policies.vocabulary import Form, Necessity


@dataclass(frozen=True, slots=True)
class AgreementFacts:
    """Which agreement a decision looked at: its id, revision and digest (SHA-256, hex)."""

    id: str
    revision: int
    digest: str


@dataclass(frozen=True, slots=True)
class Uses:
    """How often an agreement was used on the day of the decision, of how often it may be."""

    taken: int
    per_day: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedItem:
    """One item: released in its form or withheld, the reason's code (empty when released), the rules that decided.

    `needed` is the least revealing form that would have done; `predicate` the name of the question that is answered.
    """

    field: str
    form: Form
    needed: Form
    predicate: str
    necessity: Necessity
    released: bool
    reason: str
    rules: tuple[RuleText, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedResource:
    """One resource: which version of its description, which agreement (None: none), and each item.

    `counts` says whether the agreement was in force for the request; one that was not is named because it tells which
    condition failed. `consent` is the reason why the person's consent does not cover the items, empty when it does,
    None when the legal basis is another. `described` is None when the description is not known any more.
    """

    code: str
    version: int
    fingerprint: str
    agreement: AgreementFacts | None
    counts: bool
    consent: str | None
    items: tuple[ExplainedItem, ...]
    uses: Uses | None = None
    described: ResourceDescription | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One request as it was decided. `at_ms` is Unix time in milliseconds, UTC; `bundle` the bundle's digest.

    `purpose_words` are the purpose's names, Chinese and English; None when it is not registered. `further` holds facts
    of other parts (such as a consent's id) by name, as text; `emergency` is the reason of the declared emergency, empty
    when none is declared.
    """

    at_ms: int
    consumer: str
    system: str
    purpose: str
    purpose_words: tuple[str, str] | None
    basis: str
    scheme: str
    case_present: bool
    official_present: bool
    bundle: str
    resources: tuple[ExplainedResource, ...]
    further: Mapping[str, str] = field(default_factory=dict)
    emergency: str = ""

    @property
    def refuses(self) -> bool:
        """Whether nobody may be asked: a required item is withheld, or nothing is left."""
        items = [item for resource in self.resources for item in resource.items]
        required = any(item.necessity is Necessity.REQUIRED for item in items if not item.released)
        return required or not any(item.released for item in items)
