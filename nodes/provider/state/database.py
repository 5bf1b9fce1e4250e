"""Opens the node's own SQLite database, gives each thread a reader, and commits writes in groups.

Rules kept here: one process at a time; the files are 0600; `synchronous=FULL` and WAL are set and verified. A write
that returned is durable. When the database cannot write, the write fails, and nothing that depends on it is released.

It does not know what is written: see `records`, `outbox`, `scans` and `releases`.
"""

import fcntl
import os
import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final, TypeVar

from nodes.errors import StateUnusable
from nodes.provider.state.schema import TABLES, VERSION

T = TypeVar("T")
Write = Callable[[sqlite3.Connection], Any]
_MOST_IN_GROUP: Final = 256
_KEY_BYTES: Final = 32


class State:
    """The open database.

    Args:
        path: The file.
        key: The node's own secret, for keyed handles and row digests.
        lock: Descriptor of the held lock file.
        connection: The connection that will write.
    """

    def __init__(self, path: Path, key: bytes, lock: int, connection: sqlite3.Connection) -> None:
        self.key = key
        self._path = path
        self._lock = lock
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._waiting: queue.SimpleQueue[tuple[Write, Future[Any]] | None] = queue.SimpleQueue()
        self._writer_connection = connection
        self._writer = threading.Thread(target=self._run, name="node-state-writer", daemon=True)
        self._writer.start()

    def reader(self) -> sqlite3.Connection:
        """This thread's own connection, which refuses to write."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = _connect(self._path)
            connection.execute("PRAGMA query_only = ON")
            self._local.connection = connection
            with self._guard:
                self._readers.append(connection)
        return connection

    def submit(self, write: Callable[[sqlite3.Connection], T]) -> "Future[T]":
        """Queues a write. Writes that wait together share one commit; one that raises is undone alone.

        Args:
            write: Runs in the writer's thread, inside a transaction.

        Returns:
            Done when the write is durable. It fails with StateUnusable when the database cannot write.
        """
        future: Future[T] = Future()
        with self._guard:
            if self._closed:
                future.set_exception(StateUnusable("it is closed"))
            else:
                self._waiting.put((write, future))
        return future

    def write(self, write: Callable[[sqlite3.Connection], T]) -> T:
        """Like `submit`, and waits.

        Raises:
            StateUnusable: The database cannot write.
        """
        return self.submit(write).result()

    def close(self) -> None:
        """Commits what waits, closes everything, gives the lock back. Closing again does nothing."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._waiting.put(None)
        self._writer.join()
        for connection in (*self._readers, self._writer_connection):
            connection.close()
        os.close(self._lock)

    def _run(self) -> None:
        while (first := self._waiting.get()) is not None:
            group, last = [first], False
            while len(group) < _MOST_IN_GROUP and not self._waiting.empty():
                more = self._waiting.get()
                if more is None:
                    last = True
                    break
                group.append(more)
            self._commit(group)
            if last:
                return

    def _commit(self, waiting: list[tuple[Write, Future[Any]]]) -> None:
        # From here on a caller that gives up can no longer cancel: its result has a place to go. Whoever gave up before
        # has nothing written, and this thread goes on.
        group = [(write, future) for write, future in waiting if future.set_running_or_notify_cancel()]
        done: list[tuple[Future[Any], Any]] = []
        failed: list[tuple[Future[Any], Exception]] = []
        connection = self._writer_connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for write, future in group:
                connection.execute("SAVEPOINT one")
                try:
                    done.append((future, write(connection)))
                except sqlite3.OperationalError:
                    raise
                except Exception as error:  # noqa: BLE001 - whatever it is, its caller is told and the others go on
                    connection.execute("ROLLBACK TO one")
                    failed.append((future, error))
                connection.execute("RELEASE one")
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            # Nothing of this group is durable: every one of its callers is told so.
            unusable = StateUnusable(f"cannot write ({type(error).__name__})")
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            done, failed = [], [(future, unusable) for _, future in group]
        for future, result in done:
            future.set_result(result)
        for future, problem in failed:
            future.set_exception(problem)


def open_state(path: Path) -> State:
    """Opens the database and makes it when it is not there.

    Args:
        path: The file; beside it lie its secret (`.key`) and its lock (`.lock`).

    Returns:
        The state, locked for this process.

    Raises:
        StateUnusable: It is in use, damaged, of another version, not durable, or its secret is missing.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateUnusable(f"the folder cannot be used ({type(error).__name__})") from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        key = _secret(path)
        if not path.exists():
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return State(path, key, lock, _prepare(path))
    except BlockingIOError:
        os.close(lock)
        raise StateUnusable("another process uses it") from None
    except (OSError, sqlite3.Error) as error:
        os.close(lock)
        raise StateUnusable(f"cannot be opened ({type(error).__name__})") from None
    except StateUnusable:
        os.close(lock)
        raise


def open_reader(path: Path) -> sqlite3.Connection:
    """A read-only connection beside a running node, for the steward's commands.

    Args:
        path: The file.

    Returns:
        The connection; close it.

    Raises:
        StateUnusable: There is no such state.
    """
    try:
        connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        connection.execute("SELECT value FROM meta LIMIT 1").fetchone()
    except sqlite3.Error:
        raise StateUnusable("there is no state, or it is not one of a node") from None
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")
    return connection


def _prepare(path: Path) -> sqlite3.Connection:
    """A connection that writes durably to a database of this version."""
    connection = _connect(path)
    try:
        _make_ready(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _make_ready(connection: sqlite3.Connection) -> None:
    """Makes the tables of a new database, and refuses one that is not durable or of another version."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal" or connection.execute("PRAGMA synchronous").fetchone()[0] != 2:  # noqa: PLR2004 - 2 is FULL
        raise StateUnusable("SQLite does not give durable writes here")
    if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {VERSION}; COMMIT;")
    if connection.execute("PRAGMA user_version").fetchone()[0] != VERSION:
        raise StateUnusable("it was made by another version of the node")
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('outbox_id', ?)", (os.urandom(16),))
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('last_sequence', 0)")


def _secret(path: Path) -> bytes:
    """The node's own secret beside the database; made only together with a new database."""
    file = path.with_name(path.name + ".key")
    if file.exists():
        key = file.read_bytes()
        if len(key) != _KEY_BYTES or file.stat().st_mode & 0o077:
            raise StateUnusable("its .key file is damaged or readable by others")
        return key
    if path.exists() and path.stat().st_size:
        raise StateUnusable("its .key file is missing")
    key = os.urandom(_KEY_BYTES)
    draft = file.with_name(file.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(descriptor, key)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    draft.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return key
