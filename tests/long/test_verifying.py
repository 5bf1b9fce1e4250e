"""Of a log of ten thousand entries, every edit, removal, swap and fork is detected and named, also signed by the log's key.

Exhaustive by position for small logs in `unit/audit/test_verify.py` (copies), `unit/audit/test_cosigned_copies.py` (with
witnesses) and below (tiles); sampled here, in a copy, in tiles in a folder and at an address, by the product and by the
single file, by whoever kept a head or a copy and by whoever trusts witnesses.
"""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.audit.verify import layout
from gateway.audit.verify.copy import leaves_of, verify_export
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.onefile import build
from gateway.audit.verify.tiled import leaves_at, verify_tiles
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner, Quorum
from keys.log.frontier import Frontier
from keys.log.notes import split_note
from tests.support.copies import forged, rehashed, renumbered
from tests.support.ledgers import NOTE_KEY, ORIGIN
from tests.support.tile_server import serving
from tests.support.tiled import entries as tiled_entries
from tests.support.tiled import entry as tiled_entry
from tests.support.tiled import head_of, tiled

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

KEY = NOTE_KEY.vkey
SIZE = 10_000
STEP = 50
"""Entries between two published heads."""

WITNESSES = [Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in (1, 2)]
QUORUM = Quorum([CosignatureVerifier(one.vkey) for one in WITNESSES], 2)

Lines = list[layout.Line]
Attack = Callable[[Lines, int], tuple[Lines, int]]
"""Changes a log at a position; gives the log and the first entry that differs from the honest one."""


def _line(number: int, salt: int = 0) -> layout.Line:
    body = f'{{"case":"{number}","kind":"asked","time_ms":{1_800_000_000_000 + number}}}'.encode()
    salts = random.Random(f"{number} {salt}")
    return rehashed(
        layout.Line(number, bytes(32), body, salts.randbytes(32), b'{"scheme":"cn.uscc"}', salts.randbytes(32))
    )


def edit(log: Lines, index: int) -> tuple[Lines, int]:
    return [*log[:index], forged(log[index]), *log[index + 1 :]], index


def remove(log: Lines, index: int) -> tuple[Lines, int]:
    return renumbered([*log[:index], *log[index + 1 :], _line(len(log))]), index


def swap(log: Lines, index: int) -> tuple[Lines, int]:
    other = (index + 4321) % SIZE
    changed = list(log)
    changed[index], changed[other] = changed[other], changed[index]
    return renumbered(changed), min(index, other)


def insert(log: Lines, index: int) -> tuple[Lines, int]:
    return renumbered([*log[:index], _line(len(log), 1), *log[index:-1]]), index


def fork(log: Lines, index: int) -> tuple[Lines, int]:
    return [*log[:index], *(_line(number, 2) for number in range(index, len(log)))], index


ATTACKS: list[Attack] = [edit, remove, swap, insert, fork]


def _positions(drawn: int = 4) -> list[int]:
    chosen = random.Random(10_000)
    return sorted({0, 256, SIZE - 1, *(chosen.randrange(SIZE) for _ in range(drawn))})


def heads_of(log: Lines) -> list[str]:
    """A head every so many entries, and one that covers all."""
    frontier, notes = Frontier(), []
    for line in log:
        frontier.append(line.leaf_hash)
        if frontier.size % STEP == 0 or frontier.size == len(log):
            notes.append(sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, frontier.size, frontier.root())))
    return notes


@dataclass
class Honest:
    """The honest log, as it was exported when the verifier kept it, and its heads."""

    log: Lines
    heads: list[str]
    kept: Path


