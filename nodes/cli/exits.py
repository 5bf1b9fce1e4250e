"""Errors become one text for people and a documented exit code.

| code | meaning |
|---|---|
| 0 | done |
| 2 | wrong usage, input or home; nothing was sent |
| 3 | refused by the gateway |
| 4 | not available now: gateway not reached, overloaded, or no provider answered |
| 5 | not trusted: an answer, an identity or the access log did not verify |

Anything that is not one of our errors is a defect and shows as one.
"""

from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec, TypeVar

import typer

from keys.errors import KeysError
from nodes.agreements.errors import ProposalUntrusted
from nodes.cli.output import complain
from nodes.consumer.distrust import UntrustedAnswer
from nodes.enrolment.errors import EnrolmentUntrusted, GatewayUnreachable, RequestRefused
from nodes.errors import BadConfig, NodeError, SourceFailed
from nodes.watch.broken import LedgerBroken
from nodes.watch.witnessed import NotCosigned

USAGE = 2
REFUSED = 3
UNAVAILABLE = 4
UNTRUSTED = 5
INTERRUPTED = 130

Params = ParamSpec("Params")
Result = TypeVar("Result")


def exit_code(error: NodeError) -> int:
    """The exit code of an error.

    Args:
        error: The error.

    Returns:
        2 to 5, as documented.
    """
    if isinstance(error, RequestRefused):
        if error.unavailable:
            return UNAVAILABLE
        return USAGE if error.status == "INVALID_ARGUMENT" else REFUSED
    if isinstance(error, GatewayUnreachable | SourceFailed):
        return UNAVAILABLE
    if isinstance(error, UntrustedAnswer | EnrolmentUntrusted | LedgerBroken | NotCosigned | ProposalUntrusted):
        return UNTRUSTED
    return USAGE


def error_text(error: NodeError) -> str:
    """An error for people: its code, its text in both languages, then what exactly.

    Args:
        error: The error.

    Returns:
        One or more lines.
    """
    lines = [f"{error.code}: {error.en} / {error.zh}"]
    if isinstance(error, BadConfig):
        lines += [f"  {mistake}" for mistake in error.mistakes]
    elif isinstance(error, RequestRefused):
        lines += [f"  {violation.field}: {violation.rule}" for violation in error.violations]
        lines += [f"  {part}" for _, value in sorted(error.facts.items()) for part in value.split(";")]
        if error.retry_after_ms is not None:
            lines.append(f"  try again in {error.retry_after_ms / 1000:g} s")
    elif error.detail:
        lines.append(f"  {error.detail}")
    return "\n".join(lines)


def fail(text: str, code: int) -> NoReturn:
    """Prints an error and ends with an exit code.

    Args:
        text: For people, on standard error.
        code: The exit code.

    Raises:
        typer.Exit: Always.
    """
    complain(f"oncegate-node: {text}")
    raise typer.Exit(code)


def command(function: Callable[Params, Result]) -> Callable[Params, Result]:
    """Turns the errors that a command may meet into text and an exit code.

    Args:
        function: The command.

    Returns:
        The guarded command.
    """

    @wraps(function)
    def guarded(*args: Params.args, **kwargs: Params.kwargs) -> Result:
        try:
            return function(*args, **kwargs)
        except NodeError as error:
            fail(error_text(error), exit_code(error))
        except KeysError as error:
            fail(f"{error.code}: {error}", USAGE)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            fail(f"{where}{error.strerror or type(error).__name__}", USAGE)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None

    return guarded
