"""What a declared emergency brings beside the release: its mark in the log, and notices to whoever has to know.

Rules kept: the notices to the provider's steward and to the person are rows of the very transaction that makes the
`asked` entry durable, before any node is asked. The same transaction refuses the request while an earlier use of the
consumer under the agreement is late beyond what is tolerated. The person sees it at once unless the agreement cites the
law that delays it; until then every entry about it is kept out of the person's own list, and auditors see by which law.
What the official stated is in the erasable part of the `asked` entry alone.

Which agreement serves an emergency is for the policy; nodes check it again from their own copies.
"""

from dataclasses import replace
from typing import Final

import structlog
from sqlalchemy import Connection

from gateway.audit.counters import Placed
from gateway.audit.errors import RiderRefused
from gateway.clock import Clock
from gateway.emergencies.uses import NewUse, blocked, note_uses
from gateway.errors import Code, Refused
from gateway.exchange.decide import Plan
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import EmergencyMark
from policies.agreements.due import Calendar
from policies.reasons import Reason

HOUR_MS: Final = 3_600_000
_log = structlog.get_logger("oncegate.exchange")


class DeclareEmergency:
    """Works out notices and due dates.

    Args:
        clock: Now.
        calendar: Which days are worked, for reviews that are due in working days.
        tolerated_h: For how many hours a review may be late before further uses are refused.
    """

    def __init__(self, clock: Clock, calendar: Calendar, tolerated_h: int) -> None:
        self._clock = clock
        self._calendar = calendar
        self._tolerated_ms = tolerated_h * HOUR_MS

    def marked(self, caller: Caller, plan: Plan) -> Caller:
        """The caller with the mark for all further entries of the request; unchanged when no emergency is declared.

        Args:
            caller: Who asks.
            plan: What policy decided. Where several agreements differ, the longest delay holds for all entries.
        """
        if caller.request.emergency is None:
            return caller
        now_ms = self._clock.now_ms()
        terms = [part.agreement.emergency for part in plan.permitted if part.agreement.emergency is not None]
        latest = max(terms, key=lambda each: each.notify_after_days, default=None)
        mark = (
            EmergencyMark(now_ms)
            if latest is None
            else EmergencyMark(now_ms, latest.law, latest.person_from_ms(now_ms))
        )
        return replace(caller, mark=mark)

    @staticmethod
    def ring(caller: Caller, plan: Plan, entry: int) -> None:
        """Say in the operator's log that an emergency was declared, once its entry is durable. It names no person.

        Args:
            caller: Who asks.
            plan: What policy decided.
            entry: Position of the `asked` entry.
        """
        if caller.request.emergency is not None:
            _log.warning(
                "emergency declared",
                reason=caller.request.emergency.reason,
                consumer=caller.peer.department,
                agreements=[part.agreement.id for part in plan.permitted],
                entry=entry,
            )

    def notices(self, caller: Caller, subject: Subject, plan: Plan) -> tuple[Placed, ...]:
        """What to commit with the `asked` entry of a request under a declared emergency.

        Args:
            caller: As `marked` gave it.
            subject: Whom it is about.
            plan: What policy decided.

        Raises:
            Refused: INTERNAL when the plan draws on an agreement that is not for emergencies, or on none, or the caller
                is not marked. Fails closed: the policy permits neither.
        """
        declared, mark = caller.request.emergency, caller.mark
        terms = [(part.agreement, part.agreement.emergency) for part in plan.permitted]
        if declared is None or mark is None or not terms:
            raise Refused(Code.INTERNAL, "an emergency without an agreement")
        uses: list[NewUse] = []
        for agreement, each in terms:
            if each is None:
                raise Refused(Code.INTERNAL, "an emergency under an ordinary agreement")
            uses.append(
                NewUse(
                    person_id=subject.person_id,
                    provider=agreement.provider,
                    consumer=caller.peer.department,
                    system=str(caller.peer.spiffe),
                    resource=agreement.resource,
                    agreement_id=agreement.id,
                    agreement_revision=agreement.revision,
                    reason=declared.reason,
                    asked_ms=mark.asked_ms,
                    due_ms=each.review_due_ms(mark.asked_ms, self._calendar),
                    # As late as the entries of the request, which the notice would otherwise give away.
                    person_from_ms=mark.visible_from_ms or mark.asked_ms,
                    law=mark.law,
                )
            )
        before_ms = mark.asked_ms - self._tolerated_ms

        def place(connection: Connection, entry: int) -> None:
            if any(blocked(connection, use.agreement_id, use.consumer, before_ms) for use in uses):
                raise RiderRefused(Reason.EMERGENCY_REVIEW_OVERDUE)
            note_uses(connection, entry, uses)

        return (place,)
