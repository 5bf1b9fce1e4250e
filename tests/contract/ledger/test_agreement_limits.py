"""An agreement's limits hold exactly, on every database: uses, different subjects, rate."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine

from gateway.audit.errors import RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code
from gateway.exchange.limits import refused_by, subjects_name, uses_name, uses_of
from policies.agreements import Agreement
from policies.civil_time import DAY_MS, civil_day, next_day_ms
from policies.limits import burst
from policies.reasons import Reason
from tests.support.ledgers import NOW_MS, LedgerClock, asked, make_ledger
from tests.support.policy_cases import agreement as policy_agreement

TODAY = civil_day(NOW_MS)


def agreement(uses: int = 1000, subjects: int | None = None, rate: int = 100_000, name: str = "a") -> Agreement:
    return replace(
        policy_agreement(), id=name, uses_per_day=uses, subjects_per_day=subjects or uses, rate_per_minute=rate
    )


async def use(ledger: SqlLedger, *agreements: Agreement, subject: int = 1) -> Any:
    return await ledger.append(replace(asked(), counts=uses_of(agreements, subject.to_bytes(16, "big"))))


async def refusal(ledger: SqlLedger, *agreements: Agreement, subject: int = 1) -> RiderRefused:
    with pytest.raises(RiderRefused) as caught:
        await use(ledger, *agreements, subject=subject)
    return caught.value


async def test_exactly_the_agreed_number_of_uses_is_granted_a_day(ledger: SqlLedger, clock: LedgerClock) -> None:
    results = await asyncio.gather(*(use(ledger, agreement(7)) for _ in range(40)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in results) == 7 == ledger.counted(uses_name("a", TODAY))
    told = await refusal(ledger, agreement(7))
    assert (told.reason, told.retry_after_ms) == (Reason.USES_EXHAUSTED, next_day_ms(NOW_MS))
    clock.at_ms += next_day_ms(NOW_MS) - 1
    assert (await refusal(ledger, agreement(7))).retry_after_ms == 1
    clock.at_ms += 1
    await use(ledger, agreement(7))


async def test_different_subjects_are_limited_and_the_same_one_is_not_counted_again(
    ledger: SqlLedger, clock: LedgerClock
) -> None:
    few = agreement(subjects=2)
    for subject in (1, 2, 1, 2, 1):
        await use(ledger, few, subject=subject)
    told = await refusal(ledger, few, subject=3)
    assert (told.reason, told.retry_after_ms) == (Reason.SUBJECTS_EXHAUSTED, next_day_ms(NOW_MS))
    await use(ledger, few, subject=2)
    assert ledger.counted(subjects_name("a", TODAY)) == 2
    assert ledger.counted(uses_name("a", TODAY)) == 6
    clock.at_ms += DAY_MS
    await use(ledger, few, subject=3)


async def test_of_many_subjects_at_once_exactly_as_many_are_asked_about(ledger: SqlLedger) -> None:
    tries = [use(ledger, agreement(subjects=9), subject=number % 30 + 1) for number in range(90)]
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert ledger.counted(subjects_name("a", TODAY)) == 9
    # Each of the nine was asked about three times, and nobody else.
    assert sum(not isinstance(one, Exception) for one in results) == 27


async def test_a_burst_goes_through_and_then_the_rate(ledger: SqlLedger, clock: LedgerClock) -> None:
    slow = agreement(rate=60)
    results = await asyncio.gather(*(use(ledger, slow) for _ in range(30)), return_exceptions=True)
    assert sum(not isinstance(one, Exception) for one in results) == burst(60) == 10
    told = await refusal(ledger, slow)
    assert (told.reason, told.retry_after_ms) == (Reason.RATE_EXCEEDED, 1000)
    clock.at_ms += 1000
    await use(ledger, slow)
    assert (await refusal(ledger, slow)).reason == Reason.RATE_EXCEEDED


async def test_the_rate_goes_on_after_a_restart(engine: Engine, clock: LedgerClock) -> None:
    for granted in (10, 0):
        ledger = make_ledger(engine, clock)
        ledger.start()
        tries = [use(ledger, agreement(rate=60)) for _ in range(20)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(not isinstance(one, Exception) for one in results) == granted
        ledger.stop()


async def test_what_waits_longest_is_told_first(ledger: SqlLedger) -> None:
    strict = agreement(uses=1, rate=1)
    await use(ledger, strict)
    assert (await refusal(ledger, strict, subject=2)).reason == Reason.USES_EXHAUSTED
    people = agreement(uses=5, subjects=1, rate=1, name="b")
    await use(ledger, people)
    assert (await refusal(ledger, people, subject=2)).reason == Reason.SUBJECTS_EXHAUSTED
    assert (await refusal(ledger, people)).reason == Reason.RATE_EXCEEDED


async def test_a_request_that_one_of_its_agreements_refuses_uses_none_of_them(ledger: SqlLedger) -> None:
    wide, narrow = agreement(name="wide"), agreement(uses=1, name="narrow")
    await use(ledger, wide, narrow)
    for _ in range(3):
        await refusal(ledger, wide, narrow, subject=2)
    assert ledger.counted(uses_name("wide", TODAY)) == 1
    assert ledger.counted(subjects_name("wide", TODAY)) == 1


async def test_a_new_revisions_limits_count_at_once_and_earlier_uses_still_count(ledger: SqlLedger) -> None:
    for _ in range(2):
        await use(ledger, agreement(2))
    await refusal(ledger, agreement(2))
    for _ in range(3):
        await use(ledger, agreement(5))
    await refusal(ledger, agreement(5))
    await refusal(ledger, agreement(3))


async def test_a_clock_that_is_set_back_gives_no_use_away(ledger: SqlLedger, clock: LedgerClock) -> None:
    await use(ledger, agreement(1))
    clock.at_ms += DAY_MS
    await use(ledger, agreement(1))
    clock.at_ms -= DAY_MS
    await refusal(ledger, agreement(1))


def test_a_limit_that_never_comes_back_is_a_refusal_like_any_other() -> None:
    refused = refused_by(RiderRefused(Reason.CONSENT_EXHAUSTED))
    assert (refused.code, refused.reason, refused.retry_after_ms) == (Code.WITHHELD, "CONSENT_EXHAUSTED", None)


async def test_a_limit_of_time_is_told_with_the_time_to_wait(ledger: SqlLedger) -> None:
    await use(ledger, agreement(1))
    refused = refused_by(await refusal(ledger, agreement(1)))
    assert (refused.code, refused.reason) == (Code.OVERLOADED, "USES_EXHAUSTED")
    assert refused.retry_after_ms == next_day_ms(NOW_MS)
    assert refused.public.zh
    assert refused.public.en
