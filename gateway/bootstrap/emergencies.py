"""Wires what declared emergencies need."""

from gateway.bootstrap.offline import Offline
from gateway.emergencies.uses import EmergencyUses
from gateway.exchange.citizen import Citizens
from gateway.exchange.emergency import DeclareEmergency
from gateway.exchange.emergency_desk import EmergencyDesk, Terms
from gateway.exchange.identify import IdentifySubject
from gateway.exchange.record import Record
from gateway.identity.people import People
from policies.agreements.due import Calendar


def declare_emergency(offline: Offline) -> DeclareEmergency:
    """What is committed with a request under a declared emergency."""
    return DeclareEmergency(offline.clock, _calendar(offline), offline.settings.emergencies.tolerated_hours)


def emergency_desk(offline: Offline, people: People, subjects: IdentifySubject, record: Record) -> EmergencyDesk:
    """Who reads and reviews."""
    return EmergencyDesk(
        people=people,
        departments=offline.departments,
        citizens=Citizens(people, subjects),
        uses=EmergencyUses(offline.engine, offline.clock),
        record=record,
        ledger=offline.ledger,
        clock=offline.clock,
        terms=Terms(
            calendar=_calendar(offline),
            follow_up_days=offline.settings.emergencies.follow_up_working_days,
            erase_days=offline.settings.vault.notice_days,
        ),
        acting=subjects.acting,
    )


def _calendar(offline: Offline) -> Calendar:
    agreements = offline.settings.agreements
    return Calendar(frozenset(agreements.holidays), frozenset(agreements.workdays))
