"""A system follows the access log into a new epoch when an answer comes with a promise of one.

Systems do not watch the log all the time as nodes do. So the first answer whose promise is not the log's own, as it is
believed to be, makes them look: if the custodians pinned in the home explain it, the answer is verified under the new
epoch. Fails closed: where the log is not followed, the answer is verified under what was pinned, and does not hold.
"""

from collections.abc import Callable
from typing import Final

import structlog

from keys.errors import KeysError
from nodes.clock import Clock
from nodes.consumer.acknowledging import Response
from nodes.consumer.request import Prepared
from nodes.consumer.session import Session
from nodes.consumer.verify import AnswerVerifier
from nodes.enrolment.home import Home
from nodes.errors import NodeError
from nodes.watch import GrpcLog, LedgerWatch

log: Final = structlog.get_logger(__name__)


async def verifier_for(
    home: Home, clock: Clock, session: Session, current: Callable[[], Session], prepared: Prepared, response: Response
) -> AnswerVerifier:
    """What verifies an answer: the session's verifier, or one that has followed the log.

    Args:
        home: The system's home.
        clock: Tells the time.
        session: In which the answer came.
        current: The session for the home as it is now.
        prepared: What was asked.
        response: What came back.
    """
    if session.verifier.promised(prepared, response):
        return session.verifier
    try:
        async with GrpcLog(home) as source:
            await LedgerWatch(home, clock).look(source)
        # Another task, or another process on the same home, may also have followed it meanwhile.
        return session.verifier if session.stamp == home.stamp() else current().verifier
    except (NodeError, KeysError) as error:
        log.warning("ledger_not_followed", code=str(error.code))
        return session.verifier
