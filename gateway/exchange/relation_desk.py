"""What the audit office's own system does about relations: read what is wanted, open both sides, record what it heard.

Rules kept here: only pairs that detection wants today can be opened or answered, each once; each opening is an entry
about the person like any other, and is counted against the budget of questions instead of the auditor's own openings;
an answer names its pair by the question, never by what the caller says; it is recorded in the commit of the entry that
says who brought it. The entry keeps what was answered in its erasable part. Fails closed: what is not wanted, or no
more, or does not fit the log, is refused.

What it cannot tell: whether the answers are those that registers gave. They are the audit office's word, under its
auditor's name; the questions themselves are fetches on the log.
"""

import asyncio
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from sqlalchemy import Connection, select

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.detection.relations import Answer, Pair, Question, Relation
from gateway.detection.stored_relations import StoredRelations
from gateway.detection.tables import QUESTIONS
from gateway.detection.tokens import Tokens
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.open_identity import OpenIdentity, SealedIdentity, Wanted
from gateway.exchange.record import Record
from gateway.identity.people import Person
from keys.identities import Whose

MOST_QUESTIONS: Final = 500
_TOKEN_BYTES: Final = 16
_SETTLED: Final = "QUESTION_SETTLED"
_TRIES: Final = 3
"""How often both sides of a question may be opened, on average: an office's machine may break off."""


class RelationDesk:
    """The audit office's desk for relations.

    Args:
        opening: Knows auditors, and gives sealed identities.
        relations: Questions and answers.
        tokens: Of pairs.
        record: Everything is recorded before it takes effect.
        ledger: Says who is meant by a question.
        budget: Questions in a civil day.
    """

    def __init__(
        self,
        opening: OpenIdentity,
        relations: StoredRelations,
        tokens: Tokens,
        record: Record,
        ledger: SqlLedger,
        budget: int,
    ) -> None:
        self._opening = opening
        self._relations = relations
        self._tokens = tokens
        self._record = record
        self._ledger = ledger
        self._budget = budget

    def auditor(self, bearer: str) -> Person:
        """Who calls.

        Raises:
            Refused: The token is no auditor's.
        """
        return self._opening.auditor(bearer)

    async def questions(self, bearer: str, most: int) -> Sequence[Question]:
        """What detection wants asked today, the most suspicious first.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; LEDGER_UNAVAILABLE.
        """
        auditor = self.auditor(bearer)
        if most > MOST_QUESTIONS:
            raise bad_request("most", f"must be at most {MOST_QUESTIONS}")
        said = {"auditor": auditor.subject_key, "what": "relation questions"}
        await self._record.write(EntryDraft(Kind.LOG_READ, said))
        return await asyncio.to_thread(self._relations.wanted, most or MOST_QUESTIONS)

    async def party(self, bearer: str, pair: bytes, whose: Whose, key_ids: Sequence[bytes]) -> SealedIdentity:
        """The sealed identity of one side of a wanted pair.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; QUESTION_NOT_OPEN; OPENINGS_EXHAUSTED;
                IDENTITY_NOT_SEALED; LEDGER_UNAVAILABLE.
        """
        auditor = self.auditor(bearer)
        question = await self._wanted(pair)
        # Whom the entry names is opened, so it must be whom the question is about.
        await asyncio.to_thread(self._pair, question)
        why = f"核查查询行为 / relation question about entry {question.entry}"
        most = 2 * _TRIES * self._budget
        return await self._opening.given(
            auditor, Wanted(whose, entry=question.entry), why, key_ids, counted=("relations", most)
        )

    async def answer(
        self, bearer: str, pair: bytes, answered: AbstractSet[Relation], holds: AbstractSet[Relation]
    ) -> int:
        """Record what registers answered about a wanted pair.

        Returns:
            The entry that records it.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST; QUESTION_NOT_OPEN, also when it was answered meanwhile;
                LEDGER_UNAVAILABLE.
        """
        auditor = self.auditor(bearer)
        if not holds <= answered:
            raise bad_request("holds", "must be among those that were answered")
        question = await self._wanted(pair)
        whom = await asyncio.to_thread(self._pair, question)
        answer = Answer(whom, answered, holds)

        def settle(connection: Connection, index: int) -> None:
            still = connection.execute(select(QUESTIONS.c.pair).where(QUESTIONS.c.pair == question.token)).first()
            if still is None:
                raise RiderRefused(_SETTLED)
            self._relations.record(connection, index, [answer])

        draft = EntryDraft(
            Kind.RELATION_RECORDED,
            {"auditor": auditor.subject_key, "question": question.entry},
            {
                "person": whom.person.hex(),
                "answered": sorted(map(str, answered)),
                "holds": sorted(map(str, holds)),
            },
            about=whom.person,
            placed=(settle,),
        )
        try:
            return (await self._record.write(draft)).leaf_index
        except RiderRefused:
            raise _not_open() from None

    async def _wanted(self, pair: bytes) -> Question:
        if len(pair) != _TOKEN_BYTES:
            raise bad_request("pair", f"must be {_TOKEN_BYTES} bytes")
        wanted = await asyncio.to_thread(self._relations.wanted, MOST_QUESTIONS)
        found = next((question for question in wanted if question.token == pair), None)
        if found is None:
            raise _not_open()
        return found

    def _pair(self, question: Question) -> Pair:
        """Whom a question is about, as the log says; a row that says otherwise is not believed."""
        entry = self._ledger.entry(question.entry)
        official, person = entry.account.get("official"), (entry.personal or {}).get("person")
        if isinstance(official, str) and isinstance(person, str):
            pair = Pair(official, bytes.fromhex(person))
            if self._tokens.pair(pair) == question.token:
                return pair
        raise _not_open()


def _not_open() -> Refused:
    return Refused(Code.QUESTION_NOT_OPEN, "relation question")
