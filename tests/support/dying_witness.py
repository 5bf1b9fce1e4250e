"""A witness that is killed after it has kept a head and before it answers: `python -m tests.support.dying_witness`."""

import os
import signal
import sys

from nodes.witness.main import main
from nodes.witness.store import Head, SqliteHeads

_keep = SqliteHeads.advance


def _keep_and_die(self: SqliteHeads, origin: str, before: Head, after: Head) -> None:
    _keep(self, origin, before, after)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    SqliteHeads.advance = _keep_and_die  # type: ignore[method-assign]
    sys.exit(main())
