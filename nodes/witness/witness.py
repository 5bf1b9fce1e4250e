"""What a witness does with a submitted head, in the order of https://c2sp.org/tlog-witness.

An epoch that ends a log's name and begins another goes the same way (`epochs.py`).

Take the body apart → find the log by its origin → verify the log's signature → compare with the newest head that was
cosigned → verify that the new one continues it → sign → keep head and signature durably → only then answer.

Rules kept here: every guard fails closed, with the answer that the specification names and no signature. One request
at a time, so that comparing and keeping are one step; the memory compares once more, for another process on the same
home. What the memory gives back is believed only under the witness's own signature.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from hashlib import sha256
from http import HTTPStatus
from typing import Final, NamedTuple

from keys.errors import BadCheckpoint, BadProof
from keys.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner
from keys.log.custodians import Custodians
from keys.log.merkle import EMPTY_ROOT, verify_consistency
from keys.log.notes import NoteVerifier
from nodes.witness.epochs import ENDED, EpochRefused, Succession, check_continues
from nodes.witness.errors import Overtaken, StateInvalid
from nodes.witness.evidence import FORK, HIDDEN, NO_PROOF, Evidence
from nodes.witness.requests import Malformed, Submitted, claims_other_empty_root, parse
from nodes.witness.store import NOTHING_YET, Head, Heads

SIZE_TYPE: Final = "text/x.tlog.size"
_log: Final = logging.getLogger("oncegate.witness")


class Answer(NamedTuple):
    """What is said to a submitter.

    Attributes:
        status: By the specification.
        body: What comes with it.
        kind: Its content type.
    """

    status: HTTPStatus
    body: str = ""
    kind: str = "text/plain; charset=utf-8"


class Witness:
    """Cosigns heads. Its calls block on the disk; any thread may make them.

    Args:
        cosigner: The witness's key.
        logs: Verifier key by origin: the logs that are followed.
        heads: What was cosigned.
        evidence: Where conflicts are written down.
        now_s: Tells the time, Unix seconds.
        custodians: Who may begin a new epoch of a log, by its origin; of a log without any, nobody.

    Raises:
        StateInvalid: What is remembered is not what this witness cosigned, or a log is followed of which nothing is
            remembered.
    """

    def __init__(
        self,
        cosigner: Cosigner,
        logs: Mapping[str, NoteVerifier],
        heads: Heads,
        evidence: Evidence,
        now_s: Callable[[], int],
        custodians: Mapping[str, Custodians] | None = None,
    ) -> None:
        self._cosigner = cosigner
        self._own = CosignatureVerifier(cosigner.vkey)
        self._succession = Succession(logs, custodians or {}, heads, self._own)
        self._follow()
        self._heads = heads
        self._evidence = evidence
        self._now_s = now_s
        self._one = threading.Lock()
        for origin in self._logs:
            self.newest(origin)

    def _follow(self) -> None:
        self._logs = self._succession.logs()
        self._by_hash = {sha256(origin.encode()).hexdigest(): origin for origin in self._logs}

    def newest(self, origin: str) -> tuple[Head, Checkpoint]:
        """The newest head of a log, verified again. Fails closed.

        Raises:
            StateInvalid: What is remembered is missing, damaged, or not signed by both the log and this witness.
        """
        return remembered(self._heads, self._own, self._logs[origin], origin, self._succession.begins(origin))

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosigns a head if it continues the newest.

        Args:
            body: Of the request.

        Returns:
            The cosignature, or why there is none.
        """
        try:
            submitted = parse(body)
        except Malformed as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        verifier = self._logs.get(submitted.origin)
        if verifier is None:
            return Answer(HTTPStatus.NOT_FOUND, "this log is not followed here\n")
        try:
            verifier.verify(submitted.note)
        except BadCheckpoint:
            return Answer(HTTPStatus.FORBIDDEN, "the checkpoint is not signed by the log's key\n")
        if claims_other_empty_root(submitted.text):
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "an empty log has the empty root\n")
        try:
            checkpoint = parse_checkpoint(submitted.text)
        except BadCheckpoint:
            return Answer(HTTPStatus.BAD_REQUEST, "the checkpoint is malformed\n")
        if submitted.old > checkpoint.size:
            return Answer(HTTPStatus.BAD_REQUEST, "the old size is larger than the checkpoint's\n")
        with self._one:
            if self._succession.ended(submitted.origin):
                return Answer(HTTPStatus.GONE, ENDED)
            try:
                return self._compare(submitted, checkpoint)
            except Overtaken:
                return self._conflict(self.newest(submitted.origin)[0].size)

    def add_epoch(self, body: bytes) -> Answer:
        """Ends an origin and begins the next, as its custodians say.

        Args:
            body: Of the request: as of add-checkpoint, with the statement in the place of the checkpoint and the proof
                from the newest head cosigned to the restored head; without a proof when that is smaller.

        Returns:
            The witness's own signature under the statement, or why it is not followed.
        """
        try:
            submitted = parse(body)
        except Malformed as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        with self._one:
            try:
                return self._succeed(submitted)
            except EpochRefused as refused:
                return Answer(refused.status, refused.text)
            except Overtaken:
                # Another process on the same home: what it kept is not known here before a restart.
                return Answer(HTTPStatus.SERVICE_UNAVAILABLE)

    def _succeed(self, submitted: Submitted) -> Answer:
        signed = self._succession.open(submitted.note)
        statement = signed.statement
        line = self._cosigner.cosign(submitted.text, self._now_s())
        if self._succession.known(statement):
            return Answer(HTTPStatus.OK, line)
        head, newest = self.newest(statement.previous_origin)
        if submitted.old != newest.size:
            return self._conflict(newest.size)
        try:
            check_continues(statement, newest, submitted)
        except EpochRefused as refused:
            if refused.hidden and head.note:
                self._keep(HIDDEN, head, submitted)
            raise
        # Durable before anybody is told: a witness that forgot it could cosign the ended epoch again.
        note = f"{signed.note}{line}"
        self._heads.begin(statement.previous_origin, head, statement.origin, statement.number, note)
        self._succession.take(statement)
        self._follow()
        facts = {"origin": statement.origin, "ended": statement.previous_origin, "size": statement.restored_size}
        _log.warning("epoch begun", extra={"facts": facts})
        return Answer(HTTPStatus.OK, line)

    def checkpoint(self, origin_hash: str) -> str | None:
        """The newest head of a log with both signatures, for monitors; None when there is none.

        Args:
            origin_hash: SHA-256 of the origin, lowercase hex.

        Raises:
            StateInvalid: See `newest`.
        """
        origin = self._by_hash.get(origin_hash)
        return None if origin is None else self.newest(origin)[0].note or None

    def _compare(self, submitted: Submitted, checkpoint: Checkpoint) -> Answer:
        head, newest = self.newest(submitted.origin)
        if head.note and checkpoint.size == newest.size and checkpoint.root != newest.root:
            # A fork, whatever the old size says: it is written down before the answer follows the specification.
            self._keep(FORK, head, submitted)
        if submitted.old != newest.size:
            return self._conflict(newest.size)
        try:
            verify_consistency(newest.size, newest.root, checkpoint.size, checkpoint.root, submitted.proof)
        except BadProof:
            if head.note and checkpoint.size != newest.size:
                self._keep(NO_PROOF, head, submitted)
            return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "the checkpoint does not continue the newest one\n")
        line = self._cosigner.cosign(submitted.text, self._now_s())
        after = Head(checkpoint.size, self._signed(submitted, line))
        # Durable before anybody sees the signature: a witness that forgot it could sign another history.
        self._heads.advance(submitted.origin, head, after)
        _log.info("cosigned", extra={"facts": {"origin": submitted.origin, "size": checkpoint.size}})
        return Answer(HTTPStatus.OK, line)

    def _signed(self, submitted: Submitted, line: str) -> str:
        """The text with the log's signature and ours. What others signed is not ours to vouch for."""
        log = self._logs[submitted.origin].line(submitted.note)
        return f"{submitted.text}\n{log}{line}"

    def _keep(self, what: str, head: Head, submitted: Submitted) -> None:
        facts = {"origin": head.note.partition("\n")[0], "what": what, "size": head.size}
        try:
            path = self._evidence.keep(what, head.note, submitted.note, submitted.proof, self._now_s())
        except OSError as error:
            _log.critical("evidence not kept", extra={"facts": facts | {"error": type(error).__name__}})
            return
        if path is not None:
            _log.critical("refused", extra={"facts": facts | {"evidence": path.name}})

    def _conflict(self, size: int) -> Answer:
        return Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)


def remembered(
    heads: Heads, own: CosignatureVerifier, log: NoteVerifier, origin: str, begins: Checkpoint | None = None
) -> tuple[Head, Checkpoint]:
    """The newest head of a log as a memory gives it back, verified again. Fails closed.

    Args:
        heads: The memory.
        own: The witness's verifier.
        log: The log's verifier.
        origin: The log's name.
        begins: The restored head from which it goes on in a later epoch; None for a log's first.

    Returns:
        The head, and what its note says; of a log of which nothing was cosigned yet, the one from which it begins.

    Raises:
        StateInvalid: What is remembered is missing, damaged, or not signed by both the log and this witness.
    """
    head = heads.newest(origin)
    if head == NOTHING_YET:
        return head, begins or Checkpoint(origin, 0, EMPTY_ROOT)
    try:
        checkpoint = open_checkpoint(head.note, log, origin)
        if own.find(head.note) is not None and checkpoint.size == head.size:
            return head, checkpoint
    except BadCheckpoint as error:
        raise StateInvalid("a head that was kept is not one that this witness cosigned") from error
    raise StateInvalid("a head that was kept is not one that this witness cosigned")
