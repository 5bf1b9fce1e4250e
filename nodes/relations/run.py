"""One run: every question of the day opened, asked of registers by ordinary fetches, and its answer recorded.

Rules kept here: the official is opened first, and the person only when the office knows who the official is. Each
question is a fetch about the person with the official's identifier as the operand: decided, logged, limited, and seen
by the person. It is recorded as soon as it is answered, so a run that broke off goes on where it stopped. What nobody
can answer (an official whom the office does not know, an identity that was not sealed) is recorded as not answered, so
that it is not opened again. A pair whose registers are silent or exhausted stays open for the next run. Identifiers
stay in memory and in no text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keys.identities import Whose
from nodes.consumer.answer import Answer, RowStatus
from nodes.consumer.client import AsyncClient
from nodes.consumer.items import Item
from nodes.enrolment.errors import BadInput, RequestRefused
from nodes.relations.desk import RELATIONS, Desk, Question
from nodes.relations.officials import Whom
from policies.predicates import Operator
from policies.reasons import Reason
from policies.vocabulary import LegalBasis

_EXHAUSTED: Final = frozenset({str(Reason.GUESSES_EXHAUSTED), str(Reason.PREDICATES_EXHAUSTED)})
"""Enough was compared with the official or the person today: the official's other pairs wait too."""
_SETTLED: Final = "QUESTION_NOT_OPEN"
"""Somebody else answered it meanwhile, or it is wanted no more."""


class Became(StrEnum):
    """What became of a question."""

    RELATED = "related"
    UNRELATED = "unrelated"
    UNKNOWN = "unknown"
    """Nobody could be asked: the official is not in the register, or an identity was not sealed to these keys."""
    LATER = "later"
    """It stays open: registers were silent or exhausted, or it is wanted no more."""


@dataclass(frozen=True, slots=True)
class Asks:
    """What is asked of registers.

    Attributes:
        items: An item `resource:field=same_as` by the name of the relation that it means.
        purpose: Purpose code.
    """

    items: Mapping[str, Item]
    purpose: str

    @staticmethod
    def read(texts: Sequence[str], purpose: str) -> "Asks":
        """Read `relation=resource:field` each.

        Raises:
            BadInput: One is not that, or there is none.
        """
        items: dict[str, Item] = {}
        for number, text in enumerate(texts):
            name, _, field = text.partition("=")
            if name not in RELATIONS or name in items or "=" in field:
                rule = f"must be RELATION=RESOURCE:FIELD with each of {', '.join(RELATIONS)} at most once"
                raise BadInput(f"ask[{number}]", rule)
            item = Item.parse(f"{field}={Operator.SAME_AS}?")
            items[name] = item
        if not items:
            raise BadInput("ask", "must name at least one relation")
        return Asks(items, purpose)


async def run(
    desk: Desk, client: AsyncClient, officials: Mapping[tuple[str, str], Whom], asks: Asks, most: int
) -> dict[Became, int]:
    """Ask what is wanted today.

    Args:
        desk: The gateway's desk.
        client: The audit office's system.
        officials: The office's register.
        asks: What is asked of which register.
        most: At most so many questions.

    Returns:
        How many questions became what.

    Raises:
        NodeError: The gateway was not reached, or refuses more than one question; what was recorded is recorded.
    """
    counts, exhausted = dict.fromkeys(Became, 0), set[Whom]()
    for question in await desk.questions(most):
        try:
            became = await _one(desk, client, officials, asks, question, exhausted)
        except RequestRefused as error:
            if error.code != _SETTLED:
                raise
            became = Became.LATER
        counts[became] += 1
    return counts


async def _one(
    desk: Desk,
    client: AsyncClient,
    officials: Mapping[tuple[str, str], Whom],
    asks: Asks,
    question: Question,
    exhausted: set[Whom],
) -> Became:
    official = await desk.party(question, Whose.OFFICIAL)
    whom = None if official is None else officials.get((official.realm, official.name))
    if whom in exhausted:
        # Nobody is opened in vain.
        return Became.LATER
    person = None if whom is None else await desk.party(question, Whose.PERSON)
    if whom is None or person is None or person.realm != whom.scheme:
        await desk.record(question, frozenset(), frozenset())
        return Became.UNKNOWN
    if person.name == whom.identifier:
        # Whoever looks the own record up is no relative of anybody.
        await desk.record(question, frozenset(asks.items), frozenset())
        return Became.UNRELATED
    try:
        answer = await client.fetch(
            subject=(person.realm, person.name),
            purpose=asks.purpose,
            basis=LegalBasis.MANDATE,
            items=[item.compared_with(whom.identifier) for item in asks.items.values()],
            case_reference=f"entry {question.entry}",
        )
    except RequestRefused as error:
        if error.code not in _EXHAUSTED:
            raise
        exhausted.add(whom)
        return Became.LATER
    answered, holds = _heard(answer, asks)
    if not answered:
        return Became.LATER
    await desk.record(question, answered, holds)
    return Became.RELATED if holds else Became.UNRELATED


def _heard(answer: Answer, asks: Asks) -> tuple[frozenset[str], frozenset[str]]:
    """Which relations were answered, and which hold. No value is no relation: it is not told apart."""
    answered, holds = set(), set()
    for name, row in zip(asks.items, answer.rows, strict=True):
        if row.status in {RowStatus.RELEASED, RowStatus.NOT_AVAILABLE}:
            answered.add(name)
        if row.released and row.text == "true":
            holds.add(name)
    return frozenset(answered), frozenset(holds)
