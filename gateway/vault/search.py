"""Blind indexes of profile fields: which people may hold a value, found without opening every profile.

Rules kept: an index value is written in the transaction that writes the field, and goes in the one that removes it or
erases the person; a field that is not declared searchable has no row; a row says with which key and length it was made,
so that keys and lengths can change while all rows are found. Without an index key nothing is indexed, and a search is
refused rather than answered with "nobody" (fails closed).

What it does not do: it opens no field. Whoever asks must open the candidates and compare (`Vault.find`): several values
share an index value on purpose (docs/keys.md).
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, delete, select, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.vault import tables
from gateway.vault.data_keys import KeyEncryptionKeys
from keys.blind_index import MOST_BITS, BlindIndex, NoPlan, Plan
from keys.errors import UnknownKey

BLIND_INDEX: Final = "blind-index"
"""Name of the index keys in the keyring; one key serves all fields, each in a domain of its own."""
MOST_CANDIDATES: Final = 10_000
"""Profiles that one search opens at most."""
NOTHING: Final = Plan({}, 0, 0.0)
"""No field is searchable."""

_INDEX: Final = SQLModel.metadata.tables[str(tables.VaultBlindIndex.__tablename__)]
_SHAPE: Final = (_INDEX.c.key_version, _INDEX.c.bits, _INDEX.c.value)


class BlindIndexes:
    """The blind indexes of one vault. Every method works inside the caller's transaction.

    Args:
        keys: Index keys, under the name `blind-index`.
        plan: Which fields are searchable, and the length of each one's index.
    """

    def __init__(self, keys: KeyEncryptionKeys, plan: Plan = NOTHING) -> None:
        self._keys = keys
        self._plan = plan

    @property
    def plan(self) -> Plan:
        """The lengths in use."""
        return self._plan

    def shape(self) -> tuple[int, dict[str, int]] | None:
        """The current key version and the bits by field; None when there is no index key yet.

        Raises:
            KeysError: The keyring cannot be read.
        """
        try:
            return self._keys.current(BLIND_INDEX), dict(self._plan.bits)
        except UnknownKey:
            return None

    def put(self, connection: Connection, person_id: bytes, field: str, text: str) -> None:
        """Keep the index value of a field that is being written.

        Args:
            connection: An open write transaction.
            person_id: 16 bytes.
            field: Field code; when it is not searchable, an older index value goes.
            text: The canonical text.

        Raises:
            KeysError: The keyring cannot be read; nothing of the transaction may be kept.
        """
        bits = self._plan.bits.get(field)
        shape = None if bits is None else self.shape()
        if bits is None or shape is None:
            self.remove(connection, person_id, field)
            return
        version = shape[0]
        index = BlindIndex(self._keys.get(BLIND_INDEX, version), field, bits)
        values = {"key_version": version, "bits": bits, "value": index.value(text)}
        insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        statement = insert(_INDEX).values(person_id=person_id, field=field, **values)
        connection.execute(
            statement.on_conflict_do_update(index_elements=[_INDEX.c.person_id, _INDEX.c.field], set_=values)
        )

    def follow(self, connection: Connection, person_id: bytes, field: str, text: str | None) -> None:
        """Keep the index value of what a field holds from now on; none when it holds no value.

        Raises:
            KeysError: The keyring cannot be read; nothing of the transaction may be kept.
        """
        if text is None:
            self.remove(connection, person_id, field)
        else:
            self.put(connection, person_id, field, text)

    @staticmethod
    def remove(connection: Connection, person_id: bytes, field: str) -> None:
        """Remove the index value of a field.

        Args:
            connection: An open write transaction.
            person_id: 16 bytes.
            field: Field code.
        """
        connection.execute(delete(_INDEX).where(_INDEX.c.person_id == person_id, _INDEX.c.field == field))

    def candidates(self, connection: Connection, field: str, text: str) -> list[bytes]:
        """Person ids whose field may hold a value: those who do, and others by chance.

        Args:
            connection: Any connection.
            field: Field code.
            text: The canonical text.

        Returns:
            Ordered ids, at most `MOST_CANDIDATES`.

        Raises:
            Refused: UNKNOWN_FIELD when the field is not searchable.
            UnknownKey: There is no index key.
            NoPlan: There are more candidates: the index is too short for as many profiles as there are.
        """
        if field not in self._plan.bits:
            raise Refused(Code.UNKNOWN_FIELD, "not a searchable field")
        # Under every key and in every length that a row could have been made with: a point in the table's index each.
        places = tuple_(*_SHAPE).in_(list(self._places(field, text)))
        query = select(_INDEX.c.person_id).where(_INDEX.c.field == field, places)
        found = connection.execute(query.order_by(_INDEX.c.person_id).limit(MOST_CANDIDATES + 1)).scalars().all()
        if len(found) > MOST_CANDIDATES:
            raise NoPlan(f"{field}: more than {MOST_CANDIDATES} profiles share this index value; plan a longer index")
        return [bytes(person_id) for person_id in found]

    def _places(self, field: str, text: str) -> Iterator[tuple[int, int, int]]:
        current = self._keys.current(BLIND_INDEX)
        for version in range(current, 0, -1):
            try:
                secret = self._keys.get(BLIND_INDEX, version)
            except UnknownKey:
                # An older key that was destroyed: nothing is left that was made with it.
                continue
            longest = BlindIndex(secret, field, MOST_BITS).value(text)
            for bits in range(1, MOST_BITS + 1):
                yield version, bits, longest >> (MOST_BITS - bits)
