"""Tells a witness in which epoch the log is, when it does not know, by the statements that the custodians signed.

The statement goes to `/add-epoch` of `oncegate-witness`, laid out like a checkpoint to be cosigned: the size that the
witness has cosigned of the ended epoch, the proof from there to the restored head, the note. Whether the witness
follows is for it to say, by the custodians that its own operator pinned. What it signs under the statement is not
needed here.
"""

import base64
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.witnesses.client import HttpAnswer, WitnessAddress
from gateway.witnesses.errors import WitnessFailed
from keys.log.custodians import read_unsigned

_OK: Final = 200
_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_LONGEST_SIZE: Final = 19

ProofBetween = Callable[[int, int], Awaitable[Sequence[bytes]]]
"""Gives the consistency proof between two sizes of the stored log."""


@dataclass(frozen=True, slots=True)
class Epochs:
    """How the log came to its present name.

    Attributes:
        notes: The statements of its epochs, as signed, oldest first; none in the first epoch.
        proof: See `ProofBetween`.
    """

    notes: Sequence[str]
    proof: ProofBetween

    async def tell(self, address: WitnessAddress, timeout_s: float) -> None:
        """Tell a witness, statement by statement; one that it followed before is answered likewise.

        Raises:
            WitnessFailed: It does not follow.
        """
        for note in self.notes:
            answer = await self._add(address, note, 0, (), timeout_s)
            if answer.status == _CONFLICT:
                size = _size(answer)
                restored = read_unsigned(note)[0].restored_size
                # Where the witness saw more than was restored, the entries in between are lost, and every proof.
                proof = await self.proof(size, restored) if size <= restored else ()
                answer = await self._add(address, note, size, proof, timeout_s)
            if answer.status == _NOT_FOUND:
                raise WitnessFailed("it does not follow this log")
            if answer.status != _OK:
                raise WitnessFailed(f"it does not follow the log into its new epoch ({answer.status})")

    @staticmethod
    async def _add(
        address: WitnessAddress, note: str, old: int, proof: Sequence[bytes], timeout_s: float
    ) -> HttpAnswer:
        lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", note]
        return await address.post("/add-epoch", "\n".join(lines).encode(), timeout_s)


def _size(answer: HttpAnswer) -> int:
    text = answer.body.removesuffix(b"\n")
    if not text.isdigit() or len(text) > _LONGEST_SIZE:
        raise WitnessFailed("the answer is not a size")
    return int(text)
