"""Entries that a gateway hands out count only with a proof that fits a head of the log."""

from dataclasses import replace

import pytest

from gateway.audit.verify.evidence import NotProven, check_proven
from gateway.audit.views import LogEntry
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.leaves import accountability_commitment, leaf_data
from keys.log.merkle import inclusion_path, leaf_hash, root_of
from tests.support.ledgers import NOTE_KEY, ORIGIN

SIZE = 7


def entry(index: int) -> LogEntry:
    body, salt = b'{"kind":"asked","n":%d}' % index, bytes([index]) * 32
    return LogEntry(index, leaf_hash(leaf_data(accountability_commitment(salt, body))), 0, "asked", body, salt)


ENTRIES = [entry(index) for index in range(SIZE)]
LEAVES = [one.leaf_hash for one in ENTRIES]
NOTE = sign_checkpoint(NOTE_KEY, Checkpoint(ORIGIN, SIZE, root_of(LEAVES)))
PROVEN = [(ENTRIES[index], inclusion_path(LEAVES, index, SIZE)) for index in (1, 4, 6)]


def test_entries_of_the_log_are_proven_with_and_without_the_logs_key() -> None:
    assert check_proven(PROVEN, NOTE, NOTE_KEY.vkey).signed is True
    shown = check_proven(PROVEN, NOTE)
    assert (shown.signed, shown.checkpoint.size) == (False, SIZE)


@pytest.mark.parametrize(
    "changed",
    [
        replace(ENTRIES[4], accountability=b'{"kind":"asked","n":9}', _parsed={}),
        replace(ENTRIES[4], accountability_salt=b"x" * 32),
        replace(ENTRIES[4], leaf_index=5),
        replace(ENTRIES[4], leaf_hash=b"x" * 32),
        replace(ENTRIES[4], erased_digest=b"x" * 32),
        replace(ENTRIES[4], leaf_index=SIZE),
    ],
)
def test_an_entry_that_was_changed_or_moved_is_named(changed: LogEntry) -> None:
    with pytest.raises(NotProven) as caught:
        check_proven([PROVEN[0], (changed, PROVEN[1][1])], NOTE)
    assert caught.value.leaf_index == changed.leaf_index


def test_a_path_that_is_another_proves_nothing() -> None:
    for path in ([], PROVEN[0][1], [b"x" * 32, *PROVEN[1][1][1:]], [*PROVEN[1][1], b"x" * 32]):
        with pytest.raises(NotProven):
            check_proven([(ENTRIES[4], path)], NOTE)


def test_a_made_up_entry_with_its_own_true_leaf_hash_is_not_in_the_log() -> None:
    made_up = replace(entry(9), leaf_index=4)
    with pytest.raises(NotProven):
        check_proven([(made_up, PROVEN[1][1])], NOTE)


@pytest.mark.parametrize("note", ["", "no note", NOTE.replace(f"\n{SIZE}\n", "\n8\n"), NOTE.replace("— ", "- ")])
def test_a_head_that_does_not_hold_proves_nothing(note: str) -> None:
    with pytest.raises(NotProven):
        check_proven(PROVEN, note, NOTE_KEY.vkey)
