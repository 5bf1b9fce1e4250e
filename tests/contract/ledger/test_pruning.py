"""Retention: what entries said goes when its time is over, and every proof stays."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update

from gateway.audit.bodies import Bodies, pruned_parts
from gateway.audit.entries import EntryDraft
from gateway.audit.errors import EntryPruned, LedgerCorrupt, RiderRefused
from gateway.audit.export import line_of
from gateway.audit.kinds import Kind
from gateway.audit.published import write_tiles
from gateway.audit.retention.plan import Rests
from gateway.audit.retention.rule import BadRule, Kept, Rule
from gateway.audit.review.derived import FACETS, LABELS, TALLIES
from gateway.audit.review.facets import Facet
from gateway.audit.review.query import Query
from gateway.audit.store import ENTRIES
from gateway.audit.verify import layout
from gateway.audit.verify.check import check
from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.pruned import MONTH_MS
from gateway.audit.verify.tiled import verify_tiles
from keys.log.leaves import accountability_commitment, person_commitment
from keys.log.proof_files import ProofFile, write_proof_file
from tests.support.ledgers import ORIGIN, PERSON, LedgerClock, asked, ledger_keys, released
from tests.support.old_log import LATER, RULE, Log, copy, fill, no_references


@pytest.fixture
def log(engine: Engine, clock: LedgerClock) -> Log:
    return Log(engine, clock)


@pytest.fixture(autouse=True)
def _closed(log: Log) -> Any:
    yield
    log.ledger.stop()


def test_what_entries_said_goes_and_the_tree_and_every_proof_stay(log: Log, tmp_path: Path) -> None:
    old = log.age()
    note, root = log.ledger.checkpoint(), log.ledger.published.root(log.ledger.size())
    proof = log.ledger.inclusion(1, log.ledger.size())
    write_tiles(log.ledger.published, tmp_path / "tiles before")

    done = log.prune()

    assert (done.entries, done.held) == (old, 0)
    assert log.ledger.published.root(old + 4) == root
    assert log.ledger.inclusion(1, old + 4) == dataclasses.replace(
        proof, checkpoint=log.ledger.inclusion(1, old + 4).checkpoint
    )
    with pytest.raises(EntryPruned) as told:
        log.ledger.entry(1)
    assert told.value.under == done.under
    report = verify_export(copy(log, tmp_path / "copy"), log.ledger.public_key, note)
    assert (report.pruned, report.bodies_from, list(report.pruned_under)) == (old, old, [done.under])
    assert report.earlier_size == old + 4
    write_tiles(log.ledger.published, tmp_path / "tiles")
    verify_tiles(tmp_path / "tiles", log.ledger.public_key, [note])
    assert log.ledger.fsck().run([note]).pruned == old
    # The other process's start: the stored log is the one that was promised.
    log.publish()
    assert log.ledger.accesses(PERSON).accesses[-1].leaf_index >= old
    assert [e.pruned_under for e in log.ledger.entries(limit=500).entries][-old:] == [done.under] * old


def test_nothing_derived_from_pruned_entries_is_left(log: Log, engine: Engine) -> None:
    old = log.age()
    query = Query(frozenset({(Facet.OUTCOME, "released")}), 0, 2**60, None)
    assert len(log.ledger.review.search.page(query).hits) == 5
    log.prune()
    while log.ledger.review.indexer.turn():
        pass
    with engine.connect() as connection:
        kept = (connection.execute(select(func.count()).where(FACETS.c.leaf_index < old)).scalar(),)
        days = connection.execute(select(TALLIES.c.entries)).scalars().all()
        tokens = set(connection.execute(select(TALLIES.c.token)).scalars())
        labels = set(connection.execute(select(LABELS.c.token)).scalars())
    assert kept == (0,)
    assert set(days) == {2}
    assert labels == tokens
    assert len(log.ledger.review.search.page(query).hits) == 2
    # What is made anew out of the log is the same.
    log.ledger.review.indexer.empty()
    while log.ledger.review.indexer.turn():
        pass
    with engine.connect() as connection:
        assert connection.execute(select(TALLIES.c.entries)).scalars().all() == days


def test_a_body_that_is_missing_and_that_nothing_covers_is_an_error_and_named(log: Log, tmp_path: Path) -> None:
    old = log.age()
    folder = copy(log, tmp_path / "copy")
    lines = (folder / layout.ENTRIES).read_bytes().splitlines()
    line = layout.read_line(lines[2])
    taken = layout.Line(
        2, line.leaf_hash, b"", b"",
        person_erased=person_commitment(line.person_salt, line.person),
        pruned=accountability_commitment(line.accountability_salt, line.accountability),
    )  # fmt: skip
    lines[2] = layout.write_line(taken)
    (folder / layout.ENTRIES).write_bytes(b"\n".join(lines) + b"\n")
    with pytest.raises(VerificationFailed) as told:
        verify_export(folder, log.ledger.public_key)
    assert (told.value.fault, told.value.first) == (Fault.BODY_MISSING, 2)
    # The same in the database, outside what a pruning names.
    log.prune()
    with log.engine.begin() as connection:
        pruned = connection.execute(select(ENTRIES).where(ENTRIES.c.leaf_index == 0)).one()
        opened = Bodies(ledger_keys(), ORIGIN).open
        row = connection.execute(select(ENTRIES).where(ENTRIES.c.leaf_index == old)).one()
        parts = pruned_parts(*opened(old, bytes(row.hashes[:32]), bytes(row.accountability), bytes(row.person)))
        connection.execute(
            update(ENTRIES).where(ENTRIES.c.leaf_index == old).values(
                kind=pruned.kind, department=None, request_index=None, person_token=None,
                accountability=parts[0], person=parts[1],
            )
        )  # fmt: skip
    with pytest.raises(LedgerCorrupt, match="no entry log_pruned covers it"):
        log.ledger.entry(old)
    with pytest.raises(VerificationFailed) as told:
        log.ledger.fsck().run()
    assert (told.value.fault, told.value.first) == (Fault.BODY_MISSING, old)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"newest_ms": 1_800_000_000_000 + 2 * MONTH_MS}, Fault.PRUNED_BEYOND_RULE),
        ({"root": "00" * 32}, Fault.PRUNED_ROOT_WRONG),
    ],
)
def test_an_entry_that_prunes_more_than_its_rule_allows_is_named(
    log: Log, tmp_path: Path, change: dict[str, Any], fault: Fault
) -> None:
    old = log.age()
    said = {
        "by": "operator", "below": old, "root": log.ledger.published.root(old).hex(), "ranges": [[0, old]],
        "entries": old, "newest_ms": 1_800_000_000_000, "months": 6, "kinds": {}, "law": "",
    }  # fmt: skip
    at = log.ledger.append_blocking(EntryDraft("log_pruned", {**said, **change})).leaf_index
    with pytest.raises(VerificationFailed) as told:
        verify_export(copy(log, tmp_path / "copy"), log.ledger.public_key)
    assert (told.value.fault, told.value.first) == (fault, at)
    with pytest.raises(VerificationFailed) as told:
        log.ledger.fsck().run()
    assert (told.value.fault, told.value.first) == (fault, at)


def test_what_a_hold_covers_stays_and_pruning_it_all_the_same_is_named(log: Log, tmp_path: Path) -> None:
    old = log.age()
    hold = log.ledger.holds().add(2, 4, "order 7/2026")
    assert [(one.index, one.start, one.end, one.why) for one in log.ledger.holds().list()] == [
        (hold, 2, 4, "order 7/2026")
    ]
    log.publish()
    plan = log.plan()
    assert list(plan.ranges) == [(0, 2), (4, old)]
    assert plan.kept == {Kept.HOLD: 2}
    done = log.prune()
    assert done.entries == old - 2
    assert log.ledger.entry(2).kind == Kind.ASKED
    # A gateway that names it all the same is caught by whoever verifies.
    said = {
        "by": "operator", "below": 4, "root": log.ledger.published.root(4).hex(), "ranges": [[2, 4]], "entries": 2,
        "newest_ms": 1_800_000_000_000, "months": 6, "kinds": {}, "law": "",
    }  # fmt: skip
    log.ledger.append_blocking(EntryDraft("log_pruned", said))
    with pytest.raises(VerificationFailed) as told:
        verify_export(copy(log, tmp_path / "copy"), log.ledger.public_key)
    assert (told.value.fault, told.value.first) == (Fault.PRUNED_UNDER_HOLD, 2)


def test_when_a_hold_is_taken_back_what_it_covered_can_go(log: Log) -> None:
    old = log.age()
    hold = log.ledger.holds().add(2, None, "order 7/2026")
    log.publish()
    assert list(log.plan().ranges) == [(0, 2)]
    log.prune()
    log.ledger.holds().remove(hold, "order 9/2026")
    log.publish()
    assert list(log.plan().ranges) == [(2, old)]
    assert log.prune().entries == old - 2
    assert log.ledger.fsck().run().pruned == old


def test_a_hold_or_a_pruning_that_comes_between_plan_and_entry_stops_it(log: Log) -> None:
    log.age()
    plan = log.plan()
    log.ledger.holds().add(0, 1, "order 7/2026")
    with pytest.raises(RiderRefused, match="LOG_CHANGED"):
        log.ledger.prune(log.step).record(plan, RULE)
    assert not log.ledger.prunings.all()


def test_what_something_younger_rests_on_stays(log: Log) -> None:
    ledger, clock = log.ledger, log.clock
    ledger.append_blocking(asked(0))  # 0: open
    law = {"reason": "life", "visible_from_ms": clock.at_ms + 20 * MONTH_MS}
    hidden = ledger.append_blocking(asked(1, emergency=law)).leaf_index  # 1
    ledger.append_blocking(released(hidden))  # 2
    ledger.append_blocking(EntryDraft("agreement_added", {}))  # 3
    referred = ledger.append_blocking(asked(2)).leaf_index  # 4
    ledger.append_blocking(released(referred))  # 5
    ledger.append_blocking(EntryDraft("log_read", {}))  # 6
    late = ledger.append_blocking(asked(3)).leaf_index  # 7
    clock.at_ms += LATER
    ledger.append_blocking(released(late))
    log.publish()
    rule = Rule(6, {"log_read": 12}, "")
    plan = log.plan(rule, references=lambda _now: Rests({5: Kept.OPEN_NOTICE}))
    assert not plan.ranges
    assert plan.kept == {
        Kept.OPEN_REQUEST: 1, Kept.HIDDEN_FROM_PERSON: 2, Kept.ALWAYS: 1, Kept.OPEN_NOTICE: 2, Kept.LONGER: 1,
        Kept.YOUNGER_OUTCOME: 1,
    }  # fmt: skip
    clock.at_ms += 20 * MONTH_MS
    log.ledger.append_blocking(EntryDraft("gateway_started", {}))
    log.publish()
    assert list(log.plan(rule).ranges) == [(1, 3), (4, 9)]


def test_a_clock_that_was_put_forward_prunes_nothing_early(log: Log) -> None:
    fill(log.ledger)
    log.publish()
    plan = log.ledger.planner(no_references).plan(RULE, log.clock.now_ms() + 40 * MONTH_MS)
    assert not plan.ranges


@pytest.mark.parametrize("stop", ["record", "publish", "batch", "commit", "labels", "mark", "overwrite"])
def test_stopped_at_any_step_it_is_completed_by_the_next_run(log: Log, stop: str, tmp_path: Path) -> None:
    old = log.age()

    class Stopped(BaseException):
        """The process ends here."""

    def step(what: str) -> None:
        if what == stop:
            raise Stopped
        log.step(what)

    prune = log.ledger.prune(step)
    with pytest.raises(Stopped):
        prune.carry_out(prune.record(log.plan(), RULE))
    log.publish()
    # Whatever was reached, the log is sound.
    log.ledger.fsck().run()
    verify_export(copy(log, tmp_path / "copy"), log.ledger.public_key)
    again = log.ledger.prune(log.step)
    left = again.unfinished()
    if left is None and stop != "overwrite":
        left = again.record(log.plan(), RULE)
    if left is not None:
        again.carry_out(left)
    assert again.unfinished() is None
    assert len(log.ledger.prunings.all()) == 1
    assert log.ledger.fsck().run().pruned == old


def test_nothing_is_destroyed_before_the_entry_that_names_it_is_published(log: Log) -> None:
    log.age()
    seen: list[tuple[int, int]] = []

    def step(what: str) -> None:
        log.step(what)
        if what == "batch":
            seen.append((log.ledger.published.head()[0], log.ledger.prunings.all()[0].index))

    prune = log.ledger.prune(step)
    prune.carry_out(prune.record(log.plan(), RULE))
    assert seen
    assert all(head > entry for head, entry in seen)


def test_a_hold_that_comes_while_pruning_stops_the_rest(log: Log) -> None:
    old = log.age()

    def step(what: str) -> None:
        log.step(what)
        if what == "publish":
            log.ledger.holds().add(0, 2, "order 7/2026")

    prune = log.ledger.prune(step)
    done = prune.carry_out(prune.record(log.plan(), RULE))
    assert (done.entries, done.held) == (old - 2, 2)
    assert prune.unfinished() is not None
    assert log.ledger.entry(0).kind == Kind.ASKED
    log.ledger.fsck().run()


def test_a_proof_of_a_pruned_entry_holds_and_says_that_it_was_pruned(log: Log, tmp_path: Path) -> None:
    log.age()
    log.prune()
    log.publish()
    entry = log.ledger.entries(limit=500).entries[-1]
    proof = log.ledger.inclusion(0)
    file = tmp_path / "x.tlog-proof"
    line = layout.write_line(line_of(entry))
    file.write_text(write_proof_file(ProofFile(0, proof.path, proof.checkpoint, line)), encoding="utf-8")
    outcome = check(str(file), log.ledger.public_key)
    assert outcome.verified
    assert outcome.document["pruned"]
    assert any("retention had ended" in one for one in outcome.lines)


def test_a_lie_about_the_age_of_what_was_pruned_is_named_by_whoever_kept_a_copy(log: Log, tmp_path: Path) -> None:
    old = log.age()
    kept = copy(log, tmp_path / "kept")
    honest = Log.plan(log)
    # The newest two are younger by seven months than what the entry says.
    young = dataclasses.replace(honest, ranges=[(0, old + 2)], entries=old + 2)
    prune = log.ledger.prune(log.step)
    under = prune.carry_out(prune.record(young, RULE)).under
    later = copy(log, tmp_path / "later")
    verify_export(later, log.ledger.public_key)
    assert not check(str(later), log.ledger.public_key, before=kept).verified
    with pytest.raises(VerificationFailed) as told:
        verify_export(later, log.ledger.public_key, earlier_copy=kept)
    assert (told.value.fault, told.value.first) == (Fault.PRUNED_BEYOND_RULE, old)
    assert told.value.evidence["pruned_by"] == under


def test_a_rule_below_the_floor_is_none() -> None:
    for months, kinds in ((5, {}), (1201, {}), (12, {"asked": 11}), (12, {"log_pruned": 12}), (12, {"nothing": 24})):
        with pytest.raises(BadRule):
            Rule(months, kinds)


def test_an_entry_is_destroyed_with_its_salts_and_nothing_can_be_guessed_from_what_stays(log: Log) -> None:
    log.age()
    with log.engine.connect() as connection:
        before = connection.execute(select(ENTRIES).where(ENTRIES.c.leaf_index == 0)).one()
    log.prune()
    with log.engine.connect() as connection:
        after = connection.execute(select(ENTRIES).where(ENTRIES.c.leaf_index == 0)).one()
    assert after.hashes == before.hashes
    assert (after.kind, after.department, after.request_index, after.person_token) == ("pruned", None, None, None)
    assert len(after.accountability) == len(after.person) == 33


def test_a_copy_says_from_where_it_holds_bodies(log: Log, tmp_path: Path) -> None:
    old = log.age()
    log.prune()
    folder = copy(log, tmp_path / "copy")
    assert f"{old} entries below {old}" in (folder / layout.README).read_text()
    first = json.loads((folder / layout.ENTRIES).read_bytes().splitlines()[0])
    assert sorted(first) == ["accountability_pruned", "index", "leaf_hash", "person_erased"]
