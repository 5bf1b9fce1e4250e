"""Corrections: what a person asks a department to put right about a field that the department verified.

Rules kept: what is asked and answered is sealed under the person's key and goes with it; it is addressed to the
department that verified the field and to no other; one request waits per field; a request is decided once; accepting
it puts the department's new word into the profile, and its index value, in the same transaction. A column that
contradicts what is sealed is an error, never believed (fails closed).

What it does not do: it does not know who a steward is, nor what was logged (`gateway.exchange`). Methods block on the
database and may be called from any thread.
"""

import dataclasses
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, delete, select, tuple_, update
from sqlmodel import SQLModel

from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.storage.database import write_transaction
from gateway.vault import data_keys, rows, tables, verified
from gateway.vault.data_keys import KeyEncryptionKeys
from gateway.vault.fields import canonical
from gateway.vault.provenance import Source, Superseded
from gateway.vault.search import BlindIndexes
from gateway.vault.texts import free_text
from gateway.vault.views import Arrival, Verified
from keys import canonical as json
from keys.envelope import FieldCipher, Suite
from keys.errors import BadEnvelope

KEPT: Final = 50
"""Requests kept of one person; the oldest that were decided go first."""
ID_BYTES: Final = 16

_CORRECTIONS: Final = SQLModel.metadata.tables[str(tables.VaultCorrection.__tablename__)]


