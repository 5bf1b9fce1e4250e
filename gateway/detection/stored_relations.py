"""Relations as they were answered, and the questions that are open: both by keyed tokens of pairs.

Rules kept here: answers are written in the transaction of the ledger's entry that records them, and take their
questions along; an answer counts for a limited time, since people move and part, and goes afterwards. In a civil day no
more is asked than the budget allows, whoever asks: what was answered that day counts against it.
"""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Engine, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.clock import Clock
from gateway.detection.relations import Answer, Pair, Question, Relation
from gateway.detection.tables import QUESTIONS, RELATIONS
from gateway.detection.tokens import Tokens
from gateway.storage.database import write_transaction
from policies.civil_time import DAY_MS, civil_day, day_begins_ms

_BITS: Final = {
    Relation.COLLEAGUE: 1,
    Relation.FAMILY: 2,
    Relation.SAME_ADDRESS: 4,
    Relation.SAME_SURNAME: 8,
}
_AT_ONCE: Final = 500
Row = TypeVar("Row")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A pair about which detection wants an answer.

    Attributes:
        pair: The pair.
        entry: Newest read of this person by this official.
        suspicion: What speaks for misuse without the relation, in points.
    """

    pair: Pair
    entry: int
    suspicion: int


class StoredRelations:
    """Answers and open questions. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        tokens: Makes tokens.
        clock: Now.
        budget: Most questions in a civil day.
        kept_days: For so many days an answer counts.
    """

    def __init__(self, engine: Engine, tokens: Tokens, clock: Clock, budget: int, kept_days: int) -> None:
        self._engine = engine
        self._tokens = tokens
        self._clock = clock
        self._budget = budget
        self._kept_ms = kept_days * DAY_MS

    def known(self, pairs: Sequence[Pair]) -> Mapping[Pair, frozenset[Relation]]:
        """What is known about pairs; see `Relations`."""
        found: dict[Pair, frozenset[Relation]] = {}
        since = self._clock.now_ms() - self._kept_ms
        with self._engine.connect() as connection:
            for some in _parts(pairs):
                by_token = {self._tokens.pair(pair): pair for pair in some}
                query = select(RELATIONS.c.pair, RELATIONS.c.holds).where(
                    RELATIONS.c.pair.in_(by_token), RELATIONS.c.answered_ms > since
                )
                found |= {by_token[bytes(row.pair)]: _relations(row.holds) for row in connection.execute(query)}
        return found

    def wanted(self, most: int) -> Sequence[Question]:
        """Open questions, the most suspicious first, then the newest, within what is left of the day's budget."""
        begins = day_begins_ms(civil_day(self._clock.now_ms()))
        today = select(func.count()).select_from(RELATIONS).where(RELATIONS.c.answered_ms >= begins)
        with self._engine.connect() as connection:
            left = min(most, self._budget - int(connection.execute(today).scalar_one()))
            if left <= 0:
                return ()
            order = (QUESTIONS.c.suspicion.desc(), QUESTIONS.c.entry.desc(), QUESTIONS.c.pair)
            # Whoever wants it: what was answered and still counts is not asked again.
            since = self._clock.now_ms() - self._kept_ms
            answered = exists().where(RELATIONS.c.pair == QUESTIONS.c.pair, RELATIONS.c.answered_ms > since)
            rows = connection.execute(select(QUESTIONS).where(~answered).order_by(*order).limit(left)).all()
        return [Question(int(row.entry), int(row.suspicion), int(row.wanted_ms), bytes(row.pair)) for row in rows]

    def want(self, connection: Connection, wanted: Iterable[Wanted]) -> None:
        """Ask for answers; a question that is open becomes as suspicious as it now is.

        Args:
            connection: Inside a write transaction.
            wanted: Pairs without an answer.
        """
        now = self._clock.now_ms()
        for some in _parts(list(wanted)):
            rows = [
                {
                    "pair": self._tokens.pair(one.pair),
                    "entry": one.entry,
                    "suspicion": one.suspicion,
                    "wanted_ms": now,
                }
                for one in some
            ]
            statement = _insert(connection)(QUESTIONS)
            new = {name: statement.excluded[name] for name in ("entry", "suspicion")}
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=["pair"], set_=new, where=QUESTIONS.c.suspicion <= statement.excluded.suspicion
                ),
                rows,
            )

    def record(self, connection: Connection, entry: int, answers: Iterable[Answer]) -> None:
        """Record answers in the transaction of the entry that says so. Their questions are settled.

        Args:
            connection: Inside that transaction.
            entry: Position of the entry.
            answers: One for each pair that was asked, also where nothing holds.
        """
        now = self._clock.now_ms()
        for some in _parts(list(answers)):
            rows = [
                {
                    "pair": self._tokens.pair(one.pair),
                    "answered": _mask(one.answered),
                    "holds": _mask(one.holds & one.answered),
                    "answered_ms": now,
                    "entry": entry,
                }
                for one in some
            ]
            statement = _insert(connection)(RELATIONS)
            new = {name: statement.excluded[name] for name in ("answered", "holds", "answered_ms", "entry")}
            connection.execute(statement.on_conflict_do_update(index_elements=["pair"], set_=new), rows)
            settled = [row["pair"] for row in rows]
            connection.execute(delete(QUESTIONS).where(QUESTIONS.c.pair.in_(settled)))

    def erase(self, pairs: Iterable[Pair]) -> None:
        """Remove answers and open questions about pairs, in a transaction of their own.

        Args:
            pairs: Of somebody who is erased.
        """
        tokens = [self._tokens.pair(pair) for pair in pairs]
        with write_transaction(self._engine) as connection:
            connection.execute(delete(RELATIONS).where(RELATIONS.c.pair.in_(tokens)))
            connection.execute(delete(QUESTIONS).where(QUESTIONS.c.pair.in_(tokens)))

    def forget(self, connection: Connection) -> None:
        """Remove answers that no longer count and questions that nobody asked for as long."""
        since = self._clock.now_ms() - self._kept_ms
        connection.execute(delete(RELATIONS).where(RELATIONS.c.answered_ms <= since))
        connection.execute(delete(QUESTIONS).where(QUESTIONS.c.wanted_ms <= since))


def _insert(connection: Connection) -> Any:
    """Either dialect's insert, which knows what to do about a row that is there."""
    return insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite


def _mask(relations: AbstractSet[Relation]) -> int:
    return sum(_BITS[relation] for relation in relations)


def _relations(mask: int) -> frozenset[Relation]:
    return frozenset(relation for relation, bit in _BITS.items() if mask & bit)


def _parts(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    return (rows[start : start + _AT_ONCE] for start in range(0, len(rows), _AT_ONCE))
