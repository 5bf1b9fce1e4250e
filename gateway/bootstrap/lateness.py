"""Background turn: whoever is newly late with a proposal is put on the ledger, once.

Rules kept here: lateness is told and changes nothing; one entry per proposal and turn of a party, whatever number of
replicas look. Fails open on purpose: a ledger that cannot write now is tried again at the next turn, and nothing is
granted meanwhile or afterwards.
"""

import asyncio
from hashlib import sha256

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import AlreadyRecorded
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.sharing.proposals import Proposal, Proposals


class Lateness:
    """Tells the ledger who is late.

    Args:
        proposals: Knows who is.
        ledger: Is told.
    """

    def __init__(self, proposals: Proposals, ledger: SqlLedger) -> None:
        self._proposals = proposals
        self._ledger = ledger
        self._told: set[tuple[str, int]] = set()
        self.late = 0
        """How many proposals somebody was late with at the last turn."""

    async def turn(self) -> int:
        """Record who is late and was not before.

        Returns:
            How many entries were written.

        Raises:
            AuditError: The ledger cannot write; tried again at the next turn.
        """
        late = await asyncio.to_thread(self._proposals.overdue)
        self.late = len(late)
        written = 0
        for proposal in late:
            turn = (proposal.id, proposal.steps)
            if turn in self._told:
                continue
            try:
                await self._ledger.append(_entry(proposal))
                written += 1
            except AlreadyRecorded:
                # This gateway before a restart, or another replica, was first.
                pass
            self._told.add(turn)
        self._told &= {(proposal.id, proposal.steps) for proposal in late}
        return written


def _entry(proposal: Proposal) -> EntryDraft:
    name = f"agreement-overdue\0{proposal.id}\0{proposal.steps}"
    return EntryDraft(
        kind=Kind.AGREEMENT_OVERDUE,
        accountability={
            "department": proposal.waited_for,
            "proposal": proposal.id,
            "agreement": proposal.agreement_id,
            "provider": proposal.provider,
            "consumer": proposal.consumer,
            "number": proposal.steps,
            "due_ms": proposal.due_ms,
        },
        unique=(name, sha256(name.encode()).digest()),
    )
