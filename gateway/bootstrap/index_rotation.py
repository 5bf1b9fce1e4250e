"""Rotating the index key: a new version in the keyring, then every stored token re-keyed, beside a running gateway.

The steps, each of which can be killed at any point; the next run goes on where this one stopped:

1. The new version goes into the keyring's file, which is replaced in one step.
2. A running gateway reads it and looks everybody up under both versions; its status file says so. Until it does, no row
   is touched, and if it does not, the rotation stops here.
3. The database says that nothing older is written any more (`gateway.index.key_versions`).
4. Pointers and people are re-keyed along the chain, in small transactions.
5. The rotation goes onto the ledger, and the database says that it is finished.

Rules kept: whether there is something to finish is told by keyring and database, so a second version is never begun
before the first one is everywhere; one rotation runs at a time. Fails closed: a gateway that was taken for stopped, and
does not have the version, refuses look-ups and changes of the index instead of finding nothing.

What it does not do: vault, erasures and ledger know people by random ids and are not touched. Old versions stay in the
keyring: identifiers enter the chain at the first one. Old tokens are gone from every table, not from what the database
has freed in its files; that takes a VACUUM while nothing else writes (docs/operations.md).
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import AlreadyRecorded
from gateway.audit.kinds import Kind
from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.secrets import SUBJECT_INDEX, index_keys, read_keyring
from gateway.clock import Clock
from gateway.errors import GatewayError
from gateway.index import key_versions
from gateway.index.rekey import PointerRekeying
from gateway.settings import STATUS_FILE
from gateway.storage.database import write_transaction
from gateway.vault.rekey import PersonRekeying
from keys.keyring.keyring import Keyring
from keys.subjects import SubjectTokens

LOCK_FILE: Final = "index-rotation.lock"
_KEY_BYTES: Final = 32
_STALE_MS: Final = 5_000
"""A status file that is older belongs to a gateway that does not run; it is written every second."""
_LEARN_S: Final = 60.0
_LOOK_S: Final = 0.1
_PAUSE_S: Final = 0.01
"""Between two transactions, so that the gateway's writers come in between."""

Report = Callable[[str, int, int], None]
"""Told what is re-keyed ("pointers" or "people"), how many rows are done and how many there are."""


class RotationStopped(GatewayError):
    """The rotation did not go on; what was done stays, and the next run continues."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a rotation will do.

    Attributes:
        version: The version to which everything is re-keyed.
        unfinished: Whether the version is in the keyring already, from a rotation that did not end.
        pointers: Pointers with an older token.
        persons: People filed under an older token.
        gateway_runs: Whether a gateway runs on this home folder.
    """

    version: int
    unfinished: bool
    pointers: int
    persons: int
    gateway_runs: bool


@dataclass(frozen=True, slots=True)
class Rotated:
    """A finished rotation.

    Attributes:
        version: The version of all tokens.
        pointers: Pointers that this run re-keyed.
        persons: Rows of people that this run re-keyed.
        entry: Where the rotation stands on the ledger.
    """

    version: int
    pointers: int
    persons: int
    entry: int


def plan(offline: Offline) -> Plan:
    """What a rotation would do now. Reads the whole index, changes nothing.

    Raises:
        RotationStopped: The keyring is older than the database.
    """
    keyring = read_keyring(offline.settings)
    with offline.engine.connect() as connection:
        rotated, written = key_versions.rotated(connection), key_versions.oldest_written(connection)
    newest = keyring.current(SUBJECT_INDEX)
    if newest < written:
        # A new version in the place of the lost one would lead the chain astray.
        raise RotationStopped("the keyring lacks the newest version of the index key: put the newer keyring back")
    version = newest if newest > rotated else rotated + 1
    with offline.engine.connect() as connection:
        pointers = key_versions.count_older(connection, version)
    return Plan(
        version=version,
        unfinished=newest > rotated,
        pointers=pointers,
        persons=PersonRekeying(offline.engine, offline.secrets.subject_tokens).left(version),
        gateway_runs=_running(offline.settings.home, offline.clock) is not None,
    )


