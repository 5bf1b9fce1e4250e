"""A log with witnesses lost its end: they follow it into its new epoch by the custodians, and it is published again."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.audit.errors import NoSuchEntry
from gateway.backup.epoch_open import open_epoch
from gateway.backup.epoch_prepare import prepare
from gateway.bootstrap.offline import LEDGER_ANCHOR, open_offline
from keys.log.cosignatures import CosignatureVerifier, Quorum
from tests.e2e.test_log_epochs import ORIGIN, fetched, files, rolled_back
from tests.e2e.test_witnesses import releasing
from tests.support.city import City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.epochs import PINNED, SETTINGS, signed
from tests.support.published import published
from tests.support.witnesses import LocalWitness, running, settings_text, until

pytestmark = [*shared_city("e2e-epochs-witnessed"), pytest.mark.long]


@pytest.fixture(scope="module")
def witnesses(tmp_path_factory: pytest.TempPathFactory) -> list[LocalWitness]:
    folder = tmp_path_factory.mktemp("witnesses")
    return [LocalWitness(folder / f"w{n}", f"witness.example/w{n}") for n in (1, 2)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory, witnesses: list[LocalWitness]) -> AsyncIterator[City]:
    settings = settings_text(witnesses, 2, stop_after_s=300) + SETTINGS
    async with running_city(tmp_path_factory.mktemp("city"), settings=settings) as running_one:
        for witness in witnesses:
            witness.follow(running_one.parts.ledger_key)
            witness.custodians[ORIGIN] = PINNED
        async with running(*witnesses):
            await until(releasing(running_one))
            yield running_one


async def test_a_log_that_was_rolled_back_under_its_witnesses_goes_on_with_them(
    city: City, witnesses: list[LocalWitness], tmp_path: Path
) -> None:
    async with city.client() as school:
        await fetched(school)
        await published(city)
        await city.stop_gateway()
        kept = files(city)
        await city.start_gateway()
        await until(releasing(city))
        await fetched(school)
        note = await published(city)
        await rolled_back(city, kept)
        # Even the files beside the database are gone: the witness still knows, and its head is the evidence.
        for path in city.home.glob(f"{LEDGER_ANCHOR}*"):
            path.unlink()
        (tmp_path / "cosigned").write_text(note, encoding="utf-8")
        with open_offline(city.home) as offline:
            text = prepare(offline, "disk failed", [tmp_path / "cosigned"]).text
        (tmp_path / "statement").write_text(text, encoding="utf-8")
        statement = signed(tmp_path / "statement")
        with open_offline(city.home) as offline:
            assert open_epoch(offline, [statement]).signed.statement.lost > 0
        with open_offline(city.home) as offline, pytest.raises(NoSuchEntry):
            # Nothing is published before the witnesses cosigned it, and no head of the ended epoch is shown as the log's.
            offline.ledger.checkpoint()
        await city.start_gateway()
        await until(releasing(city))
        await fetched(school)
        newest = await published(city)
        assert newest.startswith(f"{ORIGIN}/2\n")
        Quorum([CosignatureVerifier(one.vkey) for one in witnesses], 2).require(newest)
    for witness in witnesses:
        assert len(witness.heads.epochs()) == 1
        assert not witness.evidence.files()


async def test_a_witness_that_pinned_no_custodians_does_not_follow_and_the_log_waits(
    city: City, witnesses: list[LocalWitness], tmp_path: Path
) -> None:
    async with city.client() as school:
        await fetched(school)
        await city.stop_gateway()
        await witnesses[1].stop()
        witnesses[1].custodians.clear()
        await witnesses[1].start()
        with open_offline(city.home) as offline:
            (tmp_path / "statement").write_text(prepare(offline, "new key").text, encoding="utf-8")
        with open_offline(city.home) as offline:
            assert open_epoch(offline, [signed(tmp_path / "statement")]).signed.statement.lost == 0
        await city.start_gateway()
        await asyncio.sleep(1.5)
        status = json.loads((city.home / "status.json").read_text(encoding="utf-8"))
        assert status["witnesses"]["releasing"] is False
        assert len(witnesses[0].heads.epochs()) == 2
        await witnesses[1].stop()
        witnesses[1].custodians[ORIGIN] = PINNED
        await witnesses[1].start()
        await until(releasing(city), 30)
        await fetched(school)
