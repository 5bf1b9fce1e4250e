"""Pseudonyms of persons for departments: derived from the person's data key, in generations that change with notice.

Rules kept: everybody who is asked about has one, so a person without a data key gets one at that moment; making it and
not having to make it cost one commit each, and nothing in the answer says which it was (promise 7). A pseudonym dies
with the data key: after an erasure the person gets another one for good. A change is announced before it takes effect,
and while it overlaps both can be had. Fails closed: without a durable key no pseudonym is told.

What it does not do: it does not decide who may ask; and what a department wrote down under a pseudonym is its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, insert, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.fields import PREVIOUS_PSEUDONYM, PSEUDONYM, PSEUDONYMS
from gateway.vault.notices import NO_ERASURE, add_notices
from gateway.vault.notices import PSEUDONYMS as CHANGE
from gateway.vault.profile import ReleasedField
from policies.vocabulary import Form

SOURCE: Final = "platform_verified"

_GENERATIONS: Final = SQLModel.metadata.tables[str(tables.VaultPseudonymGeneration.__tablename__)]
_RELEASES: Final = SQLModel.metadata.tables[str(tables.VaultPseudonymRelease.__tablename__)]
_ROW: Final = 1


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation of a department's pseudonyms.

    Attributes:
        department: Whose.
        number: From 1.
        from_ms: Released from then on, Unix ms; 0 for the first.
        overlap_until_ms: Until then the one before can be had too, Unix ms; 0 for the first.
    """

    department: str
    number: int
    from_ms: int = 0
    overlap_until_ms: int = 0


class Pseudonyms:
    """Pseudonyms in one database. All methods block and may be called from any thread.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys, under the name `vault-kek`.
        clock: Tells which generation holds.
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, clock: Clock) -> None:
        self._engine = engine
        self._keks = keks
        self._clock = clock

    def release(self, person_id: bytes, department: str, items: Iterable[tuple[str, Form]]) -> list[ReleasedField]:
        """Pseudonyms of a person for the department that asks; durable before they are told.

        Args:
            person_id: From `PersonRegistry`.
            department: Id of the department that asks.
            items: Field codes and forms.

        Returns:
            One for each item, in order. As of when is the generation's beginning, never the key's: that would tell
            since when the person has a profile.

        Raises:
            Refused: UNKNOWN_FIELD, or a form that a pseudonym does not have.
            KeysError: A key is missing.
        """
        wanted = list(items)
        if any(code not in PSEUDONYMS or form is not Form.VALUE for code, form in wanted):
            raise Refused(Code.UNKNOWN_FIELD, "pseudonym")
        now_ms = self._clock.now_ms()
        with write_transaction(self._engine) as connection:
            generation = current(connection, department, now_ms)
            key = data_keys.read(connection, self._keks, person_id)
            if key is None:
                key = data_keys.make(connection, self._keks, person_id, now_ms)
            else:
                _count(connection)
        newest = key.pseudonym(department, generation.number)
        before = key.pseudonym(department, max(generation.number - 1, 1))
        texts = {
            PSEUDONYM: newest,
            PREVIOUS_PSEUDONYM: before if now_ms < generation.overlap_until_ms else None,
        }
        return [
            ReleasedField(
                code,
                form,
                texts[code],
                PSEUDONYMS[code].data_type,
                generation.from_ms if texts[code] else 0,
                SOURCE if texts[code] else "",
                outcome="released" if texts[code] else "no_value",
            )
            for code, form in wanted
        ]

    def newest(self, department: str) -> Generation:
        """The newest generation of a department, also one that is announced and does not hold yet."""
        with self._engine.connect() as connection:
            return current(connection, department, None)

    def announced(self) -> list[Generation]:
        """Every generation after the first, by department, newest first."""
        query = select(_GENERATIONS).order_by(_GENERATIONS.c.department, _GENERATIONS.c.generation.desc())
        with self._engine.connect() as connection:
            return [_generation(row) for row in connection.execute(query)]

    def announce(self, generation: Generation, entry: int) -> None:
        """Note a generation that will hold from a date on, and a notice to the department; durable when it returns.

        Args:
            generation: The one after the newest.
            entry: Index of the change's entry in the access log.

        Raises:
            Refused: ALREADY_EXISTS when somebody else was first.
        """
        with write_transaction(self._engine) as connection:
            if current(connection, generation.department, None).number + 1 != generation.number:
                raise Refused(Code.ALREADY_EXISTS, "generation of pseudonyms")
            connection.execute(
                insert(_GENERATIONS).values(
                    department=generation.department,
                    generation=generation.number,
                    from_ms=generation.from_ms,
                    overlap_until_ms=generation.overlap_until_ms,
                )
            )
            add_notices(
                connection,
                NO_ERASURE,
                {generation.department: [entry]},
                created_ms=self._clock.now_ms(),
                due_ms=generation.from_ms,
                kind=CHANGE,
            )


def current(connection: Connection, department: str, now_ms: int | None) -> Generation:
    """The generation that holds.

    Args:
        connection: Any connection.
        department: Department id.
        now_ms: At what time, Unix ms; None for the newest, whenever it begins.
    """
    query = select(_GENERATIONS).where(_GENERATIONS.c.department == department)
    if now_ms is not None:
        query = query.where(_GENERATIONS.c.from_ms <= now_ms)
    row = connection.execute(query.order_by(_GENERATIONS.c.generation.desc()).limit(1)).one_or_none()
    return Generation(department, 1) if row is None else _generation(row)


def _generation(row: Row[Any]) -> Generation:
    return Generation(row.department, row.generation, row.from_ms, row.overlap_until_ms)


def _count(connection: Connection) -> None:
    """Write one row, as making a key does."""
    make = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    statement = make(_RELEASES).values(id=_ROW, released=1)
    moved = {"released": _RELEASES.c.released + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=[_RELEASES.c.id], set_=moved))
