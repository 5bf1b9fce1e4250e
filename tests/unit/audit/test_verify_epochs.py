"""Earlier checkpoints of an ended epoch verify against the newer one as far as it was restored, by the custodians' word."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.epochs import Lineage, opening
from gateway.audit.ledger import SqlLedger
from gateway.audit.published import write_tiles
from gateway.audit.verify.check import BadUse, Told, check
from gateway.audit.verify.failures import Fault
from gateway.audit.verify.onefile import build
from gateway.storage.database import open_database
from keys.log.checkpoints import parse_checkpoint
from keys.log.custodians import sign_statement
from keys.log.epochs import EpochStatement
from keys.log.notes import NoteSigner, split_note
from tests.support.epochs import FIVE, NEEDED, PINNED
from tests.support.ledgers import NOTE_KEY, ORIGIN, LedgerClock, asked, encode_promise, ledger_keys, make_ledger

NEXT = NoteSigner(f"{ORIGIN}/2", b"2" * 32)


@dataclass
class World:
    folder: Path
    notes: dict[int, str]
    statement: Path
    hiding: Path

    def told(self, *statements: Path, keys: tuple[str, ...] = PINNED.keys, needed: int = NEEDED) -> Told:
        return Told(statements or [self.statement], keys, needed)

    def earlier(self, size: int) -> list[Path]:
        path = self.folder / f"kept-{size}"
        path.write_text(self.notes[size], encoding="utf-8")
        return [path]


def in_second_epoch(engine: Any, lineage: Lineage) -> SqlLedger:
    keys = replace(ledger_keys(), note=NEXT)
    return SqlLedger(engine, keys, ORIGIN, LedgerClock(), encode_promise, lineage=lineage)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A log of ten entries that lost four, in its second epoch, as a copy and in tiles."""
    folder = tmp_path_factory.mktemp("epochs")
    engine = open_database(f"sqlite:///{folder / 'old.db'}")
    notes = {}
    for number in range(1, 11):
        ledger = make_ledger(engine)
        ledger.append_blocking(asked(number))
        ledger.stop()
        notes[number] = ledger.checkpoint()
        if number == 6:
            with engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(folder / "old.db", folder / "new.db")
    engine.dispose()
    restored = parse_checkpoint(split_note(notes[6])[0])

    def stated(last: str) -> tuple[Path, EpochStatement, str]:
        statement = EpochStatement(
            2,
            NEXT.name,
            NEXT.vkey,
            ORIGIN,
            NOTE_KEY.vkey,
            b"",
            6,
            restored.root,
            last,
            1_764_150_000_000,
            "disk failed",
        )
        note = statement.text()
        for one in FIVE[:3]:
            note = sign_statement(note, one)
        path = folder / f"statement-{statement.lost}"
        path.write_text(note, encoding="utf-8")
        return path, statement, note

    path, _, note = stated(notes[10])
    hiding, _, _ = stated(notes[8])
    engine = open_database(f"sqlite:///{folder / 'new.db'}")
    ledger = in_second_epoch(engine, Lineage(ORIGIN, [note]))
    assert ledger.append_blocking(opening(PINNED.open(note), [note])).leaf_index == 6
    for number in range(3):
        ledger.append_blocking(asked(100 + number))
    ledger.stop()
    ledger.export(folder / "copy")
    write_tiles(ledger.published, folder / "tiles")
    notes[0] = ledger.checkpoint()
    yield World(folder, notes, path, hiding)
    engine.dispose()


@pytest.fixture(params=["copy", "tiles"])
def place(request: pytest.FixtureRequest, world: World) -> str:
    return str(world.folder / request.param)


def test_the_new_epoch_verifies_by_itself_and_with_its_own_checkpoints(world: World, place: str) -> None:
    assert check(place, NEXT.vkey).verified
    outcome = check(place, NEXT.vkey, world.earlier(0), told=world.told())
    assert outcome.document["earlier_size"] == 10
    assert [one["entries"] for one in outcome.document["lost"]] == [4]


