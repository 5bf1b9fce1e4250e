"""What is known of a log that lost its end: the heads that can be seen, and the head that came back.

Both those who prepare a statement and those who open an epoch look here, so that a statement is drawn up over the
newest head known and not opened under an older one. Every head seen must be one of the log's own: under the key of the
epoch that ends, or of one before it as its statement admits; and where the stored log reaches as far, it must fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.checkpoints import asked_beside
from gateway.audit.epochs import Lineage, origin_of
from gateway.audit.errors import LedgerCorrupt
from gateway.audit.store import read_checkpoint, stored_log
from gateway.backup.errors import EpochRefused
from gateway.backup.snapshot import consistent, log_root
from gateway.bootstrap.offline import LEDGER_ANCHOR, Offline
from gateway.bootstrap.restored import read_mark
from gateway.bootstrap.witnessing import cosigned_elsewhere
from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.custodians import Custodians
from keys.log.notes import LONGEST_NOTE, NoteVerifier


@dataclass(frozen=True, slots=True)
class Seen:
    """A head of the log that can be seen.

    Attributes:
        what: Where.
        note: The signed note.
    """

    what: str
    note: str


def custodians_of(offline: Offline) -> Custodians:
    """The custodians whom this gateway has pinned. Fails closed.

    Raises:
        EpochRefused: None are.
    """
    pinned = offline.settings.custodians.pinned
    if not pinned:
        raise EpochRefused("no custodians are pinned: set custodians.keys and custodians.needed (docs/operations.md)")
    return pinned


def heads_seen(offline: Offline, given: Iterable[Path] = ()) -> list[Seen]:
    """The heads in the database, beside it, in the mark of a restore, in the evidence of a witness, and those given.

    Raises:
        EpochRefused: One of those given cannot be read.
    """
    with offline.engine.connect() as connection:
        stored = read_checkpoint(connection)
    found = [] if stored is None else [Seen("the newest checkpoint in the database", stored[1])]
    anchor = offline.settings.home / LEDGER_ANCHOR
    if anchor.exists():
        found.append(Seen("the checkpoint kept outside the database", read_note(anchor)))
    if asked_beside(anchor).exists():
        found.append(Seen("the head that witnesses were last asked for", read_note(asked_beside(anchor))))
    cosigned = cosigned_elsewhere(offline.settings.home)
    if cosigned:
        found.append(Seen("the head that a witness cosigned", cosigned))
    mark = read_mark(offline.settings.home)
    if mark is not None and mark.checkpoint:
        found.append(Seen("the checkpoint of the backup", mark.checkpoint))
    return [*found, *(Seen(str(path), read_note(path)) for path in given)]


def stored_head(offline: Offline) -> tuple[int, bytes]:
    """Size and root of everything that is stored."""
    with consistent(offline.engine) as connection:
        log = stored_log(connection)
        size = log.size()
        return size, bytes.fromhex(log_root(log, size))


def stored_root(offline: Offline, size: int) -> bytes:
    """The root of the first entries that are stored."""
    with consistent(offline.engine) as connection:
        return bytes.fromhex(log_root(stored_log(connection), size))


def newest_head(
    offline: Offline, lineage: Lineage, key: str, seen: Iterable[Seen], size: int
) -> tuple[str, Checkpoint]:
    """The newest head of the epoch that ends, after a look at all of them.

    Args:
        offline: The gateway's parts.
        lineage: The log's epochs up to the one that ends.
        key: Verifier key of that epoch.
        seen: Every head that can be seen.
        size: Entries that are stored.

    Returns:
        The note and the head.

    Raises:
        EpochRefused: A head is not this log's, two of one size contradict each other, the stored log is not a part of
            one, or none of the epoch that ends can be seen.
    """
    newest: tuple[str, Checkpoint] | None = None
    verifier = NoteVerifier(key)
    for one in seen:
        try:
            known = lineage.known(one.what, one.note, verifier)
            head = open_checkpoint(one.note, verifier, lineage.origin) if _is_of(one.note, lineage) else None
        except (LedgerCorrupt, BadCheckpoint) as error:
            raise EpochRefused(f"{one.what}: is not a head of this log") from error
        if known is not None and known.size <= size and stored_root(offline, known.size) != known.root:
            raise EpochRefused(f"{one.what}: the stored log is not the one that it signs")
        if head is None:
            continue
        if newest is not None and newest[1].size == head.size and newest[1].root != head.root:
            raise EpochRefused(f"{one.what}: contradicts another head of the same size: the log was forked")
        if newest is None or newest[1].size < head.size:
            newest = one.note, head
    if newest is None:
        raise EpochRefused("no checkpoint of the log that ends is known: name the newest one with --last")
    return newest


def read_note(path: Path) -> str:
    """A signed note out of a file.

    Raises:
        EpochRefused: It cannot be read, or is too long.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read(LONGEST_NOTE + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise EpochRefused(f"{path}: cannot be read") from error
    if len(text) > LONGEST_NOTE:
        raise EpochRefused(f"{path}: is too long for a note")
    return text


def _is_of(note: str, lineage: Lineage) -> bool:
    return origin_of(note) == lineage.origin
