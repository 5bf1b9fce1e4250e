"""Whatever is submitted, in whatever order: a witness never cosigns two histories, and never raises."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from keys.log.cosignatures import CosignatureVerifier, Cosigner
from keys.log.merkle import root_of
from keys.log.notes import NoteVerifier
from nodes.witness.evidence import Evidence
from nodes.witness.witness import Witness
from tests.support.witness import NOW_S, ORIGIN, WITNESS_SEED, MemoryHeads, MemoryLog, body

COSIGNER = Cosigner("witness.example/w1", WITNESS_SEED)
OWN = CosignatureVerifier(COSIGNER.vkey)
MOST = 12
HONEST = MemoryLog().grow(MOST)
HISTORIES = [HONEST, *(HONEST.fork(at, MOST) for at in (0, 3, 8, 11))]
ANSWERS = {200, 400, 403, 404, 409, 422}

submissions = st.tuples(st.integers(0, len(HISTORIES) - 1), st.integers(0, MOST), st.integers(0, MOST), st.booleans())


def fresh(folder: str) -> Witness:
    heads = MemoryHeads()
    heads.enrol(ORIGIN)
    logs = {ORIGIN: NoteVerifier(HONEST.signer.vkey)}
    return Witness(COSIGNER, logs, heads, Evidence(Path(folder)), lambda: NOW_S)


@settings(max_examples=80)
@given(st.lists(submissions, max_size=25))
def test_what_was_cosigned_lies_on_one_history_and_only_grows(tried: list[tuple[int, int, int, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        witness = fresh(folder)
        possible, largest = set(range(len(HISTORIES))), 0
        for number, claimed, size, honest_old in tried:
            log = HISTORIES[number]
            old = claimed
            if honest_old:
                # As a log does that was told the size.
                told = witness.add_checkpoint(body(0, [bytes(32)], log.note(size)))
                old = int(told.body) if told.status == 409 else 0
            proof = log.proof(old, size) if old <= size else []
            answer = witness.add_checkpoint(body(old, proof, log.note(size)))
            assert answer.status in ANSWERS
            if answer.status != 200:
                continue
            assert OWN.find(log.note(size) + answer.body)
            assert size >= largest
            largest = size
            root = root_of(log.leaves[:size])
            possible = {one for one in possible if root_of(HISTORIES[one].leaves[:size]) == root}
            assert possible, "two histories were cosigned"


@settings(max_examples=80)
@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 255), st.booleans())
def test_a_damaged_or_made_up_body_gets_an_answer_and_no_signature_for_another_text(
    noise: bytes, place: int, value: int, made_up: bool
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        witness = fresh(folder)
        assert witness.add_checkpoint(HONEST.body(0, 5)).status == 200
        sent = bytearray(HONEST.body(5, 9))
        if not made_up:
            sent[place % len(sent)] = value
        answer = witness.add_checkpoint(noise if made_up else bytes(sent))
        assert answer.status in ANSWERS
        if answer.status == 200:
            # The damage missed everything that counts, such as another key's line.
            assert OWN.find(HONEST.note(9) + answer.body)
