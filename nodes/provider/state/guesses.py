"""How often consumers asked predicates about each record: the node's own count, which does not believe the gateway's.

Rules kept here: about one field of one record a consumer department gets answers to at most so many distinct predicates
in a sliding period, and to so many comparisons (`equals`) in a day of civil time. Both are counted durably in one
transaction before an answer is made, so the limits hold exactly, whatever runs at the same time or ends in between.
What is exhausted is withheld inside the sealed answer: a refusal would tell that there is a record. Where there is no
record, and where it is exhausted, the same is written under a key that no record has, so that all take the same work.
When it cannot be written, nothing is answered (fails closed).

What it does not do: it keeps no operand and no answer; what was asked is kept as a digest.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from nodes.provider.config import GuessLimits
from nodes.provider.state.database import State
from policies.civil_time import DAY_MS, civil_day

DECOY: Final = ""
"""In place of a record's key; the key of a record is never empty."""
SWEEP_MS: Final = 60_000
"""How often what does not count any more is forgotten."""
_KEPT_MS: Final = 7 * DAY_MS
"""How long past its time a count is still known: a clock may be set back."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One predicate that is asked.

    Args:
        resource: Resource code.
        key: Typed key of the source record, or `DECOY`.
        field: Field code.
        consumer: Department that asks.
        predicate: `Predicate.digest`.
        guess: Whether it compares with an operand.
    """

    resource: str
    key: str
    field: str
    consumer: str
    predicate: bytes
    guess: bool

    @property
    def about(self) -> tuple[str, str, str, str]:
        """Whose count it is."""
        return self.resource, self.key, self.field, self.consumer


class Guesses:
    """Counts predicates. May be used from several threads.

    Args:
        state: The open database.
        limits: How many there may be.
    """

    def __init__(self, state: State, limits: GuessLimits) -> None:
        self._state = state
        self._limits = limits
        self._swept_ms = 0

    def take(self, asked: Sequence[Asked], now_ms: int) -> list[bool]:
        """Count predicates, one after the other; durable when it returns.

        Args:
            asked: Those of one group of asks.
            now_ms: Now, Unix ms.

        Returns:
            For each whether it may be answered; one that may not is not counted.

        Raises:
            StateUnusable: The database cannot write; nothing may be answered.
        """
        if not asked:
            return []

        def write(connection: sqlite3.Connection) -> list[bool]:
            if now_ms - self._swept_ms >= SWEEP_MS:
                self._swept_ms = now_ms
                self._sweep(connection, now_ms)
            return [self._one(connection, one, now_ms) for one in asked]

        return self._state.write(write)

    def _one(self, connection: sqlite3.Connection, one: Asked, now_ms: int) -> bool:
        since_ms = now_ms - self._limits.period_days * DAY_MS
        others, mine = connection.execute(
            "SELECT COUNT(*) FILTER (WHERE predicate <> ?), COUNT(*) FILTER (WHERE predicate = ?) FROM guesses"
            " WHERE resource = ? AND record = ? AND field = ? AND consumer = ? AND last_ms > ?",
            (one.predicate, one.predicate, *one.about, since_ms),
        ).fetchone()
        day = civil_day(now_ms)
        taken = connection.execute(
            "SELECT COALESCE(SUM(taken), 0) FROM guess_days"
            " WHERE resource = ? AND record = ? AND field = ? AND consumer = ? AND day = ?",
            (*one.about, day),
        ).fetchone()[0]
        exhausted = (not mine and others >= self._limits.distinct) or (one.guess and taken >= self._limits.per_day)
        if exhausted and one.key != DECOY:
            self._count(connection, replace(one, key=DECOY), day, now_ms)
            return False
        self._count(connection, one, day, now_ms)
        return True

    @staticmethod
    def _count(connection: sqlite3.Connection, one: Asked, day: int, now_ms: int) -> None:
        connection.execute(
            "INSERT INTO guesses VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (resource, record, field, consumer, predicate) DO UPDATE SET last_ms = excluded.last_ms",
            (*one.about, one.predicate, now_ms),
        )
        connection.execute(
            "INSERT INTO guess_days VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (resource, record, field, consumer, day) DO UPDATE SET taken = taken + excluded.taken",
            (*one.about, day, int(one.guess)),
        )

    def _sweep(self, connection: sqlite3.Connection, now_ms: int) -> None:
        """Forget what does not count any more; it would say for ever who asked about whom."""
        before_ms = now_ms - self._limits.period_days * DAY_MS - _KEPT_MS
        connection.execute("DELETE FROM guesses WHERE last_ms < ?", (before_ms,))
        day = civil_day(now_ms - _KEPT_MS)
        connection.execute("DELETE FROM guess_days WHERE day < ?", (day,))