def write(folder: Path, log: Lines, heads: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / layout.ENTRIES).write_bytes(b"".join(layout.write_line(line) + b"\n" for line in log))
    (folder / layout.CHECKPOINTS).write_text("".join(json.dumps(note) + "\n" for note in heads[:-1]))
    (folder / layout.CHECKPOINT).write_text(heads[-1], encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Honest:
    log = [_line(number) for number in range(SIZE)]
    heads = heads_of(log)
    return Honest(log, heads, write(tmp_path_factory.mktemp("honest") / "copy", log, heads))


def failure_of(folder: Path, earlier: list[str], before: Path | None = None) -> VerificationFailed:
    with pytest.raises(VerificationFailed) as caught:
        verify_export(folder, KEY, earlier, before)
    return caught.value


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_rewriting_without_the_key_is_named_to_one_publication(
    honest: Honest, attack: Attack, tmp_path: Path
) -> None:
    assert verify_export(honest.kept, KEY).size == SIZE
    for index in _positions():
        log, first = attack(honest.log, index)
        failure = failure_of(write(tmp_path / "copy", log, honest.heads), [])
        assert failure.fault is Fault.ENTRIES_REWRITTEN
        assert failure.first is not None
        assert failure.last is not None
        assert failure.first <= first <= failure.last < failure.first + STEP


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_rewriting_signed_by_the_logs_key_is_named_by_what_was_kept(
    honest: Honest, attack: Attack, tmp_path: Path
) -> None:
    for index in _positions(1):
        log, first = attack(honest.log, index)
        # The forger also goes on with the log, so that nothing looks cut.
        log = [*log, *(_line(SIZE + more, 3) for more in range(7))]
        folder = write(tmp_path / "copy", log, heads_of(log))
        failure = failure_of(folder, honest.heads)
        assert failure.fault is Fault.LOG_FORKED
        assert "consistency_proof" in failure.evidence
        assert failure.first is not None
        assert failure.last is not None
        assert failure.first <= first <= failure.last < failure.first + STEP
        failure = failure_of(folder, [], honest.kept)
        assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, first, first)


def cosigned(note: str) -> str:
    text = split_note(note)[0]
    return note + "".join(one.cosign(text, 1_800_000_000) for one in WITNESSES)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_with_witnesses_nothing_has_to_be_kept_to_refuse_and_name_it(
    honest: Honest, attack: Attack, tmp_path: Path
) -> None:
    heads = [cosigned(note) for note in honest.heads]
    folder = write(tmp_path / "honest", honest.log, heads)
    assert verify_export(folder, KEY, quorum=QUORUM).size == SIZE
    for index in (0, random.Random(attack.__name__).randrange(SIZE)):
        log, first = attack(honest.log, index)
        log = [*log, *(_line(SIZE + more, 3) for more in range(7))]
        # The log's own key signs the whole rewriting, and shows every cosigned head that still fits.
        kept = first // STEP
        write(folder, log, [*heads[:kept], *heads_of(log)[kept:]])
        with pytest.raises(VerificationFailed) as caught:
            verify_export(folder, KEY, quorum=QUORUM)
        assert (caught.value.fault, caught.value.first) == (Fault.NOT_COSIGNED, kept * STEP)
        # One cosigned head of the true log, and it is a fork that names the publication.
        write(folder, log, [*heads[: kept + 1], *heads_of(log)[kept + 1 :]])
        with pytest.raises(VerificationFailed) as caught:
            verify_export(folder, KEY, quorum=QUORUM)
        assert caught.value.fault is Fault.LOG_FORKED
        assert (caught.value.first, caught.value.last) == (kept * STEP, kept * STEP + STEP - 1)


def attacked_tiles(log: list[bytes], index: int) -> dict[str, tuple[list[bytes], int]]:
    """Each attack on a log in tiles, with the first entry that differs."""
    size, other = len(log), (index + 4321) % len(log)
    swapped = list(log)
    swapped[index], swapped[other] = swapped[other], swapped[index]
    return {
        "edit": ([*log[:index], tiled_entry(index, 1), *log[index + 1 :]], index),
        "remove": ([*log[:index], *log[index + 1 :], tiled_entry(size, 1)], index),
        "swap": (swapped, min(index, other)),
        "insert": ([*log[:index], tiled_entry(size, 2), *log[index:-1]], index),
        "fork": ([*log[:index], *(tiled_entry(number, 2) for number in range(index, size))], index),
    }


