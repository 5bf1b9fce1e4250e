"""`oncegate audit alerts list | show | judge` and `oncegate audit detect`: what detection found, and an officer's word.

Reading and judging are on the access log; a judgement is final and changes no threshold.
"""

import sys
from enum import StrEnum
from typing import Annotated

import typer

from gateway.audit.review.facets import system_name
from gateway.cli import audit_conditions as conditions
from gateway.cli.alert_formats import csv_text, document, ocsf_line, time_text
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.offline import open_offline
from gateway.cli.options import Address, AsJson, CaFile, Home, TokenFile
from gateway.cli.output import command, emit, say, table
from oncegate.v1 import detection_pb2, detection_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Alerts about misuse in the access log. 告警")
_ID_BYTES = 16
_TO_THE_END_MS = 253_000_000_000_000


class ListedState(StrEnum):
    """How far an officer is."""

    OPEN = "open"
    LOOKING = "looking"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FALSE_ALARM = "false_alarm"


class Judgement(StrEnum):
    """What an officer can say."""

    LOOKING = "looking"
    JUSTIFIED = "justified"
    NOT_JUSTIFIED = "not_justified"
    FALSE_ALARM = "false_alarm"


AlertId = Annotated[str, typer.Argument(help="The alert, 32 hexadecimal digits.")]


@app.command("list")
@command
def list_alerts(  # noqa: PLR0917 - typer calls it by name
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    state: Annotated[
        list[ListedState] | None, typer.Option("--state", help="Only this state; may be repeated.")
    ] = None,
    from_: conditions.From = "",
    until: conditions.Until = "",
    every: Annotated[bool, typer.Option("--all", help="Also those that rank behind the daily number.")] = False,
    page_size: Annotated[int, typer.Option("--page-size", min=1, max=200, help="Alerts a page.")] = 50,
    page: Annotated[str, typer.Option("--page", help="Page token printed by the page before.")] = "",
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV that a spreadsheet opens safely.")] = False,
    as_ocsf: Annotated[bool, typer.Option("--ocsf", help="Print OCSF Detection Findings, one a line.")] = False,
    as_json: AsJson = False,
) -> None:
    """List alerts: newest day first, of a day the strongest first, as many of each day as the settings say."""
    request = detection_pb2.ListAlertsRequest(
        states=[str(one) for one in state or ()],
        from_unix_ms=conditions.moment_of(from_, "--from"),
        until_unix_ms=conditions.moment_of(until, "--until"),
        all=every,
        page_size=page_size,
        page_token=page,
    )
    with people_channel(gateway, ca) as channel:
        stub = detection_pb2_grpc.DetectionServiceStub(channel)
        response = stub.ListAlerts(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    if as_csv:
        sys.stdout.write(csv_text(response.alerts))
        return
    if as_ocsf:
        sys.stdout.writelines(ocsf_line(alert) for alert in response.alerts)
        return
    shown = {
        "alerts": [document(alert) for alert in response.alerts],
        "behind": response.behind,
        "alerts_per_day": response.alerts_per_day,
        "next_page": response.next_page_token,
        "looked_below": response.looked_below,
    }

    def human() -> None:
        rows = [
            (
                alert.alert_id.hex(),
                time_text(alert.raised_unix_ms),
                f"{alert.severity}\n{alert.state}",
                alert.points,
                f"{system_name(alert.system)}\n{alert.official[:16]}",
                "\n".join(dict.fromkeys(one.rule for one in alert.evidence)),
                sum(one.count for one in alert.evidence),
            )
            for alert in response.alerts
        ]
        columns = (
            "alert 告警",
            "raised 时间",
            "severity 级别",
            "points 分值",
            "who 调用方",
            "rules 规则",
            "entries 条数",
        )
        table("Alerts 告警", columns, rows)
        if response.behind:
            say(f"{response.behind} more rank behind {response.alerts_per_day} a day 另有低位告警: --all")
        if response.next_page_token:
            say(f"more 更多: --page {response.next_page_token}")

    emit(shown, as_json=as_json, human=human)


@app.command("show")
@command
def show(alert: AlertId, gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Show one alert: who, which entries, and for each piece of evidence what it was compared with."""
    with people_channel(gateway, ca) as channel:
        stub = detection_pb2_grpc.DetectionServiceStub(channel)
        request = detection_pb2.GetAlertRequest(alert_id=_id_of(alert))
        response = stub.GetAlert(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    _show(response.alert, as_json=as_json)


@app.command("judge")
@command
def judge(
    alert: AlertId,
    state: Annotated[Judgement, typer.Argument(help="looking, justified, not_justified or false_alarm.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    why: Annotated[str, typer.Option("--why", help="Why; on the access log for good.")],
    as_json: AsJson = False,
) -> None:
    """Say how far you are with an alert. Everything but looking is final."""
    with people_channel(gateway, ca) as channel:
        stub = detection_pb2_grpc.DetectionServiceStub(channel)
        request = detection_pb2.JudgeAlertRequest(alert_id=_id_of(alert), state=str(state), why=why)
        response = stub.JudgeAlert(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    _show(response.alert, as_json=as_json)


@command
def detect(home: Home, from_: conditions.From = "", until: conditions.Until = "", as_json: AsJson = False) -> None:
    """Look at what is new on the log now; with times, look at that stretch and keep nothing. For the operator.

    A stretch is looked at under the present settings and lists, which shows what a changed threshold would find.
    """
    from gateway.bootstrap.detection import detect_of, look_now, look_over  # noqa: PLC0415 - see gateway.cli.offline

    begin, end = conditions.moment_of(from_, "--from"), conditions.moment_of(until, "--until")
    with open_offline(home) as offline:
        if not begin and not end:
            read = look_now(offline, detect_of(offline))
            emit({"entries": read}, as_json=as_json, human=lambda: say(f"looked at 已检测: {read} entries"))
            return
        if end and begin >= end:
            raise typer.BadParameter("must be after --from", param_hint="--until")
        found = look_over(offline, detect_of(offline), begin, end or _TO_THE_END_MS)
    rows = [
        (one["severity"], one["points"], one["system"], str(one["official"])[:16], "\n".join(one["explanation"]))
        for one in found
    ]
    columns = ("severity 级别", "points 分值", "system 系统", "official 人员", "evidence 依据")
    emit({"alerts": found}, as_json=as_json, human=lambda: table("Would be alerts 将告警", columns, rows))


def _show(alert: detection_pb2.Alert, *, as_json: bool) -> None:
    def human() -> None:
        say(f"alert 告警 {alert.alert_id.hex()}: {alert.severity}, {alert.state}, {alert.points} points 分")
        say(f"who 调用方: {alert.department}, {alert.system}, official 人员 {alert.official or '-'}")
        say(f"raised 时间: {time_text(alert.raised_unix_ms)}, entry 日志 {alert.raised_entry}")
        for one in alert.evidence:
            say(f"\n{one.rule} ({one.points}), {one.count} entries: {' '.join(map(str, one.entries[:12]))}")
            say(f"  {one.text_zh}")
            say(f"  {one.text_en}")
            if one.person_id:
                say(f"  person 主体: {one.person_id.hex()}")

    emit({"alert": document(alert), "recorded_entry": alert.recorded_entry}, as_json=as_json, human=human)


def _id_of(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _ID_BYTES:
        raise typer.BadParameter("must be 32 hexadecimal digits", param_hint="ALERT")
    return found
