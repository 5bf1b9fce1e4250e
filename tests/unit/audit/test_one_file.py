"""`oncegate-verify.pyz` runs on a bare Python and says the same as `oncegate audit verify`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.audit.verify import layout
from gateway.audit.verify.check import BadUse, check
from gateway.audit.verify.onefile import build
from keys.log.merkle import inclusion_path
from keys.log.proof_files import ProofFile, write_proof_file
from tests.support.copies import Copy, forged, honest_copy, resigned
from tests.support.ledgers import NOTE_KEY
from tests.support.tiled import entries, entry, head_of, tiled

KEY = NOTE_KEY.vkey
SIZE = 300


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("program"))


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Copy:
    return honest_copy(tmp_path_factory.mktemp("log"))


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    # -I and -S: no site-packages, no environment, nothing beside the file.
    command = [sys.executable, "-I", "-S", "-W", "error", str(program), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd="/")


def proof_of(copy: Copy, index: int, extra: bytes) -> str:
    leaves = [line.leaf_hash for line in copy.entries]
    return write_proof_file(ProofFile(index, inclusion_path(leaves, index, 7), copy.head(7), extra))


def test_the_same_sources_give_the_same_file(program: Path, tmp_path: Path) -> None:
    assert build(tmp_path).read_bytes() == program.read_bytes()


def test_without_any_package_an_honest_copy_verifies_and_a_forged_one_is_named(
    program: Path, copy: Copy, tmp_path: Path
) -> None:
    copy.write(tmp_path / "copy")
    (tmp_path / "kept").write_text(copy.head(3))
    done = run(program, tmp_path / "copy", "--key", KEY, "--earlier", tmp_path / "kept")
    assert (done.returncode, done.stderr) == (0, "")
    assert "7 entries" in done.stdout
    assert "checkpoint of 3 entries" in done.stdout
    bad = list(copy.entries)
    bad[1] = forged(bad[1])
    resigned(copy.with_entries(bad)).write(tmp_path / "forged")
    done = run(program, tmp_path / "forged", "--key", KEY, "--before", tmp_path / "copy", "--json")
    assert done.returncode == 5
    document = json.loads(done.stdout)
    assert (document["fault"], document["first"], document["last"]) == ("LOG_FORKED", 1, 1)
    assert document["evidence"].keys() >= {"signed_note", "later_note", "consistency_proof", "computed_root"}
    assert document == check(str(tmp_path / "forged"), KEY, before=tmp_path / "copy").document


def test_without_any_package_tiles_verify_and_a_changed_one_is_named(program: Path, tmp_path: Path) -> None:
    folder = tiled(entries(SIZE)).write(tmp_path / "tiles")
    assert run(program, folder, "--key", KEY).returncode == 0
    changed = [*entries(200), entry(200, 1), *entries(SIZE)[201:]]
    forgery = tiled(changed).write(tmp_path / "forgery")
    (tmp_path / "kept").write_text(head_of(entries(SIZE)))
    done = run(program, forgery, "--key", KEY, "--before", folder)
    assert done.returncode == 5
    assert "entry 200" in done.stderr


def test_without_any_package_a_proof_file_verifies_and_says_what_it_proves(
    program: Path, copy: Copy, tmp_path: Path
) -> None:
    line = copy.entries[3]
    path = tmp_path / "x.tlog-proof"
    path.write_text(proof_of(copy, 3, layout.write_line(line)))
    done = run(program, path, "--key", KEY, "--leaf", line.leaf_hash.hex())
    assert done.returncode == 0
    assert line.accountability.decode() in done.stdout
    path.write_text(proof_of(copy, 3, line.leaf_hash))
    assert "compare the leaf hash" in run(program, path, "--key", KEY).stdout


def test_a_proof_of_another_entry_or_with_other_words_does_not_verify(copy: Copy, tmp_path: Path) -> None:
    path = tmp_path / "x.tlog-proof"

    def fault(text: str, leaf: str | None = None) -> str:
        path.write_text(text)
        document = check(str(path), KEY, leaf=leaf).document
        return str(document.get("fault", "verified"))

    line, other = copy.entries[3], copy.entries[4]
    assert fault(proof_of(copy, 3, layout.write_line(line))) == "verified"
    assert fault(proof_of(copy, 3, b""), line.leaf_hash.hex()) == "verified"
    assert fault(proof_of(copy, 3, layout.write_line(forged(line)))) == "PROOF_BAD"
    assert fault(proof_of(copy, 3, other.leaf_hash)) == "PROOF_BAD"
    assert fault(proof_of(copy, 3, line.leaf_hash), other.leaf_hash.hex()) == "PROOF_OF_ANOTHER_ENTRY"
    assert fault(proof_of(copy, 4, layout.write_line(line))) == "PROOF_OF_ANOTHER_ENTRY"
    assert fault(proof_of(copy, 3, b"")) == "PROOF_MALFORMED"
    assert fault(proof_of(copy, 3, b"no line")) == "PROOF_MALFORMED"
    assert fault("no proof") == "PROOF_MALFORMED"
    assert fault(proof_of(copy, 3, line.leaf_hash).replace(copy.head(7), "no note")) == "CHECKPOINT_BAD"


def test_a_call_that_makes_no_sense_is_said_to_be_so(program: Path, copy: Copy, tmp_path: Path) -> None:
    path = tmp_path / "x.tlog-proof"
    path.write_text(proof_of(copy, 3, copy.entries[3].leaf_hash))
    copy.write(tmp_path / "copy")
    assert run(program, tmp_path / "nothing", "--key", KEY).returncode == 2
    assert run(program, tmp_path / "copy", "--key", "no key").returncode == 2
    for arguments in (
        {"place": str(path), "earlier": [path]},
        {"place": str(path), "before": tmp_path},
        {"place": str(path), "leaf": "ab"},
        {"place": str(path), "leaf": "x" * 64},
        {"place": str(tmp_path / "copy"), "leaf": "00" * 32},
        {"place": str(tmp_path / "copy"), "before": path},
        {"place": str(tmp_path / "copy"), "earlier": [tmp_path / "nothing"]},
    ):
        with pytest.raises(BadUse):
            check(key=KEY, **arguments)  # type: ignore[arg-type]


def test_what_a_forger_wrote_does_not_steer_the_terminal(tmp_path: Path) -> None:
    folder = tiled(entries(3)).with_file("checkpoint", "\x1b[2Jverified\u202e\u009b\n".encode()).write(tmp_path / "log")
    outcome = check(str(folder), KEY)
    assert not outcome.verified
    assert all(one.isprintable() or one == "\n" for line in outcome.lines for one in line)


def test_a_terminal_that_knows_no_chinese_is_told_the_rest(program: Path, copy: Copy, tmp_path: Path) -> None:
    copy.write(tmp_path / "copy")
    command = [sys.executable, "-S", str(program), str(tmp_path / "copy"), "--key", KEY]
    done = subprocess.run(command, capture_output=True, check=False, timeout=60, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert b"7 entries" in done.stdout
