"""Reviews of emergencies over real sockets, what a late one stops, and the commands for all of it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs
from typer.testing import CliRunner

from gateway.cli.main import app as oncegate
from gateway.federation.model import Order
from nodes.cli.main import app as oncegate_node
from nodes.consumer import AsyncClient, BadInput, Emergency, RequestRefused
from oncegate.v1 import emergency_pb2
from tests.support.city import ALICE, BO, NOBODY, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, refused
from tests.support.emergencies import (
    ADDRESS,
    CIVIL_ISSUER,
    EDUCATION_ISSUER,
    HOUSING_ISSUER,
    LOCATION,
    STATEMENT,
    age,
    auditor,
    city_with_emergencies,
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
from tests.support.tampering import Asking, between, storage_that_fails

pytestmark = shared_city("e2e-emergency-reviews")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_with_emergencies(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(autouse=True, loop_scope="module")
async def _reviewed(city: City) -> AsyncIterator[None]:
    """No test leaves a review behind that stops the next one."""
    yield
    review_everything(city)


# Reviews.


async def review(people: Door, who: Any, use: Any, outcome: int, text: str = "经核实，确系急救") -> Any:
    request = emergency_pb2.ReviewEmergencyRequest(use_id=use.use_id, outcome=outcome, text=text)
    return (await people.emergency.ReviewEmergency(request, metadata=who)).use


async def test_a_review_is_on_the_log_final_and_seen_by_the_person(city: City, raw: RawSystem, people: Door) -> None:
    await raw.fetch(urgent(city, raw))
    [use] = await listed(people, steward(city))
    with logged(city) as book:
        follow = await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP)
        done = await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED)
    assert (follow.outcome, done.outcome) == (3, 2)
    assert [entry.account["outcome"] for entry in book.entries] == ["follow_up", "not_justified"]
    # A follow-up is due on a working day of its own.
    assert follow.due_unix_ms == book.entries[0].account["due_ms"] > use.due_unix_ms
    assert done.review_text == "经核实，确系急救"
    assert book.entries[1].account["entry"] == use.entry
    assert book.entries[1].personal["text"] == "经核实，确系急救"
    with logged(city) as book:
        again = await refused(review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_JUSTIFIED))
    assert again.reason == "ALREADY_REVIEWED"
    assert book.entries == []
    assert await listed(people, steward(city)) == []
    mine = await people.emergency.ListMyEmergencies(
        emergency_pb2.ListMyEmergenciesRequest(), metadata=person(city, ALICE)
    )
    assert mine.uses[0].outcome == emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED


async def test_only_a_steward_of_the_provider_reviews_and_only_with_words(
    city: City, raw: RawSystem, people: Door
) -> None:
    await raw.fetch(urgent(city, raw))
    [use] = await listed(people, steward(city))
    justified = emergency_pb2.REVIEW_OUTCOME_JUSTIFIED
    assert (await refused(review(people, steward(city, HOUSING_ISSUER), use, justified))).reason == "NOT_FOUND"
    assert (await refused(review(people, auditor(city), use, justified))).reason == "NOT_ALLOWED"
    assert (await refused(review(people, person(city, ALICE), use, justified))).reason == "NOT_ALLOWED"
    assert (await refused(review(people, steward(city), use, justified, ""))).violations
    assert (await refused(review(people, steward(city), use, 0))).violations
    assert (await refused(review(people, steward(city), use, 9))).violations
    assert (await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP)).outcome
    twice = await refused(review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP))
    assert list(twice.violations) == ["outcome"]
    with storage_that_fails(city):
        assert (await refused(review(people, steward(city), use, justified))).reason == "LEDGER_UNAVAILABLE"
    assert len(await listed(people, steward(city))) == 1


async def test_who_received_something_in_an_emergency_that_was_not_justified_is_told_to_erase_it(
    city: City, raw: RawSystem, people: Door, school: AsyncClient
) -> None:
    request = urgent(city, raw, items=[ADDRESS, LOCATION])
    with logged(city) as book:
        assert (await raw.fetch(request)).complete
    released = book.only("released")
    [civil] = await listed(people, steward(city))
    [housing] = await listed(people, steward(city, HOUSING_ISSUER))
    await review(people, steward(city, HOUSING_ISSUER), housing, emergency_pb2.REVIEW_OUTCOME_JUSTIFIED)
    assert [notice.kind for notice in await school.notices()] == []
    with logged(city) as book:
        await review(people, steward(city), civil, emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED)
    assert book.only("emergency_reviewed").account["to_erase"] == [released.leaf_index]
    [notice] = await school.notices()
    [noticed] = notice.releases
    assert (notice.kind, noticed.leaf_index, noticed.fields) == (
        "emergency",
        released.leaf_index,
        ("civil.resident.address",),
    )
    assert noticed.request_id == released.account["request_id"]
    await school.acknowledge_notice(notice.notice_id)
    assert await school.notices() == ()


async def test_where_nothing_was_received_nobody_is_told_to_erase(
    city: City, raw: RawSystem, people: Door, school: AsyncClient
) -> None:
    assert (await raw.fetch(urgent(city, raw, NOBODY))).complete
    [use] = await listed(people, steward(city))
    await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED)
    assert await school.notices() == ()


async def test_while_an_emergency_is_being_answered_it_is_not_found_unjustified(
    city: City, raw: RawSystem, people: Door, school: AsyncClient
) -> None:
    refusals: list[str] = []

    async def look(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        [use] = await listed(people, steward(city))
        found = review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED)
        refusals.append((await refused(found)).reason)
        return await ask(orders, deadline_s)

    with between(city, look):
        await raw.fetch(urgent(city, raw))
    assert refusals == ["REQUEST_UNSETTLED"]
    [use] = await listed(people, steward(city))
    await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_NOT_JUSTIFIED)
    [notice] = await school.notices()
    await school.acknowledge_notice(notice.notice_id)


async def test_a_steward_sees_what_the_own_department_asked_for_and_what_became_of_it(
    city: City, raw: RawSystem, people: Door
) -> None:
    await raw.fetch(urgent(city, raw))
    [use] = await listed(people, steward(city))
    await review(people, steward(city), use, emergency_pb2.REVIEW_OUTCOME_JUSTIFIED, "电话核实")

    async def asked(who: Any, **more: Any) -> list[Any]:
        request = emergency_pb2.ListEmergenciesRequest(side=emergency_pb2.EMERGENCY_SIDE_ASKED, page_size=100, **more)
        return list((await people.emergency.ListEmergencies(request, metadata=who)).uses)

    with logged(city) as book:
        seen = await asked(steward(city, EDUCATION_ISSUER))
    [own] = [each for each in seen if each.use_id == use.use_id]
    assert (own.statement, own.review_text) == (STATEMENT, "电话核实")
    assert {entry.account["department"] for entry in book.entries} == {"education"}
    assert len(book.entries) == len(seen)
    # Who asked does not review; and nobody sees another department's.
    found = review(people, steward(city, EDUCATION_ISSUER), use, emergency_pb2.REVIEW_OUTCOME_JUSTIFIED)
    assert (await refused(found)).reason == "NOT_FOUND"
    assert await asked(steward(city)) == []
    for who, more in ((steward(city), {"consumer": "education"}), (auditor(city), {})):
        assert list((await refused(asked(who, **more))).violations) == ["side"]


async def test_an_auditor_counts_who_declared_how_often_and_with_what_finding(
    city: City, raw: RawSystem, people: Door
) -> None:
    from_ms = city.parts.clock.now_ms()
    for whom in (ALICE, BO):
        await raw.fetch(urgent(city, raw, whom, items=[ADDRESS, LOCATION]))
    first, _ = await listed(people, steward(city))
    await review(people, steward(city), first, emergency_pb2.REVIEW_OUTCOME_JUSTIFIED)
    request = emergency_pb2.SummariseEmergenciesRequest(from_unix_ms=from_ms)
    with logged(city) as book:
        counted = await people.emergency.SummariseEmergencies(request, metadata=auditor(city))
    assert book.only("log_read").account["what"] == "emergency summary"
    # The law that delays one agreement's notice delays those of the whole request.
    assert [
        (row.provider, row.uses, row.justified, row.open, row.overdue, row.unread, row.kept_from_person)
        for row in counted.rows
    ] == [("civil", 2, 1, 1, 0, 0, 2), ("housing", 2, 0, 2, 0, 2, 2)]
    assert (counted.rows[0].reason_text.en, counted.more) == ("Medical care to save a life", False)
    for who in (steward(city), person(city, ALICE)):
        assert (await refused(people.emergency.SummariseEmergencies(request, metadata=who))).reason == "NOT_ALLOWED"
    backwards = emergency_pb2.SummariseEmergenciesRequest(from_unix_ms=2, until_unix_ms=1)
    assert (await refused(people.emergency.SummariseEmergencies(backwards, metadata=auditor(city)))).violations


async def test_the_operator_is_told_in_the_log_and_by_the_status(city: City, raw: RawSystem) -> None:
    assert city.gateway is not None
    with capture_logs() as log:
        await raw.fetch(urgent(city, raw))
        age(city, 1)
        assert await city.gateway._emergencies.note_overdue() == 1
    [declared_] = [line for line in log if line["event"] == "emergency declared"]
    [late] = [line for line in log if line["event"] == "emergency review late"]
    assert (declared_["consumer"], declared_["agreements"], late["agreement"]) == (
        "education",
        ["civil-emergency"],
        "civil-emergency",
    )
    assert STATEMENT not in str(log)
    assert ALICE not in str(log)
    assert city.gateway._emergencies.status() == {"open_emergencies": 1, "overdue_emergencies": 1}


async def test_each_lateness_is_one_entry_and_past_the_setting_the_next_emergency_is_refused_until_it_is_reviewed(
    city: City, raw: RawSystem, people: Door
) -> None:
    await raw.fetch(urgent(city, raw))
    assert city.gateway is not None
    desk = city.gateway._emergencies
    assert await desk.note_overdue() == 0
    age(city, 1)
    with logged(city) as book:
        noted = await asyncio.gather(desk.note_overdue(), desk.note_overdue())
        assert await desk.note_overdue() == 0
    assert sum(noted) == 1
    assert (
        book.only("emergency_overdue").account["department"],
        book.only("emergency_overdue").account["provider"],
    ) == (
        "education",
        "civil",
    )
    # Late, but not yet beyond what is tolerated.
    assert (await raw.fetch(urgent(city, raw, BO))).complete
    age(city, 25)
    assert await reason(city, raw, raw.fetch(urgent(city, raw))) == "EMERGENCY_REVIEW_OVERDUE"
    # Another agreement, and ordinary requests, go on.
    assert (await raw.fetch(urgent(city, raw, items=[LOCATION]))).complete
    assert (await raw.fetch(raw.asking())).complete
    late = await listed(people, steward(city), emergency_pb2.EMERGENCY_STATE_OVERDUE)
    assert len(late) == 2
    assert all(use.overdue for use in late)
    await review(people, steward(city), late[0], emergency_pb2.REVIEW_OUTCOME_JUSTIFIED)
    assert await reason(city, raw, raw.fetch(urgent(city, raw))) == "EMERGENCY_REVIEW_OVERDUE"
    await review(people, steward(city), late[1], emergency_pb2.REVIEW_OUTCOME_FOLLOW_UP)
    assert (await raw.fetch(urgent(city, raw))).complete


async def test_the_same_emergency_twice_is_one_use(city: City, raw: RawSystem) -> None:
    request = urgent(city, raw)
    before = len(uses(city))
    first, second = await raw.fetch(request), await raw.fetch(request)
    assert (first.replayed, second.replayed) == (False, True)
    assert len(uses(city)) == before + 1


# The SDK and the commands.


async def test_the_sdk_declares_an_emergency(city: City) -> None:
    async with city.client() as client:
        asking: dict[str, Any] = {
            "subject": ("cn.resident-id", ALICE),
            "purpose": PURPOSE,
            "basis": "mandate",
            "items": ["civil.resident:address=value"],
            "official_token": official(city),
        }
        answer = await client.fetch(**asking, emergency=Emergency("life_saving_care", STATEMENT))
        assert answer["civil.resident:address"].released
        with pytest.raises(RequestRefused, match="NOT_IN_AGREEMENT"):
            await client.fetch(**asking)
        for wrong in (Emergency("whim", STATEMENT), Emergency("life_saving_care", "a\nb")):
            with pytest.raises(BadInput, match="emergency"):
                client.prepare(**asking, emergency=wrong)
        assert STATEMENT not in repr(Emergency("life_saving_care", STATEMENT))


def run(app: Any, *words: object, expect: int = 0, typed: str = "") -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], input=typed)
    assert result.exit_code == expect, result.output
    return result.output


async def test_commands_for_the_official_the_steward_the_operator_the_auditor_and_the_person(
    city: City, tmp_path: Path
) -> None:
    ca, tokens = tmp_path / "ca.pem", {}
    ca.write_bytes(city.parts.authority.certificate_pem)
    for name, token in {
        "official": official(city),
        "steward": city.token("steward", roles=["steward"], issuer=CIVIL_ISSUER),
        "auditor": city.token("auditor", roles=["auditor"]),
        "alice": city.token("person", resident=ALICE),
    }.items():
        tokens[name] = tmp_path / name
        tokens[name].write_text(token, encoding="ascii")

    def door(who: str) -> tuple[object, ...]:
        return ("--gateway", city.people, "--ca", ca, "--token-file", tokens[who])

    def commands() -> None:
        fetch = (
            "fetch", "civil.resident:address=value", "--home", city.member_home("education", "school"),
            "--subject", f"cn.resident-id={ALICE}", "--purpose", PURPOSE, "--basis", "mandate",
            "--official-token-file", tokens["official"], "--emergency", "life_saving_care",
        )  # fmt: skip
        run(oncegate_node, *fetch, expect=2)
        run(oncegate_node, *fetch, "--statement", "-", typed=f"{STATEMENT}\n")
        shown = json.loads(run(oncegate, "emergency", "notices", "--json", *door("steward")))["uses"]
        assert [(use["reason"], use["statement"]) for use in shown] == [("life_saving_care", STATEMENT)]
        assert "危及生命的医疗救治" in run(oncegate, "emergency", "notices", *door("steward"))
        everything = json.loads(run(oncegate, "emergency", "notices", "--state", "all", "--json", *door("auditor")))
        assert shown[0]["use"] in [use["use"] for use in everything["uses"]]
        kept = json.loads(run(oncegate, "emergency", "list", "--json", "--home", city.home))
        assert kept[-1]["use"] == shown[0]["use"]
        assert kept[-1]["steward_read_unix_ms"]
        assert run(oncegate, "emergency", "overdue", "--json", "--home", city.home) == "[]\n"
        age(city, 2)
        assert "OVERDUE" in run(oncegate, "emergency", "overdue", "--home", city.home)
        counted = json.loads(run(oncegate, "emergency", "summary", "--json", *door("auditor")))
        assert counted["rows"][0]["uses"] >= counted["rows"][0]["overdue"] >= 1
        assert "危及生命的医疗救治" in run(oncegate, "emergency", "summary", "--days", "1", *door("auditor"))
        use = shown[0]["use"]
        done = run(
            oncegate, "emergency", "review", use, "--outcome", "justified", "--text", "核实无误", *door("steward")
        )
        assert "已复核" in done
        run(oncegate, "emergency", "review", "zz", "--outcome", "justified", "--text", "x", *door("steward"), expect=2)
        own = json.loads(run(oncegate, "me", "emergencies", "--json", *door("alice")))
        assert (own[0]["outcome"], own[0]["statement"]) == ("justified", "")
        assert "紧急" in run(oncegate, "me", "accesses", *door("alice"))
        assert "EMERGENCY" in run(oncegate, "audit", "entries", "--kind", "asked", *door("auditor"))

    await asyncio.to_thread(commands)


async def test_an_agreement_for_emergencies_shows_what_it_is(city: City, school: AsyncClient) -> None:
    del school
    found = {one.agreement.id: one.agreement for one in city.parts.agreements.list()}
    assert found["civil-emergency"].official_required
    assert found["education-civil-resident"].emergency is None