class CorrectionStatus(StrEnum):
    """How a request stands."""

    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Correction:
    """One request. What the person or the department wrote is not part of the `repr`.

    Attributes:
        id: 16 random bytes.
        field: Field code.
        department: Who is asked.
        record: The department's own name for its record.
        proposal: The value that the person holds for right, canonical.
        reason: The person's words.
        status: How it stands.
        created_ms: When it was submitted, Unix ms.
        changed_ms: When it was decided or withdrawn; equal to `created_ms` while it waits.
        note: The department's words on deciding; empty while it waits.
    """

    id: bytes
    field: str
    department: str
    record: str = dataclasses.field(repr=False)
    proposal: str = dataclasses.field(repr=False)
    reason: str = dataclasses.field(repr=False)
    status: CorrectionStatus
    created_ms: int
    changed_ms: int
    note: str = dataclasses.field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request that waits for a department, with the person whom it is about."""

    person_id: bytes
    correction: Correction


class Corrections:
    """Requests for correction in one database.

    Args:
        engine: From `gateway.storage.database.open_database`.
        keks: Key-encryption keys, under the name `vault-kek`.
        clock: Tells when something was asked or decided.
        search: The vault's blind indexes, which follow a corrected field.
        entropy: Makes random bytes.
        suite: How requests are encrypted from now on.
    """

    def __init__(
        self,
        engine: Engine,
        keks: KeyEncryptionKeys,
        clock: Clock,
        search: BlindIndexes,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
        suite: Suite = Suite.AES,
    ) -> None:
        self._engine = engine
        self._keks = keks
        self._clock = clock
        self._search = search
        self._entropy = entropy
        self._suite = suite

    def submit(self, person_id: bytes, field: str, proposal: str, reason: str) -> Correction:
        """Ask the department that verified a field to correct it; durable when it returns.

        Args:
            person_id: From `PersonRegistry`.
            field: Field code.
            proposal: The value that the person holds for right, as typed.
            reason: Why, 1 to 1000 characters.

        Returns:
            The request.

        Raises:
            Refused: UNKNOWN_FIELD or BAD_REQUEST with the broken rule; NOT_FOUND when the field is not set;
                NOT_AT_A_SOURCE when no department verified it; ALREADY_EXISTS when one about it waits.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        proposed, words = canonical(field, proposal, "proposal"), free_text("reason", reason)
        now_ms = self._clock.now_ms()
        with write_transaction(self._engine) as connection:
            key = data_keys.make(connection, self._keks, person_id, now_ms, self._suite)
            entry = rows.find(connection, key, person_id, field)
            if entry is None or entry.contents.erased_ms is not None:
                raise Refused(Code.NOT_FOUND, "profile field")
            if entry.contents.source is not Source.GOVERNMENT_VERIFIED:
                raise Refused(Code.NOT_AT_A_SOURCE, "profile field")
            _make_room(connection, key, person_id, field)
            correction = Correction(
                id=self._entropy(ID_BYTES),
                field=field,
                department=entry.contents.source_department,
                record=entry.contents.source_record,
                proposal=proposed,
                reason=words,
                status=CorrectionStatus.SUBMITTED,
                created_ms=now_ms,
                changed_ms=now_ms,
            )
            values = {
                "id": correction.id,
                "person_id": person_id,
                "department": correction.department,
                "created_ms": now_ms,
                **_columns(key, correction, 1),
            }
            connection.execute(_CORRECTIONS.insert().values(values))
        return correction

    def mine(self, person_id: bytes) -> list[Correction]:
        """Every request of a person, newest first.

        Raises:
            KeysError: A key is missing or a row was tampered with.
        """
        with self._engine.connect() as connection:
            key = data_keys.read(connection, self._keks, person_id, self._suite)
            return [] if key is None else [_open(key, row) for row in _of(connection, key, person_id)]

    def withdraw(self, person_id: bytes, correction_id: bytes) -> Correction:
        """Take a request back; durable when it returns.

        Raises:
            Refused: NOT_FOUND when it is not this person's; ALREADY_DECIDED.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        with write_transaction(self._engine) as connection:
            key, row = self._locked(connection, correction_id, _CORRECTIONS.c.person_id == person_id)
            return self._decide(connection, key, row, CorrectionStatus.WITHDRAWN, "")

    def waiting(self, department: str, after: tuple[int, bytes] | None, limit: int) -> list[Waiting]:
        """What waits for a department, oldest first.

        Args:
            department: Department id.
            after: Time and id of the last one of the page before; None for the first page.
            limit: At most so many.

        Raises:
            KeysError: A key is missing or a row was tampered with.
        """
        where = [_CORRECTIONS.c.department == department, _CORRECTIONS.c.status == CorrectionStatus.SUBMITTED]
        order = (_CORRECTIONS.c.created_ms, _CORRECTIONS.c.id)
        if after is not None:
            where.append(tuple_(*order) > after)
        found = []
        with self._engine.connect() as connection:
            for row in connection.execute(select(_CORRECTIONS).where(*where).order_by(*order).limit(limit)).all():
                key = data_keys.read(connection, self._keks, bytes(row.person_id), self._suite)
                if key is None or not rows.opens(key, row):
                    # Erased between the two statements, or left behind by an older key: there is nothing to show.
                    continue
                found.append(Waiting(bytes(row.person_id), _open(key, row)))
        return found

    def one_waiting(self, department: str, correction_id: bytes) -> Waiting:
        """One request that waits for a department.

        Raises:
            Refused: NOT_FOUND when there is none, or it is another department's; ALREADY_DECIDED.
            KeysError: A key is missing or a row was tampered with.
        """
        with write_transaction(self._engine) as connection:
            key, row = self._locked(connection, correction_id, _CORRECTIONS.c.department == department)
            if row.status != CorrectionStatus.SUBMITTED:
                raise Refused(Code.ALREADY_DECIDED, "correction")
            return Waiting(bytes(row.person_id), _open(key, row))

    def accept(self, department: str, correction_id: bytes, stated: Verified, note: str) -> Correction:
        """Decide in the person's favour: the department's corrected word is in the profile when it returns.

        Args:
            department: Who decides.
            correction_id: Which request.
            stated: The department's word from now on. Without `last_updated_ms` it is as of now, also where what stands
                is dated ahead of our clock: such a word always prevails.
            note: The department's words; may be empty.

        Returns:
            The request as decided.

        Raises:
            Refused: NOT_FOUND, ALREADY_DECIDED; BAD_REQUEST with the broken rule.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        words, now_ms = (free_text("note", note) if note else ""), self._clock.now_ms()
        with write_transaction(self._engine) as connection:
            key, row = self._locked(connection, correction_id, _CORRECTIONS.c.department == department)
            field = _open(key, row).field
            checked = verified.checked(field, stated, now_ms)
            decided = self._decide(connection, key, row, CorrectionStatus.ACCEPTED, words)
            person_id = bytes(row.person_id)
            if checked.last_updated_ms is None:
                standing = rows.find(connection, key, person_id, field)
                dated_ms = 0 if standing is None else standing.contents.last_updated_ms or 0
                checked = dataclasses.replace(checked, last_updated_ms=max(now_ms, dated_ms))
            arrival = verified.record(
                connection, self._search, key, person_id, field, checked, now_ms, Superseded.CORRECTED
            )
            if arrival is not Arrival.TAKEN:
                # Accepted in words and not in deeds would be the worst of both.
                rule = "须不早于现有记录 / must not be older than what stands"
                raise bad_request("last_updated_unix_ms", rule)
        return decided

    def reject(self, department: str, correction_id: bytes, note: str) -> Correction:
        """Decide against the person, saying why; the field stays as it is, with its dispute if it has one.

        Raises:
            Refused: NOT_FOUND, ALREADY_DECIDED; BAD_REQUEST when the reason is missing or too long.
            KeysError: A key is missing or a row was tampered with; nothing changes.
        """
        words = free_text("note", note)
        with write_transaction(self._engine) as connection:
            key, row = self._locked(connection, correction_id, _CORRECTIONS.c.department == department)
            return self._decide(connection, key, row, CorrectionStatus.REJECTED, words)

    def _locked(self, connection: Connection, correction_id: bytes, whose: Any) -> tuple[FieldCipher, Row[Any]]:
        if len(correction_id) != ID_BYTES:
            raise bad_request("correction_id", f"须为{ID_BYTES}字节 / must be {ID_BYTES} bytes")
        statement = select(_CORRECTIONS).where(_CORRECTIONS.c.id == correction_id, whose).with_for_update()
        row = connection.execute(statement).one_or_none()
        key = None if row is None else data_keys.read(connection, self._keks, bytes(row.person_id), self._suite)
        if row is None or key is None:
            raise Refused(Code.NOT_FOUND, "correction")
        return key, row

    def _decide(
        self, connection: Connection, key: FieldCipher, row: Row[Any], status: CorrectionStatus, note: str
    ) -> Correction:
        before = _open(key, row)
        if before.status is not CorrectionStatus.SUBMITTED:
            raise Refused(Code.ALREADY_DECIDED, "correction")
        decided = dataclasses.replace(before, status=status, note=note, changed_ms=self._clock.now_ms())
        values = _columns(key, decided, row.version + 1)
        connection.execute(update(_CORRECTIONS).where(_CORRECTIONS.c.id == row.id).values(values))
        return decided


