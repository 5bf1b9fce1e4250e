"""A candidate bundle is tried on what was asked: what changes is counted, what does not is not, and nobody is shown."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from sqlalchemy import select, update

from gateway.bootstrap.policy import past_of
from gateway.exchange.simulate import Cause, Change, Simulate, Simulation
from gateway.sharing.tables import AGREEMENTS
from gateway.storage.database import write_transaction
from oncegate.v1 import signed_pb2
from policies.engine import PolicyEngine
from policies.engine.bundle import check_bundle
from tests.support.city import CIVIL_ITEMS, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, RawSystem, refused
from tests.support.log_book import logged
from tests.support.policy_city import NO_SCHOOL, NO_TAX, NO_YEAR, with_rule

pytestmark = shared_city("e2e-policy-simulate")
YEAR = ("civil.resident", "birth_date", signed_pb2.FORM_YEAR, signed_pb2.NECESSITY_OPTIONAL)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(tmp_path_factory: Any) -> AsyncIterator[tuple[City, list[int]]]:
    """A city in which a name and a year were asked for three times, and once for another purpose."""
    async with running_city(tmp_path_factory.mktemp("city")) as city, RawSystem(city) as raw:
        with logged(city) as book:
            for _ in range(3):
                await raw.fetch(raw.asking(items=[NAME, YEAR]))
            await refused(raw.fetch(raw.asking(purpose="tax_assessment")))
            await refused(raw.fetch(raw.asking(purpose="curiosity")))
        yield city, [entry.leaf_index for entry in book.entries if entry.kind == "asked"]


def replayed(city: City, *rules: str, **options: Any) -> Simulation:
    parts = city.parts
    in_force = PolicyEngine(check_bundle(with_rule()))
    replay = Simulate(parts.ledger, parts.catalog, parts.agreements, past_of(parts), in_force, **options.pop("of", {}))
    return replay(PolicyEngine(check_bundle(with_rule(*rules))), since_ms=options.pop("since_ms", 0), **options)


async def test_nothing_changes_under_rules_that_decide_alike(asked: tuple[City, list[int]]) -> None:
    found = replayed(asked[0], "// the same\n")
    assert (found.requests, found.items, found.changed_requests, found.not_decided) == (4, 7, 0, 1)
    assert not found.changes
    assert not found.entries


async def test_what_changes_is_counted_by_department_purpose_item_and_reason(asked: tuple[City, list[int]]) -> None:
    city, entries = asked
    found = replayed(city, NO_YEAR, NO_TAX)
    year = "civil.resident.birth_date=year"
    assert found.changes == {Change("education", "school_enrolment", year, "released", "GUARDRAIL"): 3}
    assert found.entries == sorted(entries, reverse=True)
    assert found.changed_requests == 3


async def test_pages_lose_nothing_and_keep_no_more_than_a_bounded_list(
    asked: tuple[City, list[int]],
) -> None:
    told: list[int] = []
    found = replayed(asked[0], NO_SCHOOL, changed=told.append, of={"page": 1, "most_listed": 2})
    assert found.changed_requests == 3
    assert len(found.entries) == 2
    assert len(told) == 3


async def test_only_the_days_that_are_asked_for_count(asked: tuple[City, list[int]]) -> None:
    city, _ = asked
    assert replayed(city, NO_YEAR, since_ms=city.parts.clock.now_ms() + 1).requests == 0


async def test_agreements_are_todays_or_those_of_the_time(asked: tuple[City, list[int]]) -> None:
    city, _ = asked
    city.agree("civil", "civil.resident", {"name": ["value"]}, revision=2)
    changed = replayed(city, NO_SCHOOL)
    assert {(change.after, change.cause) for change in changed.changes} == {
        ("GUARDRAIL", Cause.RULES),
        ("NOT_IN_AGREEMENT", Cause.SINCE),
    }
    same = replayed(city, "// the same\n")
    assert {change.cause for change in same.changes} == {Cause.SINCE}
    assert (same.changed_requests, same.changed_since, same.entries) == (0, 3, [])
    assert not replayed(city, "// the same\n", as_of_then=True).changes
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=3)


async def test_a_request_whose_agreement_is_not_kept_as_it_was_signed_is_counted_apart(
    asked: tuple[City, list[int]],
) -> None:
    city, _ = asked
    first = (AGREEMENTS.c.id == "education-civil-resident", AGREEMENTS.c.revision == 1)
    with write_transaction(city.parts.engine) as connection:
        raw = connection.execute(select(AGREEMENTS.c.raw).where(*first)).scalar_one()
        connection.execute(
            update(AGREEMENTS).where(*first).values(raw=raw.replace(b"uses_per_day = 1", b"uses_per_day = 9"))
        )
    found = replayed(city, NO_YEAR, as_of_then=True)
    assert found.not_kept >= 3
    assert not found.changes
    with write_transaction(city.parts.engine) as connection:
        connection.execute(update(AGREEMENTS).where(*first).values(raw=raw))
    assert replayed(city, NO_YEAR, as_of_then=True).changed_requests == 3
