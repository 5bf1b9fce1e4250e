"""`oncegate emergency`: what was asked under declared emergencies, for the operator, auditors and the steward."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.emergency_texts import reason_text, summary_json, summary_lines, use_json, use_lines
from gateway.cli.offline import open_offline
from gateway.cli.options import Address, AsJson, CaFile, Home, TokenFile
from gateway.cli.output import command, emit, moment, say, table
from oncegate.v1 import emergency_pb2, emergency_pb2_grpc

if TYPE_CHECKING:
    from gateway.emergencies.uses import EmergencyUse

app = typer.Typer(no_args_is_help=True, help="Declared emergencies: what was asked, and its review. 紧急使用与复核")

_PAGE = 200
_ID_BYTES = 16
_DAY_MS = 86_400_000
Consumer = Annotated[str, typer.Option("--consumer", help="Only those of this asking department.")]
PageSize = Annotated[int, typer.Option("--page-size", min=1, max=100, help="Uses a page.")]
Page = Annotated[str, typer.Option("--page", help="Page token printed by the page before.")]


class ListedState(StrEnum):
    """Which uses to list."""

    ALL = "all"
    OPEN = "open"
    OVERDUE = "overdue"


class ListedSide(StrEnum):
    """Of a steward's department."""

    PROVIDED = "provided"
    ASKED = "asked"


class Finding(StrEnum):
    """What a review found."""

    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FOLLOW_UP = "follow_up"


@app.command("list")
@command
def list_(
    home: Home,
    provider: Annotated[str, typer.Option("--provider", help="Only those that this department reviews.")] = "",
    consumer: Consumer = "",
    as_json: AsJson = False,
) -> None:
    """List every emergency use and how its review stands. For the operator; statements are for the steward."""
    _operator(home, provider, consumer, overdue=False, as_json=as_json)


@app.command("overdue")
@command
def overdue(
    home: Home,
    provider: Annotated[str, typer.Option("--provider", help="Only those that this department reviews.")] = "",
    consumer: Consumer = "",
    as_json: AsJson = False,
) -> None:
    """List the emergency uses whose review is late. For the operator."""
    _operator(home, provider, consumer, overdue=True, as_json=as_json)


@app.command("notices")
@command
def notices(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    state: Annotated[ListedState, typer.Option("--state", help="Which: all, open or overdue.")] = ListedState.OPEN,
    side: Annotated[
        ListedSide,
        typer.Option("--side", help="For a steward: what the department provided, or what its own systems asked for."),
    ] = ListedSide.PROVIDED,
    consumer: Consumer = "",
    page_size: PageSize = 20,
    page: Page = "",
    as_json: AsJson = False,
) -> None:
    """Show emergency uses, oldest first: a steward what the department has to review, an auditor all of them.

    With --side asked, a steward sees what the department's own systems declared and what became of it. What a steward
    reads is on the access log, and the persons concerned see it.
    """
    with people_channel(gateway, ca) as channel:
        stub = emergency_pb2_grpc.EmergencyServiceStub(channel)
        request = emergency_pb2.ListEmergenciesRequest(
            state=f"EMERGENCY_STATE_{state.upper()}",
            side=f"EMERGENCY_SIDE_{side.upper()}",
            consumer=consumer,
            page_size=page_size,
            page_token=page,
        )
        response = stub.ListEmergencies(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)

    def human() -> None:
        for use in response.uses:
            for line in use_lines(use):
                say(line)
        if not response.uses:
            say("none 无")
        if response.next_page_token:
            say(f"more 更多: --page {response.next_page_token}")

    documents = [use_json(use) for use in response.uses]
    emit({"uses": documents, "next_page": response.next_page_token}, as_json=as_json, human=human)


