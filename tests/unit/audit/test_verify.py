"""Every single change to a small copy is detected and the first bad entry named: no sampling."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.audit.verify.copy import verify_export
from gateway.audit.verify.failures import Fault, VerificationFailed
from keys.errors import BadCheckpoint
from keys.log.checkpoints import open_checkpoint
from keys.log.leaves import person_commitment
from keys.log.merkle import verify_consistency
from keys.log.notes import NoteSigner, NoteVerifier
from tests.support.copies import Copy, forged, honest_copy, rehashed, renumbered, resigned
from tests.support.ledgers import NOTE_KEY, ORIGIN

ERASED, EXPLAINS = 2, 5
"""The entry whose person part was erased, and the one that says so."""

Refuse = Callable[..., VerificationFailed]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return honest_copy(tmp_path_factory.mktemp("log"))


@pytest.fixture
def refuse(tmp_path: Path) -> Refuse:
    def refused(copy: Copy, earlier: str | list[str] | None = None, before: Path | None = None) -> VerificationFailed:
        with pytest.raises(VerificationFailed) as caught:
            copy.verify(tmp_path / "copy", earlier, before)
        return caught.value

    return refused


def _named(failure: VerificationFailed, index: int) -> bool:
    return (failure.first, failure.last) == (index, index)


def test_an_honest_copy_verifies_and_says_what_was_proved(copy: Copy, tmp_path: Path) -> None:
    report = copy.verify(tmp_path / "copy")
    assert (report.origin, report.size, report.heads, report.earlier_size) == (ORIGIN, 7, 8, None)
    assert (report.erased, report.kinds["asked"], report.kinds["person_part_erased"]) == (1, 2, 1)
    assert report.first_ms == report.last_ms
    assert copy.verify(tmp_path / "copy", copy.head(3)).earlier_size == 3
    assert copy.verify(tmp_path / "copy", [copy.head(0), copy.head(7)]).earlier_size == 7


@pytest.mark.domain_check(number=12)
def test_every_changed_byte_of_every_line_is_detected_and_its_entry_named(copy: Copy, refuse: Refuse) -> None:
    # One head is enough: such a copy contradicts itself.
    bare = replace(copy, notes=(copy.head(7),))
    for index, line in enumerate(copy.lines):
        for place in range(len(line)):
            changed = line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]
            if b"\n" not in changed:
                assert _named(refuse(bare.with_lines([*copy.lines[:index], changed, *copy.lines[index + 1 :]])), index)


def test_every_changed_byte_of_a_body_is_named_even_when_its_hash_was_computed_again(
    copy: Copy, refuse: Refuse
) -> None:
    for index, entry in enumerate(copy.entries):
        others = list(copy.entries)
        around = replace(copy, notes=(copy.head(index), copy.head(index + 1), copy.head(7)))
        for field in ("accountability", "person", "accountability_salt", "person_salt", "person_erased"):
            raw = getattr(entry, field)
            for place in range(len(raw)):
                changed = raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]
                others[index] = rehashed(replace(entry, **{field: changed}))
                try:
                    attack = around.with_entries(others)
                except UnicodeDecodeError:
                    continue
                assert _named(refuse(attack), index)


@pytest.mark.domain_check(number=12)
def test_every_removed_entry_is_named(copy: Copy, refuse: Refuse) -> None:
    for index in range(7):
        entries = [entry for entry in copy.entries if entry.index != index]
        failure = refuse(copy.with_entries(entries))
        assert (failure.fault, failure.first, failure.last) == (Fault.ENTRY_MISSING, index, index)
        # The last entry cannot be closed over by others: its removal stays a missing entry.
        assert _named(refuse(copy.with_entries(renumbered(entries))), index)


def test_every_repeated_or_inserted_entry_is_named(copy: Copy, refuse: Refuse) -> None:
    for place in range(8):
        for entry in copy.entries:
            entries = [*copy.entries[:place], entry, *copy.entries[place:]]
            first = place + 1 if entry.index == place else place
            assert _named(refuse(copy.with_entries(entries)), first)
            failure = refuse(copy.with_entries(renumbered(entries)))
            # An entry repeated next to itself differs from the honest log one place later.
            assert _named(failure, first)


@pytest.mark.domain_check(number=12)
def test_every_swap_is_named(copy: Copy, refuse: Refuse) -> None:
    for first in range(7):
        for second in range(first + 1, 7):
            entries = list(copy.entries)
            entries[first], entries[second] = entries[second], entries[first]
            assert _named(refuse(copy.with_entries(entries)), first)
            assert _named(refuse(copy.with_entries(renumbered(entries))), first)


@pytest.mark.domain_check(number=12)
def test_every_fork_is_named_at_the_entry_where_it_begins(copy: Copy, refuse: Refuse) -> None:
    for fork in range(7):
        for size in range(fork + 1, 9):
            made_up = [replace(forged(copy.entries[0]), index=index) for index in range(fork, size)]
            assert _named(refuse(copy.with_entries([*copy.entries[:fork], *made_up])), fork)


def test_every_entry_behind_the_checkpoint_is_named(copy: Copy, refuse: Refuse) -> None:
    more = replace(forged(copy.entries[0]), index=7)
    failure = refuse(copy.with_entries([*copy.entries, more]))
    assert (failure.fault, failure.first) == (Fault.ENTRY_BEYOND_CHECKPOINT, 7)


@pytest.mark.domain_check(number=12)
def test_a_rewriting_signed_with_the_logs_own_key_is_detected_by_any_later_checkpoint_that_was_kept(
    copy: Copy, refuse: Refuse, tmp_path: Path
) -> None:
    copy.write(tmp_path / "before")
    for bad in range(7):
        entries = list(copy.entries)
        entries[bad] = forged(entries[bad])
        attack = resigned(copy.with_entries(entries))
        if bad == EXPLAINS:
            # The entry that says why a person part is gone: without it the copy contradicts itself.
            failure = refuse(attack)
            assert (failure.fault, failure.first) == (Fault.ERASURE_UNEXPLAINED, ERASED)
        else:
            # With the public key alone nothing contradicts it: this is why verifiers keep checkpoints.
            assert attack.verify(tmp_path / "copy").size == 7
        for kept in range(8):
            if kept <= bad and bad == EXPLAINS:
                continue
            if kept <= bad:
                assert attack.verify(tmp_path / "copy", copy.head(kept)).earlier_size == kept
                continue
            failure = refuse(attack, copy.head(kept))
            assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, 0, kept - 1)
            assert failure.evidence["signed_note"] == copy.head(kept)
            assert _named(refuse(attack, [copy.head(size) for size in range(8)]), bad)
        # With the copy itself from before, the entry is named whatever else was kept.
        assert _named(refuse(attack, before=tmp_path / "before"), bad)


@pytest.mark.parametrize("bad", range(7))
def test_removals_and_swaps_signed_with_the_logs_own_key_are_detected(copy: Copy, refuse: Refuse, bad: int) -> None:
    kept = [copy.head(size) for size in range(8)]
    shorter = resigned(copy.with_entries(renumbered([entry for entry in copy.entries if entry.index != bad])))
    failure = refuse(shorter, kept)
    assert _named(failure, bad)
    swapped = list(copy.entries)
    other = (bad + 3) % 7
    swapped[bad], swapped[other] = swapped[other], swapped[bad]
    assert _named(refuse(resigned(copy.with_entries(renumbered(swapped))), kept), min(bad, other))


def test_a_copy_cut_short_and_signed_again_is_shorter_than_what_was_kept(copy: Copy, refuse: Refuse) -> None:
    for size in range(7):
        cut = resigned(copy.with_entries(copy.entries[:size]))
        failure = refuse(cut, copy.head(7))
        assert (failure.fault, failure.first) == (Fault.LOG_SHRANK, size)
        cut_honestly = Copy(copy.lines[:size], copy.notes[: size + 1])
        assert refuse(cut_honestly, copy.head(7)).fault is Fault.LOG_SHRANK


def test_fewer_heads_widen_the_bracket_but_hide_nothing(copy: Copy, refuse: Refuse) -> None:
    entries = list(copy.entries)
    entries[4] = forged(entries[4])
    only = replace(copy.with_entries(entries), notes=(copy.head(2), copy.head(7)))
    failure = refuse(only)
    assert (failure.fault, failure.first, failure.last) == (Fault.ENTRIES_REWRITTEN, 2, 6)
    assert "one of 2 to 6" in failure.text_en
    assert "2 至 6" in failure.text_zh


def test_heads_of_strangers_prove_nothing(copy: Copy, refuse: Refuse, tmp_path: Path) -> None:
    stranger = NoteSigner(ORIGIN, b"s" * 32)
    assert refuse(resigned(copy, stranger)).fault is Fault.CHECKPOINT_BAD
    assert refuse(copy, resigned(copy, stranger).head(3)).fault is Fault.EARLIER_CHECKPOINT_BAD
    one_bad = replace(copy, notes=(*copy.notes[:3], resigned(copy, stranger).head(3), *copy.notes[3:]))
    assert refuse(one_bad).fault is Fault.CHECKPOINT_BAD
    with pytest.raises(BadCheckpoint):
        verify_export(tmp_path, "no key")


def test_another_logs_head_under_the_same_key_is_refused(copy: Copy, refuse: Refuse) -> None:
    other = copy.notes[-1].replace(ORIGIN, "gov.example/other", 1)
    assert refuse(replace(copy, notes=(*copy.notes, other))).fault is Fault.CHECKPOINT_BAD


@pytest.mark.parametrize("lost", ["entries.jsonl", "checkpoints.jsonl", "checkpoint"])
@pytest.mark.parametrize("damage", ["missing", "cut", "binary"])
def test_a_damaged_file_is_an_error_of_the_copy(copy: Copy, tmp_path: Path, lost: str, damage: str) -> None:
    copy.write(tmp_path / "copy")
    path = tmp_path / "copy" / lost
    if damage == "missing":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        path.write_bytes(b"\xff\xfe\n" + path.read_bytes())
    with pytest.raises(VerificationFailed):
        verify_export(tmp_path / "copy", NOTE_KEY.vkey)


def test_a_head_that_is_not_text_is_refused(copy: Copy, tmp_path: Path) -> None:
    copy.write(tmp_path / "copy")
    (tmp_path / "copy" / "checkpoints.jsonl").write_text("7\n")
    with pytest.raises(VerificationFailed) as caught:
        verify_export(tmp_path / "copy", NOTE_KEY.vkey)
    assert caught.value.fault is Fault.COPY_MALFORMED


@pytest.mark.parametrize("body", [b'{"kind":"asked"}', b'{"kind":7,"time_ms":1}', b'{"kind":"asked","time_ms":"x"}'])
def test_an_entry_without_kind_and_time_is_malformed_even_if_it_was_signed(
    copy: Copy, refuse: Refuse, body: bytes
) -> None:
    entries = list(copy.entries)
    entries[3] = rehashed(replace(entries[3], accountability=body))
    failure = refuse(resigned(copy.with_entries(entries)))
    assert (failure.fault, failure.first) == (Fault.ENTRY_MALFORMED, 3)


def test_a_person_part_that_is_gone_without_an_entry_that_says_so_is_an_error(copy: Copy, refuse: Refuse) -> None:
    entry = copy.entries[3]
    taken = replace(
        entry, person=b"", person_salt=b"", person_erased=person_commitment(entry.person_salt, entry.person)
    )
    entries = [*copy.entries[:3], taken, *copy.entries[4:]]
    # No hash changes, so only the missing explanation tells.
    failure = refuse(copy.with_entries(entries), copy.head(7))
    assert (failure.fault, failure.first, failure.last) == (Fault.ERASURE_UNEXPLAINED, 3, 3)


def test_a_fork_is_proved_by_two_notes_and_a_consistency_proof(copy: Copy, refuse: Refuse) -> None:
    entries = list(copy.entries)
    entries[1] = forged(entries[1])
    failure = refuse(resigned(copy.with_entries(entries)), copy.head(4))
    verifier = NoteVerifier(NOTE_KEY.vkey)
    earlier = open_checkpoint(str(failure.evidence["signed_note"]), verifier, ORIGIN)
    later = open_checkpoint(str(failure.evidence["later_note"]), verifier, ORIGIN)
    path = [base64.b64decode(one) for one in str(failure.evidence["consistency_proof"]).split()]
    other = bytes.fromhex(str(failure.evidence["computed_root"]))
    verify_consistency(earlier.size, other, later.size, later.root, path)
    assert (earlier.size, later.size) == (4, 7)
    assert other != earlier.root


def test_a_damaged_copy_from_before_does_not_hide_a_fork(copy: Copy, refuse: Refuse, tmp_path: Path) -> None:
    before = copy.with_lines([b"{}", *copy.lines[1:]])
    before.write(tmp_path / "before")
    entries = list(copy.entries)
    entries[4] = forged(entries[4])
    failure = refuse(resigned(copy.with_entries(entries)), before=tmp_path / "before")
    assert (failure.fault, failure.first, failure.last) == (Fault.LOG_FORKED, 0, 6)
