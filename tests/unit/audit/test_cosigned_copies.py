"""Copies whose heads witnesses have cosigned: what the log's key alone cannot do any more, at every position."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.verify.check import BadUse, check, quorum_of
from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.onefile import build
from gateway.audit.verify.proof import verify_proof
from keys.errors import BadCheckpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner, Quorum
from keys.log.merkle import inclusion_path
from keys.log.notes import split_note
from keys.log.proof_files import ProofFile, write_proof_file
from tests.support.copies import Copy, forged, honest_copy, renumbered, resigned
from tests.support.ledgers import NOTE_KEY
from tests.support.tiled import entries, head_of, tiled
from tests.unit.audit.test_one_file import run

WITNESSES = [Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in (1, 2, 3)]
QUORUM = Quorum([CosignatureVerifier(one.vkey) for one in WITNESSES], 2)
SIZE = 7


def cosigned(note: str, signers: Sequence[Cosigner] = WITNESSES[:2]) -> str:
    text = split_note(note)[0]
    return note + "".join(one.cosign(text, 1_800_000_000) for one in signers)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    """Seven entries; every head is cosigned."""
    plain = honest_copy(tmp_path_factory.mktemp("log"))
    return replace(plain, notes=tuple(cosigned(note) for note in plain.notes))


def refused(
    copy: Copy, folder: Path, earlier: Sequence[str] = (), quorum: Quorum | None = QUORUM
) -> VerificationFailed:
    copy.write(folder)
    with pytest.raises(VerificationFailed) as caught:
        verify_export(folder, NOTE_KEY.vkey, list(earlier), quorum=quorum)
    return caught.value


def forgeries(copy: Copy, place: int) -> list[Copy]:
    """What the holder of the log's key may try at one position: an edit, a removal, a swap with the next."""
    entries = list(copy.entries)
    edited = [*entries[:place], forged(entries[place]), *entries[place + 1 :]]
    tried = [copy.with_entries(edited)]
    if place < SIZE - 1:
        removed = renumbered([*entries[:place], *entries[place + 1 :]])
        swapped = renumbered([*entries[:place], entries[place + 1], entries[place], *entries[place + 2 :]])
        tried += [copy.with_entries(removed), copy.with_entries(swapped)]
    return tried


def test_an_honest_copy_verifies_and_one_without_the_quorum_does_not(copy: Copy, tmp_path: Path) -> None:
    copy.write(tmp_path / "copy")
    assert verify_export(tmp_path / "copy", NOTE_KEY.vkey, quorum=QUORUM).size == SIZE
    one = replace(copy, notes=(*copy.notes[:-1], cosigned(split_plain(copy.notes[-1]), WITNESSES[:1])))
    failure = refused(one, tmp_path / "one")
    assert (failure.fault, failure.first, failure.last) == (Fault.NOT_COSIGNED, SIZE - 1, SIZE - 1)
    assert (failure.evidence["cosigned"], failure.evidence["needed"]) == (1, 2)


def split_plain(note: str) -> str:
    """A note without the witnesses' lines."""
    return "".join(line for line in note.splitlines(keepends=True) if "witness.example" not in line)


@pytest.mark.parametrize("place", range(SIZE))
def test_a_rewriting_signed_by_the_log_is_refused_and_named_by_the_last_head_that_was_cosigned(
    copy: Copy, tmp_path: Path, place: int
) -> None:
    for number, bad in enumerate(forgeries(copy, place)):
        signed = resigned(bad)
        # Nothing cosigned is shown: all that is known is that no witness stands for it.
        failure = refused(signed, tmp_path / f"bare{number}")
        assert (failure.fault, failure.first) == (Fault.NOT_COSIGNED, 0)
        # The true heads of before are shown, as they have to be to look like this log: they name where it departs.
        mixed = replace(signed, notes=(*copy.notes[: place + 1], *signed.notes[place + 1 :]))
        failure = refused(mixed, tmp_path / f"mixed{number}")
        assert (failure.fault, failure.first) == (Fault.NOT_COSIGNED, place)


