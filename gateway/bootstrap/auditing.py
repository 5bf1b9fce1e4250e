"""Wires what auditors do with the access log, and the turns that look after the log beside a serving gateway."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.ledger import SqlLedger
from gateway.bootstrap.log_search import SearchTables
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.retention import daily
from gateway.exchange.access_words import AccessWords
from gateway.exchange.acting import Actors
from gateway.exchange.auditing import ReadLog
from gateway.exchange.count_hidden import CountHidden
from gateway.exchange.evidence import Evidence
from gateway.exchange.identify import IdentifySubject
from gateway.exchange.own_accesses import OwnAccesses
from gateway.exchange.record import Record
from gateway.exchange.review import ReviewLog
from gateway.identity.people import People
from gateway.rpc.services.audit import AuditServicer
from oncegate.v1 import audit_pb2_grpc

Turn = tuple[str, float, Callable[[], Awaitable[Any]]]
_INDEX_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Auditing:
    """What auditors do with the access log.

    Args:
        ledger: The log.
        servicer: Their door.
        tables: What searches go by.
        retention: The turn that prunes the log, when it is switched on.
    """

    ledger: SqlLedger
    servicer: AuditServicer
    tables: SearchTables
    retention: Sequence[Turn]

    def register(self, server: Any) -> None:
        """Offer the service at a door for people."""
        audit_pb2_grpc.add_AuditServiceServicer_to_server(self.servicer, server)

    def turns(self) -> tuple[Turn, ...]:
        """What is done again and again: a name for the log, the pause in seconds, and the turn."""
        return (("search tables", _INDEX_S, self.tables.turn), *self.retention)


def auditing(offline: Offline, people: People, subjects: IdentifySubject, record: Record) -> Auditing:
    """Wire it.

    Args:
        offline: The gateway's parts without doors.
        people: Who may come in by a token.
        subjects: Knows persons by identifier.
        record: Writes the log.
    """
    ledger, clock = offline.ledger, offline.clock
    actors = Actors(people, subjects, offline.settings.consents.relations)
    servicer = AuditServicer(
        ledger,
        ReadLog(people, record, ledger),
        OwnAccesses(actors, record, ledger, clock),
        ReviewLog(people, subjects, record, ledger),
        Evidence(people, record, ledger, clock),
        CountHidden(people, record, ledger, offline.engine, clock),
        AccessWords(offline.departments, offline.purposes, offline.catalog),
    )
    return Auditing(ledger, servicer, SearchTables(ledger, offline.clock), daily(offline))
