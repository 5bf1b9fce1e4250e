"""In which epoch a log is, out of the log itself, and which heads it has to fit because of that.

An epoch begins with an entry `epoch_opened`, the first one behind the restored head. It holds every statement of the
log so far, as signed; so the log says in one commit that it goes on, and under which name and key (`keys.log.epochs`).
What signs, the keyring holds; a row that somebody put into the database names no key that the keyring has.

Fails closed: a statement that is not whole, or stands in another place than behind the head it names, and the log does
not open.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Boolean, Connection, literal_column, select

from gateway.audit.bodies import Bodies
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import LedgerCorrupt, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.recover import Known
from gateway.audit.store import ENTRIES
from gateway.audit.tables import RARE_KIND
from keys import canonical
from keys.errors import BadCheckpoint, BadEpoch
from keys.log.checkpoints import open_checkpoint
from keys.log.custodians import SignedEpoch, read_unsigned
from keys.log.epochs import FIRST, Chain
from keys.log.merkle import HASH_SIZE
from keys.log.notes import NoteVerifier, split_note

GREW: Final = "LOG_GREW"
"""Why an opening is refused by the log: an entry was written since the restored head."""
_STATEMENTS: Final = "statements"


class Lineage:
    """The epochs of one log.

    Args:
        origin: The log's first name.
        notes: The statements of its epochs so far, as signed, oldest first; none in the first epoch.

    Attributes:
        chain: What they say.
        notes: As given.
        first_origin: The log's first name: what its sealed parts are bound to in every epoch.
        origin: Name of the newest epoch: first line of its checkpoints and scope of its promises.
        number: Of the newest epoch.

    Raises:
        BadEpoch: They do not make a chain, or another log's.
    """

    __slots__ = ("chain", "first_origin", "notes", "number", "origin")

    def __init__(self, origin: str, notes: Sequence[str] = ()) -> None:
        self.chain = Chain.of([read_unsigned(note)[0] for note in notes])
        self.notes = tuple(notes)
        self.first_origin = origin
        statements = self.chain.statements
        if statements and statements[0].previous_origin != origin:
            raise BadEpoch("the statements are another log's")
        self.origin = statements[-1].origin if statements else origin
        self.number = statements[-1].number if statements else FIRST

    @property
    def key(self) -> str:
        """Verifier key of the newest epoch; empty in the first, whose key no statement names."""
        return self.chain.statements[-1].key if self.chain.statements else ""

    @property
    def begins(self) -> int:
        """Size of the head from which the newest epoch goes on: it signs none that is not larger. -1 in the first."""
        return self.chain.statements[-1].restored_size if self.chain.statements else -1

    def restored(self) -> list[Known]:
        """The restored heads that the log has to fit."""
        return [Known("the head restored for a new epoch", size, root) for size, root in self.chain.restored()]

    def known(self, what: str, note: str, verifier: NoteVerifier) -> Known | None:
        """A signed head as one that the log has to fit.

        Args:
            what: What it is, for an error.
            note: The signed note.
            verifier: Key of the newest epoch.

        Returns:
            The head; None when it is one of an ended epoch whose entries are lost, as a statement says.

        Raises:
            LedgerCorrupt: It is not one of this log, or of an ended epoch and hidden by the statement that ended it.
        """
        origin = note.partition("\n")[0]
        ended = next((one for one in self.chain.statements if one.previous_origin == origin), None)
        try:
            if ended is None:
                head = open_checkpoint(note, verifier, self.origin)
            else:
                head = open_checkpoint(note, NoteVerifier(ended.previous_key), origin)
                ended.admits(head)
                if head.size > (self.chain.kept(ended.number - 1) or 0):
                    return None
        except BadCheckpoint as error:
            raise LedgerCorrupt(f"{what} is not signed by this log's key") from error
        except BadEpoch as error:
            raise LedgerCorrupt(f"{what} is one that the epoch statement hides") from error
        return Known(what, head.size, head.root)


def read_lineage(connection: Connection, bodies: Bodies, origin: str) -> Lineage:
    """The epochs of a stored log, out of its newest entry `epoch_opened`.

    Args:
        connection: The database.
        bodies: Opens parts.
        origin: The log's first name.

    Raises:
        LedgerCorrupt: The entry does not open, or its statements are not what they must be. Fails closed.
    """
    query = (
        select(ENTRIES.c.leaf_index, ENTRIES.c.hashes, ENTRIES.c.accountability)
        .where(ENTRIES.c.kind == str(Kind.EPOCH_OPENED), literal_column(RARE_KIND.text, Boolean))
        .order_by(ENTRIES.c.leaf_index.desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None:
        return Lineage(origin)
    index = int(row.leaf_index)
    account, _ = bodies.open(index, bytes(row.hashes[:HASH_SIZE]), bytes(row.accountability), None)
    try:
        notes = canonical.read(account.body)[_STATEMENTS]
        lineage = Lineage(origin, [str(note) for note in notes] if isinstance(notes, list) else [""])
    except (canonical.NotCanonical, KeyError, BadEpoch) as error:
        raise LedgerCorrupt("the statement of the log's epoch is not one", leaf_index=index) from error
    if lineage.begins != index:
        raise LedgerCorrupt("the statement of the log's epoch stands in the wrong place", leaf_index=index)
    return lineage


def opening(signed: SignedEpoch, notes: Sequence[str]) -> EntryDraft:
    """The entry that begins an epoch. It is written in its one place or not at all.

    Args:
        signed: The statement.
        notes: Every statement of the log so far, this one last.
    """
    statement = signed.statement
    last = statement.last_head
    facts: dict[str, Json] = {
        "epoch": statement.number,
        "origin": statement.origin,
        "previous_origin": statement.previous_origin,
        "statement": statement.digest.hex(),
        "restored_size": statement.restored_size,
        "last_size": last.size,
        "last_root": last.root.hex(),
        "lost": statement.lost,
        "why": statement.reason,
        "signed_by": list(signed.signers),
        _STATEMENTS: list(notes),
    }

    def in_its_place(_: Connection, index: int) -> None:
        if index != statement.restored_size:
            raise RiderRefused(GREW)

    return EntryDraft(Kind.EPOCH_OPENED, facts, placed=(in_its_place,))


def origin_of(note: str) -> str:
    """The origin line of a checkpoint, not verified.

    Raises:
        BadCheckpoint: It is no note.
    """
    return split_note(note)[0].partition("\n")[0]
