"""Detection over a real log, on every database: read in pieces, killed, read by two, judged."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.detection.alerts import State
from gateway.detection.lists import ListName, Lists
from gateway.detection.stored_alerts import KeptAlert, StoredAlerts
from gateway.detection.stored_relations import StoredRelations
from gateway.detection.tables import ALERTS
from gateway.detection.thresholds import Thresholds
from gateway.detection.tokens import AlertChanged, Tokens
from gateway.exchange.detect import Detect
from gateway.storage.database import write_transaction
from policies.civil_time import DAY_MS
from tests.support.ledgers import LedgerClock, storage_fault

SYSTEM = "spiffe://gov.test/department/welfare/system/benefits"
TOKENS = Tokens(b"t" * 32)
NOBODY = b"n" * 16
OFFICIALS = ("a" * 64, "b" * 64, "c" * 64, "d" * 64)


class Log:
    """A log that is written by an office, with somebody who touches a honeytoken and one who borrows a case."""

    def __init__(self, engine: Engine, ledger: SqlLedger, clock: LedgerClock) -> None:
        self.engine, self.ledger, self.clock, self.day = engine, ledger, clock, 0
        self.alerts = StoredAlerts(engine, TOKENS)
        self.lists = Lists(engine, TOKENS, clock)
        with write_transaction(engine) as connection:
            self.lists.add(connection, NOBODY, ListName.HONEYTOKEN, clock.now_ms() + 300 * DAY_MS, 0)

    def detect(self, **settings: int) -> Detect:
        relations = StoredRelations(self.engine, TOKENS, self.clock, 100, 90)
        thresholds = Thresholds(window_days=5, evidence_days=4, alert_points=60, **settings)  # type: ignore[arg-type]
        return Detect(self.engine, self.ledger, self.alerts, self.lists, relations, thresholds)

    def write(self, reads: Sequence[tuple[str, bytes, str]]) -> None:
        async def append() -> None:
            await asyncio.gather(*(self.ledger.append(self.draft(*one)) for one in reads))

        asyncio.run(append())

    def draft(self, official: str, person: bytes, case: str) -> EntryDraft:
        said: dict[str, Json] = {
            "department": "welfare",
            "system": SYSTEM,
            "official": official,
            "purpose": "benefit_claim",
            "legal_basis": "mandate",
            "case": case,
            "request_id": "R",
            "items": [{"resource": "civil.resident", "field": "name", "form": "value", "outcome": "released"}],
        }
        return EntryDraft("released", said, {"person": person.hex(), "scheme": "cn.resident-id"}, about=person)

    def days(self, count: int) -> None:
        """So many days of an office; on each somebody reads twelve people under one case."""
        for day in range(self.day, self.day + count):
            self.clock.at_ms += DAY_MS
            # Enough honest officials that one who is not does not become what is usual.
            ordinary = [(f"{n:064d}", bytes([day, n]) + b"o" * 14, f"{day}-{n}") for n in range(24)]
            self.write(ordinary)
            self.write([(OFFICIALS[2], bytes([day, n]) + b"x" * 14, "BORROWED") for n in range(5)])
        self.day += count

    def kept(self) -> list[tuple[object, ...]]:
        """What is kept, without what differs by chance."""
        return [
            (one.alert.who, one.alert.points, one.state, sorted(map(str, one.alert.rules)), one.alert.raised_at)
            for one in self.all()
        ]

    def all(self) -> list[KeptAlert]:
        found, _ = self.alerts.page(states=(), days=(0, 10**6), most_a_day=0, after=0, limit=500)
        return sorted(found, key=lambda one: one.alert.raised_at)


@pytest.fixture
def log(engine: Engine, ledger: SqlLedger, clock: LedgerClock) -> Log:
    return Log(engine, ledger, clock)


def drain(detect: Detect, batch: int = 200) -> None:
    while detect.turn(batch) > 0:
        pass


def test_read_in_pieces_by_processes_that_end_it_finds_what_one_run_finds(log: Log) -> None:
    log.days(9)
    log.write([(OFFICIALS[3], NOBODY, "Z")])
    detect = log.detect()
    for number in range(60):
        if number % 9 == 0:
            # Another process goes on where this one was killed.
            detect = log.detect()
        detect.turn(37)
    in_pieces = log.kept()
    assert {one[0][2] for one in in_pieces} == {OFFICIALS[2], OFFICIALS[3]}  # type: ignore[index]
    with write_transaction(log.engine) as connection:
        for table in ("audit_alerts", "audit_detection_marks"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    assert {alert.who for alert in log.detect().over(0, 10**15)} == {one[0] for one in in_pieces}
    raised = log.ledger.entries(kind=str(Kind.ALERT_RAISED), limit=500).entries
    assert len(raised) == len(in_pieces)


def test_an_alert_that_was_raised_and_not_marked_is_not_raised_again(log: Log) -> None:
    log.days(3)
    detect = log.detect()
    with storage_fault(log.engine, "UPDATE audit_detection_marks") as fault:
        fault.before = 1000
        with pytest.raises(OperationalError):
            drain(detect)
    before = log.kept()
    drain(log.detect())
    assert len(log.kept()) >= len(before)
    raised = log.ledger.entries(kind=str(Kind.ALERT_RAISED), limit=500).entries
    assert len(raised) == len(log.all())
    assert {entry.account["alert"] for entry in raised} == {one.alert.id.hex() for one in log.all()}


def test_two_that_read_one_log_neither_double_nor_lose(log: Log) -> None:
    first, second = log.detect(), log.detect()
    for _ in range(5):
        log.days(1)
        for turn in range(6):
            (first if turn % 2 else second).turn(7 + turn)
    drain(first, 13)
    drain(second, 5)
    kept = log.all()
    assert [one.alert.who.official for one in kept] == [OFFICIALS[2]]
    assert kept[0].alert.pieces[0].count > 8
    assert len(log.ledger.entries(kind=str(Kind.ALERT_RAISED), limit=500).entries) == 1


def test_what_was_judged_counts_no_more_and_what_follows_begins_anew(log: Log) -> None:
    detect = log.detect()
    log.days(3)
    drain(detect)
    (kept,) = log.all()
    log.clock.at_ms += 1
    end = log.ledger.size()
    with write_transaction(log.engine) as connection:
        assert log.alerts.judge(connection, kept.alert.id, State.FALSE_ALARM, end, log.clock.now_ms())
        assert not log.alerts.judge(connection, kept.alert.id, State.JUSTIFIED, end, log.clock.now_ms())
    log.days(1)
    drain(detect)
    drain(log.detect())
    assert len(log.all()) == 1
    log.days(3)
    drain(detect)
    assert [one.state for one in log.all()] == [State.FALSE_ALARM, State.OPEN]


def test_nothing_is_kept_when_the_log_cannot_write_and_it_is_made_up_for_later(log: Log) -> None:
    log.days(3)
    detect = log.detect()
    with storage_fault(log.engine) as fault:
        fault.before = 1000
        with pytest.raises(LedgerUnavailable):
            drain(detect)
    assert log.all() == []
    drain(detect)
    assert len(log.all()) == 1


def test_of_a_day_the_strongest_come_first_and_the_others_are_counted(log: Log) -> None:
    log.days(3)
    log.write([(official, NOBODY, "Z") for official in (OFFICIALS[0], OFFICIALS[3])])
    drain(log.detect())
    days = (0, 10**6)
    every, none = log.alerts.page(states=(), days=days, most_a_day=0, after=0, limit=10)
    assert none == 0
    first, behind = log.alerts.page(states=(), days=days, most_a_day=1, after=0, limit=10)
    assert len(first) + behind == len(every) == 3
    assert all(one.place == 1 for one in first)
    assert log.alerts.page(states=(State.LOOKING,), days=days, most_a_day=1, after=0, limit=10) == ([], 0)


def test_what_is_kept_names_nobody_and_an_alert_changed_by_hand_is_not_shown(log: Log) -> None:
    log.days(3)
    log.write([(OFFICIALS[3], NOBODY, "Z")])
    drain(log.detect())
    with log.engine.connect() as connection:
        rows = repr([tuple(row) for row in connection.execute(select(ALERTS))])
    assert SYSTEM not in rows
    assert not any(official in rows for official in OFFICIALS)
    assert repr(NOBODY)[2:-1] not in rows
    one, other = log.all()
    with write_transaction(log.engine) as connection:
        body = select(ALERTS.c.body).where(ALERTS.c.alert_id == one.alert.id).scalar_subquery()
        connection.execute(ALERTS.update().where(ALERTS.c.alert_id == other.alert.id).values(body=body))
    with pytest.raises(AlertChanged):
        log.all()


def test_who_is_on_a_list_counts_until_the_date_and_can_be_taken_off(log: Log) -> None:
    (listed,) = log.lists.all(ListName.HONEYTOKEN)
    assert log.lists.all(ListName.WATCHED) == []
    assert log.lists.current() == {listed.token: "honeytoken"}
    with write_transaction(log.engine) as connection:
        assert not log.lists.remove(connection, listed.token, ListName.WATCHED)
        assert log.lists.remove(connection, listed.token, ListName.HONEYTOKEN)
        log.lists.add(connection, NOBODY, ListName.WATCHED, log.clock.now_ms() + 5, 3)
    assert [one.entry for one in log.lists.all(ListName.WATCHED)] == [3]
    log.clock.at_ms += 5
    assert log.lists.all(ListName.WATCHED) == []
    assert log.lists.current() == {}
