"""What an explanation is made of: one request, by resource, with everything that entered its decision."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

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
    """How much of a day's number is taken, of how much there may be: uses of an agreement, or different subjects."""

    taken: int
    per_day: int


@dataclass(frozen=True, slots=True)
class Damaged:
    """An agreement that is not used because what is stored is not what was signed; `rule` says what does not hold."""

    id: str
    revision: int
    rule: str


class Fate(StrEnum):
    """What became of an item that was permitted."""

    RELEASED = "released"
    NOT_RELEASED = "not_released"
    SILENT = "silent"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Ending:
    """Why nothing was released although the decision permitted it, or nothing was even decided.

    Args:
        code: The reason's code.
        zh: What it means, in Chinese.
        en: The same in English.
        broke_off: Whether it broke off by itself; else it was refused.
    """

    code: str
    zh: str
    en: str
    broke_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedItem:
    """One item as it was decided: permitted in its form or withheld, the reason's code, the rules that decided.

    `needed` is the least revealing form that would have done; `predicate` the name of the question that is answered.
    `released` says what was decided (`reason` is empty then), `became` what came of it: None when it was withheld, and
    of a question that nobody asked. `because` says why a permitted one was not released, as far as it may be told.
    """

    field: str
    form: Form
    needed: Form
    predicate: str
    necessity: Necessity
    released: bool
    reason: str
    rules: tuple[RuleText, ...]
    became: Fate | None = None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedResource:
    """One resource: which version of its description, which agreement (None: none), and each item.

    `counts` says whether the agreement was in force for the request; one that was not is named because it tells which
    condition failed. `consent` is the reason why the person's consent does not cover the items, empty when it does,
    None when the legal basis is another. `uses` and `subjects` are the agreement's numbers of the decision's day, None
    when they are not kept any more; `rate_per_minute` is 0 where the agreement is not kept. `damaged` are agreements of
    the consumer for the resource that are not used now. `described` is None when the description is not known any more.
    """

    code: str
    version: int
    fingerprint: str
    agreement: AgreementFacts | None
    counts: bool
    consent: str | None
    items: tuple[ExplainedItem, ...]
    uses: Uses | None = None
    subjects: Uses | None = None
    rate_per_minute: int = 0
    damaged: tuple[Damaged, ...] = ()
    described: ResourceDescription | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One request as it was decided. `at_ms` is Unix time in milliseconds, UTC; `bundle` the bundle's digest.

    `purpose_words` are the purpose's names, Chinese and English; None when it is not registered. `further` holds facts
    of other parts (such as a consent's id) by name, as text; `emergency` is the reason of the declared emergency, empty
    when none is declared; `service` the code of the service item, empty when none is named. `refuses` says whether
    nobody may be asked, since a required item is withheld or nothing is left: of the whole request, also where only a
    part of it is shown. `ending` is None when nothing but the decision stands in the way.
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
    service: str = ""
    refuses: bool = False
    ending: Ending | None = None


def refuses(resources: Iterable[ExplainedResource]) -> bool:
    """Whether nobody may be asked: a required item is withheld, or nothing is left.

    Args:
        resources: All of the request.
    """
    items = [item for resource in resources for item in resource.items]
    required = any(item.necessity is Necessity.REQUIRED for item in items if not item.released)
    return required or not any(item.released for item in items)
