"""Which checkpoints a member believes that demands the log's witnesses: cosigned by enough of them, and lately.

The department pins the witnesses (`oncegate-node ledger witnesses`): the quorum is a check on the gateway, and what
the gateway says about its own witnesses would prove nothing. Without pinned witnesses the log's own signature is
enough.

Which way it fails: closed, and differently from a contradiction. A checkpoint without the quorum, or with one of long
ago, proves nothing wrong; it is not kept, and a node releases nothing until it sees one that is good (`nodes.serve`).
"""

from typing import Final

from keys.errors import BadCheckpoint, KeysError
from keys.log.cosignatures import Quorum
from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Trust
from nodes.errors import NodeError, PublicText

FRESH_MS: Final = 3_600_000
"""How long ago enough witnesses may have cosigned; a gateway renews cosignatures every minute."""

CODE: Final = "LOG_NOT_COSIGNED"
PUBLIC: Final = PublicText(
    "访问日志检查点未获足够见证方近期联署",
    "Too few of the witnesses demanded here have cosigned the log's checkpoint lately",
)


class NotCosigned(NodeError):
    """A checkpoint that is not believed for want of witnesses; no contradiction. Fails closed.

    Args:
        detail: Numbers.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(CODE, PUBLIC.zh, PUBLIC.en, detail)


def quorum_of(trust: Trust) -> Quorum | None:
    """The witnesses that a member demands; None when it demands none.

    Args:
        trust: What the member believes.

    Raises:
        HomeInvalid: The pinned keys make no quorum.
    """
    if not trust.witnesses and not trust.witnesses_needed:
        return None
    try:
        return Quorum.of(trust.witnesses, trust.witnesses_needed, trust.ledger_key)
    except KeysError as error:
        raise HomeInvalid("trust.json", f"the pinned witnesses: {error}") from error


def require_cosigned(note: str, trust: Trust, now_ms: int) -> None:
    """Accepts by returning a checkpoint that enough pinned witnesses have cosigned lately, or when none are pinned.

    Args:
        note: The checkpoint, its log signature verified.
        trust: What the member believes.
        now_ms: The time, Unix ms.

    Raises:
        NotCosigned: Too few have, or not lately.
        HomeInvalid: The pinned keys make no quorum.
    """
    quorum = quorum_of(trust)
    if quorum is None:
        return
    try:
        found = quorum.require(note)
    except BadCheckpoint as error:
        raise NotCosigned(str(error)) from error
    # The quorum is as old as the youngest cosignature without which there would be none.
    at_s = sorted((one.time_s for one in found), reverse=True)[quorum.needed - 1]
    if now_ms - at_s * 1000 > FRESH_MS:
        raise NotCosigned(f"the quorum is {(now_ms // 1000 - at_s) // 60} minutes old")
