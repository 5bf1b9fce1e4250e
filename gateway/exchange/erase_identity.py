"""A person's sealed identity, and what was answered about relations, go with the person's erasure.

Rules kept here: each entry's person part is erased in the open, by an entry that says which and why; whoever repeats it
completes what was cut off. What is sealed after the erasure stays: a department that asks about the person again is
answerable for that.
"""

from collections.abc import Sequence
from typing import Final

from gateway.audit.errors import EntryPruned
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.auditors.identities import Identities
from gateway.detection.relations import Pair
from gateway.detection.stored_relations import StoredRelations

REASON: Final = "profile_erased"
_KINDS: Final = (Kind.IDENTITY_SEALED, Kind.RELATION_RECORDED)


class EraseIdentity:
    """Erases sealed identities and relations.

    Args:
        ledger: Where they are.
        identities: The look-up of identities.
        relations: The answered relations.
    """

    def __init__(self, ledger: SqlLedger, identities: Identities, relations: StoredRelations) -> None:
        self._ledger = ledger
        self._identities = identities
        self._relations = relations

    def __call__(self, person_id: bytes, before: int) -> int:
        """Erase what was sealed and answered about a person before an entry of the log. Blocks.

        Args:
            person_id: The person's random id.
            before: The entry that promises the erasure.

        Returns:
            How many entries were erased.

        Raises:
            AuditError: One could not be erased; repeat it.
        """
        found = [i for kind in _KINDS for i in self._ledger.indexes_about(person_id, kind, 0, before)]
        return self._erase(person_id, found)

    def holds(self, person_id: bytes) -> bool:
        """Whether there is anything of a person to erase."""
        return any(self._ledger.indexes_about(person_id, kind, 0) for kind in _KINDS)

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
        found = [i for kind in _KINDS for i in self._ledger.indexes_about(person_id, kind, 0)]
        return self._erase(person_id, [i for i in found if self._ledger.entry(i).time_ms < erased_ms])

    def _erase(self, person_id: bytes, indexes: Sequence[int]) -> int:
        for index in indexes:
            # Rows first: once the part is gone, nothing says any more whose they are.
            self._forget_relations(person_id, index)
            self._ledger.erase_person_part(index, REASON)
        if indexes:
            self._identities.forget(self._ledger.token(person_id))
        return len(indexes)

    def _forget_relations(self, person_id: bytes, index: int) -> None:
        entry = self._ledger.entry(index)
        if entry.kind != Kind.RELATION_RECORDED:
            return
        try:
            official = self._ledger.entry(int(entry.account["question"])).account.get("official")
        except EntryPruned:
            # The read is older than what the log keeps, and so is every answer about it.
            return
        self._relations.erase([Pair(str(official), person_id)])