@app.command("review")
@command
def review(
    use: Annotated[str, typer.Argument(help="Number of the use, 32 hexadecimal digits.")],
    outcome: Annotated[Finding, typer.Option("--outcome", help="justified, not_justified or follow_up.")],
    text: Annotated[str, typer.Option("--text", help="What you found; 1 to 1000 characters, on the access log.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    as_json: AsJson = False,
) -> None:
    """Review an emergency use, as a steward of the department that provided. Final, unless it is to be followed up.

    A follow-up has a date of its own and comes once. After not_justified the department that received something is told
    to erase it.
    """
    with people_channel(gateway, ca) as channel:
        stub = emergency_pb2_grpc.EmergencyServiceStub(channel)
        request = emergency_pb2.ReviewEmergencyRequest(
            use_id=_use_id(use), outcome=f"REVIEW_OUTCOME_{outcome.upper()}", text=text
        )
        response = stub.ReviewEmergency(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    emit(use_json(response.use), as_json=as_json, human=lambda: say(f"reviewed 已复核: {use} {outcome}"))


@app.command("summary")
@command
def summary(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    days: Annotated[int, typer.Option("--days", min=1, max=3660, help="Of how many last days.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Count emergency uses by parties, agreement and reason, with what reviews found. For an auditor."""
    with people_channel(gateway, ca) as channel:
        stub = emergency_pb2_grpc.EmergencyServiceStub(channel)
        from_ms = max(0, int(time.time() * 1000) - days * _DAY_MS)
        request = emergency_pb2.SummariseEmergenciesRequest(from_unix_ms=from_ms)
        response = stub.SummariseEmergencies(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    rows = [summary_json(row) for row in response.rows]

    def human() -> None:
        for row in response.rows:
            for line in summary_lines(row):
                say(line)
        if not rows:
            say("none 无")
        if response.more:
            say("there are more; ask for fewer days 还有更多，请缩短时段")

    emit({"rows": rows, "more": response.more}, as_json=as_json, human=human)


def _use_id(text: str) -> bytes:
    try:
        use_id = bytes.fromhex(text)
    except ValueError:
        use_id = b""
    if len(use_id) != _ID_BYTES:
        raise typer.BadParameter("must be 32 hexadecimal digits", param_hint="USE")
    return use_id


def _operator(home: Path, provider: str, consumer: str, *, overdue: bool, as_json: bool) -> None:
    from gateway.emergencies.uses import EmergencyUses, State  # noqa: PLC0415 - see gateway.cli.offline

    found: list[EmergencyUse] = []
    with open_offline(home) as offline:
        uses, after = EmergencyUses(offline.engine, offline.clock), None
        while True:
            state = State.OVERDUE if overdue else State.ALL
            page = uses.list(state, provider=provider, consumer=consumer, after=after, limit=_PAGE)
            found += page
            if len(page) < _PAGE:
                break
            after = (page[-1].use.asked_ms, page[-1].use_id)
        now_ms = offline.clock.now_ms()
    rows = [
        (
            one.use_id.hex(),
            moment(one.use.asked_ms),
            f"{one.use.provider} → {one.use.consumer}",
            f"{one.use.agreement_id} r{one.use.agreement_revision}",
            reason_text(one.use.reason),
            moment(one.use.due_ms) + (" OVERDUE" if one.late(now_ms) else ""),
            str(one.outcome or "not reviewed"),
            moment(one.steward_read_ms),
        )
        for one in found
    ]
    columns = ("use", "asked", "who", "agreement", "reason", "review due", "review", "read by a steward")
    emit([_plain(one, now_ms) for one in found], as_json=as_json, human=lambda: table("Emergency uses", columns, rows))


def _plain(one: "EmergencyUse", now_ms: int) -> dict[str, Any]:
    use = one.use
    return {
        "use": one.use_id.hex(),
        "entry": one.entry,
        "provider": use.provider,
        "consumer": use.consumer,
        "system": use.system,
        "resource": use.resource,
        "agreement": use.agreement_id,
        "revision": use.agreement_revision,
        "reason": use.reason,
        "asked_unix_ms": use.asked_ms,
        "due_unix_ms": use.due_ms,
        "overdue": one.late(now_ms),
        "person_from_unix_ms": use.person_from_ms,
        "law": use.law,
        "steward_read_unix_ms": one.steward_read_ms,
        "reviewed_unix_ms": one.reviewed_ms,
        "outcome": str(one.outcome or ""),
    }
