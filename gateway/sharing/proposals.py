"""Proposals as they are kept: steps, only ever added, and a summary of each proposal.

Rules kept here: a step is put behind the one that its writer saw, or not at all, so of two that come at once one wins;
steps are checked from the first whenever they are read (`chain`); what an act does to the agreement (in force,
suspended, resumed, terminated) is done in the same transaction. Dates on which an answer is due are computed from the
calendar of the settings as it is now. A date past due changes nothing here.

It does not decide who may act (`gateway.exchange.negotiate` does) and does not write the ledger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Engine, Row, Select, delete, func, insert, or_, select, update

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.settings import AgreementSettings
from gateway.sharing.agreements import Agreements
from gateway.sharing.chain import BrokenChain, Chain, Kept, replay
from gateway.sharing.intake import Arriving
from gateway.sharing.tables import AGREEMENTS, EPOCH, PROPOSALS, REVOCATIONS, STEPS, SUSPENSIONS
from gateway.storage.epochs import advance
from keys.agreement_steps import SignedStep
from policies.agreements.due import Calendar, days_left, due_ms, late_days
from policies.agreements.workflow import Act, Party, Status

REVOKED: Final = "revoked"
"""The status of an agreement that the operator withdrew."""
MOST_OPEN: Final = 500
"""Proposals of one consumer that may wait for an answer at once."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """Where a proposal is.

    Args:
        id: 32 hex digits.
        agreement_id: Id of the agreement that it is about.
        provider: Department id.
        consumer: Department id.
        resource: Resource code.
        revision: Of the text that is talked about, else of the one in force.
        revision_in_force: Of the text in force; 0 while there is none.
        status: The agreement in one word; `revoked` when the operator withdrew it.
        talk: Where the talk about a text is.
        turn: Which side is waited for; empty when none is.
        steps: How many there are.
        opened_ms: When it was proposed, Unix ms.
        changed_ms: When the last step came, Unix ms.
        due_ms: First moment that is too late for whoever is waited for, Unix ms; 0 when nobody is.
        late: By how many working days that party is late; None when it is not.
    """

    id: str
    agreement_id: str
    provider: str
    consumer: str
    resource: str
    revision: int
    revision_in_force: int
    status: str
    talk: str
    turn: str
    steps: int
    opened_ms: int
    changed_ms: int
    due_ms: int
    late: int | None

    @property
    def waited_for(self) -> str:
        """Department id of whoever is waited for; empty when nobody is."""
        return {str(Party.CONSUMER): self.consumer, str(Party.PROVIDER): self.provider}.get(self.turn, "")


@dataclass(frozen=True, slots=True)
class ProposalProblem:
    """A proposal that is kept otherwise than its parties said.

    Args:
        id: The proposal.
        agreement_id: As the summary says.
        number: The step at which it breaks; 0 when the steps hold and the rest does not fit them.
        rule: What does not hold.
    """

    id: str
    agreement_id: str
    number: int
    rule: str


class Proposals:
    """The proposals that this gateway keeps.

    Args:
        engine: The database.
        agreements: Where an approved text is put in force.
        settings: Periods and calendar.
        clock: Now.
    """

    def __init__(self, engine: Engine, agreements: Agreements, settings: AgreementSettings, clock: Clock) -> None:
        self._engine = engine
        self._agreements = agreements
        self._days = {Party.PROVIDER: settings.reply_days, Party.CONSUMER: settings.answer_days}
        self._calendar = Calendar(frozenset(settings.holidays), frozenset(settings.workdays))
        self._clock = clock

    def chain(self, proposal: str) -> Chain | None:
        """A proposal with all its steps, checked; None when there is none.

        Raises:
            BrokenChain: What is kept is not what was said. Fails closed.
        """
        with self._engine.connect() as connection:
            kept = _kept(connection, proposal)
        return replay(kept) if kept else None

    def put(self, connection: Connection, chain: Chain, arriving: Arriving | None) -> None:
        """Add the last step of a chain, and do what it does, in the caller's transaction.

        Args:
            connection: A write transaction.
            chain: With the new step at its end, checked.
            arriving: The approved revision, for an approval.

        Raises:
            Refused: STEP_TAKEN when another step came first; ALREADY_EXISTS when the id of a new agreement is in use;
                what `Agreements.put` raises. Then the transaction must not be committed.
        """
        # First, so that whoever writes steps or agreements waits for the others.
        advance(connection, EPOCH)
        kept, number = chain.kept[-1], len(chain.steps)
        newest = connection.execute(select(func.max(STEPS.c.number)).where(STEPS.c.proposal == chain.id)).scalar()
        if (newest or 0) != number - 1:
            raise Refused(Code.STEP_TAKEN)
        if number == 1:
            self._require_free(connection, chain)
        connection.execute(
            insert(STEPS).values(
                proposal=chain.id,
                number=number,
                body=kept.signed.body,
                signature=kept.signed.signature,
                signer_key=kept.signed.department_key,
                text=kept.text or None,
                agreement_signature=kept.agreement_signature or None,
                received_ms=kept.received_ms,
            )
        )
        self._summarise(connection, chain)
        self._do(connection, chain, arriving)

    def list(
        self, *, department: str = "", waiting: bool = False, after: str = "", limit: int = 100
    ) -> tuple[Proposal, ...]:
        """Proposals, ordered by id.

        Args:
            department: Only those with this party; empty for all.
            waiting: Only those in which that department is waited for, or, without one, in which anybody is.
            after: Only ids behind this one.
            limit: At most this many.
        """
        query = _with_revocation().where(PROPOSALS.c.id > after).order_by(PROPOSALS.c.id).limit(limit)
        if department:
            mine = {Party.CONSUMER: PROPOSALS.c.consumer, Party.PROVIDER: PROPOSALS.c.provider}
            if waiting:
                query = query.where(or_(*((c == department) & (PROPOSALS.c.turn == p) for p, c in mine.items())))
            else:
                query = query.where(or_(*(column == department for column in mine.values())))
        elif waiting:
            query = query.where(PROPOSALS.c.turn != "")
        with self._engine.connect() as connection:
            return tuple(self._read(row) for row in connection.execute(query))

    def all(self, *, waiting: bool = False) -> Iterator[Proposal]:
        """Every proposal, page by page."""
        after = ""
        while page := self.list(waiting=waiting, after=after):
            yield from page
            after = page[-1].id

    def get(self, proposal: str) -> Proposal | None:
        """One proposal, or None."""
        with self._engine.connect() as connection:
            row = connection.execute(_with_revocation().where(PROPOSALS.c.id == proposal)).first()
        return None if row is None else self._read(row)

    def overdue(self) -> tuple[Proposal, ...]:
        """Proposals in which somebody is late, the latest first. It is a list for people; nothing follows from it."""
        late = [proposal for proposal in self.all(waiting=True) if proposal.late is not None]
        return tuple(sorted(late, key=lambda proposal: (proposal.due_ms, proposal.id)))

    def problems(self) -> tuple[ProposalProblem, ...]:
        """Check every proposal from its first step, and whether summary and agreement fit what the steps say."""
        found = []
        with self._engine.connect() as connection:
            ids: dict[str, str] = {stray: "" for (stray,) in connection.execute(select(STEPS.c.proposal).distinct())}
            ids |= {row.id: row.agreement_id for row in connection.execute(select(PROPOSALS))}
            for proposal, agreement_id in sorted(ids.items()):
                problem = self._problem(connection, proposal)
                if problem is not None:
                    found.append(ProposalProblem(proposal, agreement_id, *problem))
        return tuple(found)

    def _problem(self, connection: Connection, proposal: str) -> tuple[int, str] | None:
        kept = _kept(connection, proposal)
        if not kept:
            return 0, "has no steps"
        try:
            chain = replay(kept)
        except BrokenChain as broken:
            return broken.number, broken.rule
        row = connection.execute(select(PROPOSALS).where(PROPOSALS.c.id == proposal)).first()
        if row is None:
            return 0, "has no summary"
        said = self._summary(chain)
        if any(getattr(row, key) != value for key, value in said.items() if key not in _BY_CALENDAR):
            return 0, "the summary is not what the steps say"
        return _misfit(connection, chain)

    def _require_free(self, connection: Connection, chain: Chain) -> None:
        """An agreement has one proposal at a time, a proposal takes no other agreement's id, and there are not many."""
        mine = (PROPOSALS.c.consumer == chain.history.first.consumer) & (PROPOSALS.c.turn != "")
        if (connection.execute(select(func.count()).where(mine)).scalar() or 0) >= MOST_OPEN:
            raise Refused(Code.OVERLOADED, "too many proposals wait for an answer")
        ended = (Status.REFUSED, Status.WITHDRAWN)
        same = PROPOSALS.c.agreement_id == chain.history.first.id
        if connection.execute(select(PROPOSALS.c.id).where(same, PROPOSALS.c.status.notin_(ended)).limit(1)).first():
            raise Refused(Code.ALREADY_EXISTS, "the agreement has a proposal")
        held = connection.execute(
            select(AGREEMENTS.c.provider, AGREEMENTS.c.consumer, AGREEMENTS.c.resource)
            .where(AGREEMENTS.c.id == chain.history.first.id)
            .limit(1)
        ).first()
        if held is not None and tuple(held) != (
            chain.history.first.provider,
            chain.history.first.consumer,
            chain.history.first.resource,
        ):
            raise Refused(Code.ALREADY_EXISTS, "the id belongs to another agreement")

    def _summary(self, chain: Chain) -> dict[str, object]:
        state, in_force = chain.state, chain.history.in_force
        days = 0 if state.turn is None else days_left(chain.turns, self._days[state.turn], self._calendar)
        return {
            "agreement_id": chain.history.first.id,
            "provider": chain.history.first.provider,
            "consumer": chain.history.first.consumer,
            "resource": chain.history.first.resource,
            "revision": chain.history.current.revision,
            "revision_in_force": 0 if in_force is None else in_force.revision,
            "status": str(state.status),
            "talk": str(state.talk),
            "turn": "" if state.turn is None else str(state.turn),
            "turn_since_ms": 0 if state.turn is None else chain.turns[-1].since_ms,
            "turn_days": days,
            "steps": len(chain.steps),
            "opened_ms": chain.kept[0].received_ms,
            "changed_ms": chain.kept[-1].received_ms,
        }

    def _summarise(self, connection: Connection, chain: Chain) -> None:
        values = self._summary(chain)
        if len(chain.steps) == 1:
            connection.execute(insert(PROPOSALS).values(id=chain.id, **values))
        else:
            connection.execute(update(PROPOSALS).where(PROPOSALS.c.id == chain.id).values(**values))

    def _do(self, connection: Connection, chain: Chain, arriving: Arriving | None) -> None:
        step, now_ms = chain.steps[-1], chain.kept[-1].received_ms
        agreement_id, party = chain.history.first.id, chain.history.party_of(step.department)
        if step.act == Act.APPROVE:
            if arriving is None:
                raise Refused(Code.BAD_SIGNATURE, "an approval without the provider's signature over the text")
            self._agreements.put(connection, arriving)
        elif step.act == Act.SUSPEND:
            connection.execute(insert(SUSPENSIONS).values(agreement_id=agreement_id, party=str(party), since_ms=now_ms))
        elif step.act == Act.RESUME:
            mine = (SUSPENSIONS.c.agreement_id == agreement_id) & (SUSPENSIONS.c.party == str(party))
            connection.execute(delete(SUSPENSIONS).where(mine))
        elif step.act == Act.TERMINATE:
            there = select(REVOCATIONS.c.agreement_id).where(REVOCATIONS.c.agreement_id == agreement_id)
            if connection.execute(there).first() is None:
                reason = f"terminated by {step.department}"
                connection.execute(
                    insert(REVOCATIONS).values(agreement_id=agreement_id, revoked_ms=now_ms, reason=reason)
                )

    def _read(self, row: Row) -> Proposal:  # type: ignore[type-arg]  # rows of the table above
        due = due_ms(row.turn_since_ms, row.turn_days, self._calendar) if row.turn else 0
        late = late_days(due, self._clock.now_ms(), self._calendar) if row.turn else None
        return Proposal(
            id=row.id,
            agreement_id=row.agreement_id,
            provider=row.provider,
            consumer=row.consumer,
            resource=row.resource,
            revision=row.revision,
            revision_in_force=row.revision_in_force,
            # What the operator withdrew is over, whatever the parties said last.
            status=REVOKED if row.revoked_ms is not None and row.status in _IN_USE else row.status,
            talk=row.talk,
            turn=row.turn,
            steps=row.steps,
            opened_ms=row.opened_ms,
            changed_ms=row.changed_ms,
            due_ms=due,
            late=late,
        )


