"""Which provider keys this system believes: those in the agreements that its department's steward accepted.

A provider counts for a resource only while an accepted agreement with this department is in force. The folder is read
again when it changes, so that an agreement accepted or removed while the system runs counts at the next answer.

Which way it fails: closed. A damaged or unsigned file counts as absent, and without an agreement an answer is refused.
"""

from collections import defaultdict
from pathlib import Path

from nodes.enrolment.agreement_files import list_agreements
from policies.agreements import Agreement, Term


class AcceptedProviders:
    """The accepted agreements of one department, as consumer.

    Args:
        folder: The home's agreements folder.
        department: This department.
    """

    def __init__(self, folder: Path, department: str) -> None:
        self._folder = folder
        self._department = department
        self._stamp: int | None = None
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
        self._refresh()
        found = self._agreements.get((provider, resource), ())
        return frozenset(a.provider_key for a in found if a.term(now_ms) is Term.IN_FORCE)

    def _refresh(self) -> None:
        # A file is replaced by a rename, which changes the folder's own time; looking at it costs one stat.
        try:
            stamp = self._folder.stat().st_mtime_ns
        except OSError:
            stamp = -1
        if stamp == self._stamp:
            return
        agreements: dict[tuple[str, str], list[Agreement]] = defaultdict(list)
        for file in list_agreements(self._folder):
            if file.agreement is not None and file.agreement.consumer == self._department:
                agreements[file.agreement.provider, file.agreement.resource].append(file.agreement)
        self._agreements = dict(agreements)
        self._stamp = stamp
