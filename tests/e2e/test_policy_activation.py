"""The rules change by two people only, in every process at once, and never to what is not wholly sound."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import delete, update

from gateway.audit.store import ENTRIES
from gateway.bootstrap.offline import compose
from gateway.bootstrap.policy import policy_of
from gateway.clock import SystemClock
from gateway.federation.model import Order
from gateway.policy.bundles import packed
from gateway.policy.tables import BUNDLES, EPOCH, STEPS
from gateway.settings import Settings
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance
from oncegate.v1 import policy_pb2, signed_pb2
from policies.engine.bundle import PACKAGED, digest_of, read_files
from tests.support.city import City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, people_door, refused
from tests.support.log_book import logged
from tests.support.policy_city import (
    NO_SCHOOL,
    NO_TAX,
    NO_YEAR,
    activate,
    approve,
    auditor,
    in_force,
    operator,
    policy_city,
    proposal,
    propose,
    put_in_force,
    roll_back,
    with_rule,
)
from tests.support.stewards import steward
from tests.support.tampering import Asking, answered, between, storage_that_fails

pytestmark = shared_city("e2e-policy-activation")
FIRST = digest_of(read_files(PACKAGED))
YEAR = ("civil.resident", "birth_date", signed_pb2.FORM_YEAR)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with policy_city(tmp_path_factory.mktemp("city")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(city: City) -> AsyncIterator[Door]:
    """The people's door; afterwards the first bundle is in force again."""
    async with people_door(city) as door:
        yield door
        while (current := await in_force(city, door)) != FIRST:
            await roll_back(city, door, current)


async def test_two_people_change_the_rules_and_each_step_is_on_the_log(city: City, fresh: Door, raw: RawSystem) -> None:
    assert (await raw.fetch(raw.asking(items=[YEAR]))).complete
    with logged(city) as book:
        proposed = await propose(city, fresh, with_rule(NO_YEAR))
        assert (proposed.state, proposed.approved_by) == ("proposed", "")
        assert (await raw.fetch(raw.asking(items=[YEAR]))).complete
        approved = await approve(city, fresh, proposed.digest)
        assert approved.state == "approved"
        assert approved.approved_by != approved.proposed_by
        assert (await raw.fetch(raw.asking(items=[YEAR]))).complete
        assert (await activate(city, fresh, proposed.digest)).state == "active"
        assert (await refused(raw.fetch(raw.asking(items=[YEAR])))).reason == "GUARDRAIL"
    steps = [kind for kind in book.kinds if kind.startswith("policy_")]
    assert steps == ["policy_proposed", "policy_approved", "policy_activated"]
    said = book.only("policy_activated").account
    assert (said["bundle"], said["before"], said["why"]) == (proposed.digest, FIRST, "activate")
    assert said["activated_by"] == book.only("policy_proposed").account["by"] != said["approved_by"]
    assert book.only("refused").account["bundle"] == proposed.digest


async def test_nobody_approves_what_they_proposed_and_nothing_unapproved_comes_in_force(
    city: City, fresh: Door
) -> None:
    proposed = await propose(city, fresh, with_rule(NO_TAX))
    with logged(city) as book:
        assert (await refused(approve(city, fresh, proposed.digest, "ada"))).reason == "OWN_PROPOSAL"
        assert (await refused(activate(city, fresh, proposed.digest, "grace"))).reason == "NOT_APPROVED"
    assert book.kinds == ["refused", "refused"]
    assert [entry.account["what"] for entry in book.entries] == ["policy_approve", "policy_activate"]
    assert await in_force(city, fresh) == FIRST


async def test_a_steward_may_be_the_second_person_but_neither_proposes_nor_activates(city: City, fresh: Door) -> None:
    files = with_rule(NO_TAX, "// for the steward\n")
    assert (await refused(fresh.policy.ProposeBundle(proposal(files), metadata=steward(city)))).reason == "NOT_ALLOWED"
    digest = (await propose(city, fresh, files)).digest
    request = policy_pb2.ApproveBundleRequest(digest=digest)
    assert (await fresh.policy.ApproveBundle(request, metadata=steward(city))).bundle.state == "approved"
    request = policy_pb2.ActivateBundleRequest(digest=digest)
    with logged(city) as book:
        for who in (steward(city), auditor(city)):
            assert (await refused(fresh.policy.ActivateBundle(request, metadata=who))).reason == "NOT_ALLOWED"
    assert [(e.kind, e.account["reason"], e.account["bundle"]) for e in book.entries] == [
        ("refused", "NOT_ALLOWED", digest)
    ] * 2


