"""`oncegate audit search | stats | report | rebuild-search`: an auditor's review of the access log.

Each of them is itself on the log before anything is shown; a search for a person needs a reason, and the person sees
it. Answers come from the gateway; what they say is in the log and can be verified in a copy (`oncegate audit export`).
"""

import csv
import json
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, TextIO

import typer

from gateway.audit.review.formats import Format, header, record, safe_cell, summary
from gateway.audit.review.tallies import Dimension
from gateway.cli import audit_conditions as conditions
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.offline import open_offline
from gateway.cli.options import Address, AsJson, CaFile, Home, TokenFile
from gateway.cli.output import EXIT_UNVERIFIED, command, console, emit, say, table
from gateway.cli.retained import retained_of, say_retained
from oncegate.v1 import audit_pb2, audit_pb2_grpc
from policies.civil_time import DAY_MS, civil_date
from policies.plain import printable, printable_json

_EXPORT_DEADLINE_S: Final = 3600.0
_PAGES: Final = 8
_STDOUT: Final = Path("-")
_REPORT_DAYS: Final = 84
_HIDDEN_DAYS: Final = 366


class ListedPeriod(StrEnum):
    """What counts are put together by."""

    DAY = "day"
    WEEK = "week"
    ALL = "all"


class Report(StrEnum):
    """The saved reports, each week by week."""

    DEPARTMENTS = "departments"
    PURPOSES = "purposes"
    FIELDS = "fields"
    REFUSALS = "refusals"
    EMERGENCIES = "emergencies"
    OPENINGS = "openings"


_REPORTS: Final = {
    Report.DEPARTMENTS: (Dimension.DEPARTMENT, ""),
    Report.PURPOSES: (Dimension.PURPOSE, ""),
    Report.FIELDS: (Dimension.FIELD, ""),
    Report.REFUSALS: (Dimension.REASON, "refused"),
    Report.EMERGENCIES: (Dimension.EMERGENCY, ""),
    Report.OPENINGS: (Dimension.AUDITOR, "identity_opened"),
}
AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV that a spreadsheet opens safely.")]


