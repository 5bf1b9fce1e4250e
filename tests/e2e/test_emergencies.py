"""Declared emergencies over real sockets: allowed by their own agreement alone, noticed at once, reviewed, or stopped."""

import sqlite3
import time
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update

from gateway.emergencies.tables import USES
from gateway.federation.model import Order
from gateway.storage.database import write_transaction
from oncegate.v1 import audit_pb2, emergency_pb2, signed_pb2
from tests.support.city import ALICE, BO, CHEN, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer, refused
from tests.support.emergencies import (
    ADDRESS,
    HOUR_MS,
    HOUSING_ISSUER,
    LOCATION,
    OFFICE,
    STATEMENT,
    auditor,
    city_with_emergencies,
    declared,
    listed,
    official,
    reason,
    review_everything,
    steward,
    urgent,
    uses,
)
from tests.support.log_book import logged
from tests.support.stewards import person
from tests.support.tampering import Asking, answered, between, storage_that_fails

pytestmark = shared_city("e2e-emergencies")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_with_emergencies(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _reviewed(city: City) -> AsyncIterator[None]:
    """No test leaves a review behind that stops the next one."""
    yield
    review_everything(city)


# What serves what.


async def test_an_emergency_is_served_by_its_own_agreement_and_marked_everywhere(
    city: City, raw: RawSystem, people: Door
) -> None:
    request = urgent(city, raw)
    with logged(city) as book:
        response = await raw.fetch(request)
    assert response.complete
    [field] = raw.opened(request, response.answers[0]).fields
    assert field.status == signed_pb2.FIELD_STATUS_RELEASED
    for kind in ("asked", "released"):
        assert book.only(kind).account["emergency"] == {"reason": "life_saving_care"}
    assert book.only("asked").account["agreements"][0]["id"] == "civil-emergency"
    # What was stated may speak of people: it is in the part that can be erased, and only there.
    assert book.only("asked").personal["statement"] == STATEMENT
    everything = b"".join(entry.accountability for entry in book.entries).decode()
    assert STATEMENT not in everything
    assert STATEMENT.encode() not in (city.home / "gateway.db").read_bytes()
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=person(city, ALICE))
    assert seen.accesses[0].emergency == "life_saving_care"
    assert seen.accesses[0].outcome == "released"


async def test_an_ordinary_agreement_never_serves_an_emergency(city: City, raw: RawSystem) -> None:
    name = ("civil.resident", "name", signed_pb2.FORM_VALUE)
    # The emergency agreement does not list the name, the ordinary one does.
    assert await reason(city, raw, raw.fetch(urgent(city, raw, items=[name]))) == "NOT_IN_AGREEMENT"
    profile = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)
    for purpose, told in (("school_enrolment", "EMERGENCY_NOT_AGREED"), ("emergency_response", "PURPOSE_NOT_COVERED")):
        assert await reason(city, raw, raw.fetch(urgent(city, raw, items=[profile], purpose=purpose))) == told


async def test_an_emergency_agreement_never_serves_an_ordinary_request(city: City, raw: RawSystem) -> None:
    ordinary = raw.request(raw.body(ALICE, items=[ADDRESS]), official_token=official(city))
    assert await reason(city, raw, raw.fetch(ordinary)) == "NOT_IN_AGREEMENT"
    with logged(city) as book:
        assert (await raw.fetch(raw.asking())).complete
    assert "emergency" not in book.only("asked").account


async def test_a_reason_that_the_agreement_does_not_cover_is_refused(city: City, raw: RawSystem) -> None:
    other = urgent(city, raw, emergency=declared("disaster_relief"))
    assert await reason(city, raw, raw.fetch(other)) == "EMERGENCY_REASON_NOT_COVERED"


async def test_nobody_declares_an_emergency_without_a_name(city: City, raw: RawSystem) -> None:
    request = raw.request(raw.body(ALICE, items=[ADDRESS], emergency=declared()))
    assert await reason(city, raw, raw.fetch(request)) == "OFFICIAL_REQUIRED"


