"""Bundles as they were handed in, kept for good: to be put in force, and to explain old decisions by their titles.

Rules kept here: a bundle is its files' exact bytes, stored once under their digest and never changed; whatever is read
back is checked against that digest and against every rule for bundles, so one that was changed by hand is not used
(fails closed). Approvals and activations are kept as places in the access log: what counts is what the log says there.

It does not decide who may do what, and it does not write to the log.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.clock import Clock
from gateway.errors import Code, GatewayError, Refused
from gateway.policy.tables import BUNDLES, EPOCH, STEPS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from policies.engine.bundle import digest_of

MAX_TOTAL = 2 * 1024 * 1024
PROPOSED = "proposed"
APPROVED = "approved"
ACTIVATED = "activated"
_LENGTH = 8


class BundleDamaged(GatewayError):
    """A stored bundle is not what was handed in, or is not there; the text names digest and rule."""


@dataclass(frozen=True, slots=True)
class StoredBundle:
    """One bundle, without its files.

    Args:
        digest: Of its files.
        report: JSON of what linter and tables said.
        entry: Where the log says who handed it in.
        stored_ms: When.
        proposals: Entries of the log that propose it, oldest first; none for one that only the settings named.
        approvals: Entries of the log that approve it, oldest first.
        activations: Entries of the log that put it in force, oldest first.
    """

    digest: str
    report: str
    entry: int
    stored_ms: int
    proposals: tuple[int, ...]
    approvals: tuple[int, ...]
    activations: tuple[int, ...]


class Bundles:
    """Keeps bundles.

    Args:
        engine: The database.
        clock: For the times of rows.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def keep(self, files: Mapping[str, bytes], report: str, entry: int) -> str:
        """Store a bundle; one that is stored already stays as it is.

        Args:
            files: Exact bytes by name.
            report: JSON of what linter and tables said.
            entry: The entry of the log about it.

        Returns:
            Its digest.

        Raises:
            Refused: TOO_LARGE.
        """
        require_bounded(files)
        digest = digest_of(files)
        with write_transaction(self._engine) as connection:
            advance(connection, EPOCH)
            self.take(connection, files, report, entry)
        return digest

    def take(self, connection: Connection, files: Mapping[str, bytes], report: str, entry: int) -> None:
        """The same in the transaction of the entry itself: what is proposed is there, or it is not proposed."""
        digest = digest_of(files)
        if connection.execute(select(BUNDLES.c.digest).where(BUNDLES.c.digest == digest)).first() is None:
            values = {"files": packed(files), "report": report, "entry": entry, "stored_ms": self._clock.now_ms()}
            connection.execute(insert(BUNDLES).values(digest=digest, **values))

    def mend(self, files: Mapping[str, bytes]) -> None:
        """Put a bundle's bytes back where they were changed by hand: the digest says which they must be."""
        digest, raw = digest_of(files), packed(files)
        with write_transaction(self._engine) as connection:
            changed = (BUNDLES.c.digest == digest) & (BUNDLES.c.files != raw)
            if connection.execute(update(BUNDLES).where(changed).values(files=raw)).rowcount:
                advance(connection, EPOCH)

    def step(self, digest: str, step: str, entry: int) -> None:
        """Note what is on the log, and let every process know.

        Args:
            digest: Which bundle.
            step: `proposed`, `approved` or `activated`.
            entry: The entry of the log.
        """
        with write_transaction(self._engine) as connection:
            self.note(connection, digest, step, entry)

    def note(self, connection: Connection, digest: str, step: str, entry: int) -> None:
        """The same in the transaction of the entry itself, so that no crash can come between the two.

        The entry's place may turn out to be another process's: then the transaction is undone and carried out again.
        Until that is known, and where somebody put a row there by hand, the place is taken already; this one counts.
        """
        advance(connection, EPOCH)
        values = {"digest": digest, "step": step, "at_ms": self._clock.now_ms()}
        insert_or = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        noted = insert_or(STEPS).values(entry=entry, **values)
        connection.execute(noted.on_conflict_do_update(index_elements=[STEPS.c.entry], set_=values))

    def noted_activation(self) -> int:
        """The newest entry that is noted as an activation; -1 while none is."""
        query = select(func.max(STEPS.c.entry)).where(STEPS.c.step == ACTIVATED)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return -1 if found is None else int(found)

    def files(self, digest: str) -> dict[str, bytes]:
        """A bundle's files.

        Raises:
            BundleDamaged: It is not there, or its bytes are not the ones of the digest.
        """
        with self._engine.connect() as connection:
            raw = connection.execute(select(BUNDLES.c.files).where(BUNDLES.c.digest == digest)).scalar()
        if raw is None:
            raise BundleDamaged(f"{digest}: is missing in the database")
        files = unpacked(bytes(raw))
        if files is None or digest_of(files) != digest:
            raise BundleDamaged(f"{digest}: the stored bytes are not the ones of the digest")
        return files

    def find(self, digest: str) -> StoredBundle:
        """One bundle.

        Raises:
            Refused: NOT_FOUND.
        """
        found = [one for one in self.list() if one.digest == digest]
        if not found:
            raise Refused(Code.NOT_FOUND, "no such bundle")
        return found[0]

    def list(self) -> Sequence[StoredBundle]:
        """Every bundle, the one stored last first."""
        columns = (BUNDLES.c.digest, BUNDLES.c.report, BUNDLES.c.entry, BUNDLES.c.stored_ms)
        with self._engine.connect() as connection:
            rows = connection.execute(select(*columns).order_by(BUNDLES.c.entry.desc())).all()
            steps = connection.execute(select(STEPS).order_by(STEPS.c.entry)).all()
        return [
            StoredBundle(
                str(row.digest),
                str(row.report),
                int(row.entry),
                int(row.stored_ms),
                *(
                    tuple(int(s.entry) for s in steps if (s.digest, s.step) == (row.digest, step))
                    for step in (PROPOSED, APPROVED, ACTIVATED)
                ),
            )
            for row in rows
        ]


def require_bounded(files: Mapping[str, bytes]) -> None:
    """Refuse what is larger than a bundle may be.

    Raises:
        Refused: TOO_LARGE.
    """
    if sum(len(name.encode()) + len(content) for name, content in files.items()) > MAX_TOTAL:
        raise Refused(Code.TOO_LARGE, f"a bundle has at most {MAX_TOTAL} bytes")


def packed(files: Mapping[str, bytes]) -> bytes:
    """Names and contents in order of name, each after its length (8 bytes, big-endian)."""
    parts = (part for name in sorted(files) for part in (name.encode(), files[name]))
    return b"".join(len(part).to_bytes(_LENGTH, "big") + part for part in parts)


def unpacked(raw: bytes) -> dict[str, bytes] | None:
    """What `packed` packed, or None when it is something else."""
    parts: list[bytes] = []
    while raw:
        length = int.from_bytes(raw[:_LENGTH], "big")
        part = raw[_LENGTH : _LENGTH + length]
        if len(raw) < _LENGTH or len(part) != length:
            return None
        parts.append(part)
        raw = raw[_LENGTH + length :]
    if len(parts) % 2:
        return None
    try:
        return {name.decode(): content for name, content in zip(parts[::2], parts[1::2], strict=True)}
    except UnicodeDecodeError:
        return None
