"""How service items and applications are shown: as JSON, and as tables for a clerk."""

from collections.abc import Iterator
from typing import Any, Protocol

from nodes.cli.answer_view import Names, answer_json, entries, print_rows
from nodes.cli.language import Language, word
from nodes.cli.output import moment, say, table
from nodes.consumer.services import Application
from policies.reasons import TEXT, Reason
from policies.services import Evidence, Necessity, Requirement, ServiceItem, Standing, State, Truth, Why
from policies.services.evaluate import ListResult, RequirementResult
from policies.services.judge import Gap, Shown
from policies.services.lint import Finding
from policies.services.words import CHANNELS, FALLBACKS, NECESSITIES, STANDINGS, STATES, WHYS


class BothLanguages(Protocol):
    """A text in both languages."""

    @property
    def zh(self) -> str:
        """In Chinese."""

    @property
    def en(self) -> str:
        """In English."""


def said(text: BothLanguages, language: Language) -> str:
    """A text in one language.

    Args:
        text: Both.
        language: Which.
    """
    return text.zh if language is Language.ZH else text.en


def service_json(service: ServiceItem) -> dict[str, Any]:
    """A service item as a JSON document.

    Args:
        service: The service item.

    Returns:
        The document described in docs/cli-node.md.
    """
    return {
        **_reference(service),
        "title": _both(service.title),
        "department": service.department,
        "purpose": service.purpose,
        "legal_basis": str(service.legal_basis),
        "laws": list(service.laws),
        "subject_scheme": service.subject_scheme,
        "evidence": [
            {
                "code": one.code,
                "title": _both(one.title),
                "channel": str(one.channel),
                "items": [str(item) for item in one.items],
                "user_provided": one.user_provided,
                "by_hand": None if one.by_hand is None else _both(one.by_hand),
            }
            for one in service.evidence.values()
        ],
        "requirements": [
            {**_requirement(one), "lists": [list(codes) for codes in one.lists]} for one in service.requirements
        ],
    }


def application_json(application: Application) -> dict[str, Any]:
    """What was gathered as a JSON document.

    Args:
        application: It.

    Returns:
        The document described in docs/cli-node.md.
    """
    result = application.result
    return {
        "service": _reference(application.service),
        "state": str(result.state),
        "complete": result.complete,
        "may_proceed": result.may_proceed,
        "requirements": [
            {
                **_requirement(one.requirement),
                "standing": str(one.standing),
                "by": None if one.by is None else one.by + 1,
                "lists": [_list(listed) for listed in one.lists],
            }
            for one in result.requirements
        ],
        "answers": [answer_json(answer) for answer in application.answers],
    }


def findings_json(findings: tuple[Finding, ...]) -> list[dict[str, str]]:
    """Findings as JSON.

    Args:
        findings: Of the linter.
    """
    return [
        {
            "code": str(one.code),
            "severity": str(one.severity),
            "subject": one.subject,
            "detail": one.detail,
            "zh": one.text.zh,
            "en": one.text.en,
        }
        for one in findings
    ]


def print_service(service: ServiceItem, language: Language) -> None:
    """Prints a service item: its requirements, and what shows each.

    Args:
        service: The service item.
        language: Which.
    """
    say(f"{said(service.title, language)}  {service.code} v{service.version}  sha256:{service.digest.hex()}")
    say(f"{word('purpose', language)}: {service.purpose} ({service.legal_basis}); {'; '.join(service.laws)}")
    rows = []
    for one in service.requirements:
        alternatives = [
            f"{place}. {' + '.join(_evidence(evidence, language) for evidence in service.members(codes))}"
            for place, codes in enumerate(one.lists, start=1)
        ]
        rows.append(
            (
                said(one.title, language),
                said(NECESSITIES[one.necessity], language),
                "\n".join(alternatives),
                _fallback(one, language),
            )
        )
    heads = [word(code, language) for code in ("requirement", "necessity", "shown_by", "no_match")]
    table(word("requirements", language), heads, rows)


def print_application(application: Application, names: Names, language: Language) -> None:
    """Prints what was gathered: requirement by requirement, then the values, then what it amounts to.

    Args:
        application: It.
        names: The catalogue's names.
        language: Which.
    """
    service, result = application.service, application.result
    heads = [word(code, language) for code in ("requirement", "necessity", "standing", "department", "as_of", "note")]
    rows = [
        (
            said(one.requirement.title, language),
            said(NECESSITIES[one.requirement.necessity], language),
            said(STANDINGS[one.standing], language),
            ", ".join(dict.fromkeys(who for member in _counting(one) for who in member.departments)),
            _as_of(one, language),
            "\n".join(_notes(one, language)),
        )
        for one in result.requirements
    ]
    table(f"{said(service.title, language)}  {service.code} v{service.version}", heads, rows)
    if application.answers:
        print_rows((row for answer in application.answers for row in answer), names, language)
    say(f"{word('application', language)}: {said(STATES[result.state], language)}")
    if result.state is State.DEFERRED:
        say(word("may_proceed", language))
    for answer in application.answers:
        say(word("verified", language).format(**entries(answer)))


