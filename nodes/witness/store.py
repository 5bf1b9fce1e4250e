"""What a witness remembers: for each log, the newest head that it cosigned, durable before anybody is told.

`Heads` is all that the witness needs of a memory; `SqliteHeads` is the one that lasts. A log is enrolled once, with
nothing cosigned yet; a log that was never enrolled is unknown, and a memory that is missing is an error and not an
empty one. So a witness never begins again from zero by itself: that would let a log start over.

An epoch that ends an origin and begins another is one commit (`begin`): from then on the ended origin's head stands
still.

What is read is checked again by the witness against its own signature (`witness.py`); this module keeps and compares.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from nodes.witness.errors import Overtaken, StateInvalid

FORMAT: Final = 1
_APPLICATION: Final = 0x4F475754
"""`OGWT`: no other program's database is taken for this one."""

_SCHEMA: Final = """
CREATE TABLE heads (origin TEXT PRIMARY KEY, size INTEGER NOT NULL CHECK (size >= 0), note TEXT NOT NULL) WITHOUT ROWID;
"""
_EPOCHS: Final = """
CREATE TABLE epochs (ended TEXT PRIMARY KEY, begun TEXT NOT NULL UNIQUE, number INTEGER NOT NULL, note TEXT NOT NULL)
WITHOUT ROWID;
"""


class Head(NamedTuple):
    """The newest head of a log that was cosigned.

    Attributes:
        size: Entries; 0 with an empty note before anything was cosigned.
        note: The checkpoint as it was cosigned: the log's signature and the witness's own. Empty for none yet.
    """

    size: int
    note: str


NOTHING_YET: Final = Head(0, "")


class Heads(Protocol):
    """The memory of a witness. Every implementation passes `tests/contract/witness`."""

    def enrol(self, origin: str) -> None:
        """Begins to remember a log, with nothing cosigned; leaves one that is remembered as it is."""

    def origins(self) -> list[str]:
        """The logs that are remembered, sorted."""

    def newest(self, origin: str) -> Head:
        """The newest head.

        Raises:
            StateInvalid: Nothing is remembered of such a log, not even that it is new.
        """

    def advance(self, origin: str, before: Head, after: Head) -> None:
        """Puts one head in the place of another; returns when that is durable.

        Raises:
            Overtaken: The newest head is not `before`, or the origin has ended; nothing was changed.
            StateInvalid: It cannot be kept, or `after` is smaller than `before`.
        """

    def begin(self, ended: str, newest: Head, begun: str, number: int, note: str) -> None:
        """Ends one origin and begins another, with nothing cosigned; returns when that is durable.

        Args:
            ended: The origin that ends; its head stands still from now on.
            newest: Its newest head.
            begun: The origin that begins.
            number: Of the epoch.
            note: The statement, as it is to be given back.

        Raises:
            Overtaken: The newest head is another one, or the origin has ended; nothing was changed.
            StateInvalid: It cannot be kept.
        """

    def epochs(self) -> list[str]:
        """The statements of all epochs that began, of each log the oldest first."""


