"""Reads the access log for detection and keeps what is found: a few entries a turn, beside everything else.

Rules kept here: an alert is raised by an entry of the log and kept in that entry's commit, under a name that only one
entry may have; what it grows by, and the pairs to ask about, are kept with the mark of how far the log was read, by
whoever moves the mark. So a gateway that is killed, or several on one log, lose and double nothing. The engine's
memory is made of the log again after a start. Nothing waits for this: it fails open for requests. An entry that does
not fit its leaf hash stops it, turn after turn, with an error in the operator's log: it fails closed for alerts.
"""

import contextlib
from hashlib import sha256
from typing import Final

from sqlalchemy import Engine as Database

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import AlreadyRecorded, NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.detection.alerts import Alert
from gateway.detection.engine import Engine
from gateway.detection.lists import Lists
from gateway.detection.reads import Read, Review
from gateway.detection.relations import Pair
from gateway.detection.stored_alerts import StoredAlerts
from gateway.detection.stored_relations import StoredRelations, Wanted
from gateway.detection.thresholds import Thresholds
from gateway.exchange.detect_reads import seen_in
from gateway.storage.database import write_transaction
from policies.civil_time import civil_day, day_begins_ms

BATCH: Final = 200
"""Entries of one turn."""


class Detect:
    """Runs detection. Blocking; for one thread at a time.

    Args:
        database: The database.
        ledger: The log.
        alerts: Keeps alerts, and how far the log was read.
        lists: Persons on lists.
        relations: Answers and questions about relations.
        thresholds: As set.
    """

    def __init__(
        self,
        database: Database,
        ledger: SqlLedger,
        alerts: StoredAlerts,
        lists: Lists,
        relations: StoredRelations,
        thresholds: Thresholds,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._alerts = alerts
        self._lists = lists
        self._relations = relations
        self._set = thresholds
        self._engine: Engine | None = None
        self._listed: dict[bytes, str] = {}
        self._at = 0
        self._warm = False
        self._judged_ms = 0
        self._raised: set[bytes] = set()
        self._grown: dict[bytes, Alert] = {}
        self._wanted: dict[Pair, Wanted] = {}

    def turn(self, batch: int = BATCH) -> int:
        """Look at the next entries.

        Args:
            batch: At most so many.

        Returns:
            How many are left.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash.
            AuditError: The log cannot write; what was found is kept at a later turn.
            AlertChanged: A stored alert is not what was stored.
            sqlalchemy.exc.SQLAlchemyError: The database cannot be used.
        """
        size = self._ledger.size()
        mark = self._alerts.mark()
        engine = self._engine or self._begin(mark)
        self._listed = dict(self._lists.current())
        if not self._warm or self._at < mark:
            if self._at < mark:
                self._feed(engine, min(self._at + batch, mark))
                # What came of these was kept by whoever moved the mark.
                engine.take()
            if self._at >= mark and not self._warm:
                self._go_on(engine)
            return size - self._at
        self._take_judgements(engine)
        if self._at < size:
            self._feed(engine, min(self._at + batch, size))
        self._keep(engine, mark)
        return size - self._at

    def over(self, from_ms: int, until_ms: int) -> list[Alert]:
        """What would be found in a stretch of time under these settings; nothing is kept.

        Args:
            from_ms: Alerts raised or grown from here on, Unix ms.
            until_ms: And before this.

        Raises:
            LedgerCorrupt: An entry does not fit its leaf hash.
        """
        self._listed = dict(self._lists.current())
        engine = Engine(self._set, self._list_of, self._relations)
        found: dict[bytes, Alert] = {}
        end = self._index_at(until_ms)
        for entries in self._ledger.walk(self._index_at(self._window_begins(from_ms)), end):
            for entry in entries:
                _look(engine, seen_in(entry))
            found |= {alert.id: alert for alert in engine.take().alerts if alert.grown_ms >= from_ms}
        return sorted(found.values(), key=lambda one: (-one.points, one.raised_at))

    def _begin(self, mark: int) -> Engine:
        """An engine that begins where the window of the next entry begins."""
        self._engine = Engine(self._set, self._list_of, self._relations, self._alerts.settled())
        self._at = self._index_at(self._window_begins(self._time(mark - 1))) if mark else 0
        self._at = min(self._at, mark)
        self._warm = False
        self._grown, self._wanted = {}, {}
        return self._engine

    def _go_on(self, engine: Engine) -> None:
        """Everything before the mark was looked at again: from here on what is found is kept."""
        kept = self._alerts.open()
        engine.restore(kept)
        self._raised = {alert.id for alert in kept}
        self._warm = True

    def _feed(self, engine: Engine, stop: int) -> None:
        try:
            for entries in self._ledger.walk(self._at, stop):
                for entry in entries:
                    _look(engine, seen_in(entry))
        except BaseException:
            # Half a batch was looked at: begin again.
            self._engine = None
            raise
        self._at = stop

    def _keep(self, engine: Engine, mark: int) -> None:
        changes = engine.take()
        self._grown |= {alert.id: alert for alert in changes.alerts}
        self._wanted |= {one.pair: one for one in changes.wanted}
        if self._at == mark and not self._grown:
            return
        for alert in sorted(self._grown.values(), key=lambda one: (one.raised_at, one.id)):
            if alert.id not in self._raised:
                self._raise(alert)
        with write_transaction(self._database) as connection:
            if not self._alerts.move_mark(connection, mark, self._at):
                # Another gateway was first; what it did not see as well is kept at the next turn.
                return
            self._alerts.grow(connection, self._grown.values())
            self._relations.want(connection, self._wanted.values())
        self._grown, self._wanted = {}, {}

    def _raise(self, alert: Alert) -> None:
        name = f"alert\0{alert.id.hex()}"
        pieces = alert.pieces
        draft = EntryDraft(
            kind=Kind.ALERT_RAISED,
            accountability={
                "alert": alert.id.hex(),
                "department": alert.who.department,
                "system": alert.who.system,
                **({"official": alert.who.official} if alert.who.official else {}),
                "rules_broken": [str(rule) for rule in alert.rules],
                "severity": str(alert.severity),
                "points": alert.points,
                "first": min(one.first for one in pieces),
                "last": max(one.last for one in pieces),
            },
            unique=(name, sha256(name.encode()).digest()),
            placed=(lambda connection, entry: self._alerts.raise_alert(connection, entry, alert),),
        )
        # Else this gateway before it was killed, or another one on the same log, was first.
        with contextlib.suppress(AlreadyRecorded):
            self._ledger.append_blocking(draft)
        self._raised.add(alert.id)

    def _take_judgements(self, engine: Engine) -> None:
        """Whatever was judged since the last turn counts no more."""
        for who, (entry, judged_ms) in self._alerts.judged(self._judged_ms).items():
            engine.settle(who, entry)
            self._grown = {one: alert for one, alert in self._grown.items() if alert.who != who}
            self._judged_ms = max(self._judged_ms, judged_ms)

    def _list_of(self, person: bytes) -> str:
        return self._listed.get(self._lists.token(person), "") if self._listed else ""

    def _window_begins(self, time_ms: int) -> int:
        return max(0, day_begins_ms(civil_day(time_ms) - self._set.window_days))

    def _index_at(self, time_ms: int) -> int:
        """The first entry of a time, by halving; entries are nearly in the order of their times."""
        low, high = 0, self._ledger.size()
        while low < high:
            middle = (low + high) // 2
            if self._time(middle) < time_ms:
                low = middle + 1
            else:
                high = middle
        # A clock that was set back a little meanwhile.
        return low

    def _time(self, index: int) -> int:
        try:
            return self._ledger.entry(index).time_ms
        except NoSuchEntry:
            # Pruned after its retention: older than any window.
            return 0


def _look(engine: Engine, seen: Read | Review | None) -> None:
    if isinstance(seen, Read):
        engine.feed(seen)
    elif seen is not None:
        engine.review(seen)