@pytest.mark.long
async def test_what_does_not_load_has_an_error_or_fails_a_table_is_not_even_proposed(city: City, fresh: Door) -> None:
    packaged = read_files(PACKAGED)
    without = {**packaged, "guardrails.cedar": packaged["guardrails.cedar"].replace(b'@id("case-is', b'@id("x-is')}
    broad = '@id("wide") @title_zh("民") @title_en("w") @scope("form=year") forbid (principal, action, resource) when { context.form == Form::"masked" };'
    loose = '@id("loose") @title_zh("松") @title_en("l") @scope("*") permit (principal, action, resource);'
    errs = (
        '@id("errs") forbid (principal, action, resource) when { resource.classification == Classification::"public" };'
    )
    for files, told in (
        (without, "lacks the guardrail case-is-stated"),
        ({"schema.cedarschema": b""}, "empty"),
        (with_rule("forbid ("), "does not parse"),
        (with_rule(errs), "a rule errs"),
        (with_rule(broad), "RULE_BROADER_THAN_SCOPE"),
        (with_rule(loose), "PERMIT_WITHOUT_AGREEMENT"),
    ):
        with logged(city) as book:
            refusal = await refused(propose(city, fresh, files))
        assert refusal.reason == "BUNDLE_REFUSED"
        assert any(told in rule for rule in refusal.violations.values()), refusal.violations
        assert book.kinds == ["refused"]
    tables = {path.name: path.read_bytes() for path in (PACKAGED / "tests").glob("*.toml")}
    refusal = await refused(propose(city, fresh, with_rule(NO_SCHOOL), tables=tables))
    assert refusal.reason == "BUNDLE_REFUSED"
    assert any("expected released, got GUARDRAIL" in rule for rule in refusal.violations.values())
    assert (await propose(city, fresh, with_rule(NO_TAX, "//tables\n"), tables=tables)).tested_rows > 0


@pytest.mark.long
async def test_going_back_takes_one_operator_and_goes_one_step_at_a_time(city: City, fresh: Door) -> None:
    first = await put_in_force(city, fresh, with_rule(NO_TAX))
    second = await put_in_force(city, fresh, with_rule(NO_TAX, NO_YEAR))
    assert (await refused(roll_back(city, fresh, first))).reason == "BAD_REQUEST"
    with logged(city) as book:
        assert (await roll_back(city, fresh, second, "grace")).digest == first
    assert book.only("policy_activated").account["why"] == "rollback"
    assert (await roll_back(city, fresh, first)).digest == FIRST
    assert (await refused(roll_back(city, fresh, FIRST))).reason == "NOT_FOUND"
    response = await fresh.policy.ListBundles(policy_pb2.ListBundlesRequest(), metadata=auditor(city))
    states = {bundle.digest: bundle.state for bundle in response.bundles}
    assert (states[FIRST], states[first], states[second]) == ("active", "past", "past")


async def test_another_process_decides_by_the_new_bundle_at_its_next_request(city: City, fresh: Door) -> None:
    other = compose(Settings.load(city.home), SystemClock())
    try:
        policy = policy_of(other)
        kept = policy.active()
        assert kept.digest == FIRST
        digest = await put_in_force(city, fresh, with_rule(NO_YEAR))
        assert policy.active().digest == digest
        # What is under way keeps the engine that it was given.
        assert kept.digest == FIRST
        await roll_back(city, fresh, digest)
        assert policy.active().digest == FIRST
    finally:
        other.ledger.stop()
        other.engine.dispose()


