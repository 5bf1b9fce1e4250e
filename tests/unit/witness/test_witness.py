"""The witness's answers, each by its rule in the specification; no sockets."""

import json
from hashlib import sha256

import pytest

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner
from keys.log.merkle import root_of
from keys.log.notes import NoteSigner, NoteVerifier
from nodes.witness.errors import Overtaken, StateInvalid
from nodes.witness.evidence import MOST_FILES, Evidence
from nodes.witness.store import NOTHING_YET, Head
from nodes.witness.witness import Witness
from tests.support.witness import NOW_S, ORIGIN, WITNESS_SEED, MemoryHeads, MemoryLog, body

COSIGNER = Cosigner("witness.example/w1", WITNESS_SEED)
OWN = CosignatureVerifier(COSIGNER.vkey)


class World:
    def __init__(self, tmp_path):
        self.log = MemoryLog().grow(5)
        self.heads = MemoryHeads()
        self.heads.enrol(ORIGIN)
        self.evidence = Evidence(tmp_path)
        self.now = NOW_S
        self.witness = self.open()

    def open(self):
        logs = {ORIGIN: NoteVerifier(self.log.signer.vkey)}
        return Witness(COSIGNER, logs, self.heads, self.evidence, lambda: self.now)

    def add(self, sent):
        return self.witness.add_checkpoint(sent)


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


@pytest.fixture
def grown(world):
    """Five entries are cosigned, and the log has nine."""
    assert world.add(world.log.body(0)).status == 200
    world.log.grow(4)
    return world


def test_the_first_head_is_cosigned_without_a_proof(world):
    answer = world.add(world.log.body(0))
    assert answer.status == 200
    found = OWN.find(world.log.note() + answer.body)
    assert found is not None
    assert found.time_s == NOW_S


def test_a_head_that_continues_the_newest_is_cosigned_and_becomes_the_newest(grown):
    answer = grown.add(grown.log.body(5))
    assert answer.status == 200
    assert OWN.find(grown.log.note() + answer.body)
    assert grown.heads.newest(ORIGIN).size == 9


def test_the_same_head_again_is_cosigned_with_the_new_time(world):
    world.add(world.log.body(0))
    world.now += 60
    answer = world.add(world.log.body(5))
    found = OWN.find(world.log.note() + answer.body)
    assert (answer.status, found and found.time_s) == (200, NOW_S + 60)


def test_an_old_size_that_is_not_the_newest_gets_the_newest_as_its_own_type(grown):
    for old in (0, 3, 9):
        answer = grown.add(grown.log.body(old))
        assert (answer.status, answer.body, answer.kind) == (409, "5\n", "text/x.tlog.size")
    assert grown.heads.newest(ORIGIN).size == 5


def test_an_older_head_is_never_cosigned_again(grown):
    grown.add(grown.log.body(5))
    for size in (3, 5):
        assert grown.add(grown.log.body(size, size)).status == 409
        assert grown.add(grown.log.body(0, size)).status == 409
    # Saying the newest size for a smaller head contradicts itself.
    assert grown.add(body(9, [], grown.log.note(5))).status == 400
    assert grown.heads.newest(ORIGIN).size == 9


def test_a_log_that_is_not_followed_is_unknown(world):
    signer = NoteSigner("other.example/log", bytes(32))
    other = MemoryLog(origin="other.example/log", signer=signer).grow(2)
    assert world.add(other.body(0)).status == 404


def test_a_head_that_the_logs_key_did_not_sign_is_forbidden(world):
    stranger = NoteSigner(ORIGIN, bytes(32))
    assert world.add(body(0, [], sign_checkpoint(stranger, world.log.head()))).status == 403
    changed = world.log.note().replace("\n5\n", "\n6\n")
    assert world.add(body(0, [], changed)).status == 403
    unsigned = world.log.head().text() + "\n— stranger.example AAAAAGFiYw==\n"
    assert world.add(body(0, [], unsigned)).status == 403
    assert world.heads.newest(ORIGIN) == NOTHING_YET


def test_other_signatures_in_the_note_are_ignored_and_not_kept(world):
    note = world.log.note() + Cosigner("other.example/w", bytes(32)).cosign(world.log.head().text(), 5)
    assert world.add(body(0, [], note)).status == 200
    kept = world.heads.newest(ORIGIN).note
    assert "other.example" not in kept
    assert OWN.find(kept)
    assert NoteVerifier(world.log.signer.vkey).verify(kept)


@pytest.mark.parametrize("size", [5, 6, 9])
def test_a_fork_is_refused_and_never_cosigned(grown, size):
    fork = grown.log.fork(3, size)
    assert grown.add(fork.body(5, size)).status == 422
    assert grown.heads.newest(ORIGIN).note.splitlines()[2] == grown.log.note(5).splitlines()[2]


def test_two_heads_of_one_size_are_written_down_with_both_notes_whatever_the_old_size_says(grown):
    fork = grown.log.fork(3, 5)
    assert grown.add(fork.body(0)).status == 409
    (path,) = grown.evidence.files()
    written = json.loads(path.read_text())
    assert written["what"] == "fork"
    verifier = NoteVerifier(grown.log.signer.vkey)
    assert verifier.verify(written["signed_note"]) == grown.log.head(5).text()
    assert verifier.verify(written["later_note"]) == fork.head().text()
    assert OWN.find(written["signed_note"])
    grown.add(fork.body(5))
    assert grown.evidence.files() == [path]


