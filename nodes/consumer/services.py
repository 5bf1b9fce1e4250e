"""Gathers the evidence of an application: asks round by round for the least that can still complete it.

`AsyncClient.services` is one. Purpose and legal basis come from the service item, whose reference is signed into every
request. What to ask for next, and what it all amounts to, is worked out by `policies.services`.

Rules kept here: what policy withholds or a provider leaves unanswered becomes part of the result, with its reason; an
answer that does not verify, and a first request that is refused for another reason, are raised as by `fetch`. A later
request that breaks off leaves open what it was for, and one that policy refuses as a whole leaves that out, so that
what was received before is not lost.
"""

import dataclasses
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nodes.clock import Clock
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.answer import Answer, Row, RowStatus
from nodes.consumer.items import Item
from nodes.consumer.request import Prepared
from nodes.consumer.service_files import ServiceFiles
from nodes.enrolment.errors import BadInput, GatewayUnreachable, RequestRefused
from policies.items import AskedItem
from policies.predicates import Operator
from policies.services import (
    Given,
    Known,
    Necessity,
    OnSilence,
    ServiceItem,
    ServiceResult,
    Status,
    Wanted,
    evaluate,
    next_round,
)
from policies.services.reach import Asker, not_agreed
from policies.vocabulary import DataType
from policies.vocabulary import Necessity as ItemNecessity

NO_OPERANDS: Final[Mapping[str, str]] = {}
_SILENT: Final = "ALL_PROVIDERS_SILENT"
_STATUSES: Final = {
    RowStatus.RELEASED: Status.RELEASED,
    RowStatus.NOT_AVAILABLE: Status.NOT_AVAILABLE,
    RowStatus.WITHHELD: Status.WITHHELD,
    RowStatus.SILENT: Status.SILENT,
}
_TYPES: Final = frozenset(DataType)


@dataclass(frozen=True, slots=True)
class Application:
    """What was gathered for one application.

    Args:
        service: The service item.
        result: Whether it is complete, requirement by requirement.
        answers: The verified answers, in the order asked.
    """

    service: ServiceItem
    result: ServiceResult
    answers: tuple[Answer, ...]

    def row(self, name: str) -> Row:
        """The newest released row of a field, else the newest row.

        Args:
            name: `resource:field`.

        Returns:
            The row.

        Raises:
            KeyError: It was not asked for.
        """
        rows = [row for answer in self.answers for row in answer if f"{row.resource}:{row.field}" == name]
        if not rows:
            raise KeyError("this was not asked for")
        return max(enumerate(rows), key=lambda one: (one[1].released, one[0]))[1]


class ServiceDesk:
    """The service items of one client.

    Args:
        files: The service items of the home.
        asker: Department and system of the home; its time is not looked at.
        accepted: The accepted agreements.
        clock: Tells the time.
        prepare: The client's.
        send: The client's.
    """

    def __init__(
        self,
        files: ServiceFiles,
        asker: tuple[str, str],
        accepted: AcceptedProviders,
        clock: Clock,
        prepare: Callable[..., Prepared],
        send: Callable[[Prepared], Awaitable[Answer]],
    ) -> None:
        self.files = files
        self._asker = asker
        self._accepted = accepted
        self._clock = clock
        self._prepare = prepare
        self._send = send

    async def gather(
        self,
        code: str,
        *,
        subject: tuple[str, str],
        case_reference: str = "",
        handed_in: Collection[str] = (),
        optional: Collection[str] = (),
        on_silence: OnSilence = OnSilence.WAIT,
        operands: Mapping[str, str] = NO_OPERANDS,
        deadline_s: float | None = None,
        official_token: str = "",
        consent: str = "",
        explicit_request: str = "",
    ) -> Application:
        """Asks for the evidence that a service needs, as little of it as will do.

        Args:
            code: Code of the service item.
            subject: Scheme and identifier of the applicant as typed.
            case_reference: The system's own case number; required by some agreements.
            handed_in: Codes of evidence types that somebody has seen; they are not asked for.
            optional: Codes of optional requirements to look at too.
            on_silence: Whether to ask for alternatives of what a provider leaves unanswered.
            operands: What equalities compare with, by `resource:field`.
            deadline_s: How long to wait for providers in each request, seconds; None takes the gateway's default.
            official_token: OIDC token of the official; required by some agreements.
            consent: Digest of the person's consent, hexadecimal; needed with the basis `consent`.
            explicit_request: Digest of the person's explicit request, where there is one.

        Returns:
            What was gathered.

        Raises:
            BadInput: Something breaks a rule; nothing was sent.
            RequestRefused: The gateway refused the first request, not because policy withholds something.
            GatewayUnreachable: It was not reached for the first request.
            UntrustedAnswer: An answer does not verify; nothing of any is handed out.
            HomeInvalid: The home is not enrolled or damaged.
        """
        service = self.files.get(code)
        _check(service, subject, handed_in, optional, operands)
        known = self._known(service, handed_in, operands)
        answers: list[Answer] = []
        while wanted := next_round(service, known, optional=optional, on_silence=on_silence):
            prepared = self._prepare(
                subject=subject,
                purpose=service.purpose,
                basis=service.legal_basis,
                items=[_item(one, operands) for one in wanted],
                case_reference=case_reference,
                deadline_s=deadline_s,
                official_token=official_token,
                consent=consent,
                explicit_request=explicit_request,
                service=service.reference,
            )
            try:
                answer = await self._send(prepared)
            except (RequestRefused, GatewayUnreachable) as error:
                told = _told(error, wanted)
                if not told and not answers:
                    raise
                known = self._learnt(known, told or _broken_off(error, wanted))
                if not told and not _refused(error):
                    break
                continue
            answers.append(answer)
            known = self._learnt(known, {one.item: _given(answer[one.item.name]) for one in wanted})
        return Application(service, evaluate(service, known, optional), tuple(answers))

    def _known(self, service: ServiceItem, handed_in: Collection[str], operands: Mapping[str, str]) -> Known:
        now_ms = self._clock.now_ms()
        department, system = self._asker
        beyond = not_agreed(service, self._accepted.agreements(now_ms), Asker(department, system, now_ms))
        return Known({}, now_ms, frozenset(handed_in), beyond, dict(operands))

    def _learnt(self, known: Known, more: Mapping[AskedItem, Given]) -> Known:
        return dataclasses.replace(known, given={**known.given, **more}, now_ms=self._clock.now_ms())