def rotate(offline: Offline, report: Report, sleep: Callable[[float], None] = time.sleep) -> Rotated:
    """Rotate the index key, or finish a rotation that was begun. Blocks until all of it is done.

    Args:
        offline: The gateway's parts.
        report: Told of the progress.
        sleep: Waits so many seconds.

    Returns:
        What was done.

    Raises:
        RotationStopped: Another rotation runs, the running gateway does not learn the key, or the keyring is too old.
        KeysError: The keyring does not open.
        OSError: The keyring cannot be written; the old one is left as it was.
        AuditError: The ledger cannot be written; the next run finishes.
    """
    home, engine = offline.settings.home, offline.engine
    with _alone(home):
        version = plan(offline).version
        tokens = _tokens(_with_version(offline, version))
        _await_gateway(home, version, offline.clock, sleep)
        with write_transaction(engine) as connection:
            key_versions.begin(connection, version)
        pointers = _rekey_pointers(offline, tokens, report, sleep)
        persons = _rekey_persons(offline, tokens, report, sleep)
        entry = _record(offline, version)
        with write_transaction(engine) as connection:
            key_versions.finish(connection, version)
    return Rotated(version, pointers, persons, entry)


def _with_version(offline: Offline, version: int) -> Keyring:
    """The keyring with the version, durable."""
    with Keystore(offline.settings).changing() as change:
        if change.keyring.current(SUBJECT_INDEX) < version:
            change.keyring.add(SUBJECT_INDEX, secrets.token_bytes(_KEY_BYTES))
            change.save()
        return change.keyring


def _tokens(keyring: Keyring) -> SubjectTokens:
    return SubjectTokens(index_keys(keyring), keyring.current(SUBJECT_INDEX))


def _running(home: Path, clock: Clock) -> int | None:
    """The version that a running gateway has learnt; None when none runs, 0 when it does not say."""
    try:
        found = json.loads((home / STATUS_FILE).read_text(encoding="utf-8"))
        if clock.now_ms() - int(found["written_unix_ms"]) > _STALE_MS:
            return None
        return int(found.get("index_key_version", 0))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        # Something writes there: it counts as a gateway that has learnt nothing.
        return 0


def _await_gateway(home: Path, version: int, clock: Clock, sleep: Callable[[float], None]) -> None:
    """Wait until a running gateway has learnt a version, or runs no more. Fails closed."""
    end = clock.monotonic_s() + _LEARN_S
    while (learnt := _running(home, clock)) is not None and learnt < version:
        if clock.monotonic_s() > end:
            raise RotationStopped(
                "the running gateway did not take over the new version of the index key, so nothing was re-keyed: see"
                " its log, then run this again"
            )
        sleep(_LOOK_S)


def _rekey_pointers(offline: Offline, tokens: SubjectTokens, report: Report, sleep: Callable[[float], None]) -> int:
    work, moved = PointerRekeying(offline.engine, tokens), 0
    while left := _pointers_left(offline, tokens.current):
        after: bytes | None = b""
        total = moved + left
        while after is not None:
            step = work.step(after)
            moved, after = moved + step.moved, step.after
            report("pointers", moved, max(total, moved))
            sleep(_PAUSE_S)
    return moved


def _pointers_left(offline: Offline, version: int) -> int:
    with offline.engine.connect() as connection:
        return key_versions.count_older(connection, version)


def _rekey_persons(offline: Offline, tokens: SubjectTokens, report: Report, sleep: Callable[[float], None]) -> int:
    work, moved = PersonRekeying(offline.engine, tokens), 0
    while left := work.left(tokens.current):
        total = moved + left
        while step := work.step():
            moved += step
            report("people", moved, max(total, moved))
            sleep(_PAUSE_S)
        sleep(_PAUSE_S)
    return moved


def _record(offline: Offline, version: int) -> int:
    """Put the rotation on the ledger, once for each version."""
    unique = (f"index-key\0{version}", hashlib.sha256(str(version).encode()).digest())
    draft = EntryDraft(Kind.INDEX_KEY_ROTATED, {"version": version}, unique=unique)
    try:
        return offline.ledger.append_blocking(draft).leaf_index
    except AlreadyRecorded as known:
        # Killed between the entry and the word that all is finished.
        return known.leaf_index


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep every other rotation of this home folder away; the lock ends with the process."""
    descriptor = os.open(home / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RotationStopped("another rotation of this gateway's index key runs") from None
        yield
    finally:
        os.close(descriptor)
