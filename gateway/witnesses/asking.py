"""Asks one witness for one cosignature, by https://c2sp.org/tlog-witness, and believes nothing that does not verify.

A witness that does not know the log by its present name is told how it came to that (`epochs.py`), and asked again.
A witness that has seen another size than we remember says so (409); then it is asked once more, with a proof from
there. Nothing that it says about our log counts unless it holds our own signature: see `newest_of`.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from gateway.witnesses.client import HttpAnswer, WitnessAddress
from gateway.witnesses.epochs import Epochs
from gateway.witnesses.errors import WitnessAhead, WitnessFailed, WitnessRefused
from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.cosignatures import Cosignature, CosignatureVerifier
from keys.log.notes import NoteVerifier, split_note

SIZE_TYPE: Final = "text/x.tlog.size"
CLOCKS_DIFFER_S: Final = 300
"""How far a witness's clock may be from ours, so that a cosignature says something about when."""
TELL_AGAIN_S: Final = 5
"""How soon a witness that does not follow the log into its epoch is told again."""
_OK: Final = 200
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422
_LONGEST_SIZE: Final = 19
_MOST_LINES: Final = 16

Proof = Callable[[int], Awaitable[Sequence[bytes]]]
"""Gives the consistency proof from a size to that of the head."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A head to be cosigned.

    Attributes:
        note: Signed by the log.
        size: Its size.
        proof: See `Proof`.
        epochs: How the log came to its present name; None in its first epoch.
    """

    note: str
    size: int
    proof: Proof
    epochs: Epochs | None = None


@dataclass(slots=True)
class WitnessClient:
    """One witness.

    Attributes:
        verifier: Its key.
        address: Where it is.
        timeout_s: How long one question may take altogether.
        seen: The size that it is believed to have cosigned; a hint only.
        told_s: When it was last told of the log's epochs, Unix seconds.
    """

    verifier: CosignatureVerifier
    address: WitnessAddress
    timeout_s: float
    seen: int = field(default=0)
    told_s: int = field(default=0)

    async def cosign(self, asked: Asked, now_s: int) -> Cosignature:
        """Have a head cosigned.

        Args:
            asked: The head.
            now_s: The time, Unix seconds.

        Returns:
            The cosignature, verified over this head.

        Raises:
            WitnessAhead: It says that it has seen a larger log.
            WitnessRefused: It says that this does not continue what it has seen.
            WitnessFailed: Anything else that is no cosignature over this head.
        """
        answer = await self._add(asked, min(self.seen, asked.size))
        if answer.status == _NOT_FOUND and asked.epochs is not None and now_s - self.told_s >= TELL_AGAIN_S:
            self.told_s = now_s
            await asked.epochs.tell(self.address, self.timeout_s)
            answer = await self._add(asked, self.seen)
        if answer.status == _CONFLICT:
            size = _size(answer)
            if size > asked.size:
                raise WitnessAhead(size)
            self.seen = size
            answer = await self._add(asked, size)
        if answer.status == _UNPROCESSABLE:
            raise WitnessRefused("it says that the head does not continue what it has seen")
        if answer.status != _OK:
            raise WitnessFailed(f"it answered {answer.status}")
        found = self._verified(asked.note, answer.body, now_s)
        self.seen = asked.size
        return found

    async def newest_of(self, log: NoteVerifier, origin: str) -> tuple[str, Checkpoint] | None:
        """The newest head of our log that the witness can show; it counts because our own key signed it.

        Args:
            log: Our own key.
            origin: Our log's name.

        Returns:
            The note, and what it says; None when the witness has none.

        Raises:
            WitnessFailed: It shows nothing that our key has signed.
        """
        named = sha256(origin.encode()).hexdigest()
        answer = await self.address.get(f"/{named}/checkpoint", self.timeout_s)
        if answer.status == _NOT_FOUND:
            return None
        if answer.status != _OK:
            raise WitnessFailed(f"it answered {answer.status}")
        try:
            note = answer.body.decode("utf-8")
            return note, open_checkpoint(note, log, origin)
        except (UnicodeDecodeError, BadCheckpoint):
            raise WitnessFailed("it shows a head that this log's key did not sign") from None

    async def _add(self, asked: Asked, old: int) -> HttpAnswer:
        proof = await asked.proof(old)
        lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", asked.note]
        return await self.address.post("/add-checkpoint", "\n".join(lines).encode(), self.timeout_s)

    def _verified(self, note: str, body: bytes, now_s: int) -> Cosignature:
        """Its cosignature out of an answer; lines of keys that we do not know are ignored."""
        try:
            text = body.decode("utf-8")
            if text.count("\n") > _MOST_LINES:
                raise WitnessFailed("the answer is no cosignature")
            signed, _ = split_note(note)
            found = self.verifier.find(f"{signed}\n{text}")
        except (UnicodeDecodeError, BadCheckpoint):
            raise WitnessFailed("its signature over this head does not verify") from None
        if found is None:
            raise WitnessFailed("the answer holds no signature of its key")
        if abs(found.time_s - now_s) > CLOCKS_DIFFER_S:
            raise WitnessFailed("its clock is wrong")
        return found


def _size(answer: HttpAnswer) -> int:
    text = answer.body.removesuffix(b"\n")
    if answer.kind != SIZE_TYPE or not text.isdigit() or len(text) > _LONGEST_SIZE:
        raise WitnessFailed("the answer is not a size")
    return int(text)
