"""Background turn: what is new on the log becomes searchable, in short transactions beside the log's writer.

Fails towards slower searches: what is not indexed is read from the log itself, and nothing waits for this.
"""

import asyncio
from typing import Final

from gateway.audit.ledger import SqlLedger

SHARE: Final = 0.1
"""Of the time, at most: requests come first. Enough for a few hundred entries a second, which is far more than a city's
day brings; behind a burst it catches up afterwards."""
_LEAST_PAUSE_S: Final = 0.02


async def index_log(ledger: SqlLedger) -> None:
    """Index until everything that is durable now is indexed.

    Raises:
        LedgerCorrupt: An entry does not fit its leaf hash.
        sqlalchemy.exc.SQLAlchemyError: The database cannot be written; tried again at the next turn.
    """
    loop = asyncio.get_running_loop()
    left = 1
    while left:
        began = loop.time()
        left = await asyncio.to_thread(ledger.review.indexer.turn)
        if left:
            await asyncio.sleep(max(_LEAST_PAUSE_S, (loop.time() - began) * (1 - SHARE) / SHARE))


def rebuild(ledger: SqlLedger) -> int:
    """Empty the tables and fill them again out of the log, for the operator's command; blocking.

    Returns:
        Size of the log.

    Raises:
        LedgerCorrupt: An entry does not fit its leaf hash.
    """
    indexer = ledger.review.indexer
    indexer.empty()
    while indexer.turn():
        pass
    return ledger.size()