class SqliteHeads:
    """Heads in one SQLite file; several processes may use it at once.

    A commit is on the disk when it returns (`synchronous=EXTRA`: the removal of the journal too), so that a power cut
    after an answer cannot take back what was answered.

    Args:
        path: The file, which exists: see `create`.

    Raises:
        StateInvalid: It is missing, damaged, or not the memory of a witness.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise StateInvalid(f"{path.name}: is missing; a witness does not begin again by itself")
        try:
            # Opened as existing only: a file that vanishes in between must not come back empty.
            self._database = sqlite3.connect(
                f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=5
            )
            self._check(path.name)
        except sqlite3.Error as error:
            raise StateInvalid(f"{path.name}: cannot be read: {type(error).__name__}") from error

    @classmethod
    def create(cls, path: Path) -> None:
        """Makes an empty memory. Never over one that is there.

        Args:
            path: The file.

        Raises:
            StateInvalid: There is one.
        """
        if path.exists():
            raise StateInvalid(f"{path.name}: there is one already")
        with closing(sqlite3.connect(path, isolation_level=None)) as database:
            database.execute("PRAGMA synchronous=EXTRA")
            database.execute("BEGIN IMMEDIATE")
            database.execute(f"PRAGMA application_id={_APPLICATION}")
            database.execute(f"PRAGMA user_version={FORMAT}")
            database.execute(_SCHEMA)
            database.execute(_EPOCHS)
            database.execute("COMMIT")
        path.chmod(0o600)

    def close(self) -> None:
        """Lets the file go."""
        self._database.close()

    def enrol(self, origin: str) -> None:
        """See `Heads`."""
        try:
            self._database.execute("INSERT OR IGNORE INTO heads VALUES (?, 0, '')", (origin,))
        except sqlite3.Error as error:
            raise StateInvalid("the log could not be enrolled") from error

    def origins(self) -> list[str]:
        """See `Heads`."""
        try:
            return [row[0] for row in self._database.execute("SELECT origin FROM heads ORDER BY origin")]
        except sqlite3.Error as error:
            raise StateInvalid("the state cannot be read") from error

    def newest(self, origin: str) -> Head:
        """See `Heads`."""
        try:
            row = self._database.execute("SELECT size, note FROM heads WHERE origin = ?", (origin,)).fetchone()
        except sqlite3.Error as error:
            raise StateInvalid("the state cannot be read") from error
        if row is None:
            raise StateInvalid("nothing is remembered of this log; a witness does not begin again by itself")
        return Head(int(row[0]), str(row[1]))

    def advance(self, origin: str, before: Head, after: Head) -> None:
        """See `Heads`."""
        if after.size < before.size:
            raise StateInvalid("a head is never replaced by a smaller one")
        try:
            done = self._database.execute(
                "UPDATE heads SET size = ?, note = ? WHERE origin = ? AND size = ? AND note = ?"
                " AND NOT EXISTS (SELECT 1 FROM epochs WHERE ended = origin)",
                (after.size, after.note, origin, before.size, before.note),
            ).rowcount
        except sqlite3.Error as error:
            raise StateInvalid("the head could not be kept") from error
        if done != 1:
            raise Overtaken("another head was kept meanwhile")

    def begin(self, ended: str, newest: Head, begun: str, number: int, note: str) -> None:
        """See `Heads`."""
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._require(ended, newest)
                self._database.execute("INSERT INTO epochs VALUES (?, ?, ?, ?)", (ended, begun, number, note))
                self._database.execute("INSERT INTO heads VALUES (?, 0, '')", (begun,))
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
        except sqlite3.IntegrityError as error:
            raise Overtaken("the origin has ended, or the other has begun, meanwhile") from error
        except sqlite3.Error as error:
            raise StateInvalid("the epoch could not be kept") from error

    def _require(self, origin: str, newest: Head) -> None:
        if self.newest(origin) != newest:
            raise Overtaken("another head was kept meanwhile")

    def epochs(self) -> list[str]:
        """See `Heads`."""
        try:
            return [row[0] for row in self._database.execute("SELECT note FROM epochs ORDER BY number, begun")]
        except sqlite3.Error as error:
            raise StateInvalid("the state cannot be read") from error

    def _check(self, name: str) -> None:
        """Accepts by returning a file that is whole, is a witness's, and keeps what it is told. Fails closed."""
        self._database.execute("PRAGMA synchronous=EXTRA")
        facts = [self._database.execute(f"PRAGMA {one}").fetchone()[0] for one in ("application_id", "user_version")]
        if facts != [_APPLICATION, FORMAT]:
            raise StateInvalid(f"{name}: is not the memory of a witness, or of another version")
        if self._database.execute("PRAGMA quick_check").fetchall() != [("ok",)]:
            raise StateInvalid(f"{name}: is damaged")
        if self._database.execute("PRAGMA journal_mode").fetchone()[0] != "delete":
            raise StateInvalid(f"{name}: is kept in a way in which a commit may not last")
        if self._database.execute("PRAGMA synchronous").fetchone()[0] != 3:  # noqa: PLR2004 - EXTRA
            raise StateInvalid(f"{name}: commits would not be durable")
