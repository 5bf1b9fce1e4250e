"""Wires how agreements come about."""

from gateway.bootstrap.lateness import Lateness
from gateway.bootstrap.offline import Offline
from gateway.exchange.negotiate import Negotiate


def agreeing(offline: Offline) -> tuple[Negotiate, Lateness]:
    """The departments' side of agreements, and the turn that tells who is late."""
    negotiate = Negotiate(
        offline.peers,
        offline.departments,
        offline.catalog.described,
        offline.agreements,
        offline.proposals,
        offline.ledger,
        offline.clock,
    )
    return negotiate, Lateness(offline.proposals, offline.ledger)