def test_the_single_file_names_each_of_them_in_a_copy_and_at_an_address(honest: Honest, tmp_path: Path) -> None:
    program = build(tmp_path)

    def said(place: object, *arguments: object) -> tuple[object, ...]:
        command = [sys.executable, "-I", "-S", str(program), str(place), "--key", KEY, "--json", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd="/")
        document = json.loads(done.stdout)
        return done.returncode, document["fault"], document["first"], document["last"]

    chosen = random.Random(5)
    for attack in ATTACKS:
        log, first = attack(honest.log, chosen.randrange(SIZE))
        # No heads but the last one: without the package, each takes a while.
        folder = write(tmp_path / "copy", log, heads_of(log)[-1:])
        assert said(folder, "--before", honest.kept) == (5, "LOG_FORKED", first, first)
    log_in_tiles = tiled_entries(SIZE)
    kept = tiled(log_in_tiles).write(tmp_path / "kept")
    for name, (log_now, first) in attacked_tiles(log_in_tiles, chosen.randrange(SIZE)).items():
        with serving(tiled(log_now).write(tmp_path / name)) as address:
            assert said(address, "--before", kept) == (5, "LOG_FORKED", first, first)


def test_one_checkpoint_that_was_kept_detects_it_and_its_size_bounds_the_entry(honest: Honest, tmp_path: Path) -> None:
    log, _ = edit(honest.log, 7000)
    folder = write(tmp_path / "copy", log, heads_of(log))
    failure = failure_of(folder, [honest.heads[-1]])
    assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, 0, SIZE - 1)


def test_with_the_public_key_alone_a_rewriting_signed_by_the_log_is_not_seen(honest: Honest, tmp_path: Path) -> None:
    log, _ = edit(honest.log, 5000)
    assert verify_export(write(tmp_path / "copy", log, heads_of(log)), KEY).size == SIZE


def test_in_tiles_of_ten_thousand_entries_a_rewriting_signed_by_the_logs_key_is_named(tmp_path: Path) -> None:
    log = tiled_entries(SIZE)
    kept, note = tiled(log).write(tmp_path / "kept"), head_of(log)
    for index in _positions(2):
        for name, (attack, first) in attacked_tiles(log, index).items():
            folder = tiled([*attack, tiled_entry(SIZE, 3)]).write(tmp_path / f"{index} {name}")
            with pytest.raises(VerificationFailed) as caught:
                verify_tiles(folder, KEY, [note], leaves_at(kept, KEY))
            failure = caught.value
            assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, first, first)


def test_a_copy_kept_from_before_names_the_entry_of_tiles_and_the_other_way_round(
    honest: Honest, tmp_path: Path
) -> None:
    assert list(leaves_of(honest.kept)) == [line.leaf_hash for line in honest.log]
    small = 20
    for index in range(small):
        log, first = edit(honest.log[:small], index)
        folder = write(tmp_path / "copy", log, heads_of(log))
        tiles = tiled(tiled_entries(small)).write(tmp_path / "tiles")
        with pytest.raises(VerificationFailed) as caught:
            verify_export(folder, KEY, heads_of(honest.log[:small]), earlier_leaves=leaves_of(honest.kept))
        assert (caught.value.first, caught.value.last) == (first, first)
        with pytest.raises(VerificationFailed) as caught:
            verify_tiles(tiles, KEY, heads_of(log), leaves_of(folder))
        assert (caught.value.fault, caught.value.first) == (Fault.LOG_FORKED, 0)


def test_in_a_small_log_in_tiles_every_edit_removal_swap_insertion_and_fork_is_named(tmp_path: Path) -> None:
    size = 24
    log = tiled_entries(size)
    kept, heads = tiled(log).write(tmp_path / "kept"), [head_of(log[:number]) for number in range(1, size + 1)]
    fresh = [tiled_entry(number, 9) for number in range(size + 2)]
    attacks: list[tuple[list[bytes], int]] = []
    for index in range(size):
        attacks.append(([*log[:index], fresh[index], *log[index + 1 :]], index))
        attacks.append(([*log[:index], *log[index + 1 :], fresh[0]], index))
        attacks.append(([*log[:index], fresh[index], *log[index:]], index))
        attacks.append(([*log[:index], *fresh[index:]], index))
        for other in range(index + 1, size):
            swapped = list(log)
            swapped[index], swapped[other] = swapped[other], swapped[index]
            attacks.append((swapped, index))
    for number, (attack, first) in enumerate(attacks):
        folder = tiled([*attack, fresh[-1]]).write(tmp_path / str(number))
        for earlier, before in ((heads, None), ([heads[-1]], leaves_at(kept, KEY))):
            with pytest.raises(VerificationFailed) as caught:
                verify_tiles(folder, KEY, earlier, before)
            failure = caught.value
            assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, first, first)
