"""A log that lost its end and goes on under a new name: one origin ends here, and the next begins at the restored head.

A witness believes the custodians that its own operator pinned for the log, and nobody else. In order: the statement's
signatures; that it ends an epoch of a log that is followed and leads on from it; that no other statement ended it; that
the head it names as the last is at least the one that this witness cosigned; and where the restored head is larger than
that, a proof that it continues it. Then, in one commit, the old origin ends for good and the new one begins, with the
statement under this witness's own signature; only then it is answered.

Which way it fails: closed, with the answer that the specification has for the like of it.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

from keys.errors import BadCheckpoint, BadEpoch, BadProof, HeadHidden
from keys.log.checkpoints import Checkpoint
from keys.log.cosignatures import CosignatureVerifier
from keys.log.custodians import Custodians, SignedEpoch, read_unsigned
from keys.log.epochs import EpochStatement, first_name
from keys.log.merkle import verify_consistency
from keys.log.notes import NoteVerifier, split_note
from nodes.witness.errors import StateInvalid
from nodes.witness.requests import Submitted
from nodes.witness.store import Heads

UNKNOWN: Final = "this log is not followed here\n"
ENDED: Final = "this epoch of the log has ended\n"


class EpochRefused(Exception):
    """A statement is not followed.

    Args:
        status: By the specification.
        text: Fixed; names the rule.
        hidden: Whether it names an older or another head than the one that was cosigned.
    """

    def __init__(self, status: HTTPStatus, text: str, *, hidden: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.text = f"{text}\n"
        self.hidden = hidden


class Succession:
    """Which epochs of the followed logs have ended, and which began. Not for several threads at once.

    Args:
        logs: Verifier keys of the followed logs by their first names.
        custodians: By the same names; a log without any never changes its name.
        heads: What is remembered.
        own: The witness's own verifier, under which statements are believed that it followed before.

    Raises:
        StateInvalid: What is remembered of epochs is not what this witness followed.
    """

    def __init__(
        self,
        logs: Mapping[str, NoteVerifier],
        custodians: Mapping[str, Custodians],
        heads: Heads,
        own: CosignatureVerifier,
    ) -> None:
        self._first = dict(logs)
        self._custodians = custodians
        self._begun: dict[str, EpochStatement] = {}
        self._ended: dict[str, EpochStatement] = {}
        for note in heads.epochs():
            statement = _remembered(note, own)
            if first_name(statement.previous_origin) in self._first:
                self.take(statement)

    def logs(self) -> dict[str, NoteVerifier]:
        """Every origin that is followed or was: the logs' first names and the epochs that began."""
        return self._first | {origin: NoteVerifier(one.key) for origin, one in self._begun.items()}

    def ended(self, origin: str) -> bool:
        """Whether an epoch has ended, so that no head of it is ever cosigned again."""
        return origin in self._ended

    def begins(self, origin: str) -> Checkpoint | None:
        """The restored head from which an epoch goes on; None for a log's first."""
        statement = self._begun.get(origin)
        return None if statement is None else Checkpoint(origin, statement.restored_size, statement.restored_root)

    def take(self, statement: EpochStatement) -> None:
        """Remember an epoch that is durable."""
        self._begun[statement.origin] = statement
        self._ended[statement.previous_origin] = statement

    def open(self, note: str) -> SignedEpoch:
        """Accept by returning a statement that this log's custodians signed and that leads on from what is known.

        Raises:
            EpochRefused: It does not.
        """
        try:
            statement, _ = read_unsigned(note)
        except BadEpoch as error:
            raise EpochRefused(HTTPStatus.BAD_REQUEST, str(error)) from error
        log = self.logs().get(statement.previous_origin)
        if log is None:
            raise EpochRefused(HTTPStatus.NOT_FOUND, "this log is not followed here")
        try:
            custodians = self._custodians.get(first_name(statement.previous_origin), Custodians())
            signed = custodians.open(note)
        except BadEpoch as error:
            raise EpochRefused(HTTPStatus.FORBIDDEN, str(error)) from error
        before = self._begun.get(statement.previous_origin)
        expected = b"" if before is None else before.digest
        if statement.previous_key != log.vkey or statement.previous_statement != expected:
            raise EpochRefused(HTTPStatus.FORBIDDEN, "the statement does not lead on from the epoch that is known")
        ended = self._ended.get(statement.previous_origin)
        if ended is not None and ended.digest != statement.digest:
            raise EpochRefused(HTTPStatus.FORBIDDEN, "this epoch was ended by another statement")
        return signed

    def known(self, statement: EpochStatement) -> bool:
        """Whether the epoch was begun by this very statement."""
        return statement.previous_origin in self._ended


def check_continues(statement: EpochStatement, newest: Checkpoint, submitted: Submitted) -> None:
    """Accept by returning a statement that owns up to the newest head that was cosigned.

    Args:
        statement: The statement.
        newest: The newest head of the ended epoch that was cosigned; the empty one for none.
        submitted: With the proof from there to the restored head, where that is not smaller.

    Raises:
        EpochRefused: It hides that head, or the restored one does not continue it.
    """
    try:
        if newest.size:
            statement.admits(newest)
    except HeadHidden as error:
        raise EpochRefused(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), hidden=True) from error
    if newest.size > statement.restored_size:
        # The entries in between are lost, and with them every proof.
        return
    try:
        verify_consistency(newest.size, newest.root, statement.restored_size, statement.restored_root, submitted.proof)
    except BadProof as error:
        text = "the restored head does not continue the newest one"
        raise EpochRefused(HTTPStatus.UNPROCESSABLE_ENTITY, text, hidden=True) from error


def _remembered(note: str, own: CosignatureVerifier) -> EpochStatement:
    try:
        if own.find(note) is not None:
            return read_unsigned(split_note(note)[0])[0]
    except (BadCheckpoint, BadEpoch) as error:
        raise StateInvalid("an epoch that was kept is not one that this witness followed") from error
    raise StateInvalid("an epoch that was kept is not one that this witness followed")
