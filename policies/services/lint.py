"""Lints a service item against accepted agreements and the catalogue: what can never be had, and what tells more.

Rules kept here: both are as of the moment of linting; an error is said only for a term that the catalogue does not have
and where an application could never be complete by what is shared or handed in.

What it does not do: it changes nothing: what no agreement permits is not asked for when the service is used, either.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from policies.agreements import Agreement
from policies.items import AskedItem
from policies.lint.findings import Severity
from policies.predicates import Predicate
from policies.reasons import Text
from policies.services.model import Evidence, Necessity, Requirement, ServiceItem
from policies.services.reach import Asker, permitted_form
from policies.vocabulary import DataType, Form


class ServiceFinding(StrEnum):
    """Stable codes."""

    NEVER_SATISFIED = "NEVER_SATISFIED"
    NEVER_SATISFIED_BUT_NOT_REQUIRED = "NEVER_SATISFIED_BUT_NOT_REQUIRED"
    LIST_NOT_AGREED = "LIST_NOT_AGREED"
    ONLY_BY_HAND = "ONLY_BY_HAND"
    MORE_REVEALING = "MORE_REVEALING"
    NOT_IN_CATALOGUE = "NOT_IN_CATALOGUE"
    NOT_OFFERED = "NOT_OFFERED"
    QUESTION_DOES_NOT_FIT = "QUESTION_DOES_NOT_FIT"
    SCHEME_NOT_ACCEPTED = "SCHEME_NOT_ACCEPTED"


FINDINGS: Final[Mapping[ServiceFinding, tuple[Severity, Text]]] = MappingProxyType(
    {
        ServiceFinding.NEVER_SATISFIED: (
            Severity.ERROR,
            Text("按已接受的共享协议永远无法满足", "can never be satisfied under the accepted agreements"),
        ),
        ServiceFinding.NEVER_SATISFIED_BUT_NOT_REQUIRED: (
            Severity.WARNING,
            Text(
                "按已接受的共享协议永远无法满足（非必需）",
                "can never be satisfied under the accepted agreements, and is not required",
            ),
        ),
        ServiceFinding.LIST_NOT_AGREED: (
            Severity.WARNING,
            Text("该组材料没有共享协议允许查询，不会查询", "no agreement permits this list; it is never asked for"),
        ),
        ServiceFinding.ONLY_BY_HAND: (
            Severity.NOTE,
            Text("只能由申请人提交或由本部门核查", "can be satisfied only by what is handed in or found out"),
        ),
        ServiceFinding.MORE_REVEALING: (
            Severity.NOTE,
            Text(
                "没有协议允许披露更少的形式，将取得更多",
                "no agreement permits the less revealing form, so more is told",
            ),
        ),
        ServiceFinding.NOT_IN_CATALOGUE: (
            Severity.ERROR,
            Text("目录中没有该资源或信息项", "the catalogue has no such resource or field"),
        ),
        ServiceFinding.NOT_OFFERED: (
            Severity.ERROR,
            Text("目录不提供所需的任何形式", "the catalogue offers it in no form that will do"),
        ),
        ServiceFinding.QUESTION_DOES_NOT_FIT: (
            Severity.ERROR,
            Text("该判断不适用于此数据类型", "the question does not fit the field's type"),
        ),
        ServiceFinding.SCHEME_NOT_ACCEPTED: (
            Severity.ERROR,
            Text(
                "该资源不能按申请人的标识类型查询", "the resource is not searched by the applicant's kind of identifier"
            ),
        ),
    }
)
"""Severity and text by code; total (tested)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding.

    Attributes:
        code: What it is.
        subject: The requirement, with the position of the list from 1 where it is about one, or the evidence type.
        detail: What shows it: items and forms.
    """

    code: ServiceFinding
    subject: str
    detail: str = ""

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return FINDINGS[self.code][0]

    @property
    def text(self) -> Text:
        """What it is, in both languages."""
        said = FINDINGS[self.code][1]
        detail = f" [{self.detail}]" if self.detail else ""
        return Text(f"{self.subject}：{said.zh}{detail}", f"{self.subject}: {said.en}{detail}")


def lint_service(service: ServiceItem, agreements: Iterable[Agreement], asker: Asker) -> tuple[Finding, ...]:
    """Look at every requirement and evidence type.

    Args:
        service: The service item.
        agreements: The accepted agreements.
        asker: Who would ask.

    Returns:
        Findings: requirements first, in the file's order.
    """
    return tuple(_Look(service, tuple(agreements), asker).findings())


@dataclass(frozen=True, slots=True)
class Offered:
    """What the catalogue says of one resource.

    Attributes:
        schemes: Kinds of identifiers by which it is searched.
        fields: Type and forms by field code, `record` included.
    """

    schemes: Collection[str]
    fields: Mapping[str, tuple[DataType, Collection[Form]]]


def lint_offered(service: ServiceItem, offered: Callable[[str], Offered | None]) -> tuple[Finding, ...]:
    """Compare what is needed with the catalogue.

    Args:
        service: The service item.
        offered: What the catalogue says of a resource, by its code; None when it has none.

    Returns:
        Findings, in the order of the evidence types; at most one for an item.
    """
    found: list[Finding] = []
    for evidence in service.evidence.values():
        for item in evidence.items:
            code = _mismatch(item, service.subject_scheme, offered(item.resource))
            if code is not None:
                found.append(Finding(code, evidence.code, str(item)))
    return tuple(found)


def _mismatch(item: AskedItem, scheme: str, resource: Offered | None) -> ServiceFinding | None:
    field = None if resource is None else resource.fields.get(item.field)
    if resource is None or field is None:
        return ServiceFinding.NOT_IN_CATALOGUE
    if scheme not in resource.schemes:
        return ServiceFinding.SCHEME_NOT_ACCEPTED
    data_type, forms = field
    need = item.need
    if need is not None and need.operator is not None:
        question = Predicate("", item.field, need.operator, need.constants)
        if not question.fits(data_type):
            return ServiceFinding.QUESTION_DOES_NOT_FIT
    return None if {item.form, *item.accepted} & set(forms) else ServiceFinding.NOT_OFFERED


class _Look:
    def __init__(self, service: ServiceItem, agreements: Sequence[Agreement], asker: Asker) -> None:
        self._service = service
        self._forms = {
            item: permitted_form(item, service, agreements, asker)
            for evidence in service.evidence.values()
            for item in evidence.items
        }

    def findings(self) -> Iterator[Finding]:
        for requirement in self._service.requirements:
            yield from self._requirement(requirement)
        for evidence in self._service.evidence.values():
            for item in evidence.items:
                form = self._forms[item]
                if form not in {None, item.form}:
                    yield Finding(ServiceFinding.MORE_REVEALING, evidence.code, f"{item.name}: {item.asks} → {form}")

    def _requirement(self, requirement: Requirement) -> Iterator[Finding]:
        lists = [self._service.members(codes) for codes in requirement.lists]
        if not any(all(self._shared(one) or one.by_hand is not None for one in members) for members in lists):
            required = requirement.necessity is Necessity.REQUIRED
            code = ServiceFinding.NEVER_SATISFIED if required else ServiceFinding.NEVER_SATISFIED_BUT_NOT_REQUIRED
            yield Finding(code, requirement.code)
        elif not any(all(map(self._shared, members)) for members in lists):
            yield Finding(ServiceFinding.ONLY_BY_HAND, requirement.code)
        for place, members in enumerate(lists, start=1):
            missing = [str(item) for one in members for item in one.items if self._forms[item] is None]
            if missing:
                yield Finding(ServiceFinding.LIST_NOT_AGREED, f"{requirement.code}[{place}]", ", ".join(missing))

    def _shared(self, evidence: Evidence) -> bool:
        """Whether it can come from another department."""
        return bool(evidence.items) and all(self._forms[item] is not None for item in evidence.items)
