"""Logs with many kinds of requests for tests of an auditor's review, and the plainest filter to compare with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.ledger import SqlLedger
from gateway.audit.review.query import Query
from tests.support.ledgers import LedgerClock

DEPARTMENTS: Final = ("civil", "education", "tax")
PURPOSES: Final = ("school_enrolment", "social_assistance")
CASES: Final = ("", "2026-1", "２０２６-2", "入学-7")
OFFICIALS: Final = ("", "ab" * 32, "cd" * 32)
FIELDS: Final = (("tax.income", "year"), ("civil.resident", "name"), ("civil.resident", "address"))
PEOPLE: Final = tuple(bytes([number]) * 16 for number in range(1, 5))


@dataclass
class Written:
    """One entry as it was meant to be found: its facets by name, worked out without the product's code."""

    index: int
    time_ms: int
    person: bytes | None
    facets: Mapping[str, frozenset[str]] = field(default_factory=dict)


def request_drafts(rng: Random, number: int) -> tuple[EntryDraft, dict[str, Any]]:
    """A question and what is needed to close it."""
    department = rng.choice(DEPARTMENTS)
    items = [
        {"resource": resource, "field": name, "form": "value", "rules": [f"rule-{rng.randrange(3)}"]}
        for resource, name in rng.sample(FIELDS, rng.randint(1, len(FIELDS)))
    ]
    who: dict[str, Any] = {
        "department": department,
        "system": f"spiffe://city.example/department/{department}/system/desk-{rng.randrange(2)}",
        "purpose": rng.choice(PURPOSES),
        "legal_basis": rng.choice(("mandate", "consent")),
        "case": rng.choice(CASES),
        "request_id": f"r{number}",
    }
    official = rng.choice(OFFICIALS)
    if official:
        who["official"] = official
    if rng.random() < 0.2:
        who["emergency"] = {"reason": rng.choice(("life_at_risk", "public_safety"))}
    person = rng.choice(PEOPLE)
    agreement = f"agreement-{rng.randrange(3)}"
    said: dict[str, Json] = {
        **who,
        "items": items,
        "rules": [f"rule-{rng.randrange(3)}"],
        "agreements": [{"id": agreement, "revision": 1, "digest": "ab"}],
    }
    about = {"person": person.hex(), "scheme": "cn.resident-id"}
    return EntryDraft("asked", said, about, about=person), {"who": who, "items": items, "person": person}


async def fill(ledger: SqlLedger, clock: LedgerClock, rng: Random, requests: int) -> list[Written]:
    """Write so many requests with their outcomes, and other acts between them.

    Returns:
        What a search may find, oldest first.
    """
    written: list[Written] = []
    for number in range(requests):
        # The clock is set back now and then: order is the index.
        clock.at_ms += rng.choice((1_000, 60_000, 43_200_000, -3_600_000))
        question, more = request_drafts(rng, number)
        asked = await ledger.append(question)
        kind = rng.choice(("released", "released", "refused", "abandoned", ""))
        if kind:
            items = [
                {**{k: item[k] for k in ("resource", "field", "form")}, "outcome": rng.choice(("released", "withheld"))}
                for item in more["items"]
            ]
            said: dict[str, Json] = {**more["who"], "items": items, "request": asked.leaf_index}
            if kind == "refused":
                said["reason"] = rng.choice(("PURPOSE_NOT_COVERED", "NO_CASE"))
            person = more["person"]
            clock.at_ms += rng.randrange(500)
            draft = EntryDraft(kind, said, {"person": person.hex()}, about=person)
            closed = await ledger.append(draft)
            written.append(Written(closed.leaf_index, clock.at_ms, person, _meant(kind, said, question.accountability)))
        if rng.random() < 0.1:
            act: dict[str, Json] = {"auditor": "ef" * 32, "what": "entries"}
            read = await ledger.append(EntryDraft("log_read", act))
            found = {"outcome": frozenset({"log_read"}), "auditor": frozenset({"ef" * 32})}
            written.append(Written(read.leaf_index, clock.at_ms, None, found))
    return written


def plain(written: Sequence[Written], query: Query) -> list[int]:
    """Indexes of what a query should find, newest first, by going through everything."""
    return [one.index for one in reversed(written) if _fits(one, query)]


def pages(ledger: SqlLedger, query: Query, limit: int) -> Iterator[list[int]]:
    """Every page of a search, as indexes."""
    cursor = ""
    while True:
        page = ledger.review.search.page(query, cursor, limit)
        yield [hit.entry.leaf_index for hit in page.hits]
        cursor = page.next_cursor
        if not cursor:
            return


def index_all(ledger: SqlLedger) -> None:
    """Index everything that is on the log."""
    while ledger.review.indexer.turn():
        pass


def _fits(one: Written, query: Query) -> bool:
    return (
        query.from_ms <= one.time_ms < query.until_ms
        and (query.person is None or one.person == query.person)
        and all(value in one.facets.get(str(facet), frozenset()) for facet, value in query.facets)
    )


def _meant(kind: str, said: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    fields = [f"{item['resource']}.{item['field']}" for item in said["items"]]
    given = [f for f, item in zip(fields, said["items"], strict=True) if item["outcome"] == "released"]
    emergency = said.get("emergency")
    return {
        "outcome": frozenset({kind}),
        "department": frozenset({said["department"]}),
        "system": frozenset({f"{said['department']}/{said['system'].split('/')[-1]}"}),
        "purpose": frozenset({said["purpose"]}),
        "legal_basis": frozenset({said["legal_basis"]}),
        "case": frozenset({said["case"].replace("２０２６", "2026")}),
        "official": frozenset({said.get("official", "")}),
        "reason": frozenset({said["reason"]} if "reason" in said else ()),
        "emergency": frozenset({"", emergency["reason"]} if emergency else ()),
        "field": frozenset(fields),
        "resource": frozenset(item["resource"] for item in said["items"]),
        "given": frozenset(given if kind == "released" else ()),
        "rule": frozenset([*asked["rules"], *(rule for item in asked["items"] for rule in item["rules"])]),
        "agreement": frozenset(one["id"] for one in asked["agreements"]),
    }
