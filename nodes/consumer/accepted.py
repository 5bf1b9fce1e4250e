"""Which provider keys this system believes: those in the agreements that its department's steward accepted.

A provider counts for a resource only while an accepted agreement with this department is in force. The folder is looked
at again twice a second, so that an agreement accepted or removed while the system runs counts at once.

Which way it fails: closed. A damaged or unsigned file counts as absent, and without an agreement an answer is refused.
"""

import os
from collections import defaultdict
from pathlib import Path
from typing import Final

from nodes.enrolment.agreement_files import list_agreements
from policies.agreements import Agreement, Term

REREAD_MS: Final = 400
"""How old what is known of the folder may be, milliseconds."""

Stamp = tuple[tuple[str, int, int, int], ...]


class AcceptedProviders:
    """The accepted agreements of one department, as consumer.

    Args:
        folder: The home's agreements folder.
        department: This department.
    """

    def __init__(self, folder: Path, department: str) -> None:
        self._folder = folder
        self._department = department
        self._looked_ms: int | None = None
        self._stamp: Stamp | None = None
        self._agreements: dict[tuple[str, str], list[Agreement]] = {}

    def fingerprints(self, provider: str, resource: str, now_ms: int) -> frozenset[str]:
        """The department keys that count for a provider's answers about a resource.

        Args:
            provider: Department id of the provider.
            resource: Resource code.
            now_ms: The time.

        Returns:
            Fingerprints; empty when no accepted agreement is in force.
        """
        self._refresh(now_ms)
        found = self._agreements.get((provider, resource), ())
        return frozenset(a.provider_key for a in found if a.term(now_ms) is Term.IN_FORCE)

    def agreements(self, now_ms: int) -> tuple[Agreement, ...]:
        """Every accepted agreement with this department as consumer, in force or not.

        Args:
            now_ms: The time.
        """
        self._refresh(now_ms)
        return tuple(agreement for held in self._agreements.values() for agreement in held)

    def _refresh(self, now_ms: int) -> None:
        # A clock that was set back looks at once.
        if self._looked_ms is not None and 0 <= now_ms - self._looked_ms < REREAD_MS:
            return
        self._looked_ms = now_ms
        stamp = _stamp(self._folder)
        if stamp == self._stamp:
            return
        agreements: dict[tuple[str, str], list[Agreement]] = defaultdict(list)
        for file in list_agreements(self._folder):
            if file.agreement is not None and file.agreement.consumer == self._department:
                agreements[file.agreement.provider, file.agreement.resource].append(file.agreement)
        self._agreements = dict(agreements)
        self._stamp = stamp


def _stamp(folder: Path) -> Stamp:
    """What changes when any file does; empty when the folder cannot be read, which then holds no agreement."""
    try:
        with os.scandir(folder) as entries:
            stats = [(entry.name, entry.stat()) for entry in entries]
    except OSError:
        return ()
    return tuple(sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in stats))
