"""Consents at the gateway: their exact texts, how they stand, and how often they were used.

Rules kept here: a text is never changed; one whose bytes are not those of its digest, or that its row describes
otherwise, is not used and is reported; what is final stays final; every change is one transaction that takes the row's
lock first, so that two at once come one after the other. How a consent stands is read for every question and not
remembered, because a withdrawal must hold from the next moment on in every process (ADR 0111). A person is a random id.
Everything fails closed: in doubt there is no consent.

It does not verify proofs and does not decide requests: `gateway.exchange` does. It is not about explicit requests.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, case, insert, select, update

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.sharing.tables import CONSENT_EPOCH, CONSENTS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import EpochReader, advance
from gateway.storage.kept import KeptConnection
from policies.consents import Act, BadConsent, Consent, Status, after, parse_consent, standing
from policies.consents.lifecycle import reason_of
from policies.reasons import Reason

ID_BYTES: Final = 16
NOBODY_TO_TELL: Final = -1
TO_TELL: Final = 0
MOST_LISTED: Final = 500
_REMEMBERED: Final = 8192
"""Parsed texts kept in memory; a text never changes, so what is remembered is never out of date."""
_COLUMNS: Final = (
    CONSENTS.c.consent_id,
    CONSENTS.c.digest,
    CONSENTS.c.person_id,
    CONSENTS.c.raw,
    CONSENTS.c.status,
    CONSENTS.c.requested_by,
    CONSENTS.c.proof,
    CONSENTS.c.created_ms,
    CONSENTS.c.changed_ms,
    CONSENTS.c.uses,
    CONSENTS.c.last_used_ms,
    CONSENTS.c.superseded_by,
    CONSENTS.c.consumer,
    CONSENTS.c.providers,
    CONSENTS.c.valid_until_ms,
)
_STATUSES: Final = {str(status): status for status in Status}
_TOLD_TO_NODES: Final = frozenset({Act.PAUSE, Act.RESUME, Act.WITHDRAW, Act.SUPERSEDE})
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredConsent:
    """A consent with how it stands.

    Attributes:
        consent: The artefact.
        person_id: Whose it is, 16 bytes.
        stored: Status as stored; `status_at` says how it stands.
        requested_by: SPIFFE id of the system that asked; empty when the person drew it up.
        proof: Whose word stands for it; empty while it is not granted.
        created_ms: When it was drawn up, Unix ms.
        changed_ms: When somebody last changed how it stands, Unix ms.
        uses: How often it was used.
        last_used_ms: When last, Unix ms; 0 when never.
        superseded_by: Id of the consent that took its place; empty when none did.
    """

    consent: Consent
    person_id: bytes
    stored: Status
    requested_by: str
    proof: str
    created_ms: int
    changed_ms: int
    uses: int
    last_used_ms: int
    superseded_by: bytes

    def status_at(self, now_ms: int) -> Status:
        """How it stands at a moment, Unix ms."""
        return standing(
            self.stored, created_ms=self.created_ms, valid_until_ms=self.consent.valid_until_ms, now_ms=now_ms
        )


@dataclass(frozen=True, slots=True)
class ConsentChange:
    """What nodes must know about a consent.

    Attributes:
        position: Counts up with every change.
        digest: SHA-256 of the text.
        status: How it stands.
        valid_until_ms: End of its validity, Unix ms.
        providers: Departments whose nodes must know.
    """

    position: int
    digest: bytes
    status: Status
    valid_until_ms: int
    providers: frozenset[str]


class Consents:
    """Consents in one database. Reads take a few microseconds; may be used from any thread.

    Args:
        engine: The database.
        clock: Now.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._kept = KeptConnection(engine)
        self._epoch = EpochReader(engine, CONSENT_EPOCH)
        by_digest = select(*_COLUMNS).where(CONSENTS.c.digest == bindparam("digest"))
        self._by_digest = str(by_digest.compile(engine))

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A write transaction for the functions of this module and for what has to happen together with them."""
        with write_transaction(self._engine) as connection:
            yield connection

    def find(self, digest: bytes) -> StoredConsent | None:
        """The consent of a digest as it stands now; None when there is none, or its text was changed.

        Raises:
            Refused: INTERNAL, it cannot be read.
        """
        try:
            rows = self._kept.rows(self._by_digest, (digest,))
        except Exception as error:
            raise Refused(Code.INTERNAL, "consents cannot be read") from error
        return self._stored(rows[0]) if rows else None

    def get(self, person_id: bytes, consent_id: bytes) -> StoredConsent:
        """One consent of a person.

        Raises:
            Refused: NOT_FOUND, also for another person's.
        """
        return self._one(CONSENTS.c.consent_id == consent_id, CONSENTS.c.person_id == person_id)

    def of_consumer(self, consumer: str, consent_id: bytes) -> StoredConsent:
        """One consent for a department.

        Raises:
            Refused: NOT_FOUND, also for another department's.
        """
        return self._one(CONSENTS.c.consent_id == consent_id, CONSENTS.c.consumer == consumer)

    def of_person(self, person_id: bytes) -> list[StoredConsent]:
        """A person's consents, newest first, at most 500."""
        query = (
            select(*_COLUMNS)
            .where(CONSENTS.c.person_id == person_id)
            .order_by(CONSENTS.c.created_ms.desc(), CONSENTS.c.consent_id)
            .limit(MOST_LISTED)
        )
        with self._engine.connect() as connection:
            found = [self._stored(row) for row in connection.execute(query)]
        return [one for one in found if one is not None]

    def waiting(self, person_id: bytes, consumer: str) -> int:
        """How many requests of a department wait for the person's answer."""
        now_ms = self._clock.now_ms()
        return sum(
            one.status_at(now_ms) is Status.REQUESTED and bool(one.requested_by) and one.consent.consumer == consumer
            for one in self.of_person(person_id)
        )

    def change(self, connection: Connection, consent_id: bytes, act: Act, **more: Any) -> StoredConsent:
        """Change how a consent stands.

        Args:
            connection: An open write transaction.
            consent_id: Which.
            act: What is done.
            more: Further columns: `proof`, `superseded_by`.

        Returns:
            The consent as it stands then.

        Raises:
            NotPossible: The act does not fit how it stands; nothing changes.
            Refused: NOT_FOUND.
        """
        now_ms = self._clock.now_ms()
        # First, so that writers wait for each other and positions follow the order of commits.
        position = advance(connection, CONSENT_EPOCH) if act in _TOLD_TO_NODES else 0
        query = select(*_COLUMNS).where(CONSENTS.c.consent_id == consent_id).with_for_update()
        row = connection.execute(query).one_or_none()
        held = None if row is None else self._stored(row)
        if held is None:
            raise Refused(Code.NOT_FOUND, "consent")
        status = after(held.status_at(now_ms), act)
        values: dict[str, Any] = {"status": str(status), "changed_ms": now_ms, **more}
        if position and held.stored is not Status.REQUESTED:
            values["position"] = position
        if act is Act.WITHDRAW and held.uses:
            values["told_ms"] = TO_TELL
        connection.execute(update(CONSENTS).where(CONSENTS.c.consent_id == consent_id).values(values))
        changed = connection.execute(select(*_COLUMNS).where(CONSENTS.c.consent_id == consent_id)).one()
        stored = self._stored(changed)
        if stored is None:  # pragma: no cover - the text was read a moment before
            raise Refused(Code.NOT_FOUND, "consent")
        return stored

    def count_use(self, connection: Connection, consent: Consent, now_ms: int) -> Reason | None:
        """Count one use, if the consent stands and has one left: in one statement, so that the limit is exact.

        Args:
            connection: An open write transaction.
            consent: Which.
            now_ms: Now.

        Returns:
            None when the use is counted, else why it is not.
        """
        stretch, most = consent.limit(now_ms)
        same = CONSENTS.c.stretch == stretch
        taken = case((same, CONSENTS.c.stretch_uses), else_=0)
        counted = connection.execute(
            update(CONSENTS)
            .where(
                CONSENTS.c.consent_id == consent.id,
                CONSENTS.c.status == str(Status.GRANTED),
                CONSENTS.c.valid_until_ms > now_ms,
                taken < most,
            )
            .values(uses=CONSENTS.c.uses + 1, last_used_ms=now_ms, stretch=stretch, stretch_uses=taken + 1)
        ).rowcount
        if counted == 1:
            return None
        row = connection.execute(select(*_COLUMNS).where(CONSENTS.c.consent_id == consent.id)).one_or_none()
        held = None if row is None else self._stored(row)
        why = Reason.CONSENT_UNKNOWN if held is None else standing_reason(held, now_ms)
        return why or Reason.CONSENT_EXHAUSTED

    def position(self) -> int:
        """The newest change's position.

        Raises:
            Refused: INTERNAL, it cannot be read.
        """
        return self._epoch.read()

    def changes(self, after_position: int, limit: int) -> list[ConsentChange]:
        """Changes that nodes must know, oldest first; what has expired needs no telling.

        Args:
            after_position: Only later ones.
            limit: At most so many.
        """
        columns = CONSENTS.c
        query = (
            select(columns.position, columns.digest, columns.status, columns.valid_until_ms, columns.providers)
            .where(columns.position > after_position, columns.valid_until_ms > self._clock.now_ms())
            .order_by(columns.position)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [
                ConsentChange(
                    row.position,
                    bytes(row.digest),
                    # A word that nobody wrote here ends it: one bad row must not keep the others from being told.
                    _STATUSES.get(row.status, Status.REVOKED),
                    row.valid_until_ms,
                    frozenset(row.providers.split(",")),
                )
                for row in connection.execute(query)
            ]

    def to_tell(self, before_ms: int, limit: int) -> list[StoredConsent]:
        """Ended consents whose recipients were not told yet and that ended before a moment, oldest first."""
        query = (
            select(*_COLUMNS)
            .where(CONSENTS.c.told_ms == TO_TELL, CONSENTS.c.changed_ms < before_ms)
            .order_by(CONSENTS.c.changed_ms)
            .limit(limit)
        )
        with self._engine.connect() as connection:
            found = [self._stored(row) for row in connection.execute(query)]
        return [one for one in found if one is not None]

    def told(self, connection: Connection, consent_id: bytes) -> bool:
        """Note that the recipients are told; False when somebody else did."""
        where = (CONSENTS.c.consent_id == consent_id, CONSENTS.c.told_ms == TO_TELL)
        values = {"told_ms": self._clock.now_ms()}
        return connection.execute(update(CONSENTS).where(*where).values(values)).rowcount == 1

    def end_all(self, connection: Connection, person_id: bytes) -> None:
        """End every consent of a person who is erased.

        Args:
            connection: An open write transaction.
            person_id: 16 bytes.
        """
        open_ = [str(status) for status in (Status.REQUESTED, Status.GRANTED, Status.PAUSED)]
        position = advance(connection, CONSENT_EPOCH)
        mine = (CONSENTS.c.person_id == person_id, CONSENTS.c.status.in_(open_))
        tell = case((CONSENTS.c.uses > 0, TO_TELL), else_=CONSENTS.c.told_ms)
        values = {
            "status": str(Status.REVOKED),
            "changed_ms": self._clock.now_ms(),
            "position": position,
            "told_ms": tell,
        }
        connection.execute(update(CONSENTS).where(*mine).values(values))

    def _one(self, *where: Any) -> StoredConsent:
        with self._engine.connect() as connection:
            row = connection.execute(select(*_COLUMNS).where(*where)).one_or_none()
        found = None if row is None else self._stored(row)
        if found is None:
            raise Refused(Code.NOT_FOUND, "consent")
        return found

    @staticmethod
    def _stored(row: Any) -> StoredConsent | None:
        """The consent of a row; None, and a report, when its text is not the one of its digest or its columns differ.

        The columns beside the text find it and end it, so one that was moved would show it to another department.
        """
        (consent_id, digest, person_id, raw, status, requested_by, proof, created, changed, uses, last, by, *more) = row
        consent, stands = _text(bytes(digest), bytes(raw)), _STATUSES.get(status)
        if consent is None or stands is None or (bytes(consent_id), *more) != _beside(consent):
            _log.error("a stored consent is not used", extra={"consent": bytes(consent_id).hex()})
            return None
        return StoredConsent(
            consent, bytes(person_id), stands, requested_by, proof, created, changed, uses, last, bytes(by)
        )


def _beside(consent: Consent) -> tuple[bytes, str, str, int]:
    """What its row must say beside the text: id, consumer, providers and the end of its validity."""
    return consent.id, consent.consumer, ",".join(sorted(consent.providers)), consent.valid_until_ms


@lru_cache(maxsize=_REMEMBERED)
def _text(digest: bytes, raw: bytes) -> Consent | None:
    """A text that is the one of its digest; None otherwise."""
    try:
        consent = parse_consent(raw)
    except BadConsent:
        return None
    return consent if consent.digest == digest else None


def add_consent(connection: Connection, person_id: bytes, consent: Consent, requested_by: str) -> None:
    """Keep a consent that was drawn up; it waits for the person.

    Args:
        connection: An open write transaction.
        person_id: Whose, 16 bytes.
        consent: The artefact.
        requested_by: SPIFFE id of the system that asked; empty when the person drew it up.
    """
    consent_id, consumer, providers, valid_until_ms = _beside(consent)
    connection.execute(
        insert(CONSENTS).values(
            consent_id=consent_id,
            digest=consent.digest,
            person_id=person_id,
            consumer=consumer,
            providers=providers,
            raw=consent.raw,
            status=str(Status.REQUESTED),
            requested_by=requested_by,
            proof="",
            created_ms=consent.created_ms,
            changed_ms=consent.created_ms,
            valid_until_ms=valid_until_ms,
            position=0,
            uses=0,
            last_used_ms=0,
            stretch=0,
            stretch_uses=0,
            superseded_by=b"",
            told_ms=NOBODY_TO_TELL,
        )
    )


def standing_reason(stored: StoredConsent, now_ms: int) -> Reason | None:
    """Why nothing is released under a consent as it stands; None when it stands."""
    return reason_of(stored.status_at(now_ms))
