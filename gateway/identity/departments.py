"""Departments: who takes part in the exchange, under which key, and whether still.

Rules kept here: an id is for good and is never given to another department; a key belongs to one department; a revoked
department stays revoked, its key and its peers count no more, from the very next call on and in every process.

It does not decide who may change a department (the operator's doors do) and does not hold a department's key, only its
fingerprint.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Engine, insert, select, update

from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.identity.tables import DENIALS, DEPARTMENTS, EPOCH
from gateway.storage.database import write_transaction
from gateway.storage.epochs import EpochCached, advance
from policies.plain import is_blank, is_plain

_ID = re.compile(r"[a-z][a-z0-9-]{0,62}")
_FINGERPRINT = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_NAME = 200
_MAX_REASON = 500


class DepartmentStatus(StrEnum):
    """Whether a department takes part."""

    ACTIVE = "active"
    REVOKED = "revoked"


class DenialKind(StrEnum):
    """What an entry of the deny list names."""

    SERIAL = "serial"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Department:
    """One department.

    Args:
        id: `[a-z][a-z0-9-]{0,62}`.
        name_zh: Name in Chinese.
        name_en: Name in English.
        key_fingerprint: "sha256:" and 64 hex digits of its key; empty when not yet known.
        status: Active or revoked.
        reason: Why it was revoked; empty while active.
        changed_ms: When it was last changed.
    """

    id: str
    name_zh: str
    name_en: str
    key_fingerprint: str
    status: DepartmentStatus
    reason: str
    changed_ms: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything that can make a peer unacceptable, as of one moment.

    Args:
        departments: By id.
        denied_serials: Lower-case hex serial numbers.
        denied_names: SPIFFE ids.
    """

    departments: Mapping[str, Department]
    denied_serials: frozenset[str]
    denied_names: frozenset[str]


def standing_of(engine: Engine) -> EpochCached[Standing]:
    """The standing of all departments and peers, never older than the call that asks for it."""
    return EpochCached(engine, EPOCH, _load)


def _load(connection: Connection, _former: Standing | None) -> Standing:
    rows = connection.execute(select(DEPARTMENTS)).mappings()
    departments = {
        row["id"]: Department(
            id=row["id"],
            name_zh=row["name_zh"],
            name_en=row["name_en"],
            key_fingerprint=row["key_fingerprint"],
            status=DepartmentStatus(row["status"]),
            reason=row["reason"],
            changed_ms=row["changed_ms"],
        )
        for row in rows
    }
    denied = list(connection.execute(select(DENIALS.c.kind, DENIALS.c.subject)))
    return Standing(
        departments=departments,
        denied_serials=frozenset(subject for kind, subject in denied if kind == DenialKind.SERIAL),
        denied_names=frozenset(subject for kind, subject in denied if kind == DenialKind.NAME),
    )


def check_reason(reason: str) -> None:
    """Refuse a reason for a revocation that is blank or too long to record.

    Raises:
        Refused: BAD_REQUEST.
    """
    if is_blank(reason) or len(reason) > _MAX_REASON or not is_plain(reason):
        raise bad_request("reason", f"must have 1 to {_MAX_REASON} printable characters")


