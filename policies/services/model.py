"""A service item: what a department does for people on application, and which evidence it needs for that.

An evidence type is one fact, found in one resource or handed in. A requirement has lists of evidence types: every one
in a list is needed, any one of the lists will do, and the first that does counts. What follows when none does is
written down for each requirement.

What it does not do: it knows no person and no answer; see `policies.services.judge` and `evaluate`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from policies.items import AskedItem
from policies.reasons import Text
from policies.service_reference import ServiceReference
from policies.vocabulary import LegalBasis


class Necessity(StrEnum):
    """What it means for the application when a requirement is not met."""

    REQUIRED = "required"
    """The application is incomplete."""
    DEFERRABLE = "deferrable"
    """The application is taken all the same; the evidence is owed and follows within a term (容缺受理)."""
    OPTIONAL = "optional"
    """Nothing; it is looked at only when somebody asks for it."""


class Channel(StrEnum):
    """Where an evidence type comes from."""

    SHARED_DATA = "shared_data"
    """From another department, through the exchange."""
    E_CERTIFICATE = "e_certificate"
    """The applicant shows an electronic certificate."""
    APPLICANT = "applicant"
    """The applicant hands it in."""
    AGENCY = "agency"
    """The department finds it out itself."""


class NoMatch(StrEnum):
    """What follows when no list of a requirement is satisfied."""

    SUPPLEMENT = "supplement"
    """The applicant hands something in."""
    DECLARATION = "declaration"
    """The applicant declares it under a commitment (告知承诺)."""
    CHECK = "check"
    """The department finds it out itself."""
    REFUSAL = "refusal"
    """Nothing else will do: the application cannot go on."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """An evidence type: one fact about the applicant.

    Attributes:
        code: Its code in the service item.
        title: Its public name.
        channel: Where it comes from.
        items: What is asked for; every one must hold. Empty unless it comes as shared data.
        user_provided: Whether what the person entered themselves counts too.
        by_hand: What the applicant can show instead, or hands in; None when nothing else will do.
    """

    code: str
    title: Text
    channel: Channel
    items: tuple[AskedItem, ...]
    user_provided: bool
    by_hand: Text | None


@dataclass(frozen=True, slots=True)
class Fallback:
    """What follows when no list of a requirement is satisfied.

    Attributes:
        then: What kind of thing.
        text: What the applicant or the clerk has to do.
    """

    then: NoMatch
    text: Text


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something that has to be shown for a service.

    Attributes:
        code: Its code in the service item.
        title: Its public name.
        necessity: What it means when it is not met.
        lists: Codes of evidence types: all of one list, any list.
        no_match: What follows when no list is satisfied.
        due_days: With `deferrable`, within how many days the evidence follows; 0 otherwise.
    """

    code: str
    title: Text
    necessity: Necessity
    lists: tuple[tuple[str, ...], ...]
    no_match: Fallback
    due_days: int


@dataclass(frozen=True, slots=True)
class ServiceItem:
    """A service item. Made by `parse_service`.

    Attributes:
        code: The catalogue's code.
        version: From 1; another text has another version.
        department: Id of the department that offers it and asks for the evidence.
        title: Its public name.
        purpose: Registered purpose under which evidence is asked for.
        legal_basis: Legal ground under which evidence is asked for.
        laws: The laws that the service and its requirements rest on.
        subject_scheme: Kind of the applicant's identifier.
        evidence: Evidence types by code, in the file's order.
        requirements: In the file's order.
        digest: SHA-256 of the file's exact bytes.
    """

    code: str
    version: int
    department: str
    title: Text
    purpose: str
    legal_basis: LegalBasis
    laws: tuple[str, ...]
    subject_scheme: str
    evidence: Mapping[str, Evidence]
    requirements: tuple[Requirement, ...]
    digest: bytes

    def __hash__(self) -> int:
        """By digest: equal bytes are equal service items."""
        return hash(self.digest)

    @property
    def reference(self) -> ServiceReference:
        """What names it in requests and in the access log."""
        return ServiceReference(self.code, self.version, self.digest)

    def members(self, codes: tuple[str, ...]) -> tuple[Evidence, ...]:
        """The evidence types of one list."""
        return tuple(self.evidence[code] for code in codes)

    def requirement(self, code: str) -> Requirement | None:
        """The requirement with this code, or None."""
        return next((one for one in self.requirements if one.code == code), None)
