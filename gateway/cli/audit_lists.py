"""`oncegate audit watchlist | honeytoken add | list | remove`: the audit office's lists.

The identifier is read from a file, so that no list of processes shows it; the gateway keeps a keyed token of it alone.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from gateway.cli import audit_conditions as conditions
from gateway.cli.alert_formats import time_text
from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import EXIT_USAGE, command, emit, fail, say, table
from oncegate.v1 import detection_pb2, detection_pb2_grpc
from policies.civil_time import DAY_MS

_LONGEST: Final = 4096
_DEFAULT_DAYS: Final = 366
_TOKEN_BYTES: Final = 16

PersonFile = Annotated[
    Path, typer.Option("--person-file", help="File with the identifier (- reads it from standard input).")
]
Scheme = Annotated[str, typer.Option("--scheme", help="Scheme of the identifier.")]
Why = Annotated[str, typer.Option("--why", help="Why; on the access log for good.")]


def list_commands(name: str, text: str) -> typer.Typer:
    """The commands of one list.

    Args:
        name: The list on the wire.
        text: What it is, for the help.
    """
    app = typer.Typer(no_args_is_help=True, help=text)
    app.command("add")(_add(name))
    app.command("list")(_list(name))
    app.command("remove")(_remove(name))
    return app


def _add(name: str) -> Callable[..., None]:
    @command
    def add(
        gateway: Address,
        ca: CaFile,
        token_file: TokenFile,
        person_file: PersonFile,
        why: Why,
        scheme: Scheme = "cn.resident-id",
        until: Annotated[str, typer.Option("--until", help="Until this day; without it for a year.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Put somebody on the list. What is kept is a keyed token; the reason is on the access log."""
        until_ms = conditions.moment_of(until, "--until") or int(time.time() * 1000) + _DEFAULT_DAYS * DAY_MS
        request = detection_pb2.AddListedRequest(
            list=name, scheme=scheme, identifier=_identifier(person_file), until_unix_ms=until_ms, why=why
        )
        with people_channel(gateway, ca) as channel:
            stub = detection_pb2_grpc.DetectionServiceStub(channel)
            response = stub.AddListed(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
        shown = _document(response.person)
        emit({"person": shown}, as_json=as_json, human=lambda: say(f"added 已加入: {shown['token']}"))

    return add


def _list(name: str) -> Callable[..., None]:
    @command
    def list_(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
        """Show who is on the list: keyed tokens, since when, until when, and which entry of the log says why."""
        with people_channel(gateway, ca) as channel:
            stub = detection_pb2_grpc.DetectionServiceStub(channel)
            request = detection_pb2.ListListedRequest(list=name)
            response = stub.ListListed(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
        shown = [_document(person) for person in response.persons]
        rows = [
            (person.token.hex(), time_text(person.added_unix_ms), time_text(person.until_unix_ms), person.entry)
            for person in response.persons
        ]
        columns = ("token 令牌", "added 加入", "until 至", "entry 日志号")
        emit({"persons": shown}, as_json=as_json, human=lambda: table(f"{name} 名单", columns, rows))

    return list_


def _remove(name: str) -> Callable[..., None]:
    @command
    def remove(
        gateway: Address,
        ca: CaFile,
        token_file: TokenFile,
        why: Why,
        listed: Annotated[str, typer.Argument(help="The token that the list shows; or give --person-file.")] = "",
        person_file: Annotated[
            Path | None, typer.Option("--person-file", help="File with the identifier (- reads standard input).")
        ] = None,
        scheme: Scheme = "cn.resident-id",
        as_json: AsJson = False,
    ) -> None:
        """Take somebody off the list, by token or by identifier."""
        if bool(listed) == (person_file is not None):
            fail("give a token or --person-file / 请给出令牌或身份文件", EXIT_USAGE)
        request = detection_pb2.RemoveListedRequest(list=name, why=why)
        if person_file is not None:
            request.scheme, request.identifier = scheme, _identifier(person_file)
        else:
            request.token = _token(listed)
        with people_channel(gateway, ca) as channel:
            stub = detection_pb2_grpc.DetectionServiceStub(channel)
            response = stub.RemoveListed(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
        emit({"entry": response.entry}, as_json=as_json, human=lambda: say(f"removed 已移除: entry {response.entry}"))

    return remove


def _identifier(file: Path) -> str:
    if str(file) == "-":
        return sys.stdin.read(_LONGEST).strip()
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(_LONGEST).strip()


def _token(text: str) -> bytes:
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != _TOKEN_BYTES:
        raise typer.BadParameter("must be 32 hexadecimal digits", param_hint="LISTED")
    return found


def _document(person: detection_pb2.ListedPerson) -> dict[str, object]:
    return {
        "token": person.token.hex(),
        "added_unix_ms": person.added_unix_ms,
        "until_unix_ms": person.until_unix_ms,
        "entry": person.entry,
    }
