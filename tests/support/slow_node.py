"""A resource node that takes a little longer over some people: the positive control of the timing test.

    python -m tests.support.slow_node HOME MICROSECONDS FILE

The file lists the people's identifiers, one a line. The node differs from the product's in that one wait only, so a
test that does not notice it would not notice a leak.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path

from nodes.provider.checks import CheckedTicket
from nodes.provider.connectors import Row
from nodes.provider.release import Releaser, _Judged, _Target
from nodes.serve import serve

_judged = Releaser._judged


def _leaking(wait_s: float, people: frozenset[str]) -> None:
    def judged(self: Releaser, checked: CheckedTicket, target: _Target, rows: Mapping[str, Row] | None) -> _Judged:
        if checked.ask.subject_identifier in people:
            # Busy, because a sleep takes longer than what was asked for by as much again.
            end = time.perf_counter() + wait_s
            while time.perf_counter() < end:
                pass
        return _judged(self, checked, target, rows)

    Releaser._judged = judged  # type: ignore[method-assign]


if __name__ == "__main__":
    _leaking(int(sys.argv[2]) / 1e6, frozenset(Path(sys.argv[3]).read_text(encoding="utf-8").split()))
    serve(Path(sys.argv[1]))