@pytest.mark.parametrize("size", [1, 5, 6])
def test_an_earlier_checkpoint_of_the_ended_epoch_holds_as_far_as_was_restored(
    world: World, place: str, size: int
) -> None:
    outcome = check(place, NEXT.vkey, world.earlier(size), told=world.told())
    assert outcome.verified
    assert outcome.document["earlier_size"] == size
    said = "\n".join(outcome.lines)
    assert "lost 丢失: 4 entries of gov.example/log from 6 on" in said
    assert "disk failed" in said


@pytest.mark.parametrize("size", [7, 10])
def test_one_whose_entries_are_lost_is_owned_up_to_and_named(world: World, place: str, size: int) -> None:
    outcome = check(place, NEXT.vkey, world.earlier(size), told=world.told())
    assert outcome.verified
    assert (outcome.document["earlier_size"], outcome.document["behind"]) == (None, [size])
    assert f"The checkpoint of {size} entries" in outcome.lines[-1]


def test_without_the_statement_it_fails_with_what_is_needed(world: World, place: str) -> None:
    outcome = check(place, NEXT.vkey, world.earlier(5))
    assert outcome.document["fault"] == Fault.EPOCH_UNEXPLAINED
    assert "--custodian" in outcome.lines[0]


def test_a_statement_that_hides_the_checkpoint_is_no_explanation(world: World, place: str) -> None:
    outcome = check(place, NEXT.vkey, world.earlier(10), told=world.told(world.hiding))
    assert outcome.document["fault"] == Fault.EPOCH_HIDES
    assert outcome.document["evidence"]["signed_note"] == world.notes[10]
    assert outcome.document["evidence"]["named_note"] == world.notes[8]


def test_too_few_or_other_custodians_explain_nothing(world: World, place: str) -> None:
    for keys, needed in ((PINNED.keys, 4), (PINNED.keys[2:], 2)):
        outcome = check(place, NEXT.vkey, world.earlier(5), told=world.told(keys=keys, needed=needed))
        assert outcome.document["fault"] == Fault.EPOCH_UNSIGNED


def test_a_statement_that_leads_elsewhere_or_is_none_is_refused(world: World, place: str, tmp_path: Path) -> None:
    other = NoteSigner(f"{ORIGIN}/2", b"3" * 32)
    assert check(place, other.vkey, told=world.told()).document["fault"] == Fault.EPOCH_BAD
    (tmp_path / "none").write_text("no statement", encoding="utf-8")
    assert check(place, NEXT.vkey, told=world.told(tmp_path / "none")).document["fault"] == Fault.EPOCH_BAD
    (tmp_path / "bent").write_text(world.statement.read_text().replace("disk", "desk"), encoding="utf-8")
    assert check(place, NEXT.vkey, told=world.told(tmp_path / "bent")).document["fault"] == Fault.EPOCH_BAD


def test_a_log_that_was_changed_before_the_restored_head_is_forked_by_the_statement(
    world: World, tmp_path: Path
) -> None:
    shutil.copytree(world.folder / "copy", tmp_path / "copy")
    lines = (tmp_path / "copy" / "entries.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "copy" / "entries.jsonl").write_text("".join(lines[:2] + lines[3:]), encoding="utf-8")
    outcome = check(str(tmp_path / "copy"), NEXT.vkey, told=world.told())
    assert not outcome.verified


def test_statements_and_custodians_belong_together(world: World, place: str) -> None:
    for told in (Told([world.statement], ()), Told([], PINNED.keys), Told([world.statement], PINNED.keys, 9)):
        with pytest.raises(BadUse):
            check(place, NEXT.vkey, told=told)


def test_the_one_file_says_the_same_without_any_package(world: World, tmp_path: Path) -> None:
    program = build(tmp_path)
    command = [sys.executable, "-I", "-S", "-W", "error", str(program), str(world.folder / "copy"), "--key", NEXT.vkey]
    command += ["--earlier", str(world.earlier(5)[0])]
    custodians = [word for key in PINNED.keys for word in ("--custodian", key)]
    told = ["--epoch", str(world.statement), *custodians, "--custodians-needed", str(NEEDED)]

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60, cwd="/")

    done = run(*told)
    assert (done.returncode, done.stderr) == (0, "")
    assert "lost 丢失: 4 entries" in done.stdout
    assert run().returncode == 5
    assert run("--epoch", str(world.statement)).returncode == 2
