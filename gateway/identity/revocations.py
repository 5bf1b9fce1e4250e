"""Revocations: taking a certificate, or a name with all its certificates, out of the exchange.

Rules kept here: a revocation is durable when `revoke` returns and counts from the next call on in every process; a
revoked name's open tokens are void; a revoked certificate never comes back. A denial is kept until the certificate has
expired anyway.

It does not close connections: the stream's own check at every frame does.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.errors import Code, Refused, bad_request
from gateway.identity.departments import DenialKind, check_reason
from gateway.identity.tables import CERTIFICATES, DENIALS, ENROLMENT_TOKENS, EPOCH
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate

_KEPT_AFTER_EXPIRY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Certificate:
    """An issued certificate, for the operator.

    Args:
        serial: Lower-case hex.
        spiffe: The name in it.
        department: Department id.
        not_before_ms: First valid moment.
        not_after_ms: Last valid moment.
        revoked: Whether it, or its name, is on the deny list.
    """

    serial: str
    spiffe: str
    department: str
    not_before_ms: int
    not_after_ms: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class Revocation:
    """What was revoked.

    Args:
        spiffe: The name concerned.
        serials: The certificates that are denied now, lower-case hex; expired ones are left out.
        whole_name: True when the name itself is denied, until it is enrolled again by a newer token.
    """

    spiffe: str
    serials: tuple[str, ...]
    whole_name: bool


def revoke(engine: Engine, target: str, now_ms: int, reason: str) -> Revocation:
    """Revoke a name with all its certificates, or one certificate.

    Args:
        engine: The database.
        target: A SPIFFE id, or a certificate's serial number in lower-case hex.
        now_ms: Unix time in milliseconds.
        reason: For the record; names no person.

    Raises:
        Refused: BAD_REQUEST; NOT_FOUND when no certificate or token was ever issued for it.
    """
    check_reason(reason)
    with write_transaction(engine) as connection:
        advance(connection, EPOCH)
        _forget_expired(connection, now_ms)
        if target.startswith("spiffe://"):
            try:
                name = SpiffeId.parse(target)
            except BadCertificate as error:
                raise bad_request("target", "must be a SPIFFE id or a serial number in lower-case hex") from error
            revocation = _revoke_name(connection, name, now_ms, reason)
        else:
            revocation = _revoke_serial(connection, target, now_ms, reason)
    return revocation


def certificates(engine: Engine, now_ms: int, department: str = "") -> tuple[Certificate, ...]:
    """Certificates that have not expired, by name and then expiry.

    Args:
        engine: The database.
        now_ms: Unix time in milliseconds.
        department: Only this department's; empty for all.
    """
    query = select(CERTIFICATES).where(CERTIFICATES.c.not_after_ms >= now_ms)
    if department:
        query = query.where(CERTIFICATES.c.department == department)
    with engine.connect() as connection:
        rows = list(connection.execute(query.order_by(CERTIFICATES.c.spiffe, CERTIFICATES.c.not_after_ms)))
        denied = {(kind, subject) for kind, subject in connection.execute(select(DENIALS.c.kind, DENIALS.c.subject))}
    return tuple(
        Certificate(
            serial=row.serial,
            spiffe=row.spiffe,
            department=row.department,
            not_before_ms=row.not_before_ms,
            not_after_ms=row.not_after_ms,
            revoked=(DenialKind.SERIAL, row.serial) in denied or (DenialKind.NAME, row.spiffe) in denied,
        )
        for row in rows
    )


def name_is_denied(connection: Connection, spiffe: SpiffeId) -> bool:
    """Whether a name is on the deny list, read inside a transaction."""
    return _is_denied(connection, DenialKind.NAME, str(spiffe))


def serial_is_denied(connection: Connection, serial: int) -> bool:
    """Whether a serial number is on the deny list, read inside a transaction."""
    return _is_denied(connection, DenialKind.SERIAL, f"{serial:x}")


def deny_all_of(connection: Connection, spiffe: SpiffeId, now_ms: int, reason: str) -> tuple[str, ...]:
    """Put every certificate of a name that has not expired on the deny list; returns their serial numbers in hex."""
    rows = list(
        connection.execute(
            select(CERTIFICATES.c.serial, CERTIFICATES.c.not_after_ms).where(
                CERTIFICATES.c.spiffe == str(spiffe), CERTIFICATES.c.not_after_ms >= now_ms
            )
        )
    )
    for serial, not_after_ms in rows:
        _deny(connection, DenialKind.SERIAL, serial, now_ms, not_after_ms, reason)
    return tuple(serial for serial, _ in rows)


def _revoke_name(connection: Connection, spiffe: SpiffeId, now_ms: int, reason: str) -> Revocation:
    name = str(spiffe)
    voided = connection.execute(
        update(ENROLMENT_TOKENS)
        .where(ENROLMENT_TOKENS.c.spiffe == name, ENROLMENT_TOKENS.c.closed_ms == 0)
        .values(closed_ms=now_ms, closed_as="void")
    ).rowcount
    known = connection.execute(select(CERTIFICATES.c.serial).where(CERTIFICATES.c.spiffe == name).limit(1)).first()
    if not voided and known is None:
        raise Refused(Code.NOT_FOUND, "nothing was issued for this name")
    serials = deny_all_of(connection, spiffe, now_ms, reason)
    _deny(connection, DenialKind.NAME, name, now_ms, 0, reason)
    return Revocation(name, serials, whole_name=True)


def _revoke_serial(connection: Connection, serial: str, now_ms: int, reason: str) -> Revocation:
    row = connection.execute(
        select(CERTIFICATES.c.spiffe, CERTIFICATES.c.not_after_ms).where(CERTIFICATES.c.serial == serial)
    ).first()
    if row is None:
        raise Refused(Code.NOT_FOUND, "no such certificate")
    _deny(connection, DenialKind.SERIAL, serial, now_ms, row.not_after_ms, reason)
    return Revocation(row.spiffe, (serial,), whole_name=False)


def _deny(connection: Connection, kind: DenialKind, subject: str, now_ms: int, until_ms: int, reason: str) -> None:
    build = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
    connection.execute(
        build(DENIALS)
        .values(kind=kind.value, subject=subject, since_ms=now_ms, until_ms=until_ms, reason=reason)
        # The first denial stands, with its reason.
        .on_conflict_do_nothing(index_elements=[DENIALS.c.kind, DENIALS.c.subject])
    )


def _is_denied(connection: Connection, kind: DenialKind, subject: str) -> bool:
    query = select(DENIALS.c.subject).where(DENIALS.c.kind == kind.value, DENIALS.c.subject == subject)
    return connection.execute(query).first() is not None


def _forget_expired(connection: Connection, now_ms: int) -> None:
    # A certificate past its end is refused for that alone. A day is kept for clocks that disagree between replicas.
    connection.execute(
        delete(DENIALS).where(DENIALS.c.until_ms > 0, DENIALS.c.until_ms < now_ms - _KEPT_AFTER_EXPIRY_MS)
    )