def _of(connection: Connection, key: FieldCipher, person_id: bytes) -> list[Row[Any]]:
    newest_first = (_CORRECTIONS.c.created_ms.desc(), _CORRECTIONS.c.id)
    statement = select(_CORRECTIONS).where(_CORRECTIONS.c.person_id == person_id).order_by(*newest_first)
    return [row for row in connection.execute(statement).all() if rows.opens(key, row)]


def _make_room(connection: Connection, key: FieldCipher, person_id: bytes, field: str) -> None:
    """Refuse a second request about a field; let the oldest that were decided go when there are too many."""
    held = _of(connection, key, person_id)
    waiting = [row for row in held if row.status == CorrectionStatus.SUBMITTED]
    if any(_open(key, row).field == field for row in waiting):
        raise Refused(Code.ALREADY_EXISTS, "a correction of this field waits")
    decided = [row.id for row in held if row.status != CorrectionStatus.SUBMITTED]
    for gone in decided[max(0, KEPT - 1 - len(waiting)) :]:
        connection.execute(delete(_CORRECTIONS).where(_CORRECTIONS.c.id == gone))


def _columns(key: FieldCipher, correction: Correction, version: int) -> dict[str, Any]:
    said: dict[str, json.Json] = {
        "field": correction.field,
        "department": correction.department,
        "record": correction.record,
        "proposal": correction.proposal,
        "reason": correction.reason,
        "status": str(correction.status),
        "created_ms": correction.created_ms,
        "changed_ms": correction.changed_ms,
        "note": correction.note,
    }
    envelope = key.seal(correction_place(correction.id), version, json.write(said))
    return {"status": str(correction.status), "version": version, "envelope": envelope}


def _open(key: FieldCipher, row: Row[Any]) -> Correction:
    plaintext = key.open(correction_place(bytes(row.id)), row.version, bytes(row.envelope))
    said: dict[str, Any] = dict(json.read(plaintext))
    status = CorrectionStatus(said.pop("status"))
    found = Correction(id=bytes(row.id), status=status, **said)
    if (row.department, row.status, row.created_ms) != (found.department, found.status, found.created_ms):
        raise BadEnvelope("a column contradicts what is sealed")
    return found


def correction_place(correction_id: bytes) -> str:
    """Where a request belongs."""
    return f"correction:{correction_id.hex()}"