def _counting(one: RequirementResult) -> tuple[Shown, ...]:
    """The members of the list that satisfies a requirement; none when none does."""
    return one.nearest.members if one.by is not None else ()


def _as_of(one: RequirementResult, language: Language) -> str:
    times = [member.as_of_ms for member in _counting(one) if not member.handed_in]
    known = [time for time in times if time is not None]
    return moment(min(known) if len(known) == len(times) else None, word("unknown", language)) if times else ""


def _notes(one: RequirementResult, language: Language) -> Iterator[str]:
    if one.standing is Standing.LEFT_OUT:
        return
    for member in one.nearest.members:
        title = said(member.evidence.title, language)
        if member.truth is Truth.HOLDS:
            marks = [word(f"mark.{mark}", language) for mark in member.marks]
            seen = [word("handed_in", language)] if member.handed_in else []
            yield f"✓ {title}" + (f" ({'; '.join([*seen, *marks])})" if seen or marks else "")
            continue
        yield f"{'?' if member.truth is Truth.OPEN else '✗'} {title}: {'; '.join(_gaps(member, language))}"
        if member.evidence.by_hand is not None:
            yield f"   → {said(member.evidence.by_hand, language)}"
    if one.standing in {Standing.MISSING, Standing.DEFERRED}:
        for listed in one.lists:
            if listed is not one.nearest and listed.by_hand:
                lacking = (said(m.evidence.by_hand, language) for m in listed.lacking if m.evidence.by_hand is not None)
                yield f"{word('or', language)} {' + '.join(lacking)}"
        yield f"→ {_fallback(one.requirement, language)}"


def _gaps(member: Shown, language: Language) -> Iterator[str]:
    for gap in member.gaps:
        field = "" if gap.item is None else f"{gap.item.name} "
        # A reason of policy or of a silence has a text of its own.
        reason = f" ({_reason(gap.reason, language)})" if gap.reason else ""
        yield f"{field}{said(WHYS[gap.why], language)}{reason}"


def _reason(code: str, language: Language) -> str:
    try:
        return f"{said(TEXT[Reason(code)], language)}, {code}"
    except ValueError:
        return code


def _evidence(evidence: Evidence, language: Language) -> str:
    where = ", ".join(str(item) for item in evidence.items) or said(CHANNELS[evidence.channel], language)
    return f"{said(evidence.title, language)} [{where}]"


def _fallback(requirement: Requirement, language: Language) -> str:
    fallback = requirement.no_match
    due = ""
    if requirement.necessity is Necessity.DEFERRABLE:
        due = " " + word("due_days", language).format(days=requirement.due_days)
    return f"{said(FALLBACKS[fallback.then], language)}: {said(fallback.text, language)}{due}"


def _requirement(requirement: Requirement) -> dict[str, Any]:
    return {
        "code": requirement.code,
        "title": _both(requirement.title),
        "necessity": str(requirement.necessity),
        "due_days": requirement.due_days,
        "no_match": {"then": str(requirement.no_match.then), **_both(requirement.no_match.text)},
    }


def _list(listed: ListResult) -> dict[str, Any]:
    return {
        "truth": listed.truth.name.lower(),
        "members": [
            {
                "evidence": member.evidence.code,
                "title": _both(member.evidence.title),
                "truth": member.truth.name.lower(),
                "handed_in": member.handed_in,
                "by_hand": None if member.evidence.by_hand is None else _both(member.evidence.by_hand),
                "departments": list(member.departments),
                "as_of_ms": member.as_of_ms,
                "marks": [str(mark) for mark in member.marks],
                "gaps": [_gap(gap) for gap in member.gaps],
            }
            for member in listed.members
        ],
    }


def _gap(gap: Gap) -> dict[str, Any]:
    return {
        "item": "" if gap.item is None else str(gap.item),
        "why": str(gap.why),
        "why_text": _both(WHYS[Why(gap.why)]),
        "reason": gap.reason,
        "department": gap.department,
    }


def _reference(service: ServiceItem) -> dict[str, Any]:
    return {"code": service.code, "version": service.version, "digest": service.digest.hex()}


def _both(text: BothLanguages) -> dict[str, str]:
    return {"zh": text.zh, "en": text.en}
