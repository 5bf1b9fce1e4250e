"""The vault: a person's own fields, each sealed under a key of that person.

Rules kept: a value exists in the clear only inside one call, never in the database, a log or an error; a field is bound
to its person, code, version and key, so no row can be moved or put back under another version unseen; setting an
equal value changes nothing; erasing a person destroys the key. A person who has no profile and one who has not set a
field look the same to a department.

What it does not do: it does not know who the person is, who may read a field, or what was logged: `gateway/exchange`
decides and records before it calls. All methods block on the database and may be called from any thread.
"""

import dataclasses
import secrets
from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import Connection, Engine, Row, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import destroying_transaction, write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.fields import DESCRIPTIONS, PROFILE_RESOURCE, canonical, profile_resource
from gateway.vault.reseal import Resealing
from keys.envelope import FieldCipher, Suite
from keys.persons import new_data_key
from policies.release import BadValue, apply_form
from policies.vocabulary import DataType, Form

__all__ = ["PROFILE_RESOURCE", "ProfileField", "ReleasedField", "Vault", "profile_resource"]

USER_PROVIDED: Final = "user_provided"
_FIELDS: Final = SQLModel.metadata.tables[str(tables.VaultField.__tablename__)]


@dataclasses.dataclass(frozen=True, slots=True)
class ProfileField:
    """One field as its person sees it.

    Attributes:
        field: Field code.
        value: The value; not part of the `repr`.
        source: Where it comes from.
        collected_ms: When it was first entered, Unix ms.
        updated_ms: When it last changed, Unix ms.
        version: From 1.
    """

    field: str
    value: str = dataclasses.field(repr=False)
    source: str
    collected_ms: int
    updated_ms: int
    version: int


@dataclasses.dataclass(frozen=True, slots=True)
class ReleasedField:
    """One field in the form decided, for a department.

    Attributes:
        field: Field code.
        form: The form.
        text: The text, or None when there is nothing to release; not part of the `repr`.
        data_type: Data type code.
        as_of_ms: When it last changed, Unix ms; 0 when there is nothing.
        source: Where it comes from; empty when there is nothing.
    """

    field: str
    form: Form
    text: str | None = dataclasses.field(repr=False)
    data_type: DataType
    as_of_ms: int
    source: str


