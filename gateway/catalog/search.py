"""Finds resources by words over a table of terms that is the same on SQLite and PostgreSQL.

Rules kept here: every term that is asked for must occur; a rare term counts more than a common one; equal scores stand
in the order of codes, so that every replica gives the same list; a query costs a bounded number of terms. Terms are
values of a statement, never part of its text. The table changes in the transaction that changes the catalogue.

It does not decide who may see a resource; the catalogue is public in the exchange.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log2
from typing import Final

from sqlalchemy import Connection, Engine, case, delete, func, insert, select

from gateway.catalog.tables import TERMS
from gateway.catalog.terms import asked, described
from gateway.errors import bad_request
from policies.resources import ResourceDescription

_CURSOR: Final = re.compile(r"([0-9]{1,12})-([a-z][a-z0-9_.-]{0,127})", re.ASCII)
_RARITY: Final = 4
"""Scores are whole numbers, so that a page goes on where the last one ended: rarity counts in quarters."""

_NARROWS: Final = 8
"""Looking only at resources with the rarest term pays when it has less than this share of all the rows."""


@dataclass(frozen=True, slots=True)
class Found:
    """One resource that was found.

    Args:
        code: Resource code.
        score: How well it fits; comparable within one search only.
    """

    code: str
    score: int


@dataclass(frozen=True, slots=True)
class FoundPage:
    """What was found, best first, and the token of the next page (empty at the end)."""

    found: tuple[Found, ...]
    next_cursor: str


class Search:
    """The search.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def __call__(self, query: str, provider: str = "", cursor: str = "", limit: int = 20) -> FoundPage:
        """Find offered resources.

        Args:
            query: As typed, 1 to 64 characters.
            provider: Only this department's; empty for all.
            cursor: From the last page; empty for the first.
            limit: At most this many, at least 1.

        Raises:
            Refused: BAD_REQUEST: the query or the page token breaks a rule.
        """
        terms = asked(query)
        after = _position(cursor)
        with self._engine.connect() as connection:
            common = self._frequencies(connection, terms, provider)
            if len(common) < len(terms):
                return FoundPage((), "")
            # A whole number per term: how often its resource's share of the catalogue halves.
            total = max(common.values())
            rarity = {term: _RARITY + round(_RARITY * log2(total / number)) for term, number in common.items()}
            score = func.sum(TERMS.c.weight * case(rarity, value=TERMS.c.term, else_=0))
            scored = select(TERMS.c.code.label("code"), score.label("score")).where(TERMS.c.term.in_(terms))
            rarest = min(terms, key=lambda term: (common[term], term))
            if common[rarest] * _NARROWS < sum(common.values()):
                scored = scored.where(TERMS.c.code.in_(select(TERMS.c.code).where(TERMS.c.term == rarest)))
            if provider:
                scored = scored.where(TERMS.c.provider == provider)
            found = scored.group_by(TERMS.c.code).having(func.count() == len(terms)).subquery()
            page = select(found.c.code, found.c.score).order_by(found.c.score.desc(), found.c.code).limit(limit + 1)
            if after is not None:
                best, code = after
                page = page.where((found.c.score < best) | ((found.c.score == best) & (found.c.code > code)))
            rows = [Found(str(row.code), int(row.score)) for row in connection.execute(page)]
        more = f"{rows[limit - 1].score}-{rows[limit - 1].code}" if len(rows) > limit else ""
        return FoundPage(tuple(rows[:limit]), more)

    @staticmethod
    def _frequencies(connection: Connection, terms: tuple[str, ...], provider: str) -> dict[str, int]:
        counted = select(TERMS.c.term, func.count().label("number")).where(TERMS.c.term.in_(terms))
        if provider:
            counted = counted.where(TERMS.c.provider == provider)
        return {str(row.term): int(row.number) for row in connection.execute(counted.group_by(TERMS.c.term))}


def index_resource(connection: Connection, resource: ResourceDescription) -> None:
    """Make a resource found by its description as it is now.

    Args:
        connection: Inside the transaction that publishes it.
        resource: Its description.
    """
    forget_resources(connection, (resource.code,))
    connection.execute(
        insert(TERMS),
        [
            {"term": term, "code": resource.code, "provider": resource.provider, "weight": weight}
            for term, weight in described(resource).items()
        ],
    )


def forget_resources(connection: Connection, codes: Iterable[str]) -> None:
    """Find resources no more.

    Args:
        connection: Inside the transaction that withdraws them.
        codes: Which.
    """
    for code in codes:
        connection.execute(delete(TERMS).where(TERMS.c.code == code))


def _position(cursor: str) -> tuple[int, str] | None:
    if not cursor:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise bad_request("page_token", "must be one that the gateway gave")
    return int(match[1]), match[2]
