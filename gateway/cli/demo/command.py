"""`oncegate demo`: the command."""

import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.output import command, console, fail

EXIT_DID_NOT_HOLD = 1


@command
def demo(
    folder: Annotated[
        Path, typer.Option("--folder", help="Where the demo keeps everything; made anew each time.", file_okay=False)
    ] = Path("demo-state"),
    people: Annotated[int, typer.Option("--people", min=1000, max=200_000, help="Number of residents.")] = 20_000,
    once: Annotated[
        bool, typer.Option("--once", help="End after the story; exit status 1 when a step did not hold.")
    ] = False,
) -> None:
    """Play the whole story on this machine with real processes, then keep it running to try."""
    # Imported here: the demo needs extras that a gateway in service does not.
    from gateway.cli.demo.cast import DemoFailed  # noqa: PLC0415
    from gateway.cli.demo.story import Story  # noqa: PLC0415

    # Being told to end is an ordinary end: the processes are stopped, not left behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        Story(folder.resolve(), people, console()).play(stay=not once)
    except DemoFailed as failed:
        fail(str(failed), EXIT_DID_NOT_HOLD)
