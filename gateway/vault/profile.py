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
from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, Engine, Row, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import data_keys, tables
from gateway.vault.data_keys import DataKey, KeyEncryptionKeys
from gateway.vault.fields import DESCRIPTIONS, PROFILE_RESOURCE, canonical, profile_resource
from keys.envelope import key_id_of, open_field, seal_field
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
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, clock: Clock) -> None:
        self._engine = engine
        self._keks = keks
        self._clock = clock
        # Opened in place of a field that is not set, so that an empty profile takes as long as a full one.
        self._decoy_person = secrets.token_bytes(16)
        self._decoy_key = DataKey(1, secrets.token_bytes(32))
        self._decoy = seal_field(
            self._decoy_key.secret, person_id=self._decoy_person, field="decoy", version=1, key_id=1, plaintext=b"-"
        )

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
            if before is not None and _opens(key, before) and _open(key, before) == text:
                return ProfileField(field, text, before.source, before.collected_ms, before.updated_ms, before.version)
            version = 1 if before is None else before.version + 1
            collected_ms = now_ms if before is None else before.collected_ms
            stored = ProfileField(field, text, USER_PROVIDED, collected_ms, now_ms, version)
            _write(connection, person_id, key, stored)
        return stored

    def fields(self, person_id: bytes) -> list[ProfileField]:
        """All fields of a person, ordered by code. A field whose key is gone reads as not set.

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
            if _opens(key, row)
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

    def erase(self, person_id: bytes) -> bool:
        """Destroy the person's key and remove the fields. Copies of the fields, in backups too, become unreadable.

        Args:
            person_id: From `PersonRegistry`.

        Returns:
            Whether there was a key.
        """
        with write_transaction(self._engine) as connection:
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

    def _release(
        self, key: DataKey | None, row: Row[tuple[object, ...]] | None, code: str, form: Form
    ) -> ReleasedField:
        described = DESCRIPTIONS.get(code)
        if described is None:
            raise Refused(Code.UNKNOWN_FIELD, "profile field")
        if key is None or row is None or not _opens(key, row):
            self._open_decoy()
            text = "false" if form is Form.EXISTS else None
            return ReleasedField(code, form, text, described.data_type, 0, "")
        try:
            text = apply_form(form, described.data_type, described.mask, _open(key, row))
        except BadValue:
            return ReleasedField(code, form, None, described.data_type, 0, "")
        return ReleasedField(code, form, text, described.data_type, row.updated_ms, row.source)

    def _open_decoy(self) -> None:
        key = self._decoy_key
        open_field(
            key.secret,
            person_id=self._decoy_person,
            field="decoy",
            version=1,
            key_id=key.key_id,
            envelope=self._decoy,
        )


def _rows(connection: Connection, person_id: bytes) -> list[Row[tuple[object, ...]]]:
    statement = select(_FIELDS).where(_FIELDS.c.person_id == person_id).order_by(_FIELDS.c.field)
    return list(connection.execute(statement).all())


def _opens(key: DataKey, row: Row[tuple[object, ...]]) -> bool:
    """Whether a field can be under the person's key; False when it was left behind by an older, destroyed one.

    That is how fields look whose keys a restored backup did not have, once the person has entered something new. A
    field under a key that was never made is not let through here: opening it raises.
    """
    return key_id_of(bytes(row.envelope)) >= key.key_id


def _open(key: DataKey, row: Row[tuple[object, ...]]) -> str:
    return open_field(
        key.secret,
        person_id=bytes(row.person_id),
        field=row.field,
        version=row.version,
        key_id=key.key_id,
        envelope=bytes(row.envelope),
    ).decode()


def _write(connection: Connection, person_id: bytes, key: DataKey, stored: ProfileField) -> None:
    insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    values = {
        "envelope": seal_field(
            key.secret,
            person_id=person_id,
            field=stored.field,
            version=stored.version,
            key_id=key.key_id,
            plaintext=stored.value.encode(),
        ),
        "source": stored.source,
        "collected_ms": stored.collected_ms,
        "updated_ms": stored.updated_ms,
        "version": stored.version,
    }
    statement = insert(_FIELDS).values(person_id=person_id, field=stored.field, **values)
    connection.execute(
        statement.on_conflict_do_update(index_elements=[_FIELDS.c.person_id, _FIELDS.c.field], set_=values)
    )