async def test_a_request_under_way_keeps_the_bundle_that_it_was_decided_by(
    city: City, fresh: Door, raw: RawSystem
) -> None:
    proposed = await propose(city, fresh, with_rule(NO_YEAR))
    await approve(city, fresh, proposed.digest)

    async def activated_meanwhile(honest: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        answers = await honest(orders, deadline_s)
        await activate(city, fresh, proposed.digest)
        return answers

    with logged(city) as book, between(city, activated_meanwhile):
        assert (await raw.fetch(raw.asking(items=[YEAR]))).complete
    assert book.only("asked").account["bundle"] == FIRST
    assert book.kinds.index("policy_activated") < book.kinds.index("released")
    assert (await refused(raw.fetch(raw.asking(items=[YEAR])))).reason == "GUARDRAIL"


@pytest.mark.long
async def test_it_outlives_a_restart_and_the_setting_does_not_come_back(city: City, fresh: Door) -> None:
    digest = await put_in_force(city, fresh, with_rule(NO_YEAR))
    other = compose(Settings.load(city.home), SystemClock())
    try:
        policy = policy_of(other)
        assert policy.log.activated() == digest
        assert policy.active().digest == digest
    finally:
        other.ledger.stop()
        other.engine.dispose()


@pytest.mark.long
async def test_a_bundle_changed_by_hand_never_comes_in_force_and_is_reported(
    city: City, fresh: Door, raw: RawSystem
) -> None:
    good = await put_in_force(city, fresh, with_rule(NO_YEAR))
    proposed = await propose(city, fresh, with_rule(NO_SCHOOL))
    await approve(city, fresh, proposed.digest)
    engine = city.parts.engine
    loose = packed(with_rule('@id("loose") permit (principal, action, resource);'))
    with write_transaction(engine) as connection:
        connection.execute(update(BUNDLES).where(BUNDLES.c.digest == proposed.digest).values(files=loose))
    refusal = await refused(activate(city, fresh, proposed.digest))
    assert refusal.reason == "BUNDLE_REFUSED"
    assert "not the ones of the digest" in refusal.violations["files"]
    # Whoever has the bytes of the digest hands them in again, and what was agreed to counts again.
    assert (await propose(city, fresh, with_rule(NO_SCHOOL), "grace")).state == "approved"
    assert (await activate(city, fresh, proposed.digest)).state == "active"
    await roll_back(city, fresh, proposed.digest)
    # Also the one in force: whoever runs goes on with it, whoever starts decides nothing.
    with write_transaction(engine) as connection:
        held = connection.execute(BUNDLES.select().where(BUNDLES.c.digest == good)).one().files
        connection.execute(update(BUNDLES).where(BUNDLES.c.digest == good).values(files=loose))
        advance(connection, EPOCH)
    other = compose(Settings.load(city.home), SystemClock())
    try:
        started = policy_of(other)
        assert "not the ones of the digest" in started.active.problem
        with pytest.raises(Exception, match="POLICY_UNAVAILABLE"):
            started.active()
        assert (await raw.fetch(raw.asking())).complete
        assert (await refused(raw.fetch(raw.asking(items=[YEAR])))).reason == "GUARDRAIL"
    finally:
        other.ledger.stop()
        other.engine.dispose()
        with write_transaction(engine) as connection:
            connection.execute(update(BUNDLES).where(BUNDLES.c.digest == good).values(files=bytes(held)))
            advance(connection, EPOCH)


@pytest.mark.long
@pytest.mark.parametrize("step", ["approved", "activated"])
async def test_a_step_that_cannot_be_kept_is_not_on_the_log_either(
    city: City, fresh: Door, raw: RawSystem, step: str
) -> None:
    """As when the disk is full, or the process killed, between the entry and the row: both are there, or neither."""
    digest = (await propose(city, fresh, with_rule(NO_YEAR, f"// full when {step}\n"))).digest
    if step == "activated":
        await approve(city, fresh, digest)
    act = approve if step == "approved" else activate
    with logged(city) as book, storage_that_fails(city, table="policy_activations"):
        assert (await refused(act(city, fresh, digest))).reason == "LEDGER_UNAVAILABLE"
    assert f"policy_{step}" not in book.kinds
    other = compose(Settings.load(city.home), SystemClock())
    try:
        # Whoever starts now finds what whoever runs has.
        assert policy_of(other).active.digest == await in_force(city, fresh) == FIRST
        await act(city, fresh, digest)
        assert (
            policy_of(other).active.digest == await in_force(city, fresh) == (FIRST if step == "approved" else digest)
        )
    finally:
        other.ledger.stop()
        other.engine.dispose()


@pytest.mark.long
@pytest.mark.parametrize("table", ["policy_bundles", "policy_activations"])
async def test_what_cannot_be_kept_is_not_proposed_on_the_log_either(city: City, fresh: Door, table: str) -> None:
    files = with_rule(NO_TAX, f"// full {table}\n")
    with logged(city) as book, storage_that_fails(city, table=table):
        assert (await refused(propose(city, fresh, files))).reason == "LEDGER_UNAVAILABLE"
    assert "policy_proposed" not in book.kinds
    assert (await propose(city, fresh, files)).state == "proposed"


async def test_rows_put_in_or_taken_out_by_hand_put_nothing_in_force(city: City, fresh: Door) -> None:
    engine = city.parts.engine
    loose = with_rule('@id("loose") @scope("*") permit (principal, action, resource);')
    digest = digest_of(loose)
    with write_transaction(engine) as connection:
        connection.execute(
            BUNDLES.insert().values(
                digest=digest, files=packed(loose), report='{"findings":[],"rows":0}', entry=0, stored_ms=1
            )
        )
        for entry, step in ((2, "proposed"), (3, "approved"), (4, "activated")):
            connection.execute(STEPS.insert().values(entry=entry, digest=digest, step=step, at_ms=1))
        advance(connection, EPOCH)
    try:
        assert await in_force(city, fresh) == FIRST
        assert (await refused(activate(city, fresh, digest))).reason == "NOT_APPROVED"
        assert (await refused(approve(city, fresh, digest))).reason == "NOT_FOUND"
    finally:
        with write_transaction(engine) as connection:
            connection.execute(delete(STEPS).where(STEPS.c.digest == digest))
            connection.execute(delete(BUNDLES).where(BUNDLES.c.digest == digest))
            advance(connection, EPOCH)


async def test_an_activation_that_somebody_hides_in_the_log_does_not_bring_the_former_bundle_back(
    city: City, fresh: Door, raw: RawSystem
) -> None:
    """The log is looked through by a column in the clear; what it says of a rule for ever must not hang on that."""
    digest = await put_in_force(city, fresh, with_rule(NO_YEAR))
    log, engine = policy_of(city.parts).log, city.parts.engine
    last = log.last_activation()
    assert last is not None

    def hide(kind: str) -> None:
        with write_transaction(engine) as connection:
            connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == last.leaf_index).values(kind=kind))
            advance(connection, EPOCH)

    hide("log_read")
    other = compose(Settings.load(city.home), SystemClock())
    try:
        started = policy_of(other)
        assert "was changed" in started.active.problem
        with pytest.raises(Exception, match="POLICY_UNAVAILABLE"):
            started.active()
        # Whoever runs goes on with what two people put in force.
        assert (await refused(raw.fetch(raw.asking(items=[YEAR])))).reason == "GUARDRAIL"
    finally:
        other.ledger.stop()
        other.engine.dispose()
        hide("policy_activated")
    assert await in_force(city, fresh) == digest


