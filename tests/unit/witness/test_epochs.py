"""A witness follows a log into a new epoch by the custodians that its operator pinned, and ends the old name for good."""

import json

import pytest

from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner
from keys.log.custodians import Custodians, sign_statement
from keys.log.epochs import EpochStatement
from keys.log.merkle import root_of
from keys.log.notes import NoteSigner, NoteVerifier
from nodes.witness.errors import Overtaken, StateInvalid
from nodes.witness.evidence import Evidence
from nodes.witness.store import NOTHING_YET, Head, SqliteHeads
from nodes.witness.witness import Witness
from tests.support.epochs import FIVE, PINNED
from tests.support.witness import NOW_S, ORIGIN, WITNESS_SEED, MemoryHeads, MemoryLog, body

COSIGNER = Cosigner("witness.example/w1", WITNESS_SEED)
OWN = CosignatureVerifier(COSIGNER.vkey)
NEXT = NoteSigner(f"{ORIGIN}/2", bytes([7]) * 32)
THIRD = NoteSigner(f"{ORIGIN}/3", bytes([8]) * 32)


class World:
    def __init__(self, tmp_path, custodians=PINNED):
        self.log = MemoryLog().grow(10)
        SqliteHeads.create(tmp_path / "state.db")
        self.heads = SqliteHeads(tmp_path / "state.db")
        self.heads.enrol(ORIGIN)
        self.folder = tmp_path / "evidence"
        self.folder.mkdir()
        self.custodians = custodians
        self.witness = self.open()

    def open(self):
        logs = {ORIGIN: NoteVerifier(self.log.signer.vkey)}
        pinned = {ORIGIN: self.custodians}
        return Witness(COSIGNER, logs, self.heads, Evidence(self.folder), lambda: NOW_S, pinned)

    def cosigned(self, size):
        assert self.witness.add_checkpoint(self.log.body(0, size)).status == 200

    def statement(self, restored=6, last=None, **changes):
        values = {
            "number": 2,
            "origin": NEXT.name,
            "key": NEXT.vkey,
            "previous_origin": ORIGIN,
            "previous_key": self.log.signer.vkey,
            "previous_statement": b"",
            "restored_size": restored,
            "restored_root": root_of(self.log.leaves[:restored]),
            "last": last or self.log.note(),
            "time_ms": 1,
            "reason": "disk failed",
        }
        return EpochStatement(**(values | changes))

    def send(self, statement, old, signers=FIVE[:3], proof=()):
        note = statement.text()
        for one in signers:
            note = sign_statement(note, one)
        return self.witness.add_epoch(body(old, proof, note))

    def grown(self, restored=6, count=3):
        """The log as it goes on in its second epoch."""
        return MemoryLog(self.log.leaves[:restored], NEXT.name, NEXT).grow(count, "new")


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_an_epoch_ends_the_old_name_and_begins_the_new_one_at_the_restored_head(world):
    world.cosigned(9)
    answer = world.send(world.statement(), 9)
    assert answer.status == 200
    assert OWN.find(f"{world.statement().text()}\n{answer.body}") is not None
    # No head of the ended epoch is ever cosigned again, whether it grows or not.
    for size in (9, 10):
        assert world.witness.add_checkpoint(world.log.body(9, size)).status == 410
    new = world.grown()
    assert world.witness.add_checkpoint(new.body(0)).status == 409
    assert world.witness.add_checkpoint(new.body(6)).status == 200
    assert world.witness.newest(NEXT.name)[1].size == 9
    assert world.witness.newest(ORIGIN)[0].size == 9


def test_the_new_name_continues_the_restored_head_and_nothing_else(world):
    world.cosigned(9)
    world.send(world.statement(), 9)
    other = MemoryLog(world.log.leaves[:5], NEXT.name, NEXT).grow(4, "other")
    assert world.witness.add_checkpoint(other.body(6)).status == 422
    assert world.heads.newest(NEXT.name) == NOTHING_YET


def test_it_is_remembered_when_the_witness_starts_again(world):
    world.cosigned(9)
    world.send(world.statement(), 9)
    world.witness = world.open()
    assert world.witness.add_checkpoint(world.log.body(9, 10)).status == 410
    assert world.witness.add_checkpoint(world.grown().body(6)).status == 200
    assert world.send(world.statement(), 0).status == 200


def test_a_witness_that_saw_less_than_was_restored_wants_the_proof(world):
    world.cosigned(4)
    assert world.send(world.statement(), 0).status == 409
    assert world.send(world.statement(), 4).status == 422
    assert world.send(world.statement(), 4, proof=world.log.proof(4, 6)).status == 200


def test_a_witness_that_saw_nothing_yet_follows_too(world):
    assert world.send(world.statement(), 0).status == 200
    assert world.witness.add_checkpoint(world.grown().body(6)).status == 200


