"""A department's pseudonyms change, with notice: the new generation holds from a date on.

is there such a department, is the date far enough away, is no other change pending → append `pseudonyms_rotated` → note
the generation. What a crash cuts off after the entry is announced and does not happen; the command says so by failing,
and repeating it is safe.
"""

from typing import Final

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.identity.departments import Departments
from gateway.vault.pseudonyms import Generation, Pseudonyms

DAY_MS: Final = 86_400_000
LONGEST_OVERLAP_DAYS: Final = 366


class RotatePseudonyms:
    """Announces generations, for the operator's commands: blocking.

    Args:
        pseudonyms: Which generations there are.
        departments: Registered departments.
        ledger: Every change is on it.
        clock: Now.
        notice_days: How long before its date a change must be announced.
    """

    def __init__(
        self, pseudonyms: Pseudonyms, departments: Departments, ledger: SqlLedger, clock: Clock, notice_days: int
    ) -> None:
        self._pseudonyms = pseudonyms
        self._departments = departments
        self._ledger = ledger
        self._clock = clock
        self._notice_ms = notice_days * DAY_MS

    def plan(self, department: str, from_ms: int, overlap_days: int) -> Generation:
        """What a change would be; nothing is changed.

        Args:
            department: Whose pseudonyms.
            from_ms: From when the new ones are released, Unix ms.
            overlap_days: How long the old ones can be had beside them.

        Returns:
            The generation.

        Raises:
            Refused: DEPARTMENT_UNKNOWN or DEPARTMENT_REVOKED; BAD_REQUEST when the date is too near or before the end
                of the overlap that is running or announced.
        """
        self._departments.fingerprint(department)
        if not 0 <= overlap_days <= LONGEST_OVERLAP_DAYS:
            raise bad_request("overlap_days", f"must be 0 to {LONGEST_OVERLAP_DAYS}")
        if from_ms < self._clock.now_ms() + self._notice_ms:
            days = self._notice_ms // DAY_MS
            raise bad_request("from", f"须至少提前{days}天公告 / must be at least {days} days away")
        newest = self._pseudonyms.newest(department)
        if from_ms < max(newest.from_ms + 1, newest.overlap_until_ms):
            rule = "须在上一次更换的重叠期结束之后 / must be after the overlap of the change before"
            raise bad_request("from", rule)
        return Generation(department, newest.number + 1, from_ms, from_ms + overlap_days * DAY_MS)

    def announce(self, planned: Generation) -> None:
        """Put a change on the ledger and carry it out at its date.

        Args:
            planned: From `plan`.

        Raises:
            Refused: LEDGER_UNAVAILABLE; ALREADY_EXISTS when another change was announced meanwhile.
        """
        facts: dict[str, Json] = {
            "department": planned.department,
            "generation": planned.number,
            "from_ms": planned.from_ms,
            "overlap_until_ms": planned.overlap_until_ms,
        }
        try:
            recorded = self._ledger.append_blocking(EntryDraft(Kind.PSEUDONYMS_ROTATED, facts))
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None
        self._pseudonyms.announce(planned, recorded.leaf_index)
