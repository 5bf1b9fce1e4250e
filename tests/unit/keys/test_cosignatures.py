import base64
import subprocess
import sys
from pathlib import Path

import pytest

from keys.errors import BadCheckpoint
from keys.log.cosignatures import CosignatureVerifier, Cosigner, Quorum, message, open_cosigned
from keys.log.notes import NoteVerifier
from tests.support.witness import MemoryLog

ROOT = Path(__file__).resolve().parents[3]
NOW = 1_780_000_000


@pytest.fixture(scope="module")
def log():
    return MemoryLog().grow(7)


@pytest.fixture(scope="module")
def cosigners():
    return [Cosigner(f"witness.example/w{number}", bytes([number]) * 32) for number in range(1, 4)]


def cosigned(log, *cosigners, time_s=NOW):
    return log.note() + "".join(one.cosign(log.head().text(), time_s) for one in cosigners)


def quorum(cosigners, needed):
    return Quorum([CosignatureVerifier(one.vkey) for one in cosigners], needed)


def test_a_cosignature_verifies_and_tells_its_time(log, cosigners):
    found = CosignatureVerifier(cosigners[0].vkey).find(cosigned(log, cosigners[0]))
    assert found is not None
    assert (found.name, found.time_s) == ("witness.example/w1", NOW)
    assert found.line in cosigned(log, cosigners[0])


def test_the_key_id_and_the_signed_text_are_those_of_the_specification(cosigners):
    from hashlib import sha256

    name, hex_id, encoded = cosigners[0].vkey.split("+", 2)
    raw = base64.b64decode(encoded)
    assert raw[0] == 4
    assert sha256(name.encode() + b"\n" + raw).hexdigest()[:8] == hex_id
    assert message("a\n1\nb\n", 5) == b"cosignature/v1\ntime 5\na\n1\nb\n"


def test_a_changed_text_time_or_signature_is_refused(log, cosigners):
    verifier, note = CosignatureVerifier(cosigners[0].vkey), cosigned(log, cosigners[0])
    line = note.splitlines()[-1]
    raw = bytearray(base64.b64decode(line.rpartition(" ")[2]))
    for place in (4, 11, 12, 40, len(raw) - 1):
        changed = bytearray(raw)
        changed[place] ^= 1
        with pytest.raises(BadCheckpoint):
            verifier.find(note.replace(line.rpartition(" ")[2], base64.b64encode(changed).decode()))
    with pytest.raises(BadCheckpoint):
        verifier.find(note.replace("\n7\n", "\n8\n"))
    for short in (raw[:-1], bytes(raw) + b"x", raw[:4] + bytes(8) + raw[12:]):
        with pytest.raises(BadCheckpoint):
            verifier.find(note.replace(line.rpartition(" ")[2], base64.b64encode(bytes(short)).decode()))


def test_a_cosignature_over_another_head_is_refused(log, cosigners):
    other = MemoryLog().grow(9)
    line = cosigners[0].cosign(other.head().text(), NOW)
    with pytest.raises(BadCheckpoint):
        CosignatureVerifier(cosigners[0].vkey).find(log.note() + line)


def test_strangers_lines_are_ignored(log, cosigners):
    note = cosigned(log, cosigners[1]) + "— stranger.example AAAAAGFiYw==\n"
    assert CosignatureVerifier(cosigners[0].vkey).find(note) is None
    assert len(quorum(cosigners, 1).require(note)) == 1


def test_of_several_cosignatures_of_one_witness_the_newest_counts_and_it_counts_once(log, cosigners):
    note = cosigned(log, cosigners[0]) + cosigners[0].cosign(log.head().text(), NOW + 5)
    found = quorum(cosigners, 1).require(note)
    assert [one.time_s for one in found] == [NOW + 5]
    with pytest.raises(BadCheckpoint, match="1 of the 2"):
        quorum(cosigners, 2).require(note)


def test_a_quorum_wants_as_many_witnesses_as_it_says(log, cosigners):
    for needed in (1, 2, 3):
        for have in range(4):
            note = cosigned(log, *cosigners[:have])
            if have >= needed:
                assert len(quorum(cosigners, needed).require(note)) == have
            else:
                with pytest.raises(BadCheckpoint, match="witnesses needed"):
                    quorum(cosigners, needed).require(note)


def test_one_key_under_two_names_is_no_quorum(cosigners):
    same = Cosigner("witness.example/other", bytes([1]) * 32)
    with pytest.raises(BadCheckpoint, match="share"):
        quorum([cosigners[0], same], 2)
    with pytest.raises(BadCheckpoint, match="share"):
        quorum([cosigners[0], cosigners[0]], 1)


@pytest.mark.parametrize("needed", [0, -1, 4])
def test_a_quorum_is_at_least_one_and_at_most_all(cosigners, needed):
    with pytest.raises(BadCheckpoint, match="quorum"):
        quorum(cosigners, needed)


def test_a_log_cannot_be_its_own_witness(log):
    own = Cosigner("witness.example/own", log.signer.seed)
    with pytest.raises(BadCheckpoint, match="own witness"):
        Quorum.of([own.vkey], 1, log.signer.vkey)


def test_a_log_key_is_no_witness_key_and_the_other_way_round(log, cosigners):
    with pytest.raises(BadCheckpoint):
        CosignatureVerifier(log.signer.vkey)
    with pytest.raises(BadCheckpoint):
        NoteVerifier(cosigners[0].vkey)
    # The same bytes under the other type have another id, so that the type cannot be exchanged by hand.
    name, hex_id, encoded = cosigners[0].vkey.split("+", 2)
    swapped = base64.b64encode(b"\x01" + base64.b64decode(encoded)[1:]).decode()
    with pytest.raises(BadCheckpoint):
        NoteVerifier(f"{name}+{hex_id}+{swapped}")


def test_a_head_is_believed_with_the_logs_key_and_the_quorum_and_not_with_one_alone(log, cosigners):
    verifier, needed = NoteVerifier(log.signer.vkey), quorum(cosigners, 2)
    assert open_cosigned(cosigned(log, *cosigners[:2]), verifier, log.origin, needed) == log.head()
    assert open_cosigned(log.note(), verifier, log.origin, None) == log.head()
    with pytest.raises(BadCheckpoint):
        open_cosigned(log.note(), verifier, log.origin, needed)
    unsigned = log.head().text() + "\n" + "".join(one.cosign(log.head().text(), NOW) for one in cosigners)
    with pytest.raises(BadCheckpoint):
        open_cosigned(unsigned, verifier, log.origin, needed)


def test_a_key_shows_nothing_of_itself(cosigners):
    assert cosigners[0].seed.hex() not in repr(cosigners[0])
    assert repr(cosigners[0]) == f"Cosigner({cosigners[0].vkey})"


@pytest.mark.parametrize("name", ["", "two words", "a+b"])
def test_a_witness_name_has_no_white_space_and_no_plus(name):
    with pytest.raises(BadCheckpoint):
        Cosigner(name, bytes(32))


def test_it_verifies_where_no_package_is_installed(log, cosigners):
    code = (
        "import sys; from keys.log.cosignatures import *\n"
        "note = sys.stdin.read(); wanted = [CosignatureVerifier(one) for one in sys.argv[1:]]\n"
        "print(len(Quorum(wanted, 2).require(note)), 'cryptography' in sys.modules)\n"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{code}",
            *(one.vkey for one in cosigners),
        ],
        input=cosigned(log, *cosigners[:2]).encode(),
        capture_output=True,
        check=True,
        env={"PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
    )
    assert done.stdout.decode().split() == ["2", "False"]
