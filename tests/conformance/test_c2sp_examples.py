"""The examples that are printed in the C2SP specifications signed-note, tlog-checkpoint and tlog-tiles.

Those of tlog-proof and of RFC 6962's tree are in `unit/keys`, beside the tests of the same modules.
"""

import pytest

from keys.errors import BadCheckpoint
from keys.log.checkpoints import parse_checkpoint
from keys.log.notes import NoteVerifier, split_note
from keys.log.tiles import Tile, parse_path

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = """This is an example message.

— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
"""
POEM = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
CHECKPOINT = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""


def test_the_signed_note_verifies_under_its_key_and_no_longer_when_changed():
    assert NoteVerifier(VKEY).verify(NOTE) == "This is an example message.\n"
    with pytest.raises(BadCheckpoint):
        NoteVerifier(VKEY).verify(NOTE.replace("an example", "no example"))


def test_the_text_of_a_note_may_hold_empty_lines():
    text, signatures = split_note(POEM)
    assert text.endswith("\n\ned è subito sera.\n")
    assert [(name, key_id.hex()) for name, key_id, _ in signatures] == [("quasimodo.example/salvatore", "367ba04b")]


def test_the_checkpoint_is_read():
    text, signatures = split_note(CHECKPOINT)
    head = parse_checkpoint(text)
    assert (head.origin, head.size) == ("example.com/behind-the-sofa", 20852163)
    assert head.root.hex() == "0ac5186a91863e8e1d90c808014aa89bf5da8e3ee1d9f07630f0378f68f1ab62"
    assert [name for name, _, _ in signatures] == [head.origin]
    assert head.text() == text


def test_the_index_of_the_tiles_specification_has_its_name():
    assert Tile(0, 1234067).path == "tile/0/x001/x234/067"
    assert parse_path("tile/0/x001/x234/067").index == 1234067
