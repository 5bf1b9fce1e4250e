"""What a law keeps from persons until a day, counted by month, department and law; it names nobody."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from gateway.emergencies.tables import USES

MOST_USES: Final = 20_000
"""Uses that one count looks at, at most."""


@dataclass(frozen=True, slots=True)
class HiddenUse:
    """One request that a law keeps, or kept, from its person.

    Attributes:
        entry: Its entry in the access log.
        consumer: Department that asked.
        law: The law.
        asked_ms: When, Unix ms.
        until_ms: From when on the person may see it.
    """

    entry: int
    consumer: str
    law: str
    asked_ms: int
    until_ms: int


def hidden_uses(connection: Connection, from_ms: int, until_ms: int) -> list[HiddenUse]:
    """The requests of a time that a law keeps or kept from their persons, newest first, each once.

    Args:
        connection: Any connection.
        from_ms: Asked at or after this moment, Unix ms.
        until_ms: Asked before this moment, Unix ms.

    Returns:
        At most one more than `MOST_USES`, which says that there are more.
    """
    columns = (USES.c.entry, USES.c.consumer, USES.c.law, USES.c.asked_ms, USES.c.person_from_ms)
    query = (
        select(*columns)
        .where(USES.c.asked_ms >= from_ms, USES.c.asked_ms < until_ms, USES.c.law != "")
        .distinct()
        .order_by(USES.c.asked_ms.desc(), USES.c.entry.desc())
        .limit(MOST_USES + 1)
    )
    return [
        HiddenUse(int(entry), str(consumer), str(law), int(asked), int(until))
        for entry, consumer, law, asked, until in connection.execute(query)
    ]
