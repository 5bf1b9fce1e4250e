"""The index of agreements in memory: which ids exist, in which newest revision, for whom and what.

Rules kept here: rows of agreements are only ever added, so a change is read as the rows behind the last position; the
index holds no terms, so a hundred thousand agreements cost little to hold and nothing to verify before they are used.

It does not verify anything: `Agreements` does, on first use.
"""

from dataclasses import dataclass
from typing import Self

from sqlalchemy import Connection, select

from gateway.sharing.tables import AGREEMENTS, REVOCATIONS, SUSPENSIONS
from policies.agreements import Agreement


@dataclass(slots=True)
class Entry:
    """The newest revision of one agreement.

    Args:
        id: Agreement id.
        revision: Its newest revision.
        consumer: As stored beside the signed bytes; compared with them before use.
        resource: As stored beside the signed bytes; compared with them before use.
        added_ms: When this revision was added.
        agreement: What the verified bytes say; None until they were needed.
    """

    id: str
    revision: int
    consumer: str
    resource: str
    added_ms: int
    agreement: Agreement | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """What the database holds of one revision."""

    raw: bytes
    digest: bytes
    signature: bytes
    signer_key: bytes

    @classmethod
    def read(cls, connection: Connection, entry: Entry) -> Self | None:
        """The signed bytes of an entry, or None when they are gone."""
        row = connection.execute(
            select(AGREEMENTS.c.raw, AGREEMENTS.c.digest, AGREEMENTS.c.signature, AGREEMENTS.c.signer_key).where(
                AGREEMENTS.c.id == entry.id, AGREEMENTS.c.revision == entry.revision
            )
        ).first()
        return None if row is None else cls(*(bytes(column) for column in row))


@dataclass(slots=True)
class Shelf:
    """The index.

    Args:
        newest: Entry by agreement id.
        revoked: When and why, by agreement id.
        suspended: By whom, by agreement id.
        position: The last position read.
    """

    newest: dict[str, Entry]
    revoked: dict[str, tuple[int, str]]
    suspended: dict[str, frozenset[str]]
    position: int
    _by_use: dict[tuple[str, str], tuple[Entry, ...]]

    def of(self, consumer: str, resource: str) -> tuple[Entry, ...]:
        """Newest revisions that one consumer has for one resource."""
        return self._by_use.get((consumer, resource), ())

    def put(self, entry: Entry) -> None:
        """Take in a revision; an older one than the one held changes nothing."""
        held = self.newest.get(entry.id)
        if held is not None:
            if held.revision >= entry.revision:
                return
            use = (held.consumer, held.resource)
            self._by_use[use] = tuple(other for other in self._by_use[use] if other is not held)
        self.newest[entry.id] = entry
        use = (entry.consumer, entry.resource)
        self._by_use[use] = (*self._by_use.get(use, ()), entry)


def load_shelf(connection: Connection, former: Shelf | None) -> Shelf:
    """Read what is new, or everything.

    Args:
        connection: A read transaction.
        former: The index so far; None to start afresh.
    """
    shelf = former if former is not None else Shelf({}, {}, {}, 0, {})
    columns = AGREEMENTS.c
    query = (
        select(columns.position, columns.id, columns.revision, columns.consumer, columns.resource, columns.added_ms)
        .where(columns.position > shelf.position)
        .order_by(columns.position)
    )
    for position, *fields in connection.execute(query):
        shelf.put(Entry(*fields))
        shelf.position = position
    revoked = connection.execute(select(REVOCATIONS))
    shelf.revoked = {row.agreement_id: (row.revoked_ms, row.reason) for row in revoked}
    suspended: dict[str, set[str]] = {}
    for agreement_id, party in connection.execute(select(SUSPENSIONS.c.agreement_id, SUSPENSIONS.c.party)):
        suspended.setdefault(agreement_id, set()).add(party)
    shelf.suspended = {agreement_id: frozenset(parties) for agreement_id, parties in suspended.items()}
    return shelf