def test_a_statement_that_hides_a_head_that_was_cosigned_is_refused_with_evidence(world):
    older = world.log.note()
    world.log.grow(1)
    world.cosigned(11)
    assert world.send(world.statement(last=older), 11).status == 422
    (path,) = world.folder.glob("*.json")
    evidence = json.loads(path.read_text())
    assert evidence["what"] == "hidden"
    assert evidence["later_note"].startswith(world.statement(last=older).text())
    assert world.witness.add_checkpoint(world.log.body(11, 11)).status == 200


def test_a_statement_over_another_head_of_the_same_size_is_refused(world):
    world.cosigned(10)
    fork = world.log.fork(8, 10)
    assert world.send(world.statement(last=fork.note()), 10).status == 422


@pytest.mark.parametrize(
    "signers",
    [FIVE[:2], (*FIVE[:2], NoteSigner("x", bytes([99]) * 32)), (*FIVE[:2], NoteSigner("x", FIVE[0].seed))],
)
def test_too_few_of_the_pinned_custodians_end_nothing(world, signers):
    world.cosigned(9)
    assert world.send(world.statement(), 9, signers).status == 403
    assert world.witness.add_checkpoint(world.log.body(9, 10)).status == 200


def test_without_pinned_custodians_a_log_never_changes_its_name(tmp_path):
    world = World(tmp_path, Custodians())
    world.cosigned(9)
    assert world.send(world.statement(), 9).status == 403


def test_of_two_statements_for_one_epoch_the_second_is_refused_everywhere(world):
    world.cosigned(9)
    assert world.send(world.statement(), 9).status == 200
    second = world.statement(reason="another story")
    assert world.send(second, 9).status == 403
    world.witness = world.open()
    assert world.send(second, 9).status == 403


def test_the_next_epoch_follows_the_statement_before(world):
    world.cosigned(9)
    first = world.statement()
    world.send(first, 9)
    new = world.grown(count=4)
    world.witness.add_checkpoint(new.body(6))
    values = {
        "number": 3,
        "origin": THIRD.name,
        "key": THIRD.vkey,
        "previous_origin": NEXT.name,
        "previous_key": NEXT.vkey,
        "restored_root": root_of(new.leaves[:8]),
        "last": new.note(),
    }
    other = world.statement(8, previous_statement=world.statement(reason="x").digest, **values)
    assert world.send(other, 10).status == 403
    third = world.statement(8, previous_statement=first.digest, **values)
    assert world.send(third, 10).status == 200
    assert world.witness.add_checkpoint(new.body(10, 10)).status == 410
    world.witness = world.open()
    last = MemoryLog(new.leaves[:8], THIRD.name, THIRD).grow(1, "third")
    assert world.witness.add_checkpoint(last.body(8)).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 400),
        (b"old 0\n\nno note", 400),
        (body(0, (), sign_checkpoint(NEXT, Checkpoint(NEXT.name, 1, bytes(32)))), 400),
    ],
)
def test_a_body_that_is_no_statement_is_malformed(world, sent, status):
    assert world.witness.add_epoch(sent).status == status


def test_another_logs_statement_is_not_known(world):
    other = MemoryLog(origin="other.example/log", signer=NoteSigner("other.example/log", bytes([5]) * 32)).grow(10)
    key = NoteSigner("other.example/log/2", bytes([6]) * 32)
    foreign = world.statement(
        origin=key.name, key=key.vkey, previous_origin=other.origin, previous_key=other.signer.vkey, last=other.note()
    )
    assert world.send(foreign, 0).status == 404


def test_a_remembered_epoch_that_this_witness_did_not_sign_stops_it(world):
    world.cosigned(9)
    note = world.statement().text()
    for one in FIVE[:3]:
        note = sign_statement(note, one)
    world.heads.begin(ORIGIN, world.heads.newest(ORIGIN), NEXT.name, 2, note)
    with pytest.raises(StateInvalid):
        world.open()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_an_ended_origin_stands_still_in_every_memory(kind, tmp_path):

    SqliteHeads.create(tmp_path / "state.db")
    heads = MemoryHeads() if kind == "memory" else SqliteHeads(tmp_path / "state.db")
    heads.enrol("a")
    heads.advance("a", NOTHING_YET, Head(3, "three"))
    with pytest.raises(Overtaken):
        heads.begin("a", Head(2, "two"), "a/2", 2, "statement")
    assert heads.epochs() == []
    heads.begin("a", Head(3, "three"), "a/2", 2, "statement")
    for again in ("a/2", "a/3"):
        with pytest.raises(Overtaken):
            heads.begin("a", Head(3, "three"), again, 3, "another")
    with pytest.raises(Overtaken):
        heads.advance("a", Head(3, "three"), Head(4, "four"))
    heads.advance("a/2", NOTHING_YET, Head(4, "four"))
    assert heads.epochs() == ["statement"]
    assert heads.newest("a") == Head(3, "three")
