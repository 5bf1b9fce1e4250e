"""The conditions of an auditor's search as options, shared by the commands that search; and what comes back."""

import re
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from gateway.audit.kinds import PRUNED
from gateway.audit.review.query import Hit
from gateway.audit.views import LogEntry
from gateway.cli.output import EXIT_USAGE, fail
from oncegate.v1 import audit_pb2
from policies.civil_time import day_begins_ms
from policies.folding import fold

_LONGEST: Final = 256
_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?", re.ASCII)

From = Annotated[
    str,
    typer.Option("--from", help="From this day (2026-03-01), month (2026-03) or moment (ISO 8601) on; days are UTC+8."),
]
Until = Annotated[str, typer.Option("--until", help="Up to and not including this day, month or moment.")]
Department = Annotated[str, typer.Option("--department", help="Only what this department asked.")]
System = Annotated[str, typer.Option("--system", help="Only what this system asked: department/name or SPIFFE id.")]
Official = Annotated[str, typer.Option("--official", help="Only for this official: the keyed hash that entries show.")]
Purpose = Annotated[str, typer.Option("--purpose", help="Only for this purpose.")]
FieldName = Annotated[
    str,
    typer.Option(
        "--field", help="Only where this field was asked for (resource.field); with --outcome released, given."
    ),
]
Resource = Annotated[str, typer.Option("--resource", help="Only where something of this resource was asked for.")]
Outcome = Annotated[str, typer.Option("--outcome", help="Only this outcome or kind, such as released or refused.")]
Reason = Annotated[str, typer.Option("--reason", help="Only refusals with this reason code.")]
Rule = Annotated[str, typer.Option("--rule", help="Only what this rule decided.")]
Agreement = Annotated[str, typer.Option("--agreement", help="Only under this agreement.")]
Case = Annotated[str, typer.Option("--case", help="Only for this case number.")]
NoCase = Annotated[bool, typer.Option("--no-case", help="Only requests that named no case.")]
NoOfficial = Annotated[bool, typer.Option("--no-official", help="Only requests that named no official.")]
Emergency = Annotated[str, typer.Option("--emergency", help="Only under an emergency declared for this reason.")]
AnyEmergency = Annotated[bool, typer.Option("--any-emergency", help="Only under a declared emergency, for any reason.")]
LegalBasis = Annotated[
    str, typer.Option("--basis", help="Only on this legal basis: mandate, explicit_request or consent.")
]
Service = Annotated[str, typer.Option("--service", help="Only for this service item.")]
Auditor = Annotated[
    str, typer.Option("--auditor", help="Only what this auditor read: the keyed hash that entries show.")
]
Scheme = Annotated[str, typer.Option("--scheme", help="Scheme of the identifier in --person-file.")]
PersonFile = Annotated[
    Path | None,
    typer.Option(
        "--person-file",
        help="Only about the person whose identifier is in this file (- reads it from standard input). Needs --why.",
        allow_dash=True,
    ),
]
Pseudonym = Annotated[
    str, typer.Option("--pseudonym", help="Only about this random id that entries show. Needs --why.")
]
Why = Annotated[
    str, typer.Option("--why", help="Why you search for a person; on the access log, and the person sees it.")
]


_OPTIONS: Final[Mapping[str, tuple[Any, Any]]] = {
    "from_": (From, ""),
    "until": (Until, ""),
    "department": (Department, ""),
    "system": (System, ""),
    "official": (Official, ""),
    "purpose": (Purpose, ""),
    "field": (FieldName, ""),
    "resource": (Resource, ""),
    "outcome": (Outcome, ""),
    "reason": (Reason, ""),
    "rule": (Rule, ""),
    "agreement": (Agreement, ""),
    "case_reference": (Case, ""),
    "without_case": (NoCase, False),
    "without_official": (NoOfficial, False),
    "emergency": (Emergency, ""),
    "any_emergency": (AnyEmergency, False),
    "legal_basis": (LegalBasis, ""),
    "service": (Service, ""),
    "auditor": (Auditor, ""),
    "scheme": (Scheme, "cn.resident-id"),
    "person_file": (PersonFile, None),
    "pseudonym": (Pseudonym, ""),
    "why": (Why, ""),
}


