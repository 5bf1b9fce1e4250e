"""Alerts as they are kept: raised in the transaction of their entry, grown with the mark of how far the log was read.

Rules kept here: an alert is written once, whoever reads the same entries; only who moves the mark from where a batch
begins writes what else came of it, so several gateways on one database neither lose nor double anything. Nothing is
dropped: of a day the strongest are shown first, and the others are counted and can be listed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.detection.actors import Who
from gateway.detection.alert_text import read_alert, write_alert
from gateway.detection.alerts import OPEN_STATES, Alert, State
from gateway.detection.rules import Severity
from gateway.detection.tables import ALERTS, DETECTION_MARKS
from gateway.detection.tokens import Tokens

_MARK: Final = "read_below"
_RANKS: Final = {Severity.CRITICAL: 0, Severity.HIGH: 1, Severity.MEDIUM: 2}
NONE: Final = -1


@dataclass(frozen=True, slots=True)
class KeptAlert:
    """An alert as it stands.

    Attributes:
        alert: The alert.
        state: How far an officer is.
        place: Where it ranks among those of its day, from 1.
        raised_entry: Entry that says that it was raised.
        judged_entry: Entry of the newest judgement; -1 for none.
        judged_ms: When, Unix ms; 0 for never.
    """

    alert: Alert
    state: State
    place: int
    raised_entry: int
    judged_entry: int
    judged_ms: int


class StoredAlerts:
    """Keeps alerts. Blocks on the database; may be used from any thread.

    Args:
        engine: The database.
        tokens: Seals them.
    """

    def __init__(self, engine: Engine, tokens: Tokens) -> None:
        self._engine = engine
        self._tokens = tokens

    def mark(self) -> int:
        """Entries below this index were looked at."""
        with self._engine.connect() as connection:
            found = connection.execute(select(DETECTION_MARKS.c.value).where(DETECTION_MARKS.c.name == _MARK)).scalar()
        return int(found or 0)

    def move_mark(self, connection: Connection, start: int, stop: int) -> bool:
        """Say that entries were looked at, in the transaction of what came of them.

        Returns:
            False when another gateway was first: then nothing else may be written.
        """
        first = self._insert(DETECTION_MARKS).values(name=_MARK, value=0).on_conflict_do_nothing()
        connection.execute(first)
        moved = (
            update(DETECTION_MARKS)
            .where(DETECTION_MARKS.c.name == _MARK, DETECTION_MARKS.c.value == start)
            .values(value=stop)
        )
        return connection.execute(moved).rowcount == 1

    def raise_alert(self, connection: Connection, entry: int, alert: Alert) -> None:
        """Keep a new alert, in the transaction of the entry that says that it was raised."""
        row = {
            "alert_id": alert.id,
            "actor": self._tokens.actor(*alert.who),
            "day": alert.day,
            "state": str(State.OPEN),
            "raised_ms": alert.raised_ms,
            "raised_at": alert.raised_at,
            "raised_entry": entry,
            "judged_entry": NONE,
            "judged_ms": 0,
            **self._grown(alert),
        }
        connection.execute(self._insert(ALERTS).on_conflict_do_nothing(), [row])

    def grow(self, connection: Connection, alerts: Iterable[Alert]) -> None:
        """Keep what was added to alerts; one that was judged meanwhile stays as it was judged."""
        states = sorted(map(str, OPEN_STATES))
        for alert in alerts:
            grown = update(ALERTS).where(ALERTS.c.alert_id == alert.id, ALERTS.c.state.in_(states))
            connection.execute(grown.values(**self._grown(alert)))

    def judge(self, connection: Connection, alert_id: bytes, state: State, entry: int, now_ms: int) -> bool:
        """Say how far an officer is, in the transaction of the entry that says so.

        Returns:
            False when it was judged finally before, or is in this state already.
        """
        states = sorted(map(str, OPEN_STATES - {state}))
        judged = update(ALERTS).where(ALERTS.c.alert_id == alert_id, ALERTS.c.state.in_(states))
        return connection.execute(judged.values(state=str(state), judged_entry=entry, judged_ms=now_ms)).rowcount == 1

    def get(self, alert_id: bytes) -> KeptAlert | None:
        """One alert.

        Raises:
            AlertChanged: What is stored is not what was stored.
        """
        found = self._read(ALERTS.c.alert_id == alert_id, 1)
        return found[0] if found else None

    def open(self) -> list[Alert]:
        """Every alert that still grows.

        Raises:
            AlertChanged: What is stored is not what was stored.
        """
        return [one.alert for one in self._read(ALERTS.c.state.in_(sorted(map(str, OPEN_STATES))), None)]

    def settled(self) -> dict[Who, int]:
        """Up to which entry what speaks against somebody was judged.

        Raises:
            AlertChanged: What is stored is not what was stored.
        """
        return {who: entry for who, (entry, _) in self.judged(0).items()}

    def judged(self, since_ms: int) -> dict[Who, tuple[int, int]]:
        """Who was judged for good at or after a moment: up to which entry, and when.

        Raises:
            AlertChanged: What is stored is not what was stored.
        """
        closed = and_(ALERTS.c.state.notin_(sorted(map(str, OPEN_STATES))), ALERTS.c.judged_ms >= since_ms)
        found: dict[Who, tuple[int, int]] = {}
        for one in self._read(closed, None):
            judged = (one.judged_entry, one.judged_ms)
            found[one.alert.who] = max(judged, found.get(one.alert.who, judged))
        return found

    def page(
        self, *, states: Sequence[State], days: tuple[int, int], most_a_day: int, after: int, limit: int
    ) -> tuple[list[KeptAlert], int]:
        """Alerts, newest day first, of a day the strongest first.

        Args:
            states: Only these; empty for all.
            days: First civil day, and the first that does not count any more.
            most_a_day: Only so many of each day; 0 for all.
            after: So many were seen already.
            limit: At most so many.

        Returns:
            The alerts; how many of those days and states rank behind `most_a_day`.

        Raises:
            AlertChanged: What is stored is not what was stored.
        """
        conditions = [ALERTS.c.day >= days[0], ALERTS.c.day < days[1]]
        if states:
            conditions.append(ALERTS.c.state.in_(sorted(map(str, states))))
        places = _places()
        joined = places.c.alert_id == ALERTS.c.alert_id
        shown = [*conditions, places.c.place <= most_a_day] if most_a_day else conditions
        order = (ALERTS.c.day.desc(), places.c.place)
        query = select(ALERTS, places.c.place).join(places, joined)
        with self._engine.connect() as connection:
            rows = connection.execute(query.where(*shown).order_by(*order).offset(after).limit(limit)).all()
            behind = 0
            if most_a_day:
                counted = select(func.count()).select_from(ALERTS).join(places, joined)
                behind = int(connection.execute(counted.where(*conditions, places.c.place > most_a_day)).scalar_one())
        return [self._kept(row) for row in rows], behind

    def _read(self, condition: Any, limit: int | None) -> list[KeptAlert]:
        places = _places()
        query = select(ALERTS, places.c.place).join(places, places.c.alert_id == ALERTS.c.alert_id).where(condition)
        with self._engine.connect() as connection:
            rows = connection.execute(query.order_by(ALERTS.c.raised_at).limit(limit)).all()
        return [self._kept(row) for row in rows]

    def _grown(self, alert: Alert) -> dict[str, Any]:
        return {
            "rank": _RANKS[alert.severity],
            "points": alert.points,
            "grown_ms": alert.grown_ms,
            "body": self._tokens.seal(alert.id, write_alert(alert)),
        }

    def _kept(self, row: Any) -> KeptAlert:
        alert = read_alert(bytes(row.alert_id), self._tokens.open(bytes(row.alert_id), bytes(row.body)))
        return KeptAlert(
            alert, State(row.state), int(row.place), int(row.raised_entry), int(row.judged_entry), int(row.judged_ms)
        )

    def _insert(self, into: Any) -> Any:
        insert = insert_postgresql if self._engine.dialect.name == "postgresql" else insert_sqlite
        return insert(into)


def _places() -> Any:
    """Where each alert ranks among those of its day."""
    other = ALERTS.alias("other")
    before = or_(
        other.c.rank < ALERTS.c.rank,
        and_(other.c.rank == ALERTS.c.rank, other.c.points > ALERTS.c.points),
        and_(
            other.c.rank == ALERTS.c.rank,
            other.c.points == ALERTS.c.points,
            other.c.raised_at < ALERTS.c.raised_at,
        ),
        and_(
            other.c.rank == ALERTS.c.rank,
            other.c.points == ALERTS.c.points,
            other.c.raised_at == ALERTS.c.raised_at,
            other.c.alert_id < ALERTS.c.alert_id,
        ),
    )
    place = select(func.count() + 1).select_from(other).where(other.c.day == ALERTS.c.day, before)
    return select(ALERTS.c.alert_id, place.correlate(ALERTS).scalar_subquery().label("place")).subquery("places")
