"""Pseudonyms over the whole exchange: what departments get, how they change, and that nobody is given away by one."""

import asyncio
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.kinds import Kind
from nodes.consumer import AsyncClient
from nodes.consumer.answer import Row, RowStatus
from oncegate.v1 import profile_pb2
from tests.support.city import ALICE, BO, NOBODY, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, bearer

pytestmark = shared_city("e2e-pseudonyms")

ITEMS = ("oncegate.profile:pseudonym=value", "oncegate.profile:pseudonym_previous=value")
FORMS = {"pseudonym": ["value"], "pseudonym_previous": ["value"], "phone": ["value"]}


def agree(city: City, **who: Any) -> None:
    city.agree("data-bureau", "oncegate.profile", FORMS, id=f'"pseudonyms-{who.get("consumer", "education")}"', **who)


async def asked(client: AsyncClient, who: str) -> list[Row]:
    answer = await client.fetch(subject=("cn.resident-id", who), purpose=PURPOSE, basis="mandate", items=ITEMS)
    return list(answer.rows)


async def oncegate(city: City, *words: str, given: str = "", code: int = 0) -> str:
    line = [str(Path(sys.executable).parent / "oncegate"), "vault", "pseudonyms", *words, "--home", str(city.home)]
    done = await asyncio.to_thread(subprocess.run, line, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.domain_check(number=9)
async def test_two_departments_get_two_stable_pseudonyms_and_somebody_unknown_has_one_too(
    city: City, school: AsyncClient, people: Door
) -> None:
    agree(city)
    agree(city, consumer="tourism", system="booking")
    request = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(request, metadata=bearer(city.token("person", resident=ALICE)))
    first = await asked(school, ALICE)
    assert [row.text for row in await asked(school, ALICE)] == [row.text for row in first]
    unknown = await asked(school, NOBODY)
    async with city.client("tourism", "booking") as booking:
        elsewhere = await asked(booking, ALICE)
    assert len({first[0].text, unknown[0].text, elsewhere[0].text}) == 3
    for rows in (first, unknown, elsewhere):
        assert [row.status for row in rows] == [RowStatus.RELEASED, RowStatus.NOT_AVAILABLE]
        assert [row.source for row in rows] == ["platform_verified", ""]
        assert len(rows[0].text or "") == 39


async def test_erasing_the_person_changes_the_pseudonym(city: City, school: AsyncClient, people: Door) -> None:
    agree(city, revision=2)
    before = await asked(school, BO)
    metadata = bearer(city.token("person", resident=BO))
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=metadata)
    after = await asked(school, BO)
    assert after[0].text != before[0].text
    assert (await asked(school, BO))[0].text == after[0].text


@pytest.mark.long
async def test_a_change_is_announced_with_notice_and_on_the_ledger(city: City, school: AsyncClient) -> None:
    rotate = ("rotate", "--department", "education", "--from")
    soon, later = ((datetime.now(UTC) + timedelta(days=days)).strftime("%Y-%m-%d") for days in (3, 40))
    assert "at least 14 days away" in await oncegate(city, *rotate, soon, "--yes", code=2)
    assert "DEPARTMENT_UNKNOWN" in await oncegate(city, "rotate", "--department", "nobody", "--from", later, code=3)
    assert "would announce generation 2" in await oncegate(city, *rotate, later, "--dry-run")
    await oncegate(city, *rotate, later, given="n\n", code=1)
    assert json.loads(await oncegate(city, "list", "--json")) == []

    announced = json.loads(await oncegate(city, *rotate, later, "--overlap-days", "10", "--yes", "--json"))
    [listed] = json.loads(await oncegate(city, "list", "--json"))
    assert listed == {key: value for key, value in announced.items() if key != "announced"}
    assert listed["overlap_until_unix_ms"] - listed["from_unix_ms"] == 10 * 86_400_000
    [entry] = city.parts.ledger.entries(kind=Kind.PSEUDONYMS_ROTATED, limit=5).entries
    assert (entry.account["department"], entry.account["generation"]) == ("education", 2)
    notice = (await school.notices())[-1]
    assert (notice.kind, notice.due_ms, notice.releases) == ("pseudonyms", listed["from_unix_ms"], ())
    await school.acknowledge_notice(notice.notice_id)
    assert "after the overlap" in await oncegate(city, *rotate, later, "--yes", code=2)