def moment_of(text: str, name: str) -> int:
    """A day, a month or a moment as Unix ms; 0 for an empty text.

    Raises:
        typer.BadParameter: It is none of these.
    """
    folded = fold(text[:64])
    if not folded:
        return 0
    try:
        found = _DAY.fullmatch(folded)
        if found is not None:
            return max(0, day_begins_ms((date(int(found[1]), int(found[2]), int(found[3] or 1)) - _EPOCH).days))
        # A moment without its offset cannot be subtracted.
        since = datetime.fromisoformat(folded) - datetime(1970, 1, 1, tzinfo=UTC)
        return max(0, since // timedelta(milliseconds=1))
    except (ValueError, OverflowError, TypeError):
        rule = "must be a day (2026-03-01), a month (2026-03) or a moment with its offset (2026-03-01T08:00+08:00)"
        raise typer.BadParameter(rule, param_hint=name) from None


def searching(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command every condition of a search as an option; the command gets them as one message, `wanted`."""

    @wraps(function)
    def called(**given: Any) -> None:
        chosen = {name: given.pop(name) for name in _OPTIONS}
        function(**given, wanted=_filter_of(chosen))

    own = [one for one in signature(function).parameters.values() if one.name != "wanted"]
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in _OPTIONS.items()
    ]
    parameters = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in own] + options
    # The library that reads a command's options looks at both.
    called.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _filter_of(chosen: dict[str, Any]) -> audit_pb2.SearchFilter:
    from_, until = chosen.pop("from_"), chosen.pop("until")
    message = audit_pb2.SearchFilter(from_unix_ms=moment_of(from_, "--from"), until_unix_ms=moment_of(until, "--until"))
    if until and message.from_unix_ms >= message.until_unix_ms:
        raise typer.BadParameter("must be after --from", param_hint="--until")
    person = _person_of(chosen.pop("scheme"), chosen.pop("person_file"), chosen.pop("pseudonym"), chosen.pop("why"))
    if person is not None:
        message.person.CopyFrom(person)
    for name, value in chosen.items():
        setattr(message, name, value)
    return message


def _person_of(scheme: str, file: Path | None, pseudonym: str, why: str) -> audit_pb2.SearchedPerson | None:
    """The person that somebody searches for; an identifier comes from a file, so that no process list shows it."""
    if file is None and not pseudonym:
        if why:
            fail("--why goes with --person-file or --pseudonym", EXIT_USAGE)
        return None
    if not why.strip():
        fail("--why is needed to search for a person / 按人查询须说明理由", EXIT_USAGE)
    if file is None:
        return audit_pb2.SearchedPerson(pseudonym=fold(pseudonym[:128]), why=why)
    if pseudonym:
        fail("give --person-file or --pseudonym, not both", EXIT_USAGE)
    if str(file) == "-":
        text = sys.stdin.read(_LONGEST)
    else:
        with file.open(encoding="utf-8", errors="replace") as opened:
            text = opened.read(_LONGEST)
    return audit_pb2.SearchedPerson(scheme=scheme, identifier=text.strip(), why=why)


def log_entry(entry: audit_pb2.Entry, parse: Callable[[bytes], Mapping[str, Any]]) -> LogEntry:
    """An entry as it came over the wire; of one that was pruned only hashes came."""
    said: Mapping[str, Any] = {"time_ms": 0, "kind": PRUNED}
    if not entry.accountability_digest:
        said = parse(entry.accountability)
    return LogEntry(
        leaf_index=entry.leaf_index,
        leaf_hash=entry.leaf_hash,
        time_ms=said["time_ms"],
        kind=said["kind"],
        accountability=entry.accountability,
        accountability_salt=entry.accountability_salt,
        person=entry.person,
        person_salt=entry.person_salt,
        erased_digest=entry.person_digest,
        pruned_digest=entry.accountability_digest,
        pruned_under=entry.pruned_under if entry.accountability_digest else None,
    )


def hit_of(found: audit_pb2.FoundEntry, parse: Callable[[bytes], Mapping[str, Any]]) -> Hit:
    """A hit as it came over the wire."""
    question = log_entry(found.question, parse) if found.HasField("question") else None
    return Hit(log_entry(found.entry, parse), question)
