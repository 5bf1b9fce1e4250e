"""How commands print: tables for people, JSON with --json, and errors with documented exit codes.

Exit codes: 0 done; 2 wrong usage or input; 3 refused; 4 not reachable; 5 verification failed.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import wraps
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import grpc
import typer
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gateway.audit.errors import AuditError
from gateway.errors import GatewayError, Refused, Status
from gateway.settings import BadSettings
from keys.errors import KeysError
from keys.texts import public_text
from policies.plain import printable, printable_json

EXIT_USAGE = 2
EXIT_REFUSED = 3
EXIT_UNREACHABLE = 4
EXIT_UNVERIFIED = 5

Params = ParamSpec("Params")
Result = TypeVar("Result")
_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def console(*, stderr: bool = False) -> Console:
    """A console as wide as the terminal, or wide enough for tables when there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else 160, highlight=False, soft_wrap=True)


def emit(value: Mapping[str, Any] | Sequence[Any], *, as_json: bool, human: Callable[[], None]) -> None:
    """Print a result: as one JSON document, or for people."""
    if as_json:
        sys.stdout.write(printable_json(value, indent=2) + "\n")
    else:
        human()


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print a table. Cells are plain text: what people typed is shown as it is, also if it looks like markup."""
    drawn = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(printable(str(cell))) for cell in row))
    console().print(drawn)


def say(text: str) -> None:
    """Print a line for people."""
    console().print(printable(text), markup=False)


def moment(time_ms: int) -> str:
    """A time for people, UTC to the second; "never" for 0."""
    if not time_ms:
        return "never"
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def fields_text(items: Iterable[Mapping[str, Any]]) -> str:
    """Fields of an access for people: a line for each resource and outcome, with the form of each field."""
    lines: dict[tuple[str, str], list[str]] = {}
    for item in items:
        place = (str(item.get("resource", "")), str(item.get("outcome", "")))
        lines.setdefault(place, []).append(f"{item.get('field', '')} ({item.get('form', '')})")
    return "\n".join(
        f"{resource}: {', '.join(fields)}" + (f" → {outcome}" if outcome else "")
        for (resource, outcome), fields in lines.items()
    )


def fail(text: str, code: int) -> NoReturn:
    """Print an error and end with an exit code.

    Raises:
        typer.Exit: Always.
    """
    console(stderr=True).print(printable(f"oncegate: {text}"), markup=False)
    raise typer.Exit(code)


def refusal_text(refusal: Refused) -> str:
    """A refusal for people: code, both public texts, and the broken rules."""
    public = refusal.public
    lines = [f"{refusal.reason}: {public.en} / {public.zh}"]
    lines += [f"  {violation.field}: {violation.rule}" for violation in refusal.violations]
    lines += [f"  {key}: {value}" for key, value in refusal.facts]
    return "\n".join(lines)


def rpc_text(error: grpc.RpcError) -> str:
    """An RPC error for people, out of its `google.rpc.Status` details."""
    status = rpc_status.from_call(cast("grpc.Call", error))
    if status is None:
        return f"{error.code().name}: {error.details()}"
    reason, texts, lines = status.message, [], []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            reason = info.reason
            lines += [f"  {key}: {value}" for key, value in sorted(info.metadata.items())]
        elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
            message = error_details_pb2.LocalizedMessage()
            detail.Unpack(message)
            texts.append(message.message)
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            bad = error_details_pb2.BadRequest()
            detail.Unpack(bad)
            lines += [f"  {v.field}: {v.description}" for v in bad.field_violations]
    return "\n".join([f"{reason}: {' / '.join(reversed(texts))}", *lines])


def command(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Turn the errors that a command may meet into text and an exit code; anything else is a defect and shows."""

    @wraps(function)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except Refused as error:
            usage = error.public.status is Status.INVALID_ARGUMENT
            fail(refusal_text(error), EXIT_USAGE if usage else EXIT_REFUSED)
        except BadSettings as error:
            fail(str(error), EXIT_USAGE)
        except KeysError as error:
            fail(f"{error.code}: {error} / {public_text(error).zh}", EXIT_REFUSED)
        except (GatewayError, AuditError) as error:
            fail(str(error), EXIT_REFUSED)
        except grpc.RpcError as error:
            fail(rpc_text(error), EXIT_UNREACHABLE if error.code() in _UNREACHABLE else EXIT_REFUSED)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            fail(f"{where}{error.strerror or type(error).__name__}", EXIT_USAGE)

    return guarded