@pytest.mark.parametrize(
    ("code", "statement", "field"),
    [
        ("", STATEMENT, "emergency.reason"),
        ("curiosity", STATEMENT, "emergency.reason"),
        ("life_saving_care", "", "emergency.statement"),
        ("life_saving_care", "   ", "emergency.statement"),
        ("life_saving_care", "急" * 501, "emergency.statement"),
        ("life_saving_care", "a\nb", "emergency.statement"),
        ("life_saving_care", "\x1b[2Jx", "emergency.statement"),
        ("life_saving_care", "a\u202eb", "emergency.statement"),
    ],
)
async def test_a_declaration_that_breaks_a_rule_is_refused_and_not_repeated(
    city: City, raw: RawSystem, code: str, statement: str, field: str
) -> None:
    refusal = await refused(raw.fetch(urgent(city, raw, emergency=declared(code, statement))))
    assert (refusal.status, refusal.reason) == ("INVALID_ARGUMENT", "BAD_REQUEST")
    assert list(refusal.violations) == [field]
    assert not statement.strip() or statement.encode() not in refusal.everything


async def test_a_locate_declares_no_emergency(city: City, raw: RawSystem) -> None:
    record = ("civil.resident", "record", signed_pb2.FORM_EXISTS)
    assert (await refused(raw.locate(urgent(city, raw, items=[record])))).violations == {
        "emergency": "is for a fetch only"
    }


# Notices.


