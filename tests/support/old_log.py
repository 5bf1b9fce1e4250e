"""A log with old and new entries for tests of retention, and the means to prune it."""

from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from gateway.audit.entries import EntryDraft
from gateway.audit.ledger import SqlLedger
from gateway.audit.retention.plan import Plan, Rests
from gateway.audit.retention.prune import Done
from gateway.audit.retention.rule import Rule
from gateway.audit.verify.pruned import MONTH_MS
from tests.support.ledgers import LedgerClock, asked, make_ledger, released

RULE = Rule(6, {}, "Cybersecurity Law")
LATER = 7 * MONTH_MS


def no_references(_now_ms: int) -> Rests:
    return Rests()


def fill(ledger: SqlLedger, requests: int = 3, rule: str = "rule-of-today") -> None:
    """So many settled requests."""
    for number in range(requests):
        question = ledger.append_blocking(asked(number, rules=[rule]))
        ledger.append_blocking(released(question.leaf_index))


class Log:
    """A log with old and new entries, and the means to prune it."""

    def __init__(self, engine: Engine, clock: LedgerClock) -> None:
        self.engine, self.clock = engine, clock
        self.ledger = make_ledger(engine, clock)
        self.ledger.start()

    def publish(self) -> None:
        """Everything that is there is under a signed head."""
        self.ledger.stop()
        self.ledger = make_ledger(self.engine, self.clock)
        self.ledger.start()

    def age(self) -> int:
        """Old entries, the time that they are kept, and new ones; returns how many are old."""
        fill(self.ledger, rule="rule-of-old")
        old = self.ledger.size()
        self.clock.at_ms += LATER
        fill(self.ledger, 2)
        self.publish()
        while self.ledger.review.indexer.turn():
            pass
        return old

    def plan(self, rule: Rule = RULE, **references: Any) -> Plan:
        found = references.get("references", no_references)
        return self.ledger.planner(found).plan(rule, self.clock.now_ms())

    def step(self, what: str) -> None:
        """The clock goes on while the publication is waited for."""
        if what == "publish":
            self.clock.at_ms += 1_000
            self.ledger.append_blocking(EntryDraft("gateway_started", {}))

    def prune(self, rule: Rule = RULE) -> Done:
        prune = self.ledger.prune(self.step)
        return prune.carry_out(prune.record(self.plan(rule), rule))


def copy(log: Log, folder: Path) -> Path:
    log.publish()
    log.ledger.export(folder)
    return folder
