"""Counts how often a field is compared with a register: a comparison is an oracle, and guesses must run out.

Rules kept: a try is counted durably before anything is compared, per person, field and day of civil time; counts hold
over restarts and over all replicas. Fails closed: when the count cannot be written, nothing is compared, and a try once
counted stays counted whatever becomes of the comparison.
"""

from typing import Final

from sqlalchemy import Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import tables

PER_DAY: Final = 5
"""Comparisons of one field of one person in a day."""
DAY_MS: Final = 86_400_000
CHINA_OFFSET_MS: Final = 8 * 3_600_000

_TRIES: Final = SQLModel.metadata.tables[str(tables.VaultTry.__tablename__)]


class Tries:
    """Grants tries.

    Args:
        engine: The database.
        clock: Tells the day.
        per_day: How many for one field of one person.
        offset_ms: Civil time ahead of UTC, milliseconds: at which moment a day begins. China's by default.
    """

    def __init__(self, engine: Engine, clock: Clock, per_day: int = PER_DAY, offset_ms: int = CHINA_OFFSET_MS) -> None:
        self._engine = engine
        self._clock = clock
        self._per_day = per_day
        self._offset_ms = offset_ms

    def take(self, person_id: bytes, field: str) -> int:
        """Count one try; durable when it returns.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.

        Returns:
            How many are left today.

        Raises:
            Refused: TRIES_EXHAUSTED with the time until the next day.
            SQLAlchemyError: The count cannot be written; nothing is granted.
        """
        since_ms = self._clock.now_ms() + self._offset_ms
        day = since_ms // DAY_MS
        where = (_TRIES.c.person_id == person_id, _TRIES.c.field == field)
        today = (*where, _TRIES.c.day == day)
        with write_transaction(self._engine) as connection:
            insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
            values = {"person_id": person_id, "field": field, "day": day, "taken": 0}
            if connection.execute(insert(_TRIES).values(values).on_conflict_do_nothing()).rowcount == 1:
                connection.execute(delete(_TRIES).where(*where, _TRIES.c.day != day))
            # The row is locked on PostgreSQL; on SQLite the whole transaction already is.
            taken = int(connection.execute(select(_TRIES.c.taken).where(*today).with_for_update()).scalar_one())
            if taken >= self._per_day:
                raise Refused(Code.TRIES_EXHAUSTED, "comparisons", retry_after_ms=DAY_MS - since_ms % DAY_MS)
            connection.execute(update(_TRIES).where(*today).values(taken=taken + 1))
        return self._per_day - taken - 1