@command
@conditions.searching
def search(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    wanted: audit_pb2.SearchFilter,
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=500, help="Entries a page.")] = 50,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    as_json: AsJson = False,
) -> None:
    """Search the access log: every condition that you give has to hold. Newest first; people appear as random ids.

    A request is shown once, as what became of it. Searching for a person needs --why; the person sees that you did.
    """
    found: list[audit_pb2.FoundEntry] = []
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        for _ in range(_PAGES):
            request = audit_pb2.SearchEntriesRequest(filter=wanted, page_size=page_size - len(found), page_token=page)
            response = stub.SearchEntries(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
            found += response.hits
            page = response.next_page_token
            # A page may be short because much had to be looked through: a few more make it whole.
            if not page or len(found) >= page_size:
                break
    hits = [conditions.hit_of(one, json.loads) for one in found]
    rows = [summary(hit) for hit in hits]

    def human() -> None:
        shown = [
            (
                row["entry"],
                row["time"].replace("T", " ")[:19],
                row["outcome"] + (f"\n{row['reason']}" if row["reason"] else ""),
                row["system"] or row["department"],
                "\n".join(filter(None, (row["purpose"], row["case"], row["emergency"]))),
                row["person"][:8],
                row["fields"].replace(" ", "\n"),
            )
            for row in rows
        ]
        columns = (
            "entry 日志号",
            "time 时间",
            "outcome 结果",
            "who 调用方",
            "why 用途与案号",
            "person 主体",
            "fields 信息项",
        )
        table("Access log 访问日志", columns, shown)
        if page:
            say(f"looked back to entry {response.looked_back_to}; more 更多: --page {page}")
        say_retained(retained)

    retained = retained_of(response)
    document = {"hits": rows, "next_page": page, "looked_back_to": response.looked_back_to, "retained": retained}
    emit(document, as_json=as_json, human=human)


@command
def stats(  # noqa: PLR0917 - typer calls it by name
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    by: Annotated[Dimension, typer.Option("--by", help="What to count by.")] = Dimension.DEPARTMENT,
    period: Annotated[ListedPeriod, typer.Option("--per", help="day, week (from Monday) or all.")] = ListedPeriod.WEEK,
    from_: conditions.From = "",
    until: conditions.Until = "",
    department: conditions.Department = "",
    outcome: Annotated[
        str, typer.Option("--outcome", help="Only those of which this became, such as released or withheld.")
    ] = "",
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Count requests by department, purpose, field and the like. Without times: the last twelve weeks; days are UTC+8.

    Requests are counted once, as what became of them; fields with what became of the field.
    """
    _count(gateway, ca, token_file, (by, period, department, outcome), (from_, until), as_csv=as_csv, as_json=as_json)


@command
def report(
    name: Annotated[
        Report,
        typer.Argument(help="departments, purposes, fields, refusals, emergencies or openings (of identities)."),
    ],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    from_: conditions.From = "",
    until: conditions.Until = "",
    department: conditions.Department = "",
    as_csv: AsCsv = False,
    as_json: AsJson = False,
) -> None:
    """Print a saved report, week by week; without times of the last twelve weeks."""
    by, outcome = _REPORTS[name]
    what = (by, ListedPeriod.WEEK, department, outcome)
    _count(gateway, ca, token_file, what, (from_, until), as_csv=as_csv, as_json=as_json)


@command
def rebuild_search(home: Home, as_json: AsJson = False) -> None:
    """Empty the tables by which the log is searched and counted and fill them again out of the log. For the operator.

    The gateway may run meanwhile; searches then read the log itself and are slower.
    """
    from gateway.bootstrap.log_search import rebuild  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        size = rebuild(offline.ledger)
    emit({"entries": size}, as_json=as_json, human=lambda: say(f"indexed 已索引: {size} entries"))


def write_found(
    stub: Any, request: audit_pb2.ExportEntriesRequest, token_file: Path, target: Path, form: Format
) -> tuple[int, bool]:
    """Write everything that a search finds to a file, or to standard output for `-`.

    Returns:
        How many entries were written, and whether there are more.

    Raises:
        OSError: The file exists or cannot be written; a file that was begun stays as far as it got.
    """
    written, more, origin = 0, False, ""
    stream = stub.ExportEntries(request, metadata=bearer_metadata(token_file), timeout=_EXPORT_DEADLINE_S)
    with nullcontext(sys.stdout) if target == _STDOUT else _created(target) as file:
        for number, message in enumerate(stream):
            if number == 0:
                origin = message.origin
                file.write(header(form))
            for found in message.hits:
                line = record(form, conditions.hit_of(found, json.loads), origin)
                file.write(_shown(form, line) if target == _STDOUT else line)
            written, more = written + len(message.hits), message.more
    return written, more


def _shown(form: Format, line: str) -> str:
    """A record as a terminal may be given it; a file gets the log's own text."""
    if form is Format.CSV:
        return printable(line.removesuffix("\r\n")) + "\r\n"
    return printable_json(json.loads(line), separators=(",", ":")) + "\n"


def _created(path: Path) -> TextIO:
    # Never over a file that is there; readable by its owner only, since it tells who did what.
    path.touch(mode=0o600, exist_ok=False)
    return path.open("w", encoding="utf-8", newline="")


def _count(
    gateway: str,
    ca: Path,
    token_file: Path,
    what: tuple[Dimension, ListedPeriod, str, str],
    times: tuple[str, str],
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    by, period, department, outcome = what
    until_ms = conditions.moment_of(times[1], "--until") or int(time.time() * 1000) + 1
    from_ms = conditions.moment_of(times[0], "--from") or max(0, until_ms - _REPORT_DAYS * DAY_MS)
    if from_ms >= until_ms:
        raise typer.BadParameter("must be after --from", param_hint="--until")
    request = audit_pb2.GetStatisticsRequest(
        dimension=str(by),
        period=str(period),
        from_unix_ms=from_ms,
        until_unix_ms=until_ms,
        department=department,
        outcome=outcome,
    )
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        response = stub.GetStatistics(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    columns = ("from", "department", str(by), "outcome", "count")
    rows = [
        (str(civil_date(row.period_unix_ms)), row.department, row.value, row.outcome, row.count)
        for row in response.rows
    ]
    document = {
        "rows": [dict(zip(("from", "department", "value", "outcome", "count"), row, strict=True)) for row in rows],
        "more": response.more,
        "counted_below": response.counted_below,
        "log_size": response.log_size,
        "retained": retained_of(response),
    }
    if as_csv:
        _csv(columns, rows)
        if response.more or response.counted_below < response.log_size:
            console(stderr=True).print("not everything is in it: see --json", markup=False)
        return

    def human() -> None:
        table("Access log 访问日志统计", columns, rows)
        if response.more:
            say("there are more; choose less time or one department 还有更多，请缩短时段或限定部门")
        if response.counted_below < response.log_size:
            say(f"counted up to entry {response.counted_below} of {response.log_size} 尚未统计最新条目")
        say_retained(document["retained"])

    emit(document, as_json=as_json, human=human)


def _csv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    sys.stdout.write("\ufeff")
    writer = csv.writer(sys.stdout, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([safe_cell(str(cell)) for cell in row] for row in rows)


@command
def hidden(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    from_: conditions.From = "",
    until: conditions.Until = "",
    as_json: AsJson = False,
) -> None:
    """Count what laws keep from persons until a day: by month, department and law, with the ends and missed ends.

    Without times of the last year. Exit code 5 when an end was missed.
    """
    until_ms = conditions.moment_of(until, "--until") or int(time.time() * 1000) + 1
    from_ms = conditions.moment_of(from_, "--from") or max(0, until_ms - _HIDDEN_DAYS * DAY_MS)
    with people_channel(gateway, ca) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        request = audit_pb2.CountHiddenRequest(from_unix_ms=from_ms, until_unix_ms=until_ms)
        response = stub.CountHidden(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    rows = [
        {
            "month": f"{civil_date(row.month_unix_ms):%Y-%m}",
            "department": row.department,
            "law": row.law,
            "hidden": row.hidden,
            "ended": row.ended,
            "overdue": row.overdue,
            "first_end_unix_ms": row.first_end_unix_ms,
            "last_end_unix_ms": row.last_end_unix_ms,
            "overdue_entries": list(row.overdue_entries),
        }
        for row in response.rows
    ]

    def human() -> None:
        columns = (
            "month 月份",
            "department 部门",
            "law 法律依据",
            "hidden 未告知",
            "ended 已告知",
            "overdue 逾期",
            "ends 告知日期",
        )
        shown = [
            (
                row.month_unix_ms and f"{civil_date(row.month_unix_ms):%Y-%m}",
                row.department,
                row.law,
                row.hidden,
                row.ended,
                f"{row.overdue}: {', '.join(map(str, row.overdue_entries))}" if row.overdue else 0,
                f"{civil_date(row.first_end_unix_ms)} … {civil_date(row.last_end_unix_ms)}" if row.hidden else "",
            )
            for row in response.rows
        ]
        table("Kept from persons by law 依法延迟告知", columns, shown)
        if response.more:
            say("there are more; choose less time 还有更多，请缩短时段")

    emit({"rows": rows, "more": response.more}, as_json=as_json, human=human)
    if any(row.overdue for row in response.rows):
        raise typer.Exit(EXIT_UNVERIFIED)
