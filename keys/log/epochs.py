"""Epoch statements: how a log that lost its end goes on under a new name, and says so.

A gateway that is put back from a backup has forgotten entries that it once signed. It cannot go on under the same name
and key: the next entries would stand where others stood, which is a fork. So custodians sign a statement: this log has
ended, here is the last head that is known of it, and from this restored head on its entries are continued under this
new name and key. No signature of one epoch counts in another, because origin and key differ.

Text, one `name value` a line behind the format's line, in this order and in no other spelling; signed as a C2SP note:

    oncegate.epoch/1
    number 2
    origin example/ledger/2
    key example/ledger/2+0123abcd+BASE64
    previous-origin example/ledger
    previous-key example/ledger+4567cdef+BASE64
    previous-statement -                 digest of the statement before, hex; `-` in the first
    restored 100 BASE64                  size and root of the head from which it goes on
    last BASE64                          the last known checkpoint of the old log, the whole note with its cosignatures
    lost 50                              entries between the two
    time 1764150000000                   Unix ms
    reason fire in the machine room

This module knows the text and what follows from it. Who may sign is in `keys.log.custodians`. Standard library only.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Final, Self

from keys.errors import BadCheckpoint, BadEpoch, HeadHidden
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.merkle import HASH_SIZE
from keys.log.notes import NoteVerifier

FORMAT: Final = "oncegate.epoch/1"
FIRST: Final = 1
"""Number of the epoch in which a log begins; it has no statement."""
LONGEST_REASON: Final = 200
LONGEST_LAST: Final = 16 * 1024
"""In base64: a checkpoint with the cosignatures of a few dozen witnesses."""
MOST_EPOCHS: Final = 1000
_NAMES: Final = (
    "number",
    "origin",
    "key",
    "previous-origin",
    "previous-key",
    "previous-statement",
    "restored",
    "last",
    "lost",
    "time",
    "reason",
)
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_EPOCH: Final = re.compile(r"[2-9]|[1-9][0-9]{1,3}", re.ASCII)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONE: Final = "-"
_IDENTITY: Final = re.compile(r"[0-9]{14}")
_GROUPING: Final = re.compile(r"[\s\-._/]")
_LARGEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class EpochStatement:
    """What is said about an end and a beginning. Consistent in itself; made by `parse_statement` or checked by it.

    Attributes:
        number: Of the epoch that begins, from 2.
        origin: Its name: the log's first name, a slash and the number.
        key: Its verifier key.
        previous_origin: Name of the epoch that ends.
        previous_key: Its verifier key.
        previous_statement: SHA-256 of the text of the statement with which the ended epoch began; empty for the first.
        restored_size: Entries from which the log goes on.
        restored_root: Root of their tree, 32 bytes.
        last: The last checkpoint that is known of the ended epoch, the whole note.
        time_ms: When it was drawn up, Unix ms.
        reason: Why, for everyone to read.
    """

    number: int
    origin: str
    key: str
    previous_origin: str
    previous_key: str
    previous_statement: bytes
    restored_size: int
    restored_root: bytes
    last: str
    time_ms: int
    reason: str

    @property
    def last_head(self) -> Checkpoint:
        """The last known head of the ended epoch, its signature verified.

        Raises:
            BadEpoch: The note is not one of the ended epoch.
        """
        try:
            return open_checkpoint(self.last, NoteVerifier(self.previous_key), self.previous_origin)
        except BadCheckpoint as error:
            raise BadEpoch("the last checkpoint is not signed by the log that ends") from error

    @property
    def lost(self) -> int:
        """Entries that were signed in the ended epoch and are not in the new one."""
        return max(0, self.last_head.size - self.restored_size)

    def text(self) -> str:
        """The text that custodians sign."""
        values = (
            str(self.number),
            self.origin,
            self.key,
            self.previous_origin,
            self.previous_key,
            self.previous_statement.hex() or _NONE,
            f"{self.restored_size} {_base64(self.restored_root)}",
            _base64(self.last.encode()),
            str(self.lost),
            str(self.time_ms),
            self.reason,
        )
        lines = [f"{name} {value}" for name, value in zip(_NAMES, values, strict=True)]
        return "\n".join([FORMAT, *lines]) + "\n"

    @property
    def digest(self) -> bytes:
        """SHA-256 of the text: by this the next statement names it. Signatures are no part of it."""
        return sha256(self.text().encode()).digest()

    def admits(self, head: Checkpoint) -> None:
        """Accept by returning a head of the ended epoch that this statement owns up to. Fails closed.

        A smaller head than the last one is admitted: that it is a part of the same log only a proof can show, and
        the entries that the proof would be made from may be lost.

        Args:
            head: A head of the ended epoch whose signature was verified.

        Raises:
            HeadHidden: It is newer than the last head named, or another one of the same size.
            BadEpoch: It is another log's.
        """
        if head.origin != self.previous_origin:
            raise BadEpoch("the head is not one of the epoch that ends")
        last = self.last_head
        if head.size > last.size:
            raise HeadHidden("the statement names an older head than one that was seen")
        for size, root in ((last.size, last.root), (self.restored_size, self.restored_root)):
            if head.size == size and head.root != root:
                raise HeadHidden("the statement names another head than one that was seen")


def parse_statement(text: str) -> EpochStatement:
    """Read a statement. Who signed it is for `keys.log.custodians`. Fails closed.

    Args:
        text: Text of the note.

    Returns:
        The statement: its parts fit each other, and the last checkpoint is signed by the key that ends.

    Raises:
        BadEpoch: It is malformed, in another spelling, or contradicts itself; the message names the part.
    """
    lines = text.split("\n")
    if lines[0] != FORMAT or len(lines) != len(_NAMES) + 2 or lines[-1] != "":
        raise BadEpoch("this is not an epoch statement of a known format")
    value = {}
    for name, line in zip(_NAMES, lines[1:-1], strict=True):
        found, blank, value[name] = line.partition(" ")
        if found != name or not blank:
            raise BadEpoch(f"{name}: is missing or out of place")
    size, _, root = value["restored"].partition(" ")
    previous = value["previous-statement"]
    if previous != _NONE and not _DIGEST.fullmatch(previous):
        raise BadEpoch("previous-statement: must be a digest in hex, or -")
    if len(value["last"]) > LONGEST_LAST:
        raise BadEpoch("last: is too long")
    try:
        last = _bytes("last", value["last"]).decode()
    except UnicodeDecodeError as error:
        raise BadEpoch("last: must be a note") from error
    statement = EpochStatement(
        number=_number("number", value["number"]),
        origin=value["origin"],
        key=value["key"],
        previous_origin=value["previous-origin"],
        previous_key=value["previous-key"],
        previous_statement=b"" if previous == _NONE else bytes.fromhex(previous),
        restored_size=_number("restored", size),
        restored_root=_bytes("restored", root),
        last=last,
        time_ms=_number("time", value["time"]),
        reason=value["reason"],
    )
    check_statement(statement)
    if statement.text() != text:
        raise BadEpoch("the statement is not in its one spelling, or counts the lost entries wrongly")
    return statement


def check_statement(statement: EpochStatement) -> None:
    """Accept by returning a statement whose parts fit each other. Fails closed.

    Raises:
        BadEpoch: They do not; the message names the part.
    """
    number, first = statement.number, statement.number == FIRST + 1
    if not FIRST < number <= MOST_EPOCHS:
        raise BadEpoch("number: an epoch that a statement begins has a number from 2")
    if statement.origin != next_origin(statement.previous_origin, number):
        raise BadEpoch("origin: must be the log's first name, a slash and the number")
    _check_keys(statement)
    if len(statement.previous_statement) != (0 if first else HASH_SIZE):
        raise BadEpoch("previous-statement: the second epoch follows none, every later one the one before")
    if not 0 <= statement.restored_size <= _LARGEST or len(statement.restored_root) != HASH_SIZE:
        raise BadEpoch("restored: must be a size and a root")
    last = statement.last_head
    if last.size == statement.restored_size and last.root != statement.restored_root:
        raise BadEpoch("restored: a head of the same size as the last one must be the same head")
    if not 0 < statement.time_ms <= _LARGEST:
        raise BadEpoch("time: must be Unix ms")
    check_reason(statement.reason)


def _check_keys(statement: EpochStatement) -> None:
    for name, key, origin in (
        ("key", statement.key, statement.origin),
        ("previous-key", statement.previous_key, statement.previous_origin),
    ):
        try:
            verifier = NoteVerifier(key)
        except BadCheckpoint as error:
            raise BadEpoch(f"{name}: must be a verifier key") from error
        if verifier.name != origin:
            raise BadEpoch(f"{name}: must be named like its epoch")
    if statement.key.rpartition("+")[2] == statement.previous_key.rpartition("+")[2]:
        raise BadEpoch("key: a new epoch has a new key")


def check_reason(reason: str) -> None:
    """Accept by returning a reason that everyone may read for good. Fails closed.

    Raises:
        BadEpoch: It is empty, too long, not one printable line, or holds what may be an identity number.
    """
    if not 0 < len(reason) <= LONGEST_REASON or reason != reason.strip() or not reason.isprintable():
        raise BadEpoch(f"reason: must be one line of at most {LONGEST_REASON} printable characters")
    if _IDENTITY.search(_GROUPING.sub("", unicodedata.normalize("NFKC", reason))):
        raise BadEpoch("reason: must hold no identity number")


def next_origin(previous: str, number: int) -> str:
    """The name of an epoch: the log's first name, a slash and the number.

    Args:
        previous: Name of the epoch before.
        number: Of the epoch that begins, from 2.

    Raises:
        BadEpoch: The epoch before is not named like one.
    """
    if number <= FIRST + 1:
        return f"{previous}/{number}"
    first, slash, before = previous.rpartition("/")
    if not slash or not first or before != str(number - 1):
        raise BadEpoch("previous-origin: must be named like the epoch before")
    return f"{first}/{number}"


def first_name(origin: str) -> str:
    """The log's first name, by the name of any of its epochs."""
    first, slash, number = origin.rpartition("/")
    return first if slash and first and _EPOCH.fullmatch(number) else origin