@pytest.mark.parametrize("place", range(SIZE - 1))
def test_a_cosigned_head_of_the_true_log_proves_the_fork(copy: Copy, tmp_path: Path, place: int) -> None:
    signed = resigned(forgeries(copy, place)[0])
    both = replace(signed, notes=(*copy.notes[:SIZE], signed.notes[-1]))
    failure = refused(both, tmp_path / "both")
    assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, place, place)
    assert failure.evidence["consistency_proof"]
    assert failure.evidence["later_note"] == signed.notes[-1]
    QUORUM.require(str(failure.evidence["signed_note"]))


def test_entries_that_nobody_signed_are_called_rewritten_and_not_a_fork(copy: Copy, tmp_path: Path) -> None:
    bad = forgeries(copy, 4)[0]
    failure = refused(bad, tmp_path / "copy")
    assert (failure.fault, failure.first, failure.last) == (Fault.ENTRIES_REWRITTEN, 4, 4)


def test_a_witness_signature_that_does_not_verify_is_named(copy: Copy, tmp_path: Path) -> None:
    lines = split_plain(copy.notes[-1]) + copy.notes[-2].splitlines(keepends=True)[-1]
    failure = refused(replace(copy, notes=(*copy.notes[:-1], lines)), tmp_path / "copy")
    assert failure.fault is Fault.COSIGNATURE_BAD


def test_a_cosigned_head_that_was_kept_stands_in_for_one_that_is_missing(copy: Copy, tmp_path: Path) -> None:
    plain = replace(copy, notes=tuple(split_plain(note) for note in copy.notes))
    plain.write(tmp_path / "copy")
    report = verify_export(tmp_path / "copy", NOTE_KEY.vkey, [copy.notes[-1]], quorum=QUORUM)
    assert report.earlier_size == SIZE
    assert refused(plain, tmp_path / "again", [copy.notes[3]]).first == 3


def test_tiles_and_proof_files_are_held_to_the_quorum_too(copy: Copy, tmp_path: Path) -> None:
    leaves = [line.leaf_hash for line in copy.entries]
    for note, good in ((copy.notes[-1], True), (split_plain(copy.notes[-1]), False)):
        text = write_proof_file(ProofFile(2, inclusion_path(leaves, 2, SIZE), note, leaves[2]))
        if good:
            assert verify_proof(text, NOTE_KEY.vkey, None, QUORUM).index == 2
            continue
        with pytest.raises(VerificationFailed) as caught:
            verify_proof(text, NOTE_KEY.vkey, None, QUORUM)
        assert (caught.value.fault, caught.value.first) == (Fault.NOT_COSIGNED, 2)
    log = entries(300)
    plain = tiled(log).write(tmp_path / "plain")
    assert check(str(plain), NOTE_KEY.vkey, quorum=QUORUM).document["fault"] == "NOT_COSIGNED"
    good_one = tiled(log, cosigned(head_of(log))).write(tmp_path / "cosigned")
    assert check(str(good_one), NOTE_KEY.vkey, quorum=QUORUM).verified


def test_which_quorums_make_sense(copy: Copy) -> None:
    vkeys = [one.vkey for one in WITNESSES]
    assert quorum_of([], None, NOTE_KEY.vkey) is None
    everyone = quorum_of(vkeys, None, NOTE_KEY.vkey)
    assert everyone is not None
    assert everyone.needed == 3
    with pytest.raises(BadUse):
        quorum_of([], 1, NOTE_KEY.vkey)
    for bad in ([vkeys[0], vkeys[0]], ["nonsense"], [NOTE_KEY.vkey]):
        with pytest.raises(BadCheckpoint):
            quorum_of(bad, 1, NOTE_KEY.vkey)
    with pytest.raises(BadCheckpoint):
        quorum_of(vkeys, 4, NOTE_KEY.vkey)


def test_the_single_file_says_the_same_without_any_package(copy: Copy, tmp_path: Path) -> None:
    program = build(tmp_path)
    copy.write(tmp_path / "copy")
    witnesses = [word for one in WITNESSES for word in ("--witness", one.vkey)]
    done = run(program, tmp_path / "copy", "--key", NOTE_KEY.vkey, *witnesses, "--quorum", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 or more of the 3 witnesses" in done.stdout
    done = run(program, tmp_path / "copy", "--key", NOTE_KEY.vkey, *witnesses, "--json")
    assert (done.returncode, json.loads(done.stdout)["fault"]) == (5, "NOT_COSIGNED")
    assert run(program, tmp_path / "copy", "--key", NOTE_KEY.vkey, "--quorum", "2").returncode == 2