class Vault:
    """Profile fields in one database.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys, under the name `vault-kek`.
        clock: Tells when a field was entered.
        suite: How fields are encrypted from now on; those of another suite stay readable.
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, clock: Clock, suite: Suite = Suite.AES) -> None:
        self._engine = engine
        self._keks = keks
        self._clock = clock
        self._suite = suite
        self._resealing = Resealing(engine, keks, suite)
        # Opened in place of a field that is not set, so that an empty profile takes as long as a full one.
        self._decoy_key = new_data_key()
        self._decoy_person = secrets.token_bytes(16)
        self._decoy = self._decoy_cipher().seal("decoy", 1, b"-", suite)

    def canonical(self, field: str, value: str) -> str:
        """The text under which a value would be kept.

        Raises:
            Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule.
        """
        return canonical(field, value)

    def set_field(self, person_id: bytes, field: str, value: str) -> ProfileField:
        """Set one field; durable when it returns.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.
            value: As typed; normalised per field.

        Returns:
            The field as stored. An equal value keeps its version and time.

        Raises:
            Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        text = canonical(field, value)
        now_ms = self._clock.now_ms()
        with write_transaction(self._engine) as connection:
            key = data_keys.make(connection, self._keks, person_id, now_ms)
            where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == field)
            before = connection.execute(select(_FIELDS).where(*where).with_for_update()).one_or_none()
            if before is not None and _open(key, before) == text:
                return ProfileField(field, text, before.source, before.collected_ms, before.updated_ms, before.version)
            version = 1 if before is None else before.version + 1
            collected_ms = now_ms if before is None else before.collected_ms
            stored = ProfileField(field, text, USER_PROVIDED, collected_ms, now_ms, version)
            _write(connection, person_id, key, stored, self._suite)
        return stored

    def fields(self, person_id: bytes) -> list[ProfileField]:
        """All fields of a person, ordered by code.

        Raises:
            KeysError: A key is missing or a row was tampered with.
        """
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id)
            rows = _rows(connection, person_id)
        if key is None:
            return []
        return [
            ProfileField(row.field, _open(key, row), row.source, row.collected_ms, row.updated_ms, row.version)
            for row in rows
        ]

    def delete_field(self, person_id: bytes, field: str) -> None:
        """Remove one field; durable when it returns.

        Raises:
            Refused: NOT_FOUND when it is not set.
        """
        where = (_FIELDS.c.person_id == person_id, _FIELDS.c.field == field)
        with write_transaction(self._engine) as connection:
            removed = connection.execute(delete(_FIELDS).where(*where)).rowcount
        if not removed:
            raise Refused(Code.NOT_FOUND, "profile field")

    def release(self, person_id: bytes, items: Iterable[tuple[str, Form]]) -> list[ReleasedField]:
        """Fields in the forms that were decided, for a department.

        Fails closed: a field that is not set, or whose value does not fit the form, has no text. Whether the person
        has a profile at all cannot be told from the answer, nor from the time it takes.

        Args:
            person_id: From `PersonRegistry`.
            items: Field codes and forms.

        Returns:
            One for each item, in order.

        Raises:
            Refused: UNKNOWN_FIELD.
            KeysError: A key is missing or a row was tampered with.
        """
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id)
            rows = {row.field: row for row in _rows(connection, person_id)} if key is not None else {}
        return [self._release(key, rows.get(code), code, form) for code, form in items]

    def erase(self, person_id: bytes, also: Callable[[Connection], None] | None = None) -> bool:
        """Destroy the person's key and remove the fields. Copies of the fields, in backups too, become unreadable.

        Args:
            person_id: From `PersonRegistry`.
            also: Done in the same transaction, before anything is removed.

        Returns:
            Whether there was a key.
        """
        with destroying_transaction(self._engine) as connection:
            if also is not None:
                also(connection)
            connection.execute(delete(_FIELDS).where(_FIELDS.c.person_id == person_id))
            return data_keys.destroy(connection, person_id, self._clock.now_ms())

    def rewrap(self, limit: int = 500) -> int:
        """After a new key-encryption key: wrap older data keys anew; call it until it returns 0.

        Args:
            limit: Most keys in one transaction.

        Returns:
            How many were wrapped anew.

        Raises:
            KeysError: An older key-encryption key is missing.
        """
        with write_transaction(self._engine) as connection:
            return data_keys.rewrap(connection, self._keks, limit)

    def reseal(self, limit: int = 100) -> int:
        """After another suite was chosen: move fields to it while everything goes on; call it until it returns 0.

        Args:
            limit: Most fields in one transaction.

        Returns:
            How many were moved; 0 when no field is left in another suite.

        Raises:
            BadEnvelope: All others are moved, and the fields that are left do not open.
            KeysError: A key-encryption key is missing.
        """
        return self._resealing.move(limit)

    def left_to_reseal(self) -> int:
        """How many fields are in another suite than the one chosen; reads the whole table."""
        return self._resealing.left()

    def _release(
        self, key: FieldCipher | None, row: Row[tuple[object, ...]] | None, code: str, form: Form
    ) -> ReleasedField:
        described = DESCRIPTIONS.get(code)
        if described is None:
            raise Refused(Code.UNKNOWN_FIELD, "profile field")
        if key is None or row is None:
            self._decoy_cipher().open("decoy", 1, self._decoy)
            text = "false" if form is Form.EXISTS else None
            return ReleasedField(code, form, text, described.data_type, 0, "")
        try:
            text = apply_form(form, described.data_type, described.mask, _open(key, row))
        except BadValue:
            return ReleasedField(code, form, None, described.data_type, 0, "")
        return ReleasedField(code, form, text, described.data_type, row.updated_ms, row.source)

    def _decoy_cipher(self) -> FieldCipher:
        # Made anew each time, as a person's is.
        return FieldCipher(self._decoy_key, person_id=self._decoy_person, key_id=1)


def _rows(connection: Connection, person_id: bytes) -> list[Row[tuple[object, ...]]]:
    statement = select(_FIELDS).where(_FIELDS.c.person_id == person_id).order_by(_FIELDS.c.field)
    return list(connection.execute(statement).all())


def _open(key: FieldCipher, row: Row[tuple[object, ...]]) -> str:
    return key.open(row.field, row.version, bytes(row.envelope)).decode()


def _write(connection: Connection, person_id: bytes, key: FieldCipher, stored: ProfileField, suite: Suite) -> None:
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    values = {
        "envelope": key.seal(stored.field, stored.version, stored.value.encode(), suite),
        "source": stored.source,
        "collected_ms": stored.collected_ms,
        "updated_ms": stored.updated_ms,
        "version": stored.version,
    }
    statement = insert(_FIELDS).values(person_id=person_id, field=stored.field, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[_FIELDS.c.person_id, _FIELDS.c.field], set_=values)
    )
