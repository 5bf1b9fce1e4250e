"""Two people change the rules, for every process at once: the same on every database."""

import asyncio
import threading
from collections.abc import Awaitable
from typing import Any

import pytest
from sqlalchemy import delete, insert, update

from gateway.errors import Code, Refused
from gateway.policy.bundles import packed
from gateway.policy.tables import BUNDLES, EPOCH, STEPS
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from policies.engine.bundle import PACKAGED, digest_of, read_files
from tests.contract.policy.conftest import Opener, Process
from tests.support.policy_city import NO_SCHOOL, NO_TAX, NO_YEAR, with_rule

pytestmark = pytest.mark.long

FIRST = digest_of(read_files(PACKAGED))


async def refusal(call: Awaitable[Any]) -> Code:
    """The code of a refusal of a call, which must not succeed."""
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.code


async def test_the_next_request_of_every_process_is_decided_by_what_two_people_put_in_force(
    here: Process, there: Process
) -> None:
    assert here.active().digest == there.active().digest == FIRST
    proposed = await here.propose(with_rule(NO_YEAR))
    digest = proposed.stored.digest
    # The second person may stand at another process.
    assert (await there.approve(digest)).state == "approved"
    assert here.active().digest == there.active().digest == FIRST
    assert (await here.activate(digest)).state == "active"
    assert here.active().digest == there.active().digest == digest
    assert here.steps()[-1].account["activated_by"] == here.steps()[0].account["by"]
    assert [entry.kind for entry in there.steps()] == ["policy_proposed", "policy_approved", "policy_activated"]


async def test_no_order_of_steps_gets_around_the_second_person(here: Process, there: Process) -> None:
    digest = digest_of(with_rule(NO_TAX))
    for process in (here, there):
        assert await refusal(process.approve(digest)) is Code.NOT_FOUND
        assert await refusal(process.activate(digest)) is Code.NOT_FOUND
    await here.propose(with_rule(NO_TAX))
    for process in (here, there):
        assert await refusal(process.activate(digest)) is Code.NOT_APPROVED
        assert await refusal(process.approve(digest, "ada")) is Code.OWN_PROPOSAL
        assert await refusal(process.activate(digest, "grace")) is Code.NOT_APPROVED
    for role in ("auditor", "citizen"):
        assert await refusal(there.approve(digest, "eve", role)) is Code.NOT_ALLOWED
    assert (await there.approve(digest, "stella", "steward")).state == "approved"
    assert await refusal(here.activate(digest, "stella", "steward")) is Code.NOT_ALLOWED
    assert here.active().digest == FIRST
    assert {entry.kind for entry in here.steps()} == {"policy_proposed", "policy_approved"}


async def test_of_two_who_hand_in_the_same_at_once_one_bundle_is_kept(here: Process, there: Process) -> None:
    files = with_rule(NO_YEAR)
    both = await at_once(lambda: here.propose(files, "ada"), lambda: there.propose(files, "grace"))
    assert {one.stored.digest for one in both} == {digest_of(files)}
    assert len([one for one in here.bundles.list() if one.digest == digest_of(files)]) == 1
    assert here.bundles.files(digest_of(files)) == files
    # Whoever's proposal counts cannot be the one who approves it.
    proposal = here.log.proposal(here.bundles.find(digest_of(files)))
    assert proposal is not None
    approved = [await settled(here.approve(digest_of(files), who)) for who in ("ada", "grace")]
    assert sorted(map(str, approved)) == ["OWN_PROPOSAL", "approved"]


async def test_of_two_activations_at_once_every_process_ends_with_the_same_one(here: Process, there: Process) -> None:
    digests = []
    for rules in ((NO_TAX,), (NO_YEAR,)):
        digest = (await here.propose(with_rule(*rules))).stored.digest
        await there.approve(digest)
        digests.append(digest)
    await at_once(lambda: settled(here.activate(digests[0])), lambda: settled(there.activate(digests[1])))
    last = here.steps()[-1].account["bundle"]
    assert last in digests
    assert here.active().digest == there.active().digest == last


async def test_two_who_go_back_at_once_go_back_once(here: Process, there: Process) -> None:
    first = await here.put_in_force(with_rule(NO_TAX))
    second = await there.put_in_force(with_rule(NO_YEAR))
    token = here.token("ada")
    await at_once(
        lambda: settled(here.desk.roll_back(token, second)), lambda: settled(there.desk.roll_back(token, second))
    )
    assert here.active().digest == there.active().digest == first


async def test_rows_and_bytes_that_somebody_put_in_by_hand_put_nothing_in_force(
    here: Process, there: Process, open_process: Opener
) -> None:
    good = await here.put_in_force(with_rule(NO_TAX))
    bad = (await here.propose(with_rule(NO_SCHOOL))).stored.digest
    entry = here.ledger.size() - 1
    with write_transaction(here.engine) as connection:
        connection.execute(insert(STEPS).values(entry=entry + 1000, digest=bad, step="approved", at_ms=1))
        connection.execute(insert(STEPS).values(entry=entry + 1001, digest=bad, step="activated", at_ms=1))
        advance(connection, EPOCH)
    assert await refusal(there.activate(bad)) is Code.NOT_APPROVED
    assert here.active().digest == there.active().digest == good
    with write_transaction(here.engine) as connection:
        connection.execute(update(BUNDLES).where(BUNDLES.c.digest == bad).values(files=packed(read_files(PACKAGED))))
    assert await refusal(there.approve(bad)) is Code.BUNDLE_REFUSED
    # The bundle in force itself is changed: who has it goes on, who starts has none, and both say so.
    with write_transaction(here.engine) as connection:
        connection.execute(delete(BUNDLES).where(BUNDLES.c.digest == good))
        advance(connection, EPOCH)
    started = open_process()
    assert here.active().digest == good
    assert "is missing" in started.active.problem
    with pytest.raises(Refused) as caught:
        started.active()
    assert caught.value.code is Code.POLICY_UNAVAILABLE


async def test_a_row_put_by_hand_where_the_next_step_comes_does_not_stop_it(here: Process, there: Process) -> None:
    proposed = await here.propose(with_rule(NO_TAX))
    taken = {"entry": here.ledger.size(), "digest": FIRST, "step": "activated", "at_ms": 1}
    with write_transaction(here.engine) as connection:
        connection.execute(insert(STEPS).values(**taken))
    assert (await there.approve(proposed.stored.digest)).state == "approved"
    assert (await here.activate(proposed.stored.digest)).state == "active"


async def settled(call: Awaitable[Any]) -> str:
    """What came of a call: the state, or the code of the refusal."""
    try:
        return str((await call).state)
    except Refused as refused:
        return str(refused.code)


async def at_once(*calls: Any) -> list[Any]:
    """Runs calls of different processes at the same time, each in a thread and an event loop of its own."""
    start = threading.Barrier(len(calls))

    def run(call: Any) -> Any:
        async def begun() -> Any:
            return await call()

        start.wait()
        return asyncio.run(begun())

    return list(await asyncio.gather(*(asyncio.to_thread(run, call) for call in calls)))
