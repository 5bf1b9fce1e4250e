"""Relations between an official and a person: what they can be, who knows them, and which are worth asking for.

Rules kept here: a relation is a yes or no that nodes answered to the audit office, never data copied to the gateway;
the pair that it is about is a keyed hash of an official and a random id of a person. What is not known is not held
against anybody: `known` leaves out pairs without an answer (fails towards no alert: a relation only adds to
other evidence).
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol


class Relation(StrEnum):
    """In what relation an official stands to a person."""

    COLLEAGUE = "colleague"
    """Both work for one department."""
    FAMILY = "family"
    """Both belong to one family, as the registers have it; marriages that ended count."""
    SAME_ADDRESS = "same_address"
    """Both are registered at one address."""
    SAME_SURNAME = "same_surname"
    """Both have one surname. In one household with `SAME_ADDRESS`; by itself it says nothing."""


class Pair(NamedTuple):
    """An official and a person.

    Attributes:
        official: Keyed hash of the official, as entries of the log show it.
        person: The person's random id, 16 bytes.
    """

    official: str
    person: bytes


class Relations(Protocol):
    """Knows relations that were answered."""

    def known(self, pairs: Sequence[Pair]) -> Mapping[Pair, frozenset[Relation]]:
        """What is known about pairs.

        Args:
            pairs: At most some thousands.

        Returns:
            For each pair that was answered the relations that hold, maybe none; pairs without an answer are left out.
        """


@dataclass(frozen=True, slots=True)
class Question:
    """A pair that is worth asking about.

    Attributes:
        entry: Position of an entry of the log that names the official and the person: the newest such read.
        suspicion: How much speaks for misuse without the relation; larger is more.
        wanted_ms: When it was first wanted, Unix ms.
        token: Keyed token of the pair, 16 bytes: under it the answer is recorded.
    """

    entry: int
    suspicion: int
    wanted_ms: int
    token: bytes = field(repr=False)


class RelationQuestions(Protocol):
    """Which pairs detection wants asked."""

    def wanted(self, most: int) -> Sequence[Question]:
        """Questions that nobody has answered, the most suspicious first, within what is left of today's budget.

        Args:
            most: At most so many.
        """


@dataclass(frozen=True, slots=True)
class Answer:
    """What nodes answered about a pair.

    Attributes:
        pair: Whom it is about.
        answered: Relations about which there was an answer; a node that was silent about one leaves it out.
        holds: Those of them that hold.
    """

    pair: Pair
    answered: AbstractSet[Relation]
    holds: AbstractSet[Relation]


class KnowsNothing:
    """Relations of a gateway whose audit office asks for none."""

    def known(self, pairs: Sequence[Pair]) -> Mapping[Pair, frozenset[Relation]]:
        """Nothing is known about any pair."""
        del pairs
        return {}
