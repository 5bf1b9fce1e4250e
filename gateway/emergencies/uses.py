"""The register of what was asked under declared emergencies: notices to the steward and the person, and reviews.

Rules kept here: a use is written in the very transaction of its `asked` entry, or neither is; so a notice is there the
moment a node may be asked. A lateness is noted once and a review is final; each in the transaction of its own entry.
A review may put the finding off once, for a follow-up with a date of its own, and is late again behind it. Where an
earlier use of the same consumer under the same agreement is late beyond what is tolerated, a further one is refused in
that transaction. Whatever cannot be read or written refuses (fails closed).

What it does not hold: what the official stated. That is in the erasable part of the log's entry. It calls nobody:
stewards and people read their notices.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Engine, and_, insert, or_, select, update

from gateway.clock import Clock
from gateway.emergencies.findings import Outcome, without_finding
from gateway.emergencies.summary import Summary, summarise, unsettled
from gateway.emergencies.tables import USES
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction

ID_BYTES: Final = 16
NONE: Final = -1
"""Stands for an entry that there is not."""

_OUTCOMES: Final = {str(outcome): outcome for outcome in Outcome}
"""A word that no review finds is none: one bad row hides no other from the steward, and counts as not reviewed."""


class State(StrEnum):
    """Which uses to list."""

    ALL = "all"
    OPEN = "open"
    """Without a finding: not reviewed, or to be followed up."""
    OVERDUE = "overdue"
    """Without a finding and late."""


@dataclass(frozen=True, slots=True)
class NewUse:
    """What is to be noted about one agreement on which a request drew.

    Args:
        person_id: Whom it is about, 16 bytes.
        provider: Department whose steward reviews it.
        consumer: Department that asked.
        system: SPIFFE id of the asking system.
        resource: Resource code.
        agreement_id: The agreement.
        agreement_revision: Its revision.
        reason: Code of the declared reason.
        asked_ms: When, Unix ms.
        due_ms: First moment at which the finding is late.
        person_from_ms: From when on the person may see it.
        law: By which the person is told later; empty when at once.
    """

    person_id: bytes
    provider: str
    consumer: str
    system: str
    resource: str
    agreement_id: str
    agreement_revision: int
    reason: str
    asked_ms: int
    due_ms: int
    person_from_ms: int
    law: str


@dataclass(frozen=True, slots=True)
class EmergencyUse:
    """A use as it stands.

    Args:
        use_id: Random, 16 bytes.
        entry: Position of the `asked` entry.
        use: What was noted.
        steward_read_ms: When a steward first read the notice; 0 when none did.
        overdue_entry: Position of the entry that says that the review is late; -1 when there is none.
        reviewed_ms: When it was last reviewed; 0 when nobody did.
        outcome: Of the newest review; None when there is none.
        review_entry: Position of that review's entry; -1 when there is none.
    """

    use_id: bytes
    entry: int
    use: NewUse
    steward_read_ms: int
    overdue_entry: int
    reviewed_ms: int
    outcome: Outcome | None
    review_entry: int

    def late(self, now_ms: int) -> bool:
        """Whether its finding is late.

        Args:
            now_ms: Unix ms.
        """
        return self.outcome in {None, Outcome.FOLLOW_UP} and self.use.due_ms <= now_ms


def note_uses(connection: Connection, entry: int, uses: Sequence[NewUse]) -> None:
    """Note uses in the transaction of their `asked` entry.

    Args:
        connection: Inside that transaction.
        entry: Position of the entry.
        uses: One for each agreement on which the request draws.
    """
    connection.execute(
        insert(USES),
        [
            {
                "use_id": secrets.token_bytes(ID_BYTES),
                "entry": entry,
                "person_id": use.person_id,
                "provider": use.provider,
                "consumer": use.consumer,
                "system": use.system,
                "resource": use.resource,
                "agreement_id": use.agreement_id,
                "agreement_revision": use.agreement_revision,
                "reason": use.reason,
                "asked_ms": use.asked_ms,
                "due_ms": use.due_ms,
                "person_from_ms": use.person_from_ms,
                "law": use.law,
                "steward_read_ms": 0,
                "overdue_entry": NONE,
                "reviewed_ms": 0,
                "outcome": "",
                "review_entry": NONE,
            }
            for use in uses
        ],
    )


def blocked(connection: Connection, agreement_id: str, consumer: str, before_ms: int) -> bool:
    """Whether a use of the consumer under the agreement has no finding although it was due at or before a moment.

    Args:
        connection: Any connection.
        agreement_id: The agreement.
        consumer: The asking department.
        before_ms: Unix ms.
    """
    query = select(USES.c.use_id).where(
        USES.c.agreement_id == agreement_id,
        USES.c.consumer == consumer,
        without_finding(),
        USES.c.due_ms <= before_ms,
    )
    return connection.execute(query.limit(1)).first() is not None


def note_overdue(connection: Connection, use_id: bytes, entry: int) -> bool:
    """Note that a review is late, in the transaction of the entry that says so.

    Returns:
        False when it was noted or found already: then the entry must not be written.
    """
    first = (USES.c.use_id == use_id) & (USES.c.overdue_entry == NONE) & without_finding()
    return connection.execute(update(USES).where(first).values(overdue_entry=entry)).rowcount == 1


def note_review(
    connection: Connection, use_id: bytes, outcome: Outcome, now_ms: int, entry: int, *, follow_up_due_ms: int
) -> bool:
    """Note a review, in the transaction of its entry.

    Args:
        connection: Inside that transaction.
        use_id: Which.
        outcome: What it found.
        now_ms: Now, Unix ms.
        entry: Position of the entry.
        follow_up_due_ms: With a follow-up, from when on the finding is late again, Unix ms.

    Returns:
        False when there is a finding already, or a second follow-up is wanted: then the entry must not be written.
    """
    values: dict[str, Any] = {"reviewed_ms": now_ms, "outcome": str(outcome), "review_entry": entry}
    allowed = without_finding()
    if outcome is Outcome.FOLLOW_UP:
        # The new lateness gets an entry of its own.
        values |= {"due_ms": follow_up_due_ms, "overdue_entry": NONE}
        allowed = USES.c.outcome == ""
    return connection.execute(update(USES).where(USES.c.use_id == use_id, allowed).values(**values)).rowcount == 1


class EmergencyUses:
    """Reads the register. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        clock: Now.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def list(
        self,
        state: State,
        *,
        provider: str = "",
        consumer: str = "",
        after: tuple[int, bytes] | None = None,
        limit: int = 50,
    ) -> tuple[EmergencyUse, ...]:
        """Uses, oldest first.

        Args:
            state: Which.
            provider: Only those that this department's stewards review; empty for all.
            consumer: Only those of this department; empty for all.
            after: Time and id of the last one seen; None to begin at the oldest.
            limit: At most this many.
        """
        conditions: list[ColumnElement[bool]] = []
        if provider:
            conditions.append(USES.c.provider == provider)
        if consumer:
            conditions.append(USES.c.consumer == consumer)
        if state is State.OPEN:
            conditions.append(without_finding())
        if state is State.OVERDUE:
            conditions += [without_finding(), USES.c.due_ms <= self._clock.now_ms()]
        if after is not None:
            behind = and_(USES.c.asked_ms == after[0], USES.c.use_id > after[1])
            conditions.append(or_(USES.c.asked_ms > after[0], behind))
        return self._read(conditions, limit)

    def of_person(self, person_id: bytes, limit: int) -> tuple[EmergencyUse, ...]:
        """Uses about a person that the person may see now, newest first.

        Args:
            person_id: 16 bytes.
            limit: At most this many.
        """
        query = (
            select(USES)
            .where(USES.c.person_id == person_id, USES.c.person_from_ms <= self._clock.now_ms())
            .order_by(USES.c.asked_ms.desc(), USES.c.use_id)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return tuple(_use(row) for row in connection.execute(query))

    def late_and_not_noted(self, limit: int) -> tuple[EmergencyUse, ...]:
        """Uses whose finding is late and whose lateness is on no entry, oldest first.

        Args:
            limit: At most this many.
        """
        late = [without_finding(), USES.c.due_ms <= self._clock.now_ms(), USES.c.overdue_entry == NONE]
        return self._read(late, limit)

    def summary(self, from_ms: int, until_ms: int) -> tuple[Summary, ...]:
        """Counts of the uses of a time. See `summarise`."""
        with self._engine.connect() as connection:
            return summarise(connection, from_ms, until_ms, self._clock.now_ms())

    def unsettled(self) -> tuple[int, int]:
        """How many uses have no finding, and how many of them are late."""
        with self._engine.connect() as connection:
            return unsettled(connection, self._clock.now_ms())

    def require(self, use_id: bytes, provider: str) -> EmergencyUse:
        """One use of a provider.

        Raises:
            Refused: NOT_FOUND, also for another provider's.
        """
        query = select(USES).where(USES.c.use_id == use_id, USES.c.provider == provider)
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise Refused(Code.NOT_FOUND, "emergency use")
        return _use(row)

    def resource_of(self, use_id: bytes) -> str:
        """The resource that a use is about.

        Raises:
            Refused: NOT_FOUND.
        """
        with self._engine.connect() as connection:
            found = connection.execute(select(USES.c.resource).where(USES.c.use_id == use_id)).scalar()
        if found is None:
            raise Refused(Code.NOT_FOUND, "emergency use")
        return str(found)

    def mark_read(self, use_ids: Sequence[bytes]) -> None:
        """Keep when a steward first read notices.

        Args:
            use_ids: Which.
        """
        if use_ids:
            with write_transaction(self._engine) as connection:
                connection.execute(
                    update(USES)
                    .where(USES.c.use_id.in_(use_ids), USES.c.steward_read_ms == 0)
                    .values(steward_read_ms=self._clock.now_ms())
                )

    def _read(self, conditions: Sequence[ColumnElement[bool]], limit: int) -> tuple[EmergencyUse, ...]:
        query = select(USES).where(*conditions).order_by(USES.c.asked_ms, USES.c.use_id).limit(limit)
        with self._engine.connect() as connection:
            return tuple(_use(row) for row in connection.execute(query))


def _use(row: Any) -> EmergencyUse:
    return EmergencyUse(
        use_id=bytes(row.use_id),
        entry=row.entry,
        use=NewUse(
            person_id=bytes(row.person_id),
            provider=row.provider,
            consumer=row.consumer,
            system=row.system,
            resource=row.resource,
            agreement_id=row.agreement_id,
            agreement_revision=row.agreement_revision,
            reason=row.reason,
            asked_ms=row.asked_ms,
            due_ms=row.due_ms,
            person_from_ms=row.person_from_ms,
            law=row.law,
        ),
        steward_read_ms=row.steward_read_ms,
        overdue_entry=row.overdue_entry,
        reviewed_ms=row.reviewed_ms,
        outcome=_OUTCOMES.get(row.outcome),
        review_entry=row.review_entry,
    )
