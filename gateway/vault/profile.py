"""The vault: a person's own fields, each sealed with its provenance under a key of that person.

Rules kept: a value exists in the clear only inside one call, never in the database, a log or an error; a field is bound
to its person, code, version and key, so no row can be moved or put back under another version unseen; setting an
equal value changes nothing; the person's own word never takes the place of a department's; earlier versions stay in a
bounded history until the field is removed; erasing a person destroys the key. A department gets a disputed value only
together with its mark, and a restricted or expired one not at all; a person who has no profile, one who has not set a
field and one who restricts it look the same to a department.

What it does not do: it does not know who the person is, who may read a field, or what was logged: `gateway/exchange`
decides and records before it calls. All methods block on the database and may be called from any thread.
"""

import hmac
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeVar

from sqlalchemy import Connection, Engine

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.storage.database import destroying_transaction, write_transaction
from gateway.vault import data_keys, rows, verified
from gateway.vault.contents import Contents, Dispute
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.fields import DESCRIPTIONS, PROFILE_RESOURCE, canonical, profile_resource
from gateway.vault.forgetting import forget_person
from gateway.vault.provenance import Mark, Source, Superseded, UnavailableReason
from gateway.vault.reindex import Reindexing
from gateway.vault.releasing import Asking, Releasing
from gateway.vault.reseal import Resealing
from gateway.vault.search import BlindIndexes
from gateway.vault.texts import free_text
from gateway.vault.views import Arrival, ProfileField, ReleasedField, Verified, profile_field
from keys.envelope import FieldCipher, Suite
from policies.vocabulary import FieldMark, Form

__all__ = ["PROFILE_RESOURCE", "ProfileField", "ReleasedField", "Vault", "profile_resource"]

Result = TypeVar("Result")


