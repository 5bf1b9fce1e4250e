"""Whether a log shown continues a head that was known before (RFC 6962 section 2.1.2). Fails closed."""

from keys.errors import BadProof
from keys.log.checkpoints import Checkpoint
from keys.log.merkle import verify_consistency
from nodes.enrolment.errors import RequestRefused
from nodes.watch.broken import Broken, LedgerBroken
from nodes.watch.source import LogSource


async def continues(log: LogSource, old: Checkpoint, new: Checkpoint) -> None:
    """Accepts by returning that the log shown continues the head known before.

    Args:
        log: Where proofs are read.
        old: The head known before.
        new: The head shown, verified.

    Raises:
        LedgerBroken: It is shorter, or another history.
        RequestRefused: The gateway cannot serve now.
        GatewayUnreachable: No answer.
    """
    sizes = f"from {old.size} to {new.size} entries"
    if new.size < old.size:
        raise LedgerBroken(Broken.LOG_SHRUNK, sizes)
    path: tuple[bytes, ...] = ()
    if 0 < old.size < new.size:
        try:
            path = await log.consistency(old.size, new.size)
        except RequestRefused as refused:
            if not cannot_prove(refused):
                raise
            raise LedgerBroken(Broken.LOG_REWRITTEN, f"{sizes}: no proof") from refused
    try:
        verify_consistency(old.size, old.root, new.size, new.root, path)
    except BadProof as error:
        raise LedgerBroken(Broken.LOG_REWRITTEN, sizes) from error


def cannot_prove(refused: RequestRefused) -> bool:
    """Whether a refusal says that there is no such proof, rather than that the gateway cannot serve now."""
    return refused.status in {"INVALID_ARGUMENT", "NOT_FOUND"}