def epoch_number(origin: str) -> int:
    """The number of an epoch, by its name; the first has none in its name."""
    number = origin.rpartition("/")[2]
    return FIRST if first_name(origin) == origin else int(number)


@dataclass(frozen=True, slots=True)
class Chain:
    """Statements of one log without a gap, oldest first; the first one begins the second epoch.

    Attributes:
        statements: May be none: then the log is in its first epoch.
    """

    statements: tuple[EpochStatement, ...] = ()

    @classmethod
    def of(cls, statements: Sequence[EpochStatement]) -> Self:
        """Accept statements that follow each other. Fails closed.

        Raises:
            BadEpoch: One is missing, or does not follow the one before.
        """
        if len(statements) > MOST_EPOCHS or (statements and statements[0].number != FIRST + 1):
            raise BadEpoch("the statements do not begin with that of the second epoch")
        for before, after in pairwise(statements):
            named = (after.previous_origin, after.previous_key, after.previous_statement)
            if after.number != before.number + 1 or named != (before.origin, before.key, before.digest):
                raise BadEpoch("a statement does not follow the one before")
        return cls(tuple(statements))

    def after(self, key: str) -> tuple[EpochStatement, ...]:
        """The statements that lead on from an epoch, by its verifier key; none when it is the newest.

        Raises:
            BadEpoch: No statement ends or begins the epoch of that key: this is another log.
        """
        for place, statement in enumerate(self.statements):
            if statement.previous_key == key:
                return self.statements[place:]
        if self.statements and self.statements[-1].key == key:
            return ()
        raise BadEpoch("the statements do not lead on from the epoch that is known")

    def kept(self, number: int) -> int | None:
        """How many of the entries that the log had at the end of an epoch are still in it; None for the newest epoch.

        A later restore may go back further than an earlier one.

        Args:
            number: Of the epoch.
        """
        later = [one.restored_size for one in self.statements if one.number > number]
        return min(later) if later else None

    def restored(self) -> list[tuple[int, bytes]]:
        """The restored heads that the newest epoch has to continue, as size and root, each size once."""
        found = {}
        for statement in self.statements:
            if statement.restored_size == self.kept(statement.number - 1):
                found[statement.restored_size] = statement.restored_root
        return sorted(found.items())


def _number(name: str, text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise BadEpoch(f"{name}: must be a number")
    return int(text)


def _bytes(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadEpoch(f"{name}: must be base64") from error


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
