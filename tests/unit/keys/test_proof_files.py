import base64
from dataclasses import replace

import pytest

from keys.errors import BadCheckpoint, BadProof
from keys.log.checkpoints import Checkpoint, sign_checkpoint
from keys.log.merkle import inclusion_path, leaf_hash, root_of
from keys.log.notes import NoteSigner, NoteVerifier
from keys.log.proof_files import ProofFile, read_proof_file, verify_proof_file, write_proof_file

ORIGIN = "gov.example/log"
SIGNER = NoteSigner(ORIGIN, b"n" * 32)
VERIFIER = NoteVerifier(SIGNER.vkey)
LEAVES = [leaf_hash(bytes([index])) for index in range(11)]
NOTE = sign_checkpoint(SIGNER, Checkpoint(ORIGIN, 11, root_of(LEAVES)))
PROOF = ProofFile(6, inclusion_path(LEAVES, 6, 11), NOTE, b"what the entry says")
TEXT = write_proof_file(PROOF)

# The example of the specification. Its signatures are shortened there, so a whole one stands in their place.
PUBLISHED = """c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

— example.com/fancylog AAAAAAAA
"""


def test_a_proof_file_is_read_as_it_was_written():
    assert read_proof_file(TEXT) == PROOF
    assert verify_proof_file(PROOF, LEAVES[6], VERIFIER, ORIGIN).size == 11
    bare = replace(PROOF, extra=b"")
    assert "extra" not in write_proof_file(bare)
    assert read_proof_file(write_proof_file(bare)) == bare


def test_the_published_example_is_read():
    proof = read_proof_file(PUBLISHED)
    assert (proof.index, len(proof.path)) == (73894, 5)
    assert proof.extra.startswith(b"age-v1.2.1-darwin-arm64.tar.g")
    assert proof.checkpoint.startswith("example.com/fancylog\n109482\n")
    assert write_proof_file(proof) == PUBLISHED


def test_a_log_of_one_entry_has_an_empty_path():
    note = sign_checkpoint(SIGNER, Checkpoint(ORIGIN, 1, LEAVES[0]))
    proof = read_proof_file(write_proof_file(ProofFile(0, [], note)))
    assert verify_proof_file(proof, LEAVES[0], VERIFIER, ORIGIN).size == 1


def test_another_leaf_index_path_or_head_does_not_verify():
    other = sign_checkpoint(SIGNER, Checkpoint(ORIGIN, 11, root_of(LEAVES[::-1])))
    for proof, leaf in [
        (PROOF, LEAVES[5]),
        (replace(PROOF, index=7), LEAVES[6]),
        (replace(PROOF, index=11), LEAVES[6]),
        (replace(PROOF, path=PROOF.path[:-1]), LEAVES[6]),
        (replace(PROOF, path=[*PROOF.path, LEAVES[0]]), LEAVES[6]),
        (replace(PROOF, path=PROOF.path[::-1]), LEAVES[6]),
        (replace(PROOF, checkpoint=other), LEAVES[6]),
    ]:
        with pytest.raises(BadProof):
            verify_proof_file(proof, leaf, VERIFIER, ORIGIN)


def test_a_head_of_a_stranger_or_of_another_log_proves_nothing():
    stranger = NoteSigner(ORIGIN, b"s" * 32)
    foreign = sign_checkpoint(stranger, Checkpoint(ORIGIN, 11, root_of(LEAVES)))
    with pytest.raises(BadCheckpoint):
        verify_proof_file(replace(PROOF, checkpoint=foreign), LEAVES[6], VERIFIER, ORIGIN)
    with pytest.raises(BadCheckpoint):
        verify_proof_file(PROOF, LEAVES[6], VERIFIER, "gov.example/other")


def test_every_changed_character_in_front_of_the_head_is_refused_or_leaves_only_other_extra_data():
    head = TEXT.index("\n\n")
    for place in range(head):
        changed = TEXT[:place] + ("A" if TEXT[place] != "A" else "B") + TEXT[place + 1 :]
        try:
            proof = read_proof_file(changed)
            verify_proof_file(proof, LEAVES[6], VERIFIER, ORIGIN)
        except (BadProof, BadCheckpoint):
            continue
        assert replace(proof, extra=PROOF.extra) == PROOF


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1\n\n" + NOTE,
        "c2sp.org/tlog-proof@v2\nindex 6\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra QQ==\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra \nindex 6\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra QQ\nindex 6\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nextra QR==\nindex 6\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 06\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex -1\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 6\nQQ==\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 6\nindex 6\n\n" + NOTE,
        "c2sp.org/tlog-proof@v1\nindex 6\n" + (base64.b64encode(bytes(32)).decode() + "\n") * 64 + "\n" + NOTE,
        TEXT.replace("\n", "\r\n"),
        TEXT[: TEXT.index("\n\n")],
        " " + TEXT,
        TEXT + "x" * (1 << 21),
    ],
)
def test_any_other_spelling_is_refused(text: str):
    with pytest.raises(BadProof):
        read_proof_file(text)


def test_what_is_no_proof_is_not_written():
    for wrong in (replace(PROOF, index=-1), replace(PROOF, path=[b"x"]), replace(PROOF, path=[bytes(32)] * 64)):
        with pytest.raises(BadProof):
            write_proof_file(wrong)
