import base64

import pytest

from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from keys.log.merkle import EMPTY_ROOT
from keys.log.notes import MOST_SIGNATURES, NoteSigner, NoteVerifier, split_note

# The example of the Go module golang.org/x/mod/sumdb/note, from which C2SP took the format.
VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
SEED = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
NOTE = TEXT + "\n" + SIGNED

ORIGIN = "gov.example/oncegate"


def test_the_known_note_is_made_and_accepted():
    signer = NoteSigner("PeterNeumann", SEED)
    assert signer.vkey == VKEY
    assert signer.sign(TEXT) == NOTE
    assert NoteVerifier(VKEY).verify(NOTE) == TEXT


def test_signatures_of_unknown_keys_are_ignored():
    other = NoteSigner.generate("Other").sign(TEXT).rpartition("\n\n")[2]
    namesake = NoteSigner.generate("PeterNeumann").sign(TEXT).rpartition("\n\n")[2]
    assert NoteVerifier(VKEY).verify(TEXT + "\n" + other + namesake + SIGNED) == TEXT


def test_a_note_signed_only_by_others_is_refused():
    for signer in (NoteSigner.generate("Other"), NoteSigner.generate("PeterNeumann")):
        with pytest.raises(BadCheckpoint, match="expected"):
            NoteVerifier(VKEY).verify(signer.sign(TEXT))


def test_a_bad_signature_of_the_known_key_refuses_the_note_even_beside_a_good_one():
    bad = NoteSigner("PeterNeumann", SEED).sign("other\n").rpartition("\n\n")[2]
    for lines in (bad, bad + SIGNED, SIGNED + bad, SIGNED + SIGNED):
        with pytest.raises(BadCheckpoint):
            NoteVerifier(VKEY).verify(TEXT + "\n" + lines)


def test_any_changed_character_is_refused():
    verifier = NoteVerifier(VKEY)
    for position, one in enumerate(NOTE):
        changed = NOTE[:position] + ("x" if one != "x" else "y") + NOTE[position + 1 :]
        with pytest.raises(BadCheckpoint):
            verifier.verify(changed)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        TEXT,
        TEXT + "\n",
        NOTE[:-1],
        NOTE + "\n",
        TEXT + SIGNED,
        TEXT + "\n- " + SIGNED[2:],
        TEXT + "\n— PeterNeumann\n",
        TEXT + "\n— PeterNeumann x08g\n",
        TEXT + "\n— PeterNeumann x08go\n",
        TEXT + "\n— Peter Neumann x08go/ZJ\n",
        TEXT + "\n" + SIGNED * (MOST_SIGNATURES + 1),
        "a\tb\n\n" + SIGNED,
        "a\r\n\n" + SIGNED,
        "\ud800\n\n" + SIGNED,
        "x" * (1 << 20) + "\n\n" + SIGNED,
    ],
)
def test_what_is_not_laid_out_like_a_note_is_refused(note):
    with pytest.raises(BadCheckpoint):
        NoteVerifier(VKEY).verify(note)


def test_a_note_is_split_at_its_last_empty_line():
    note = NoteSigner("PeterNeumann", SEED).sign("one\n\ntwo\n")
    text, signatures = split_note(note)
    assert text == "one\n\ntwo\n"
    assert [name for name, _, _ in signatures] == ["PeterNeumann"]
    assert NoteVerifier(VKEY).verify(note) == text


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n", "\ud800\n"])
def test_only_texts_of_notes_are_signed(text):
    with pytest.raises(BadCheckpoint):
        NoteSigner("PeterNeumann", SEED).sign(text)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        VKEY[:-4],
        VKEY.replace("c74f20a3", "c74f20a4"),
        VKEY.replace("c74f20a3", "C74F20A3"),
        VKEY.replace("PeterNeumann", "PeterNeuman"),
        VKEY.replace("PeterNeumann", "Peter Neumann"),
        VKEY.replace("+ARpc", "+BBpc"),
        VKEY + "é",
        "+" + VKEY.partition("+")[2],
    ],
)
def test_a_malformed_verifier_key_is_refused(vkey):
    with pytest.raises(BadCheckpoint):
        NoteVerifier(vkey)


def test_a_malformed_signer_cannot_be_made():
    for name, seed in (("", SEED), ("a b", SEED), ("a+b", SEED), ("a", SEED[:31])):
        with pytest.raises(BadCheckpoint):
            NoteSigner(name, seed)


def test_a_signer_does_not_show_its_seed():
    assert repr(NoteSigner("PeterNeumann", SEED)) == f"NoteSigner({VKEY})"


@pytest.fixture(scope="module")
def signer() -> NoteSigner:
    return NoteSigner.generate(ORIGIN)


def test_a_checkpoint_is_three_lines_and_a_signature(signer):
    head = Checkpoint(ORIGIN, 20852163, bytes(range(32)))
    note = sign_checkpoint(signer, head)
    assert note.startswith(f"{ORIGIN}\n20852163\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\n— {ORIGIN} ")
    assert open_checkpoint(note, NoteVerifier(signer.vkey), ORIGIN) == head


def test_a_checkpoint_of_another_log_under_the_same_key_is_refused(signer):
    note = sign_checkpoint(signer, Checkpoint("other.example/log", 1, bytes(32)))
    with pytest.raises(BadCheckpoint):
        open_checkpoint(note, NoteVerifier(signer.vkey), ORIGIN)


def test_extension_lines_are_admitted():
    text = Checkpoint(ORIGIN, 0, EMPTY_ROOT).text() + "an extension\n"
    assert parse_checkpoint(text) == Checkpoint(ORIGIN, 0, EMPTY_ROOT)


ROOT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n1\n{ROOT}",
        f"\n1\n{ROOT}\n",
        f"{ORIGIN}\n01\n{ROOT}\n",
        f"{ORIGIN}\n-1\n{ROOT}\n",
        f"{ORIGIN}\n+1\n{ROOT}\n",
        f"{ORIGIN}\n1 \n{ROOT}\n",
        f"{ORIGIN}\n١\n{ROOT}\n",
        f"{ORIGIN}\n{1 << 63}\n{ROOT}\n",
        f"{ORIGIN}\n1\n{ROOT[:-4]}\n",
        f"{ORIGIN}\n1\nnot base64\n",
        f"{ORIGIN}\n1\n根\n",
        f"{ORIGIN}\n0\n{ROOT}\n",
        f"{ORIGIN}\n1\n{ROOT}\n\n",
    ],
)
def test_a_malformed_checkpoint_is_refused(text):
    with pytest.raises(BadCheckpoint):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "head",
    [
        Checkpoint("", 1, bytes(32)),
        Checkpoint("a\nb", 1, bytes(32)),
        Checkpoint("a", -1, bytes(32)),
        Checkpoint("a", 1 << 63, bytes(32)),
        Checkpoint("a", 1, bytes(31)),
    ],
)
def test_a_malformed_head_is_not_signed(signer, head):
    with pytest.raises(BadCheckpoint):
        sign_checkpoint(signer, head)
