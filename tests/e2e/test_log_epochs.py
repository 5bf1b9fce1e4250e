"""A gateway whose database was rolled back goes on in a new epoch; nodes and systems follow it and exchange again."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.errors import LedgerCorrupt
from gateway.backup.epoch_open import open_epoch
from gateway.backup.epoch_prepare import prepare
from gateway.bootstrap.offline import open_offline
from nodes.clock import SystemClock
from nodes.consumer import AsyncClient
from nodes.consumer.answer import Answer
from nodes.enrolment.errors import GatewayUnreachable, RequestRefused
from nodes.enrolment.home import Home
from nodes.enrolment.renewal import Renewal
from nodes.watch import GrpcLog, LedgerWatch, LostPromises
from tests.e2e.test_fetch import about
from tests.support.city import ALICE, TRUST_DOMAIN, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.epochs import PINNED, SETTINGS, signed

pytestmark = [*shared_city("e2e-epochs"), pytest.mark.long]

ORIGIN = f"{TRUST_DOMAIN}/ledger"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    """A city of its own: its past is lost here."""
    async with running_city(tmp_path_factory.mktemp("city"), settings=SETTINGS) as running:
        yield running


def files(city: City) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in city.home.glob("gateway.db*")}


async def rolled_back(city: City, kept: dict[Path, bytes]) -> None:
    await city.stop_gateway()
    for path in city.home.glob("gateway.db*"):
        path.unlink()
    for path, content in kept.items():
        path.write_bytes(content)


async def watched(city: City, department: str) -> None:
    """Whatever a node's own watch does at its next look, now."""
    home = Home(city.member_home(department, "registry"))
    async with GrpcLog(home) as log:
        await LedgerWatch(home, SystemClock()).look(log)


async def fetched(school: AsyncClient, within_s: float = 20) -> Answer:
    """An answer, once everyone has found the gateway again."""
    end = time.monotonic() + within_s
    while True:
        try:
            if (answer := await school.fetch(**about(ALICE))).complete:
                return answer
        except (GatewayUnreachable, RequestRefused):
            pass
        assert time.monotonic() < end
        await asyncio.sleep(0.2)


async def test_members_pin_the_custodians_when_they_enrol(city: City) -> None:
    for department, name in (("civil", "registry"), ("education", "school")):
        trust = Home(city.member_home(department, name)).trust()
        assert (trust.custodians, trust.custodians_needed) == (PINNED.keys, PINNED.needed)


async def test_after_a_rollback_nodes_and_systems_follow_and_fetch_again(city: City, tmp_path: Path) -> None:
    async with city.client() as school:
        first = await fetched(school)
        await city.stop_gateway()
        kept = files(city)
        await city.start_gateway()
        lost = await fetched(school)
        for department in ("civil", "housing"):
            await watched(city, department)
        await rolled_back(city, kept)
        with open_offline(city.home) as offline, pytest.raises(LedgerCorrupt):
            offline.ledger.start()
        with open_offline(city.home) as offline:
            (tmp_path / "statement").write_text(prepare(offline, "disk failed").text, encoding="utf-8")
        with open_offline(city.home) as offline:
            opened = open_epoch(offline, [signed(tmp_path / "statement")])
        assert lost.asked.leaf_index >= opened.signed.statement.restored_size
        await city.start_gateway()
        assert city.parts.ledger.origin == f"{ORIGIN}/2"
        again = await fetched(school)
        assert [row.text for row in again.rows] == [row.text for row in first.rows]
        for department in ("civil", "housing"):
            home = Home(city.member_home(department, "registry"))
            assert home.trust().log_origin == f"{ORIGIN}/2"
            gone = [one.promised.leaf_index for one in LostPromises(home).read()]
            assert lost.asked.leaf_index in gone
            assert first.asked.leaf_index not in gone
            await watched(city, department)
        assert Home(city.member_home("education", "school")).trust().log_origin == f"{ORIGIN}/2"


async def test_a_member_that_enrols_now_begins_in_the_new_epoch(city: City) -> None:
    home = await city.enrol("education", "system", "late")
    assert home.trust().log_origin == f"{ORIGIN}/2"
    async with GrpcLog(home) as log:
        assert (await LedgerWatch(home, SystemClock()).look(log)).size > 0


async def test_a_renewal_changes_neither_the_logs_key_nor_the_custodians_that_were_pinned(city: City) -> None:
    home = Home(city.member_home("education", "late"))
    other = replace(home.trust(), ledger_key=f"{ORIGIN}+00000000+x", custodians=PINNED.keys[1:], custodians_needed=2)
    before = home.trust()
    home.write_trust(other)
    await Renewal(home, SystemClock(), jitter=lambda: 0.0).renew()
    assert home.trust() == other
    home.write_trust(before)


async def test_a_rollback_behind_an_epoch_needs_the_next_one(city: City, tmp_path: Path) -> None:
    async with city.client() as school:
        await fetched(school)
        await city.stop_gateway()
        kept = files(city)
        await city.start_gateway()
        await fetched(school)
        await rolled_back(city, kept)
        with open_offline(city.home) as offline:
            (tmp_path / "statement").write_text(prepare(offline, "disk failed again").text, encoding="utf-8")
        with open_offline(city.home) as offline:
            open_epoch(offline, [signed(tmp_path / "statement")])
        await city.start_gateway()
        await fetched(school)
    for name in ("school", "late"):
        home = Home(city.member_home("education", name))
        async with GrpcLog(home) as log:
            await LedgerWatch(home, SystemClock()).look(log)
        assert home.trust().log_origin == f"{ORIGIN}/3"
