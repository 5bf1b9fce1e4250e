"""Gateway and node are killed (SIGKILL) again and again while an agreement's uses run out; the uses stay exact.

Afterwards: as many questions are on the access log as the agreement has uses, no more and no fewer, although many more
were sent; the counter says the same; and the node released no more than that, each use kept with its release.
"""

import asyncio
import contextlib
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from gateway.audit.kinds import Kind
from gateway.bootstrap.offline import open_offline
from gateway.exchange.limits import subjects_name, uses_name
from nodes.consumer import AsyncClient
from nodes.enrolment.errors import GatewayUnreachable, RequestRefused
from policies.civil_time import civil_day, next_day_ms
from tests.long.test_kills import PEOPLE, person, prepared
from tests.support.city import PURPOSE, City
from tests.support.processes import CityProcesses

USES = 1500
KILLS = 10
SEED = 20262
AGREEMENT = "education-civil-limited"

pytestmark = [pytest.mark.alone, pytest.mark.long]


class Load:
    """Requests until the uses are exhausted."""

    def __init__(self) -> None:
        self.answered: set[int] = set()
        self.refused: Counter[str] = Counter()
        self.exhausted = 0

    async def ask(self, client: AsyncClient, rng: random.Random) -> None:
        while True:
            try:
                answer = await client.fetch(
                    subject=("cn.resident-id", person(rng.randrange(PEOPLE))),
                    purpose=PURPOSE,
                    basis="mandate",
                    items=("civil.resident:name=value",),
                    deadline_s=3,
                )
                self.answered.add(answer.asked.leaf_index)
            except RequestRefused as error:
                if error.code == "USES_EXHAUSTED":
                    self.exhausted += 1
                    return
                # Nobody answers while the node starts again; what is asked then is used up all the same.
                self.refused[str(error.code)] += 1
                await asyncio.sleep(0.2)
            except GatewayUnreachable as error:
                self.refused[str(error.code)] += 1
                await asyncio.sleep(0.05)


async def using_up(city: City, processes: CityProcesses, rng: random.Random) -> Load:
    """Load that uses up the agreement while processes are killed."""
    load = Load()
    for name in processes.names:
        processes.start(name)
    async with city.client() as client:
        workers = [asyncio.create_task(load.ask(client, random.Random(rng.random()))) for _ in range(8)]
        for number in range(KILLS):
            before = len(load.answered)
            for _ in range(300):
                await asyncio.sleep(0.02)
                if len(load.answered) > before + 15 or all(worker.done() for worker in workers):
                    break
            assert not all(worker.done() for worker in workers), f"the uses ran out after {number} kills"
            name = rng.choice(("gateway", "gateway", "civil"))
            await asyncio.to_thread(processes.kill, name)
            processes.start(name)
        done, pending = await asyncio.wait(workers, timeout=60)
        for worker in pending:
            worker.cancel()
        assert not pending, f"the uses did not run out: {load.refused}"
        for worker in done:
            worker.result()
        # Restarted once more: what is used up stays so.
        await asyncio.to_thread(processes.kill, "gateway")
        processes.start("gateway")
        await asyncio.wait_for(load.ask(client, rng), 60)
    return load


@pytest.mark.timeout(240)
async def test_no_kill_gives_a_use_away_or_loses_one(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    city = await prepared(tmp_path)
    with open_offline(city.home) as offline:
        if next_day_ms(offline.clock.now_ms()) < 300_000:
            pytest.skip("the day ends while this runs, and with it the count")
        day = civil_day(offline.clock.now_ms())
    await city.start_gateway()
    city.parts.membership.revoke_agreement("education-civil-resident", "replaced")
    city.agree("civil", "civil.resident", {"name": ["value"]}, id=f'"{AGREEMENT}"', uses_per_day=str(USES))
    await city.close()
    processes = CityProcesses(city, ("civil",))
    try:
        load = await using_up(city, processes, rng)
    finally:
        processes.end()
    with open_offline(city.home) as offline:
        ledger = offline.ledger
        _, batches = ledger.export_batches()
        entries = [entry for batch in batches for entry in batch]
        asked = {entry.leaf_index: entry for entry in entries if entry.kind == Kind.ASKED}
        counted = ledger.counted(uses_name(AGREEMENT, day))
        people = ledger.counted(subjects_name(AGREEMENT, day))
    assert len(asked) == USES == counted
    assert load.answered <= set(asked)
    assert people == len({str(entry.personal["person"]) for entry in asked.values() if entry.personal})
    with contextlib.closing(sqlite3.connect(city.member_home("civil", "registry") / "state" / "node.sqlite")) as state:
        releases = state.execute("select count(*) from receipts where agreement = ?", (AGREEMENT,)).fetchone()[0]
        uses = state.execute("select sum(taken) from uses where agreement = ?", (AGREEMENT,)).fetchone()[0]
    assert len(load.answered) <= releases == uses <= USES
    print(
        f"\n{KILLS + 1} kills, {USES} uses: {len(asked)} questions, {releases} releases at the node, "
        f"{len(load.answered)} answers received, refusals {dict(load.refused)}, {load.exhausted} told of the end"
    )