def test_a_head_whose_proof_does_not_hold_is_written_down_with_the_proof(grown):
    fork = grown.log.fork(3, 9)
    assert grown.add(fork.body(5)).status == 422
    (path,) = grown.evidence.files()
    written = json.loads(path.read_text())
    assert (written["what"], written["found_s"]) == ("no_proof", NOW_S)
    assert len(written["consistency_proof"]) == len(fork.proof(5))


def test_evidence_is_bounded(grown):
    for number in range(MOST_FILES + 5):
        other = MemoryLog(list(grown.log.leaves[:4])).grow(1, f"fork {number} ")
        grown.add(other.body(5))
    assert len(grown.evidence.files()) == MOST_FILES


def test_a_fork_is_refused_also_when_the_evidence_cannot_be_written(grown, tmp_path):
    grown.evidence._folder = tmp_path / "gone"
    assert grown.add(grown.log.fork(3, 5).body(5)).status == 422


def test_a_proof_where_none_belongs_or_none_where_one_belongs_is_refused(grown, world):
    assert grown.add(body(5, [], grown.log.note())).status == 422
    assert grown.add(body(5, [*grown.log.proof(5), bytes(32)], grown.log.note())).status == 422
    assert grown.add(body(5, [bytes(32)], grown.log.note(5))).status == 422


def test_the_first_head_comes_without_a_proof(world):
    assert world.add(body(0, [bytes(32)], world.log.note())).status == 422


def test_an_empty_log_has_the_empty_root(world):
    text = Checkpoint(ORIGIN, 0, bytes(32)).text()
    assert world.add(body(0, [], world.log.signer.sign(text))).status == 422
    assert world.add(body(0, [], sign_checkpoint(world.log.signer, Checkpoint(ORIGIN, 0, root_of([]))))).status == 200
    # It was cosigned at size zero, and goes on from there.
    assert world.open().add_checkpoint(world.log.body(0)).status == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\n\n",
        b"old 0",
        b"old 0\n\n",
        b"old 0\n\nlog.example/city\n",
        b"\xff\xfe",
        b"old 00\n\n%",
        b"old -1\n\n%",
        b"old +0\n\n%",
        b"old 0 \n\n%",
        b"old\t0\n\n%",
        b"Old 0\n\n%",
        b"old 0\r\n\n%",
        b"old 9223372036854775808\n\n%",
        b"old 99999999999999999999999999\n\n%",
        "old ٣\n\n%".encode(),
        b"old 0\n" + b"QUJD\n" + b"\n%",
        b"old 0\n" + b"!" * 44 + b"\n\n%",
        b"old 0\n" + b"A" * 42 + b"B=\n\n%",
        b"old 0\n" + (b"A" * 43 + b"=\n") * 64 + b"\n%",
    ],
)
def test_a_body_that_is_not_laid_out_so_is_malformed(world, sent):
    assert world.add(sent.replace(b"%", world.log.note().encode())).status == 400


def test_a_checkpoint_that_is_signed_but_none_is_malformed(world):
    for text in (f"{ORIGIN}\n", f"{ORIGIN}\n05\nAAAA\n", f"{ORIGIN}\n5\nAAAA\n", f"{ORIGIN}\n0\nAAAA\n"):
        assert world.add(body(0, [], world.log.signer.sign(text))).status == 400


def test_extension_lines_are_cosigned_as_they_are(world):
    note = world.log.signer.sign(world.log.head().text() + "extension 1\n")
    answer = world.add(body(0, [], note))
    assert answer.status == 200
    assert OWN.find(note + answer.body)


def test_the_newest_head_is_there_for_monitors_with_both_signatures(world):
    named = sha256(ORIGIN.encode()).hexdigest()
    assert world.witness.checkpoint(named) is None
    assert world.witness.checkpoint(sha256(b"other").hexdigest()) is None
    world.add(world.log.body(0))
    note = world.witness.checkpoint(named)
    assert note is not None
    assert OWN.find(note)
    assert NoteVerifier(world.log.signer.vkey).verify(note)


def test_a_memory_that_lost_a_log_stops_the_witness(world):
    world.heads = MemoryHeads()
    with pytest.raises(StateInvalid, match="begin again"):
        world.open()


@pytest.mark.parametrize("change", ["size", "note", "unsigned", "other witness", "lost"])
def test_a_memory_that_does_not_hold_this_witness_own_signature_is_not_believed(world, change):
    world.add(world.log.body(0))
    head = world.heads.newest(ORIGIN)
    other = Cosigner("witness.example/w1", bytes(32)).cosign(world.log.head().text(), NOW_S)
    world.heads._heads[ORIGIN] = {
        "size": Head(4, head.note),
        "note": Head(5, head.note.replace("\n5\n", "\n4\n")),
        "unsigned": Head(5, world.log.note()),
        "other witness": Head(5, world.log.note() + other),
        "lost": Head(5, ""),
    }[change]
    with pytest.raises(StateInvalid):
        world.open()
    with pytest.raises(StateInvalid):
        world.add(world.log.body(5))


def test_nothing_is_signed_when_it_cannot_be_kept(world):
    def fail(*_):
        raise StateInvalid("the head could not be kept")

    world.heads.advance = fail
    with pytest.raises(StateInvalid):
        world.add(world.log.body(0))


def test_who_was_overtaken_by_another_process_gets_the_newest_size(grown):
    keep = grown.heads.advance

    def overtaken(origin, before, after):
        grown.heads.advance = keep
        assert grown.add_other().status == 200
        raise Overtaken("another head was kept meanwhile")

    grown.heads.advance = overtaken
    other = grown.open()
    grown.add_other = lambda: other.add_checkpoint(grown.log.body(5, 7))
    answer = grown.add(grown.log.body(5))
    assert (answer.status, answer.body) == (409, "7\n")
