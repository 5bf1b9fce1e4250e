"""The department's own copies of the agreements that its steward accepted, as a node uses them.

Rules kept here: an agreement counts only while its file lies in the folder, verifies
(`nodes.enrolment.agreement_files`), names this department as provider and is signed by this department's own key. Of
several revisions the highest counts. What does not hold counts as absent (fails closed) and is listed. Taking a file
out of the folder stops the next release within a second, and so does what the department suspended or terminated at
this node (`nodes.enrolment.agreement_stops`).
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nodes.clock import Clock
from nodes.enrolment.agreement_files import list_agreements
from nodes.enrolment.agreement_stops import ENDING, stopped_ids
from nodes.errors import Mistake
from policies.agreements import Agreement

REREAD_S: Final = 0.4
"""How old what is known of the folder may be, seconds."""

Stamp = tuple[tuple[str, int, int, int], ...]


class AgreementBook:
    """The accepted agreements as they are in the folder now.

    Args:
        folder: The folder of accepted agreements.
        department: The node's department.
        department_key: Fingerprint of that department's own key.
        clock: Decides when to look at the folder again.
    """

    def __init__(self, folder: Path, department: str, department_key: str, clock: Clock) -> None:
        self._folder = folder
        self._department = department
        self._department_key = department_key
        self._clock = clock
        self._looked_s = float("-inf")
        self._stamp: Stamp | None = None
        self._agreements: dict[str, Agreement] = {}
        self._problems: tuple[Mistake, ...] = ()
        self._stopped: frozenset[str] = frozenset()

    def get(self, agreement_id: str) -> Agreement | None:
        """The newest accepted revision of an agreement; None when there is none (fails closed).

        Args:
            agreement_id: Its id.

        Returns:
            The agreement; whether it is in force now is for `Agreement.permits` to say, and whether it is stopped for
            `stopped`.
        """
        self._look()
        return self._agreements.get(agreement_id)

    def stopped(self, agreement_id: str) -> bool:
        """Whether the department suspended or terminated an agreement at this node.

        Args:
            agreement_id: Its id.
        """
        self._look()
        return agreement_id in self._stopped

    def all(self) -> Mapping[str, Agreement]:
        """Every accepted agreement, by id."""
        self._look()
        return self._agreements

    def problems(self) -> tuple[Mistake, ...]:
        """Files in the folder that do not hold and therefore do not count."""
        self._look()
        return self._problems

    def _look(self) -> None:
        now_s = self._clock.monotonic_s()
        if now_s - self._looked_s < REREAD_S:
            return
        self._looked_s = now_s
        try:
            stamp = _stamp(self._folder)
        except OSError:
            # A folder that is gone or unreadable is an empty one: nothing is permitted.
            self._stamp, self._agreements, self._problems, self._stopped = None, {}, (), frozenset()
            return
        if stamp != self._stamp:
            self._stamp = stamp
            self._agreements, self._problems = self._load()
            self._stopped = stopped_ids(self._folder)

    def _load(self) -> tuple[dict[str, Agreement], tuple[Mistake, ...]]:
        found: dict[str, Agreement] = {}
        problems: list[Mistake] = []
        for file in list_agreements(self._folder):
            agreement = file.agreement
            if agreement is None:
                problems.append(Mistake(f"{file.name}.toml", None, "", file.problem))
            elif agreement.provider != self._department or agreement.provider_key != self._department_key:
                problems.append(
                    Mistake(f"{file.name}.toml", None, "provider", "must be this department with its own key")
                )
            elif (earlier := found.get(agreement.id)) is None or earlier.revision < agreement.revision:
                found[agreement.id] = agreement
        return found, tuple(problems)


def _stamp(folder: Path) -> Stamp:
    with os.scandir(folder) as entries:
        stats = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith((".toml", ".sig", ENDING))]
    return tuple(sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats))