class Vault:
    """Profile fields in one database.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys, under the name `vault-kek`.
        clock: Tells when a field was entered, and whether its validity has ended.
        suite: How fields are encrypted from now on; those of another suite stay readable.
        search: Blind indexes of the fields that can be searched; None for none.
    """

    def __init__(
        self,
        engine: Engine,
        keks: KeyEncryptionKeys,
        clock: Clock,
        suite: Suite = Suite.AES,
        search: BlindIndexes | None = None,
    ) -> None:
        self._engine = engine
        self._keks = keks
        self._clock = clock
        self._suite = suite
        self._resealing = Resealing(engine, keks, suite)
        self._search = search or BlindIndexes(keks)
        self.reindexing = Reindexing(engine, keks, self._search, rows.value_of)
        self._releasing = Releasing(clock, suite)

    @property
    def suite(self) -> Suite:
        """How fields are encrypted from now on."""
        return self._suite

    @property
    def search(self) -> BlindIndexes:
        """The blind indexes, for whoever else writes fields."""
        return self._search

    def canonical(self, field: str, value: str, path: str = "value") -> str:
        """The text under which a value would be kept; `path` names the input in a refusal.

        Raises:
            Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule.
        """
        return canonical(field, value, path)

    def set_field(self, person_id: bytes, field: str, value: str) -> ProfileField:
        """Set one field on the person's own word; durable when it returns.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.
            value: As typed; normalised per field.

        Returns:
            The field as stored. An equal value keeps its version, time and source.

        Raises:
            Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule; FIELD_NOT_EDITABLE when a department verified
                it (domain check 1).
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        return self._enter(person_id, field, canonical(field, value))

    def set_not_applicable(self, person_id: bytes, field: str) -> ProfileField:
        """Keep that the person has nothing to enter in a field; durable when it returns.

        Raises:
            Refused: UNKNOWN_FIELD; FIELD_NOT_EDITABLE when a department verified it.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        _known(field)
        return self._enter(person_id, field, None)

    def field(self, person_id: bytes, field: str) -> ProfileField | None:
        """One field of a person; None when it is not set or was removed. No other field is opened.

        Raises:
            KeysError: A key is missing or a row was tampered with.
        """
        return next(iter(self._read(person_id, field)), None)

    def fields(self, person_id: bytes) -> list[ProfileField]:
        """All fields of a person, ordered by code.

        Raises:
            KeysError: A key is missing or a row was tampered with.
        """
        return self._read(person_id)

    def history(self, person_id: bytes, field: str) -> list[ProfileField]:
        """Earlier versions of one field, newest first; none once the field was removed.

        Raises:
            Refused: UNKNOWN_FIELD.
            KeysError: A key is missing or a row was tampered with.
        """
        _known(field)
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id)
            found = [] if key is None else rows.history(connection, key, person_id, field)
        return [profile_field(entry) for entry in found]

    def delete_field(self, person_id: bytes, field: str) -> None:
        """Remove one field and its history; durable when it returns.

        What stays is a sealed note that there was one, with the person's restriction of it, if there is one.

        Raises:
            Refused: NOT_FOUND when it is not set; FIELD_NOT_EDITABLE when a department verified it.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """

        def remove(connection: Connection, key: FieldCipher, now_ms: int) -> None:
            entry = _standing(connection, key, person_id, field)
            if not entry.contents.source.editable:
                raise Refused(Code.FIELD_NOT_EDITABLE, "profile field")
            rows.forget_history(connection, person_id, field)
            held = entry.contents
            removed = Contents(
                None, held.source, held.collected_ms, now_ms, restricted_ms=held.restricted_ms, erased_ms=now_ms
            )
            # A version of its own, so that the one before cannot be put back unseen.
            rows.put(connection, key, person_id, rows.Entry(field, entry.version + 1, removed))
            self._search.remove(connection, person_id, field)

        self._change(person_id, remove)

    def require_searchable(self, field: str) -> None:
        """Accept by returning that a field can be searched.

        Raises:
            Refused: UNKNOWN_FIELD.
        """
        if field not in self._search.plan.bits:
            raise Refused(Code.UNKNOWN_FIELD, "not a searchable field")

    def find(self, field: str, value: str) -> list[bytes]:
        """Who holds a value in a searchable field.

        Candidates are opened and their canonical texts compared, each in constant time: who shares an index value by
        chance is not told. Fails closed: a candidate that does not open is an error, not somebody else.

        Returns:
            Person ids, in order.

        Raises:
            Refused: UNKNOWN_FIELD when the field is unknown or not searchable, or BAD_REQUEST with the broken rule.
            KeysError: A key is missing, a row was tampered with, or there are too many candidates (`NoPlan`).
        """
        text = canonical(field, value)
        with self._engine.connect() as connection:
            candidates = self._search.candidates(connection, field, text)
        held = {person_id: self.field(person_id, field) for person_id in candidates}
        return [
            person_id
            for person_id, one in held.items()
            if one is not None and one.value and hmac.compare_digest(one.value.encode(), text.encode())
        ]

    def mark(self, person_id: bytes, field: str, mark: Mark, reason: str = "") -> ProfileField:
        """Dispute or restrict one field, or take that back; durable when it returns. Saying it again changes nothing.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.
            mark: What the person says.
            reason: The person's words, for a dispute; a new one takes the place of the one before.

        Returns:
            The field as stored.

        Raises:
            Refused: NOT_FOUND when it is not set; BAD_REQUEST with the rule that the reason breaks.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        words = free_text("reason", reason) if mark is Mark.DISPUTE else ""

        def say(connection: Connection, key: FieldCipher, now_ms: int) -> rows.Entry:
            entry = _standing(connection, key, person_id, field)
            held = entry.contents
            if mark is Mark.DISPUTE:
                held = held.but(dispute=Dispute(words, now_ms if held.dispute is None else held.dispute.since_ms))
            elif mark is Mark.WITHDRAW_DISPUTE:
                held = held.but(dispute=None)
            elif mark is Mark.RESTRICT:
                held = held.but(restricted_ms=held.restricted_ms or now_ms)
            else:
                held = held.but(restricted_ms=None)
            changed = rows.Entry(field, entry.version, held)
            rows.put(connection, key, person_id, changed)
            return changed

        return profile_field(self._change(person_id, say))

    def record(self, person_id: bytes, field: str, stated: Verified) -> Arrival:
        """Put a department's word about one field into the profile, if it prevails; durable when it returns.

        Raises:
            Refused: UNKNOWN_FIELD, or BAD_REQUEST with the broken rule.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        checked = verified.checked(field, stated, self._clock.now_ms())

        def record(connection: Connection, key: FieldCipher, now_ms: int) -> Arrival:
            return verified.record(connection, self._search, key, person_id, field, checked, now_ms)

        return self._change(person_id, record)

    def confirm(self, person_id: bytes, field: str, version: int, department: str) -> ProfileField:
        """Keep that a register has the same value as the person entered; durable when it returns.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.
            version: The version that was compared.
            department: Whose register confirmed it.

        Returns:
            The field as stored, from now on `platform_verified`.

        Raises:
            Refused: NOT_FOUND when that version does not stand any more, or holds no value of the person.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """

        def keep(connection: Connection, key: FieldCipher, now_ms: int) -> rows.Entry:
            entry = _standing(connection, key, person_id, field)
            held = entry.contents
            if entry.version != version or held.source is not Source.USER_PROVIDED or held.value is None:
                raise Refused(Code.NOT_FOUND, "the version that was compared")
            confirmed = held.but(
                source=Source.PLATFORM_VERIFIED, source_department=department, verified_ms=now_ms, updated_ms=now_ms
            )
            return rows.succeed(connection, key, person_id, field, confirmed, Superseded.CONFIRMED)

        return profile_field(self._change(person_id, keep))

    def release(
        self,
        person_id: bytes,
        items: Iterable[tuple[str, Form]],
        understood: Collection[FieldMark] = (),
        asking: Mapping[str, Asking] | None = None,
    ) -> list[ReleasedField]:
        """Fields in the forms that were decided, for a department.

        Fails closed: see `Releasing`. Why a field has no text, or whether the person has a profile at all, cannot be
        told from the answer, nor from the time it takes.

        Args:
            person_id: From `PersonRegistry`.
            items: Field codes and forms.
            understood: Marks that the department undertakes to show together with the value.
            asking: By field, what is asked in the form predicate.

        Returns:
            One for each item, in order.

        Raises:
            Refused: UNKNOWN_FIELD.
            KeysError: A key is missing or a row was tampered with.
        """
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id)
            held = {row.field: row for row in rows.raw(connection, person_id)}  # Without a key too, lest it be quicker.
        return self._releasing.all(key, held, items, understood, asking or {})

    def erase(self, person_id: bytes, also: Callable[[Connection], bool] | None = None) -> bool:
        """Destroy the person's key and remove everything kept under it. Copies, in backups too, become unreadable.

        Args:
            person_id: From `PersonRegistry`.
            also: Done in the same transaction, before anything is removed; when it says no, nothing is.

        Returns:
            Whether a key was destroyed.
        """
        with destroying_transaction(self._engine) as connection:
            if also is not None and not also(connection):
                return False
            # The key first, as every change takes it: whoever enters something meanwhile waits and gets a new key.
            destroyed = data_keys.destroy(connection, person_id, self._clock.now_ms())
            forget_person(connection, person_id)
            return destroyed

    def rewrap(self, limit: int = 500) -> int:
        """After a new key-encryption key: wrap at most `limit` older data keys anew; call it until it returns 0.

        Raises:
            KeysError: An older key-encryption key is missing.
        """
        with write_transaction(self._engine) as connection:
            return data_keys.rewrap(connection, self._keks, limit)

    def reseal(self, limit: int = 100) -> int:
        """After another suite was chosen: move at most `limit` rows to it while everything goes on.

        Call it until it returns 0: then no row is left in another suite. See `Resealing.move`.

        Raises:
            KeysError: A key is missing, or nothing but rows that do not open is left.
        """
        return self._resealing.move(limit)

    def left_to_reseal(self) -> int:
        """How many fields are in another suite than the one chosen; reads the whole table."""
        return self._resealing.left()

    def _read(self, person_id: bytes, field: str | None = None) -> list[ProfileField]:
        """The fields that are set, or that one alone."""
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id)
            held = [] if key is None else rows.raw(connection, person_id, field)
            found = [rows.entry_of(key, row) for row in held if key is not None and rows.opens(key, row)]
        return [profile_field(entry) for entry in found if entry.contents.erased_ms is None]

    def _enter(self, person_id: bytes, field: str, text: str | None) -> ProfileField:
        def enter(connection: Connection, key: FieldCipher, now_ms: int) -> rows.Entry:
            before = rows.find(connection, key, person_id, field)
            if before is not None and before.contents.erased_ms is None:
                if not before.contents.source.editable:
                    raise Refused(Code.FIELD_NOT_EDITABLE, "profile field")
                if before.contents.value == text:
                    return before
            entered = Contents(
                value=text,
                source=Source.NOT_APPLICABLE if text is None else Source.USER_PROVIDED,
                collected_ms=now_ms,
                updated_ms=now_ms,
                last_updated_ms=now_ms,
                unavailable=UnavailableReason.NOT_APPLICABLE if text is None else None,
            )
            self._search.follow(connection, person_id, field, text)
            return rows.succeed(connection, key, person_id, field, entered, Superseded.REPLACED_BY_PERSON)

        return profile_field(self._change(person_id, enter))

    def _change(self, person_id: bytes, change: Callable[[Connection, FieldCipher, int], Result]) -> Result:
        """Carry out a change of one person's rows in one transaction, under the person's key."""
        now_ms = self._clock.now_ms()
        with write_transaction(self._engine) as connection:
            # On PostgreSQL this also locks the person, so that two changes of one person come one after the other.
            return change(connection, data_keys.make(connection, self._keks, person_id, now_ms, self._suite), now_ms)


def _known(field: str) -> None:
    if field not in DESCRIPTIONS:
        raise Refused(Code.UNKNOWN_FIELD, "profile field")


def _standing(connection: Connection, key: FieldCipher, person_id: bytes, field: str) -> rows.Entry:
    """A field that is set, locked until the transaction ends."""
    entry = rows.find(connection, key, person_id, field)
    if entry is None or entry.contents.erased_ms is not None:
        raise Refused(Code.NOT_FOUND, "profile field")
    return entry
