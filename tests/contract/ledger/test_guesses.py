"""Predicates run out at the gateway, exactly, in the commit of the entry, on every database."""

import asyncio
from dataclasses import replace

from sqlalchemy import Engine

from gateway.audit.errors import RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.exchange.guesses import GuessLimits, guesses_of
from policies.civil_time import DAY_MS, day_begins_ms
from policies.predicates import Operator, Predicate
from policies.reasons import Reason
from tests.support.ledgers import LedgerClock, asked, make_ledger

PERSON, OTHER = b"p" * 16, b"o" * 16
LIMITS = GuessLimits()


def le(year: int, field: str = "born") -> Predicate:
    return Predicate(f"le{year}", field, Operator.LE, (f"{year}-01-01",))


SAME = Predicate("same", "name", Operator.EQUALS, ())


async def ask(
    ledger: SqlLedger,
    *predicates: Predicate,
    person: bytes = PERSON,
    department: str = "education",
    resource: str = "civil.resident",
) -> RiderRefused | None:
    counts = guesses_of(department, person, {resource: predicates}, LIMITS)
    try:
        await ledger.append(replace(asked(0), counts=counts))
    except RiderRefused as refused:
        return refused
    return None


async def test_a_consumer_that_asks_fifteen_questions_is_stopped_after_three(ledger: SqlLedger) -> None:
    answers = [await ask(ledger, le(1950 + year)) for year in range(15)]
    assert [one is None for one in answers] == [True] * 3 + [False] * 12
    assert {one.reason for one in answers if one} == {Reason.PREDICATES_EXHAUSTED}
    assert ledger.size() == 3
    # The same question again is nothing new, whatever it is called; other people, fields and departments have their own.
    assert await ask(ledger, replace(le(1951), name="renamed")) is None
    assert await ask(ledger, le(1999), person=OTHER) is None
    assert await ask(ledger, le(1999, "died")) is None
    assert await ask(ledger, le(1999), department="police") is None
    assert await ask(ledger, le(1999), resource="civil.marriage") is None


async def test_of_many_callers_at_once_exactly_three_questions_and_five_guesses_get_in(ledger: SqlLedger) -> None:
    questions = await asyncio.gather(*(ask(ledger, le(1900 + year)) for year in range(60)))
    guesses = await asyncio.gather(*(ask(ledger, SAME) for _ in range(60)))
    assert (questions.count(None), guesses.count(None)) == (3, 5)
    assert ledger.size() == 8


async def test_places_and_days_pass(engine: Engine, clock: LedgerClock) -> None:
    clock.at_ms = day_begins_ms(20_000)
    ledger = make_ledger(engine, clock=clock)
    ledger.start()
    try:
        for year in range(3):
            assert await ask(ledger, le(1950 + year)) is None
        refused = await ask(ledger, le(1960))
        assert refused is not None
        assert refused.retry_after_ms == LIMITS.period_days * DAY_MS
        for _ in range(5):
            assert await ask(ledger, SAME) is None
        refused = await ask(ledger, SAME)
        assert refused is not None
        assert (refused.reason, refused.retry_after_ms) == (Reason.GUESSES_EXHAUSTED, DAY_MS)
        clock.at_ms += DAY_MS - 1
        assert await ask(ledger, SAME) is not None
        clock.at_ms += 1
        assert await ask(ledger, SAME) is None
        clock.at_ms += LIMITS.period_days * DAY_MS - DAY_MS
        assert await ask(ledger, le(1960)) is None
    finally:
        ledger.stop()


async def test_a_request_that_is_refused_for_one_predicate_counts_none(ledger: SqlLedger) -> None:
    for year in range(3):
        await ask(ledger, le(1950 + year))
    assert await ask(ledger, SAME, le(1960)) is not None
    for _ in range(5):
        assert await ask(ledger, SAME) is None


async def test_comparisons_with_a_second_person_are_counted_for_that_one_too(ledger: SqlLedger) -> None:
    alike = Predicate("alike", "address", Operator.SAME_AS, ())

    async def compare(person: bytes, second: str) -> str | None:
        asked_of = {"civil.resident": [alike]}
        seconds = {("civil.resident", "address"): second}
        counts = guesses_of("audit", person, asked_of, LIMITS, seconds)
        try:
            await ledger.append(replace(asked(0), counts=counts))
        except RiderRefused as refused:
            return refused.reason
        return None

    assert [await compare(bytes([n]) * 16, "official") for n in range(6)] == [None] * 5 + [Reason.GUESSES_EXHAUSTED]
    # One is used up, and neither the other people nor another second person are held back by it.
    assert await compare(b"\x01" * 16, "another") is None
