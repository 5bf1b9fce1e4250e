"""A city whose log has three witnesses, two of which are needed: published with them, stopped without, back by itself."""

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from grpc_health.v1 import health_pb2, health_pb2_grpc

from gateway.settings import STATUS_FILE
from keys.log.cosignatures import CosignatureVerifier, Quorum
from nodes.enrolment.home import Home
from oncegate.v1 import audit_pb2
from tests.support.city import TRUST_DOMAIN, City, running_city
from tests.support.city_fixtures import people, raw, school, shared_city
from tests.support.doors import LOCATION, NAME, RECORD, Door, RawSystem, pair_of, refused, systems_door
from tests.support.log_book import logged
from tests.support.published import published
from tests.support.tampering import answered
from tests.support.witnesses import LocalWitness, running, settings_text, until

__all__ = ["people", "raw", "school"]

pytestmark = shared_city("e2e-witnesses")


def time_goes_by(city: City, seconds: float) -> None:
    """For the witnesses alone: moving the whole gateway's clock would end the nodes' streams as well."""
    cosigning = city.parts.ledger.cosigning
    assert cosigning is not None
    assert cosigning._until_s is not None
    # The stored head is looked at again every second, so it has to be as old.
    with contextlib.closing(sqlite3.connect(city.home / "gateway.db")) as base, base:
        base.execute("UPDATE audit_checkpoints SET time_ms = time_ms - ?", (int(seconds * 1000),))
    cosigning._until_s -= seconds


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> list[LocalWitness]:
    folder = tmp_path_factory.mktemp("witnesses")
    return [LocalWitness(folder / f"w{n}", f"witness.example/w{n}") for n in (1, 2, 3)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory, witnesses: list[LocalWitness]) -> AsyncIterator[City]:
    """The standard city, with its witnesses."""
    folder, settings = tmp_path_factory.mktemp("city"), settings_text(witnesses, 2, stop_after_s=300)
    async with running_city(folder, settings=settings) as running_one:
        for witness in witnesses:
            witness.follow(running_one.parts.ledger_key, origin=f"{TRUST_DOMAIN}/ledger")
        async with running(*witnesses):
            await until(releasing(running_one))
            yield running_one


def releasing(city: City, expected: bool = True) -> Callable[[], bool]:
    def found() -> bool:
        try:
            return bool(json.loads((city.home / STATUS_FILE).read_text())["witnesses"]["releasing"]) is expected
        except (OSError, KeyError):
            return False

    return found


def quorum(witnesses: list[LocalWitness]) -> Quorum:
    return Quorum([CosignatureVerifier(one.vkey) for one in witnesses], 2)


async def health(city: City) -> int:
    pair = pair_of(Home(city.member_home("education", "school")))
    async with systems_door(city, pair) as door:
        request = health_pb2.HealthCheckRequest(service="oncegate.v1.ExchangeService")
        answer = await health_pb2_grpc.HealthStub(door.channel).Check(request)
    return int(answer.status)


async def test_what_is_released_is_under_a_checkpoint_that_the_witnesses_cosigned(
    city: City, raw: RawSystem, people: Door, witnesses: list[LocalWitness]
) -> None:
    await raw.fetch(raw.asking(items=[NAME, LOCATION]))
    note = await published(city)
    assert len(quorum(witnesses).require(note)) >= 2
    shown = await people.audit.GetCheckpoint(audit_pb2.GetCheckpointRequest())
    quorum(witnesses).require(shown.checkpoint)
    assert (city.home / "ledger-anchor").read_text().count("witness.example") >= 2


async def test_one_witness_less_changes_nothing(city: City, raw: RawSystem, witnesses: list[LocalWitness]) -> None:
    await witnesses[0].stop()
    await raw.fetch(raw.asking(items=[NAME]))
    assert [one.name for one in quorum(witnesses).require(await published(city))] == [
        "witness.example/w2",
        "witness.example/w3",
    ]
    await witnesses[0].start()


async def test_without_the_quorum_nothing_is_released_and_nobody_is_asked_until_it_is_back(
    city: City, raw: RawSystem, witnesses: list[LocalWitness]
) -> None:
    for witness in witnesses[:2]:
        await witness.stop()
    # For a while it goes on: a witness may be restarted.
    await raw.fetch(raw.asking(items=[NAME]))
    time_goes_by(city, 400)
    before = answered(city)
    await refused_on_the_record(city, raw, before)
    await until(releasing(city, False))
    assert await health(city) == health_pb2.HealthCheckResponse.NOT_SERVING
    assert city.gateway is not None
    await witnesses[0].start()
    await until(releasing(city))
    await raw.fetch(raw.asking(items=[NAME]))
    assert await health(city) == health_pb2.HealthCheckResponse.SERVING
    await published(city)
    await witnesses[1].start()


async def refused_on_the_record(city: City, raw: RawSystem, before: int) -> None:
    with logged(city) as book:
        refusal = await refused(raw.fetch(raw.asking(items=[NAME, LOCATION])))
        assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "LOG_NOT_COSIGNED")
        assert "见证" in "".join(refusal.texts.values())
        assert "witnesses" in "".join(refusal.texts.values())
        assert refusal.retry_ms
        located = await refused(raw.locate(raw.asking(items=[RECORD])))
        assert located.reason == "LOG_NOT_COSIGNED"
    assert book.kinds == ["refused", "refused"]
    assert {entry.account["reason"] for entry in book.entries} == {"LOG_NOT_COSIGNED"}
    assert answered(city) == before


async def test_a_node_that_demands_witnesses_releases_only_what_they_have_seen(
    city: City, raw: RawSystem, witnesses: list[LocalWitness], tmp_path: Path
) -> None:
    await published(city)
    demand(city, [one.vkey for one in witnesses], 2)
    await restart_civil(city)
    await until(lambda: not city.node("civil").provider._checks.log_unseen)
    await raw.fetch(raw.asking(items=[NAME]))
    # Other witnesses, who never saw this log: nothing is wrong with it, and nothing is released.
    demand(city, [LocalWitness(tmp_path, "witness.example/stranger").vkey], 1)
    await restart_civil(city)
    with logged(city) as book:
        await refused(raw.fetch(raw.asking(items=[NAME])))
    assert "LOG_NOT_SEEN" in json.dumps([dict(entry.account) for entry in book.entries])
    assert not (city.member_home("civil", "registry") / "ledger-conflict.json").exists()
    demand(city, [], 0)
    await restart_civil(city)
    await raw.fetch(raw.asking(items=[NAME]))


def demand(city: City, vkeys: list[str], needed: int) -> None:
    home = Home(city.member_home("civil", "registry"))
    home.write_trust(replace(home.trust(), witnesses=tuple(vkeys), witnesses_needed=needed))


async def restart_civil(city: City) -> None:
    await city.stop_node("civil")
    await city.start_node("civil")
    await city.synced("civil", 3)
