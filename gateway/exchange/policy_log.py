"""What the access log says about bundles of rules: who proposed, approved and activated which.

The log is what counts: tables can be changed by whoever has the database, entries cannot without being noticed. Rules
kept here: an entry counts only for the digest and kind that it was written for; an approval counts only if it names a
proposal by somebody else. Fails closed: what the log does not say did not happen.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import LogEntry
from gateway.policy.bundles import BundleDamaged, StoredBundle

ROLLBACK: Final = "rollback"
_PAGE: Final = 50


@dataclass(frozen=True, slots=True)
class Step:
    """One entry about a bundle: where, when and by whom (the keyed hash by which the log names people)."""

    entry: int
    at_ms: int
    by: str


class PolicyLog:
    """Reads the log.

    Args:
        ledger: The log.
    """

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    def activated(self, noted: int = -1) -> str:
        """Digest of the bundle that people activated last; empty while only the settings named one.

        Args:
            noted: The newest entry that the tables note as an activation. Entries are found by a column in the clear,
                so one that the column hides is looked for where it must be.

        Raises:
            BundleDamaged: An entry about an activation was changed in the database.
        """
        try:
            last = self.last_activation()
            if noted > (-1 if last is None else last.leaf_index):
                self._said(noted, Kind.POLICY_ACTIVATED)
        except LedgerCorrupt as error:
            raise BundleDamaged(f"the log of activations was changed: {error}") from None
        return str(last.account["bundle"]) if last is not None and "activated_by" in last.account else ""

    def last_activation(self) -> LogEntry | None:
        """The newest entry about a bundle that came in force, by people or by the settings."""
        entries = self._ledger.entries(kind=Kind.POLICY_ACTIVATED, limit=1).entries
        return entries[0] if entries else None

    def before(self, digest: str) -> str:
        """Which bundle was in force before this one came in force the last time, going back not counted.

        Args:
            digest: The bundle in force.

        Returns:
            A digest; empty when there is none.
        """
        for entry in self._activations():
            said = entry.account
            if said["bundle"] == digest and said.get("why") != ROLLBACK:
                return str(said.get("before", ""))
        return ""

    def proposal(self, bundle: StoredBundle) -> Step | None:
        """The newest proposal of a bundle."""
        found = [step for entry in bundle.proposals if (step := self._step(entry, Kind.POLICY_PROPOSED, bundle.digest))]
        return found[-1] if found else None

    def approval(self, bundle: StoredBundle) -> Step | None:
        """The newest approval of a bundle by somebody else than who proposed it."""
        found = None
        for entry in bundle.approvals:
            step = self._step(entry, Kind.POLICY_APPROVED, bundle.digest)
            if step is None:
                continue
            proposed = self._said(entry, Kind.POLICY_APPROVED).get("proposal")
            proposal = self._step(proposed, Kind.POLICY_PROPOSED, bundle.digest) if isinstance(proposed, int) else None
            if proposal is not None and proposal.by != step.by:
                found = step
        return found

    def activation_ms(self, bundle: StoredBundle) -> int:
        """When a bundle last came in force, Unix ms; 0 when it never did."""
        for entry in reversed(bundle.activations):
            said = self._said(entry, Kind.POLICY_ACTIVATED)
            if said.get("bundle") == bundle.digest:
                return int(said["time_ms"])
        return 0

    def _step(self, entry: int, kind: Kind, digest: str) -> Step | None:
        said = self._said(entry, kind)
        by = said.get("by")
        if said.get("bundle") != digest or not isinstance(by, str) or not by:
            return None
        return Step(entry, int(said["time_ms"]), by)

    def _said(self, entry: int, kind: Kind) -> Mapping[str, Any]:
        try:
            found = self._ledger.entry(entry)
        except NoSuchEntry:
            return {}
        return found.account if found.kind == kind else {}

    def _activations(self) -> Iterator[LogEntry]:
        cursor = ""
        while True:
            page = self._ledger.entries(kind=Kind.POLICY_ACTIVATED, cursor=cursor, limit=_PAGE)
            yield from page.entries
            if not page.next_cursor:
                return
            cursor = page.next_cursor