_BY_CALENDAR = frozenset({"turn_days"})
_IN_USE = frozenset({str(Status.APPROVED), str(Status.SUSPENDED)})


def _with_revocation() -> Select[Any]:
    """Proposals, and when the operator withdrew their agreements."""
    joined = PROPOSALS.outerjoin(REVOCATIONS, REVOCATIONS.c.agreement_id == PROPOSALS.c.agreement_id)
    return select(PROPOSALS, REVOCATIONS.c.revoked_ms).select_from(joined)


def _kept(connection: Connection, proposal: str) -> list[Kept]:
    rows = connection.execute(select(STEPS).where(STEPS.c.proposal == proposal).order_by(STEPS.c.number))
    return [
        Kept(
            SignedStep(bytes(row.body), bytes(row.signature), bytes(row.signer_key)),
            bytes(row.text or b""),
            bytes(row.agreement_signature or b""),
            row.received_ms,
        )
        for row in rows
    ]


def _misfit(connection: Connection, chain: Chain) -> tuple[int, str] | None:
    """Where what decides requests is not what the steps amount to."""
    agreement_id, state = chain.history.first.id, chain.state
    suspended = select(SUSPENSIONS.c.party).where(SUSPENSIONS.c.agreement_id == agreement_id)
    if {party for (party,) in connection.execute(suspended)} != {str(party) for party in state.suspended_by}:
        return 0, "the suspension is not what the steps say"
    revoked = select(REVOCATIONS.c.agreement_id).where(REVOCATIONS.c.agreement_id == agreement_id)
    if state.ended is Status.TERMINATED and connection.execute(revoked).first() is None:
        return 0, "it was terminated and is not withdrawn"
    if chain.history.in_force is not None:
        held = connection.execute(
            select(AGREEMENTS.c.digest).where(
                AGREEMENTS.c.id == agreement_id, AGREEMENTS.c.revision == chain.history.in_force.revision
            )
        ).first()
        if held is None or bytes(held.digest) != chain.history.in_force.digest:
            return 0, "the revision that was approved is not the one that is kept"
    return None
