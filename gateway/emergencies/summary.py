"""How often who declared emergencies, and what came of it: counts for auditors, without a person in them."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from gateway.emergencies.findings import Outcome, without_finding
from gateway.emergencies.tables import USES

MOST: Final = 1000
"""Most rows of a summary."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What one department asked of another under one agreement for one reason.

    Args:
        provider: Department that provided.
        consumer: Department that asked.
        agreement_id: The agreement.
        reason: Code of the declared reason.
        uses: How many uses.
        justified: Of them found justified.
        not_justified: Found not justified.
        open: Without a finding.
        overdue: Without a finding and late.
        unread: Without a steward having read the notice.
        kept_from_person: Still kept from the person by a law.
    """

    provider: str
    consumer: str
    agreement_id: str
    reason: str
    uses: int
    justified: int
    not_justified: int
    open: int
    overdue: int
    unread: int
    kept_from_person: int


def summarise(connection: Connection, from_ms: int, until_ms: int, now_ms: int) -> tuple[Summary, ...]:
    """Count the uses of a time.

    Args:
        connection: Any connection.
        from_ms: Asked at or after this moment, Unix ms.
        until_ms: Asked before this moment, Unix ms.
        now_ms: Now, Unix ms: what is late, and what the person may see.

    Returns:
        Those with most uses first; at most one more than `MOST`, which says that there are more.
    """
    group = (USES.c.provider, USES.c.consumer, USES.c.agreement_id, USES.c.reason)
    query = (
        select(
            *group,
            func.count().label("uses"),
            _count(USES.c.outcome == str(Outcome.JUSTIFIED)),
            _count(USES.c.outcome == str(Outcome.NOT_JUSTIFIED)),
            _count(without_finding()),
            _count(and_(without_finding(), USES.c.due_ms <= now_ms)),
            _count(USES.c.steward_read_ms == 0),
            _count(USES.c.person_from_ms > now_ms),
        )
        .where(USES.c.asked_ms >= from_ms, USES.c.asked_ms < until_ms)
        .group_by(*group)
        .order_by(func.count().desc(), *group)
        .limit(MOST + 1)
    )
    return tuple(Summary(*row[:4], *map(int, row[4:])) for row in connection.execute(query))


def unsettled(connection: Connection, now_ms: int) -> tuple[int, int]:
    """How many uses have no finding, and how many of them are late."""
    late = case((USES.c.due_ms <= now_ms, 1), else_=0)
    query = select(func.count(), func.coalesce(func.sum(late), 0)).where(without_finding())
    found = connection.execute(query).one()
    return int(found[0]), int(found[1])


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))
