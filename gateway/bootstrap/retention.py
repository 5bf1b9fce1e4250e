"""Wires retention: the rule out of the settings, what rests on entries out of the gateway's tables, and the daily turn.

Rules kept here: whoever prunes, the operator's command or the turn, goes by the same plan; a reference that cannot be
read keeps everything (fails closed: the plan is not made).
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from sqlalchemy import Connection, or_, select

from gateway.audit.errors import RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.audit.retention.plan import Plan, References, Rests, Tell
from gateway.audit.retention.prune import Done
from gateway.audit.retention.rule import Kept, Rule
from gateway.bootstrap.identities import detection_tokens
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.retention_rule import rule_of
from gateway.detection.alerts import OPEN_STATES
from gateway.detection.stored_alerts import StoredAlerts
from gateway.detection.tables import ALERTS, LISTED
from gateway.emergencies.findings import without_finding
from gateway.emergencies.tables import USES
from gateway.sharing.consents import TO_TELL
from gateway.sharing.tables import CONSENTS
from gateway.vault.notices import open_entries
from policies.consents import Status

DAY_S: Final = 86_400.0
_USABLE: Final = (str(Status.REQUESTED), str(Status.GRANTED), str(Status.PAUSED))
_log = structlog.get_logger("oncegate.gateway")


def references_of(offline: Offline) -> References:
    """What in the gateway's tables rests on which entries of the log."""

    def references(now_ms: int) -> Rests:
        entries: dict[int, Kept] = {}
        with offline.engine.connect() as connection:
            for entry in open_entries(connection):
                entries[entry] = Kept.OPEN_NOTICE
            entries |= _emergencies(connection, now_ms)
            listed = select(LISTED.c.entry).where(LISTED.c.until_ms > now_ms)
            entries |= dict.fromkeys(map(int, connection.execute(listed).scalars()), Kept.LISTED)
            entries |= _alerts(connection, StoredAlerts(offline.engine, detection_tokens(offline)))
            usable = select(CONSENTS.c.digest).where(
                or_(
                    CONSENTS.c.status.in_(_USABLE) & (CONSENTS.c.valid_until_ms > now_ms), CONSENTS.c.told_ms == TO_TELL
                )
            )
            consents = frozenset(bytes(digest).hex() for digest in connection.execute(usable).scalars())
        return Rests(entries, consents)

    return references


def _alerts(connection: Connection, alerts: StoredAlerts) -> dict[int, Kept]:
    """What alerts that nobody has judged for good name, and the entries that say so."""
    said = select(ALERTS.c.raised_entry, ALERTS.c.judged_entry).where(ALERTS.c.state.in_(sorted(map(str, OPEN_STATES))))
    named = {int(index) for row in connection.execute(said).all() for index in row if index >= 0}
    for alert in alerts.open():
        named |= {alert.raised_at, alert.grown_at}
        for piece in alert.pieces:
            named |= {piece.first, piece.last, *piece.entries}
    return dict.fromkeys(named, Kept.OPEN_ALERT)


def _emergencies(connection: Connection, now_ms: int) -> dict[int, Kept]:
    """Declared emergencies that are not reviewed, or that their person does not see yet."""
    columns = (USES.c.entry, USES.c.review_entry, USES.c.overdue_entry, USES.c.person_from_ms)
    query = select(*columns).where(or_(without_finding(), USES.c.person_from_ms > now_ms))
    found: dict[int, Kept] = {}
    for entry, review, overdue, from_ms in connection.execute(query).all():
        why = Kept.HIDDEN_FROM_PERSON if from_ms > now_ms else Kept.EMERGENCY_WITHOUT_FINDING
        found |= {int(index): why for index in (entry, review, overdue) if index >= 0}
    return found


def plan_of(offline: Offline, tell: Tell = lambda _done, _of: None) -> Plan:
    """What may be pruned now.

    Raises:
        BadSettings: The rule is none.
        LedgerCorrupt: An entry does not fit its leaf hash.
    """
    planner = offline.ledger.planner(references_of(offline))
    return planner.plan(rule_of(offline.settings), offline.clock.now_ms(), tell)


def prune(ledger: SqlLedger, plan: Plan, rule: Rule, tell: Tell = lambda _done, _of: None) -> list[Done]:
    """Finish what was begun, then carry out a plan if anything is to go.

    Raises:
        RiderRefused: The log has changed since the plan was made.
        LedgerUnavailable: It could not be recorded or carried out; try again.
    """
    done, pruning = [], ledger.prune()
    if (left := pruning.unfinished()) is not None:
        done.append(pruning.carry_out(left, tell))
    if plan.ranges:
        done.append(pruning.carry_out(pruning.record(plan, rule), tell))
    return done


def daily(offline: Offline) -> tuple[tuple[str, float, Callable[[], Awaitable[None]]], ...]:
    """The turn beside a serving gateway, when it is switched on: name, how often in seconds, and what to do."""
    if not offline.settings.retention.automatic:
        return ()

    def work() -> None:
        plan = plan_of(offline)
        try:
            for done in prune(offline.ledger, plan, rule_of(offline.settings)):
                _log.info("log pruned", under=done.under, entries=done.entries, held=done.held)
        except RiderRefused:
            # A hold came in between: the next turn plans anew.
            _log.info("log not pruned", reason="the log changed meanwhile")

    return (("log retention", DAY_S, lambda: asyncio.to_thread(work)),)
