"""A person's sealed identity goes with the person's erasure, in every entry that holds it.

Rules kept here: each entry's person part is erased in the open, by an entry that says which and why, before the look-up
forgets it; whoever repeats it completes what was cut off. What is sealed after the erasure stays: a department that
asks about the person again is answerable for that.
"""

from collections.abc import Sequence
from typing import Final

from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.auditors.identities import Identities

REASON: Final = "profile_erased"


class EraseIdentity:
    """Erases sealed identities.

    Args:
        ledger: Where they are.
        identities: The look-up.
    """

    def __init__(self, ledger: SqlLedger, identities: Identities) -> None:
        self._ledger = ledger
        self._identities = identities

    def __call__(self, person_id: bytes, before: int) -> int:
        """Erase what was sealed of a person before an entry of the log. Blocks.

        Args:
            person_id: The person's random id.
            before: The entry that promises the erasure.

        Returns:
            How many entries were erased.

        Raises:
            AuditError: One could not be erased; repeat it.
        """
        return self._erase(person_id, self._ledger.indexes_about(person_id, Kind.IDENTITY_SEALED, 0, before))

    def late(self, person_id: bytes, erased_ms: int) -> int:
        """The same for a log that was put back from a backup of before the erasure. Blocks.

        Args:
            person_id: The person's random id.
            erased_ms: When the person was erased, Unix ms.

        Returns:
            How many entries were erased.

        Raises:
            AuditError: One could not be erased; repeat it.
        """
        indexes = self._ledger.indexes_about(person_id, Kind.IDENTITY_SEALED, 0)
        return self._erase(person_id, [i for i in indexes if self._ledger.entry(i).time_ms < erased_ms])

    def _erase(self, person_id: bytes, indexes: Sequence[int]) -> int:
        for index in indexes:
            self._ledger.erase_person_part(index, REASON)
        if indexes:
            self._identities.forget(self._ledger.token(person_id))
        return len(indexes)