def _check(
    service: ServiceItem,
    subject: tuple[str, str],
    handed_in: Collection[str],
    optional: Collection[str],
    operands: Mapping[str, str],
) -> None:
    """Accepts by returning.

    Raises:
        BadInput: A rule is broken.
    """
    if subject[0] != service.subject_scheme:
        raise BadInput("subject", f"must be given by {service.subject_scheme}")
    for code in handed_in:
        evidence = service.evidence.get(code)
        if evidence is None or evidence.by_hand is None:
            raise BadInput("handed_in", "must be evidence of the service item that can be handed in")
    for code in optional:
        requirement = service.requirement(code)
        if requirement is None or requirement.necessity is not Necessity.OPTIONAL:
            raise BadInput("optional", "must be an optional requirement of the service item")
    compared = {
        item.name
        for evidence in service.evidence.values()
        for item in evidence.items
        if item.need is not None and item.need.operator is Operator.EQUALS
    }
    if operands.keys() != compared:
        raise BadInput("operands", "must be given exactly for what the service item compares")


def _item(wanted: Wanted, operands: Mapping[str, str]) -> Item:
    necessity = ItemNecessity.REQUIRED if wanted.required else ItemNecessity.OPTIONAL
    item = Item.of(wanted.item, necessity)
    compares = wanted.item.need is not None and wanted.item.need.operator is Operator.EQUALS
    return item.compared_with(operands[wanted.item.name]) if compares else item


def _given(row: Row) -> Given:
    return Given(
        status=_STATUSES[row.status],
        form=row.form,
        text=row.text,
        data_type=DataType(row.data_type) if row.data_type in _TYPES else None,
        department=row.department,
        source=row.source,
        as_of_ms=row.as_of_ms,
        marks=row.marks,
        reason=row.reason,
    )


def _told(error: RequestRefused | GatewayUnreachable, wanted: Sequence[Wanted]) -> dict[AskedItem, Given]:
    """What a refusal says of single items; empty when it says nothing of any."""
    if not isinstance(error, RequestRefused):
        return {}
    if error.code == _SILENT:
        return _all(wanted, Status.SILENT, error.code)
    reasons: dict[str, str] = {}
    # resource.field:form=REASON each, where policy withholds something (docs/api.md); a form has no colon in it.
    for part in error.facts.get("items", "").split(";"):
        name, _, reason = part.rpartition("=")
        reasons[name.rpartition(":")[0]] = reason
    return {
        one.item: Given(Status.WITHHELD, one.item.form, reason=reasons[f"{one.item.resource}.{one.item.field}"])
        for one in wanted
        if f"{one.item.resource}.{one.item.field}" in reasons
    }


def _refused(error: RequestRefused | GatewayUnreachable) -> bool:
    """Whether it is policy's last word, such as that a consent has no uses left, and asking again will not help."""
    return isinstance(error, RequestRefused) and error.status == "PERMISSION_DENIED"


def _broken_off(error: RequestRefused | GatewayUnreachable, wanted: Sequence[Wanted]) -> dict[AskedItem, Given]:
    return _all(wanted, Status.WITHHELD if _refused(error) else Status.FAILED, error.code)


def _all(wanted: Sequence[Wanted], status: Status, reason: str) -> dict[AskedItem, Given]:
    return {one.item: Given(status, one.item.form, reason=reason) for one in wanted}