class Departments:
    """The register of departments.

    Args:
        engine: The database.
        clock: Tells when a change was made.
        standing: Shared with `Peers`, so that both see a change at the same moment.
    """

    def __init__(self, engine: Engine, clock: Clock, standing: EpochCached[Standing]) -> None:
        self._engine = engine
        self._clock = clock
        self._standing = standing

    def add(self, department_id: str, name_zh: str, name_en: str, key_fingerprint: str = "") -> Department:
        """Register a department.

        Args:
            department_id: Its id.
            name_zh: Name in Chinese.
            name_en: Name in English.
            key_fingerprint: Fingerprint of its key; may be empty and set later, then nothing of it is accepted until.

        Raises:
            Refused: BAD_REQUEST for a broken rule; ALREADY_EXISTS for a taken id or a key of another department.
        """
        if not _ID.fullmatch(department_id):
            raise bad_request("id", "must match [a-z][a-z0-9-]{0,62}")
        for field, name in (("name_zh", name_zh), ("name_en", name_en)):
            if is_blank(name) or len(name) > _MAX_NAME or not is_plain(name):
                raise bad_request(field, f"must have 1 to {_MAX_NAME} printable characters")
        if key_fingerprint:
            _check_fingerprint(key_fingerprint)
        now_ms = self._clock.now_ms()
        department = Department(department_id, name_zh, name_en, key_fingerprint, DepartmentStatus.ACTIVE, "", now_ms)
        with write_transaction(self._engine) as connection:
            # First, so that on PostgreSQL whoever adds or changes a department waits for the others.
            advance(connection, EPOCH)
            if connection.execute(select(DEPARTMENTS.c.id).where(DEPARTMENTS.c.id == department_id)).first():
                raise Refused(Code.ALREADY_EXISTS, "department id is taken")
            _check_key_is_free(connection, department_id, key_fingerprint)
            connection.execute(
                insert(DEPARTMENTS).values(
                    id=department_id,
                    name_zh=name_zh,
                    name_en=name_en,
                    key_fingerprint=key_fingerprint,
                    status=DepartmentStatus.ACTIVE.value,
                    reason="",
                    created_ms=now_ms,
                    changed_ms=now_ms,
                )
            )
        return department

    def set_key(self, department_id: str, key_fingerprint: str) -> Department:
        """Replace a department's key. What the former key certified or signed counts no more from the next call on.

        Raises:
            Refused: BAD_REQUEST, DEPARTMENT_UNKNOWN, DEPARTMENT_REVOKED; ALREADY_EXISTS for another department's key.
        """
        _check_fingerprint(key_fingerprint)
        with write_transaction(self._engine) as connection:
            advance(connection, EPOCH)
            require_active(connection, department_id)
            _check_key_is_free(connection, department_id, key_fingerprint)
            connection.execute(
                update(DEPARTMENTS)
                .where(DEPARTMENTS.c.id == department_id)
                .values(key_fingerprint=key_fingerprint, changed_ms=self._clock.now_ms())
            )
        return self.get(department_id)

    def revoke(self, department_id: str, reason: str) -> Department:
        """Put a department out of the exchange, for good. Revoking it twice changes nothing.

        Args:
            department_id: Which one.
            reason: For the record; names no person.

        Raises:
            Refused: BAD_REQUEST, DEPARTMENT_UNKNOWN.
        """
        check_reason(reason)
        with write_transaction(self._engine) as connection:
            changed = connection.execute(
                update(DEPARTMENTS)
                .where(DEPARTMENTS.c.id == department_id, DEPARTMENTS.c.status == DepartmentStatus.ACTIVE.value)
                .values(status=DepartmentStatus.REVOKED.value, reason=reason, changed_ms=self._clock.now_ms())
            ).rowcount
            if changed:
                advance(connection, EPOCH)
        return self.get(department_id)

    def get(self, department_id: str) -> Department:
        """One department, also a revoked one.

        Raises:
            Refused: DEPARTMENT_UNKNOWN.
        """
        department = self._standing.current().departments.get(department_id)
        if department is None:
            raise Refused(Code.DEPARTMENT_UNKNOWN)
        return department

    def list(self) -> tuple[Department, ...]:
        """All departments, ordered by id."""
        departments = self._standing.current().departments
        return tuple(departments[key] for key in sorted(departments))

    def fingerprint(self, department_id: str) -> str:
        """The fingerprint by which a department's signatures are accepted right now. Fails closed.

        Raises:
            Refused: DEPARTMENT_UNKNOWN, DEPARTMENT_REVOKED; BAD_KEY_CERTIFICATE while no key is registered.
        """
        department = self.get(department_id)
        if department.status is not DepartmentStatus.ACTIVE:
            raise Refused(Code.DEPARTMENT_REVOKED)
        if not department.key_fingerprint:
            raise Refused(Code.BAD_KEY_CERTIFICATE, "no department key is registered")
        return department.key_fingerprint


def require_active(connection: Connection, department_id: str) -> None:
    """Check inside a transaction that a department takes part.

    Raises:
        Refused: DEPARTMENT_UNKNOWN, DEPARTMENT_REVOKED.
    """
    status = connection.execute(select(DEPARTMENTS.c.status).where(DEPARTMENTS.c.id == department_id)).scalar()
    if status is None:
        raise Refused(Code.DEPARTMENT_UNKNOWN)
    if status != DepartmentStatus.ACTIVE.value:
        raise Refused(Code.DEPARTMENT_REVOKED)


def _check_fingerprint(key_fingerprint: str) -> None:
    if not _FINGERPRINT.fullmatch(key_fingerprint):
        raise bad_request("key_fingerprint", 'must be "sha256:" and 64 lower-case hex digits')


def _check_key_is_free(connection: Connection, department_id: str, key_fingerprint: str) -> None:
    # One key for two departments would let either of them certify keys and sign agreements in the other's name.
    if not key_fingerprint:
        return
    taken = connection.execute(
        select(DEPARTMENTS.c.id).where(
            DEPARTMENTS.c.key_fingerprint == key_fingerprint, DEPARTMENTS.c.id != department_id
        )
    ).first()
    if taken:
        raise Refused(Code.ALREADY_EXISTS, "the key belongs to another department")
