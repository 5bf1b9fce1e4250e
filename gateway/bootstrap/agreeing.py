"""Wires how agreements come about, and the turns that look after them beside a serving gateway."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.bootstrap.lateness import Lateness
from gateway.bootstrap.offline import Offline
from gateway.exchange.negotiate import Negotiate
from gateway.sharing.agreements import Agreements
from gateway.sharing.proposals import Proposals

_LATENESS_S: Final = 60.0
_INTACT_S: Final = 3600.0
_AGREEMENTS_S: Final = 300.0
_log = logging.getLogger(__name__)


class Intact:
    """Looks whether what is kept of proposals and agreements is still what their parties said.

    A proposal that is not is refused whenever it is read, and an agreement whenever it is read first; this makes it
    known before anyone reads it, and ends the use of an agreement that was changed by hand while the gateway runs.

    Args:
        agreements: Compares what is in use with what is stored.
        proposals: Are checked as a whole.
    """

    def __init__(self, agreements: Agreements, proposals: Proposals) -> None:
        self._agreements = agreements
        self._proposals = proposals
        self._known: frozenset[str] = frozenset()

    async def turn(self) -> None:
        """Check every proposal, and log those that were found changed for the first time."""
        found = {problem.id: problem for problem in await asyncio.to_thread(self._proposals.problems)}
        for proposal in sorted(set(found) - self._known):
            problem = found[proposal]
            _log.error(
                "a stored proposal is not what was said",
                extra={"proposal": proposal, "step": problem.number, "rule": problem.rule},
            )
        self._known = frozenset(found)

    async def agreements(self) -> None:
        """Compare the agreements in use; `Agreements` logs what it finds."""
        await asyncio.to_thread(self._agreements.recheck)

    def changed(self) -> int:
        """How many agreements and proposals are known to be other than what was signed."""
        return len(self._known) + len(self._agreements.noticed())


@dataclass(frozen=True, slots=True)
class Agreeing:
    """How agreements come about.

    Args:
        negotiate: The departments' side.
        lateness: Tells the ledger who is late.
        intact: Looks for what was changed by hand.
    """

    negotiate: Negotiate
    lateness: Lateness
    intact: Intact

    def turns(self) -> tuple[tuple[str, float, Callable[[], Awaitable[Any]]], ...]:
        """The turns beside a serving gateway: name, how often in seconds, and what to do."""
        return (
            ("lateness", _LATENESS_S, self.lateness.turn),
            ("proposals", _INTACT_S, self.intact.turn),
            ("agreements", _AGREEMENTS_S, self.intact.agreements),
        )

    def status(self) -> dict[str, int]:
        """What the status file says of agreements."""
        return {"overdue_proposals": self.lateness.late, "changed_agreements": self.intact.changed()}


def agreeing(offline: Offline) -> Agreeing:
    """Wire the parts."""
    negotiate = Negotiate(
        offline.peers,
        offline.departments,
        offline.catalog.described,
        offline.agreements,
        offline.proposals,
        offline.ledger,
        offline.clock,
        offline.purposes,
    )
    lateness = Lateness(offline.proposals, offline.ledger)
    return Agreeing(negotiate, lateness, Intact(offline.agreements, offline.proposals))
