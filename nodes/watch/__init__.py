"""The members' watch over the access log: each keeps the newest checkpoint it saw and demands that the log only grew.

The gateway could show each member another log. A member that keeps what it saw, and asks for a proof from there to the
newest head, notices a log that was rewritten, cut or forked for it; a member that also asks for the entries that were
promised to it notices a promise that was not kept. Members that compare their checkpoints notice the rest.
"""

from nodes.watch.broken import Broken, LedgerBroken
from nodes.watch.kept import KeptCheckpoint
from nodes.watch.lost import Lost, LostPromises, Promised
from nodes.watch.source import GrpcLog, LogSource
from nodes.watch.watch import LedgerWatch, WatchReport
from nodes.watch.witnessed import NotCosigned

__all__ = [
    "Broken",
    "GrpcLog",
    "KeptCheckpoint",
    "LedgerBroken",
    "LedgerWatch",
    "LogSource",
    "Lost",
    "LostPromises",
    "NotCosigned",
    "Promised",
    "WatchReport",
]
