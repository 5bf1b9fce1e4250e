"""The examples that are printed in the C2SP specifications signed-note, tlog-checkpoint, tlog-tiles, -witness and -cosignature.

Those of tlog-proof and of RFC 6962's tree are in `unit/keys`, beside the tests of the same modules.
"""

import pytest

from keys.errors import BadCheckpoint
from keys.log.checkpoints import parse_checkpoint
from keys.log.cosignatures import claimed_times, message
from keys.log.notes import NoteVerifier, split_note
from keys.log.tiles import Tile, parse_path
from nodes.witness.requests import parse

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


COSIGNED = CHECKPOINT + (
    "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
SUBMITTED = """old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""
SIGNED_MESSAGE = """cosignature/v1
time 1679315147
example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
"""
RESPONSE = """— witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
— witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
— witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
"""


def test_the_request_to_a_witness_is_read():
    submitted = parse(SUBMITTED.encode())
    assert (submitted.old, len(submitted.proof), submitted.origin) == (20852014, 4, "example.com/behind-the-sofa")
    assert submitted.proof[0].hex().startswith("3e544d0abc07a6a8")
    assert submitted.note.startswith(submitted.text)
    assert parse_checkpoint(submitted.text).size == 20852163


def test_the_cosigned_checkpoint_is_read_and_what_was_signed_is_the_message_of_the_specification():
    text, signatures = split_note(COSIGNED)
    assert claimed_times(COSIGNED) == [1679315147]
    assert [name for name, _, _ in signatures] == ["example.com/behind-the-sofa", "witness.example.com/w1"]
    assert message(text, 1679315147).decode() == SIGNED_MESSAGE


def test_the_answer_of_a_witness_is_lines_of_a_note():
    text, _ = split_note(SUBMITTED.partition("\n\n")[2])
    _, signatures = split_note(f"{text}\n{RESPONSE}")
    assert [(name, len(raw)) for name, _, raw in signatures] == [("witness.example/w1", 72)] * 2 + [
        ("witness.example/w2", 72)
    ]
