"""Counts the uses of an agreement, so that its daily limit holds over restarts and over all replicas.

Rules kept here: a use is counted durably before it is granted. To keep a write out of most requests, uses are handed
out in blocks of at most a hundredth of the limit: a process that dies loses the rest of its block, so a limit can be
reached early but never be exceeded. Fails closed: when the count cannot be written, nothing is granted.

It does not know who uses an agreement.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.clock import Clock
from gateway.sharing.tables import USES
from gateway.storage.database import write_transaction
from policies.agreements import Agreement
from policies.reasons import Reason

DAY_MS = 86_400_000
CHINA_OFFSET_MS = 8 * 3_600_000
_LARGEST_BLOCK = 256
_BLOCKS_PER_DAY = 100
_DAYS_KEPT = 30


@dataclass(slots=True)
class _Block:
    day: int
    per_day: int
    left: int
    exhausted: bool


class Uses:
    """Grants uses.

    Args:
        engine: The database.
        clock: Tells the day.
        offset_ms: Civil time ahead of UTC, milliseconds: at which moment a day begins. China's by default.
    """

    def __init__(self, engine: Engine, clock: Clock, offset_ms: int = CHINA_OFFSET_MS) -> None:
        self._engine = engine
        self._clock = clock
        self._offset_ms = offset_ms
        self._blocks: dict[str, _Block] = {}

    def take(self, agreement: Agreement) -> Reason | None:
        """Count one use of an agreement today.

        Args:
            agreement: In force; its `uses_per_day` is the limit.

        Returns:
            None when the use is granted, USES_EXHAUSTED when today's are all handed out.

        Raises:
            SQLAlchemyError: The count cannot be read or written; nothing is granted.
        """
        day = self._day()
        block = self._blocks.get(agreement.id)
        if block is None or (block.day, block.per_day) != (day, agreement.uses_per_day):
            block = self._blocks[agreement.id] = _Block(day, agreement.uses_per_day, 0, exhausted=False)
        if not block.left and not block.exhausted:
            block.left = self._reserve(agreement.id, day, agreement.uses_per_day)
        if not block.left:
            # Nobody gives uses back, so this stays true for the day and costs no further look.
            block.exhausted = True
            return Reason.USES_EXHAUSTED
        block.left -= 1
        return None

    def next_day_ms(self) -> int:
        """Milliseconds until the next day begins and uses are granted again."""
        return DAY_MS - (self._clock.now_ms() + self._offset_ms) % DAY_MS

    def _day(self) -> int:
        return (self._clock.now_ms() + self._offset_ms) // DAY_MS

    def _reserve(self, agreement_id: str, day: int, per_day: int) -> int:
        with write_transaction(self._engine) as connection:
            taken = self._taken(connection, agreement_id, day)
            block = min(max(1, per_day // _BLOCKS_PER_DAY), _LARGEST_BLOCK, per_day - taken)
            if block <= 0:
                return 0
            connection.execute(
                update(USES)
                .where(USES.c.agreement_id == agreement_id, USES.c.day == day)
                .values(taken=USES.c.taken + block)
            )
        return block

    @staticmethod
    def _taken(connection: Connection, agreement_id: str, day: int) -> int:
        build = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        first = build(USES).values(agreement_id=agreement_id, day=day, taken=0).on_conflict_do_nothing()
        if connection.execute(first).rowcount == 1:
            connection.execute(delete(USES).where(USES.c.agreement_id == agreement_id, USES.c.day < day - _DAYS_KEPT))
        # The row is locked on PostgreSQL; on SQLite the whole transaction already is.
        mine = (USES.c.agreement_id == agreement_id) & (USES.c.day == day)
        return int(connection.execute(select(USES.c.taken).where(mine).with_for_update()).scalar_one())