async def test_no_request_is_decided_while_no_bundle_can_be_used(city: City, fresh: Door, raw: RawSystem) -> None:
    good = await put_in_force(city, fresh, with_rule(NO_YEAR))
    gateway = city.gateway
    assert gateway is not None
    active = gateway._policy.active
    held, kept = active._good, active._cached
    engine = city.parts.engine
    try:
        # As in a process that just started: nothing good was loaded before.
        active._good, active._cached = None, type(kept)(engine, EPOCH, active._load)
        with write_transaction(engine) as connection:
            stored = connection.execute(BUNDLES.select().where(BUNDLES.c.digest == good)).one().files
            connection.execute(update(BUNDLES).where(BUNDLES.c.digest == good).values(files=b""))
            advance(connection, EPOCH)
        before = answered(city)
        with logged(city) as book:
            refusal = await refused(raw.fetch(raw.asking()))
        assert (refusal.status, refusal.reason) == ("UNAVAILABLE", "POLICY_UNAVAILABLE")
        assert book.kinds == ["refused"]
        assert answered(city) == before
    finally:
        with write_transaction(engine) as connection:
            connection.execute(update(BUNDLES).where(BUNDLES.c.digest == good).values(files=bytes(stored)))
            advance(connection, EPOCH)
        active._good, active._cached = held, kept


async def test_nonsense_is_refused_at_the_door(city: City, fresh: Door) -> None:
    for request in (
        proposal({"../x.cedar": b""}),
        proposal({"x" * 200: b""}),
        policy_pb2.ProposeBundleRequest(
            files=[policy_pb2.BundleFile(name="a.cedar"), policy_pb2.BundleFile(name="a.cedar")]
        ),
    ):
        assert (await refused(fresh.policy.ProposeBundle(request, metadata=operator(city)))).reason == "BAD_REQUEST"
    request = policy_pb2.ApproveBundleRequest(digest="latest")
    assert (await refused(fresh.policy.ApproveBundle(request, metadata=operator(city)))).reason == "BAD_REQUEST"
    request = policy_pb2.ApproveBundleRequest(digest=f"sha256:{'0' * 64}")
    assert (await refused(fresh.policy.ApproveBundle(request, metadata=operator(city)))).reason == "NOT_FOUND"
    large = {"schema.cedarschema": b"", "a.cedar": b"/" * (1 << 20), "b.cedar": b"/" * (1 << 20)}
    assert (await refused(propose(city, fresh, large))).reason == "TOO_LARGE"