async def test_the_notices_are_durable_before_any_node_is_asked(city: City, raw: RawSystem) -> None:
    noted: list[tuple[int, str]] = []

    async def look(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        with sqlite3.connect(city.home / "gateway.db") as base:
            noted.extend(base.execute("SELECT entry, provider FROM emergencies_uses ORDER BY entry DESC LIMIT 1"))
        base.close()
        assert [order.emergency for order in orders] == ["life_saving_care"]
        return await ask(orders, deadline_s)

    with between(city, look), logged(city) as book:
        await raw.fetch(urgent(city, raw))
    assert noted == [(book.only("asked").leaf_index, "civil")]


async def test_nothing_is_asked_when_the_notice_cannot_be_written(city: City, raw: RawSystem) -> None:
    before, noted = answered(city), len(uses(city))
    with sqlite3.connect(city.home / "gateway.db") as base:
        base.execute(
            "CREATE TRIGGER no_notices BEFORE INSERT ON emergencies_uses BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    try:
        refusal = await refused(raw.fetch(urgent(city, raw)))
    finally:
        with sqlite3.connect(city.home / "gateway.db") as base:
            base.execute("DROP TRIGGER no_notices")
        base.close()
    assert refusal.reason == "LEDGER_UNAVAILABLE"
    with storage_that_fails(city):
        assert (await refused(raw.fetch(urgent(city, raw)))).reason == "LEDGER_UNAVAILABLE"
    assert (answered(city), len(uses(city))) == (before, noted)


async def test_the_steward_reads_the_notice_and_the_person_sees_that(city: City, raw: RawSystem, people: Door) -> None:
    with logged(city) as asked:
        await raw.fetch(urgent(city, raw, BO))
    with logged(city) as book:
        [use] = await listed(people, steward(city))
    assert (use.provider, use.consumer, use.reason, use.statement) == (
        "civil",
        "education",
        "life_saving_care",
        STATEMENT,
    )
    assert (use.reason_text.zh, [item.field for item in use.items]) == ("危及生命的医疗救治", ["address"])
    assert (use.entry, use.due_unix_ms - use.asked_unix_ms) == (asked.only("asked").leaf_index, 24 * HOUR_MS)
    assert use.official
    assert book.only("emergency_read").account["entry"] == use.entry
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=person(city, BO))
    assert [access.outcome for access in seen.accesses][:2] == ["emergency_read", "released"]
    mine = await people.emergency.ListMyEmergencies(emergency_pb2.ListMyEmergenciesRequest(), metadata=person(city, BO))
    [own] = mine.uses
    assert (own.reason, own.consumer, own.statement, own.official, own.use_id) == (
        "life_saving_care",
        "education",
        "",
        "",
        b"",
    )
    nobody = await people.emergency.ListMyEmergencies(
        emergency_pb2.ListMyEmergenciesRequest(), metadata=person(city, CHEN)
    )
    assert list(nobody.uses) == []


async def test_a_steward_sees_what_the_department_provided_and_nobody_else_does(
    city: City, raw: RawSystem, people: Door
) -> None:
    await raw.fetch(urgent(city, raw))
    assert await listed(people, steward(city, HOUSING_ISSUER)) == []
    for who in (person(city, ALICE), bearer(city.token("clerk", roles=["clerk"], issuer=OFFICE))):
        assert (await refused(listed(people, who))).reason == "NOT_ALLOWED"
    with logged(city) as book:
        seen = await listed(people, auditor(city))
    assert [use.statement for use in seen] == [""]
    assert book.only("log_read").account["what"] == "emergencies"


async def test_a_filter_that_breaks_a_rule_is_refused_before_anything_is_recorded(city: City, people: Door) -> None:
    for broken, field in (
        ({"consumer": "x" * 64}, "consumer"),
        ({"consumer": "A B"}, "consumer"),
        ({"page_size": 101}, "page_size"),
        ({"page_token": "1-2"}, "page_token"),
        ({"state": 9}, "state"),
        ({"side": 9}, "side"),
    ):
        request = emergency_pb2.ListEmergenciesRequest(**broken)
        with logged(city) as book:
            assert list(
                (await refused(people.emergency.ListEmergencies(request, metadata=auditor(city)))).violations
            ) == [field]
        assert book.entries == []


async def test_no_notice_is_shown_to_a_steward_while_the_log_cannot_write(
    city: City, raw: RawSystem, people: Door
) -> None:
    await raw.fetch(urgent(city, raw))
    with storage_that_fails(city):
        assert (await refused(listed(people, steward(city)))).reason == "LEDGER_UNAVAILABLE"


async def test_a_notice_that_a_law_delays_is_kept_from_the_person_until_its_day(
    city: City, raw: RawSystem, people: Door
) -> None:
    async def accesses(page_size: int) -> list[Any]:
        request = audit_pb2.ListMyAccessesRequest(page_size=page_size)
        return list((await people.audit.ListMyAccesses(request, metadata=person(city, ALICE))).accesses)

    async def own() -> list[Any]:
        request = emergency_pb2.ListMyEmergenciesRequest()
        return list((await people.emergency.ListMyEmergencies(request, metadata=person(city, ALICE))).uses)

    before, known = [a.leaf_index for a in await accesses(3)], len(await own())
    with logged(city) as book:
        response = await raw.fetch(urgent(city, raw, items=[LOCATION], emergency=declared("child_at_risk")))
        assert response.complete
        await listed(people, steward(city, HOUSING_ISSUER))
    mark = book.only("released").account["emergency"]
    assert mark["law"] == "《未成年人保护法》第一百零六条"
    assert book.only("asked").account["emergency"] == mark == book.only("emergency_read").account["emergency"]
    # A page is as long as before, and nothing of it is there.
    assert [a.leaf_index for a in await accesses(3)] == before
    assert len(await own()) == known
    # Nor is it proven or counted; auditors see how many there are, and until when.
    released = book.only("released").leaf_index
    proof = audit_pb2.GetMyAccessProofRequest(leaf_index=released)
    assert (await refused(people.audit.GetMyAccessProof(proof, metadata=person(city, ALICE)))).reason == "NOT_FOUND"
    now_ms = int(time.time() * 1000)
    counting = audit_pb2.CountHiddenRequest(from_unix_ms=now_ms - HOUR_MS, until_unix_ms=now_ms + HOUR_MS)
    with logged(city) as counted:
        [row] = (await people.audit.CountHidden(counting, metadata=auditor(city))).rows
    assert counted.only("log_read").account["what"] == "hidden"
    assert (row.department, row.law, row.ended, row.overdue) == ("education", mark["law"], 0, 0)
    assert row.hidden >= 1
    assert row.first_end_unix_ms <= mark["visible_from_ms"] <= row.last_end_unix_ms
    with write_transaction(city.parts.engine) as connection:
        connection.execute(update(USES).where(USES.c.entry == book.only("asked").leaf_index).values(person_from_ms=0))
    assert len(await own()) == known + 1
    # The register's day was changed, the log still keeps it back: that is an end that was missed, and named.
    [row] = (await people.audit.CountHidden(counting, metadata=auditor(city))).rows
    assert (row.ended, row.overdue, list(row.overdue_entries)) == (1, 1, [book.only("asked").leaf_index])
    citizen = person(city, ALICE)
    assert (await refused(people.audit.CountHidden(counting, metadata=citizen))).reason == "NOT_ALLOWED"
