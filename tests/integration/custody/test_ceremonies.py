"""The custodians' ceremonies, played at the real commands over pipes: five custodians, three needed."""

import itertools
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from gateway.settings import Settings
from keys.custody.shares import facts_of
from keys.keyring.sealed import read_head
from tests.integration.custody.conftest import EVERYBODY, entries, filled, phones
from tests.support.custodians import ONCEGATE, Ceremony, run, split, unseal


def lose_the_passphrase(home: Path) -> None:
    """The old passphrase is gone; the operator gives a new one."""
    (home / "passphrase").write_text("a new passphrase\n", encoding="utf-8")
    (home / "passphrase").chmod(0o600)


def says_nothing_secret(ceremony: Ceremony, shares: list[str]) -> bool:
    told = ceremony.said + ceremony.errors
    return not any(" ".join(share.split()[4:7]) in told for share in shares)


def on_disk(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A home whose shares were handed out, and the shares: made once, every test gets its own copy."""
    home = filled(tmp_path_factory.mktemp("handed-out") / "gateway")
    made = split(home, "--shares", "5", "--threshold", "3")
    assert made.code == 0, made.errors
    return home, made.shares


@pytest.fixture
def five(home: Path, handed_out: tuple[Path, list[str]]) -> list[str]:
    made, shares = handed_out
    shutil.rmtree(home)
    shutil.copytree(made, home)
    return list(shares)


def test_three_of_five_custodians_bring_a_gateway_back_whose_passphrase_is_lost(home: Path, five: list[str]) -> None:
    assert len(five) == 5
    lose_the_passphrase(home)
    assert run("key", "status", "--home", str(home), "--json").said.count('"KEYRING_LOCKED"') == 1
    done = unseal(home, [five[4], five[0], five[2]], "--by", "data-bureau")
    assert done.code == 0, done.errors
    assert says_nothing_secret(done, five)
    assert phones(home) == EVERYBODY
    assert [path.name for path in home.glob("root-keys.bin.lost-*")], "the file that does not open is kept"
    ceremonies = entries(home, "key_ceremony")
    assert [(said["what"], said["threshold"]) for said in ceremonies] == [("split", 3), ("unseal", 3)]
    assert ceremonies[0]["shares"] == 5
    assert ceremonies[1]["members"] == [1, 3, 5]
    assert ceremonies[1]["by"] == "data-bureau"
    assert ceremonies[0]["set"] == ceremonies[1]["set"] == facts_of(five[0]).set_id


def test_two_of_five_do_not_and_say_so(home: Path, five: list[str]) -> None:
    before = (home / "keyring.bin").read_bytes()
    lose_the_passphrase(home)
    done = unseal(home, five[:2])
    assert done.code == 3
    assert "TOO_FEW_SHARES" in done.errors
    assert "份额数量未达到门限" in done.errors
    assert (home / "keyring.bin").read_bytes() == before


def test_no_share_is_ever_on_the_disk(home: Path, five: list[str], tmp_path: Path) -> None:
    unseal(home, five[:3])
    kept = on_disk(tmp_path)
    for share in five:
        for at in range(0, 30, 3):
            assert " ".join(share.split()[at : at + 3]).encode() not in kept


@pytest.mark.long
def test_shares_are_not_written_to_or_read_from_a_file(home: Path, five: list[str], tmp_path: Path) -> None:
    target = tmp_path / "shares.txt"
    with target.open("w") as out:
        done = subprocess.run(
            (ONCEGATE, "key", "split", "--home", str(home), "--yes"), stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 3
    assert b"CEREMONY_BROKEN" in done.stderr
    assert not target.read_text()
    target.write_text("\n".join(five[:3]) + "\n")
    with target.open() as source:
        words = (ONCEGATE, "key", "unseal", "--home", str(home), "--yes")
        done = subprocess.run(words, stdin=source, capture_output=True, check=False)
    assert b"CEREMONY_BROKEN" in done.stderr


@pytest.mark.long
def test_a_mistyped_share_may_be_typed_again_and_a_foreign_one_is_said(
    home: Path, five: list[str], tmp_path: Path
) -> None:
    words = five[1].split()
    mistyped = " ".join([*words[:9], "academic" if words[9] != "academic" else "acid", *words[10:]])
    other = split(home, "--shares", "2", "--threshold", "2").shares
    done = unseal(home, [five[0], mistyped, five[1], other[0], other[1]], "--dry-run")
    assert done.code == 0, done.errors
    assert done.said.count("FOREIGN_SHARE") == 2
    assert done.said.count("BAD_SHARE") == 1
    assert says_nothing_secret(done, [*five, *other, mistyped])


def test_a_share_shown_twice_counts_once(home: Path, five: list[str]) -> None:
    done = unseal(home, [five[0], five[0], five[0], five[1]])
    assert done.code == 3
    assert done.said.count("BAD_SHARE") == 2
    assert "TOO_FEW_SHARES" in done.errors


@pytest.mark.long
def test_whoever_mistypes_too_often_is_sent_away(home: Path, five: list[str]) -> None:
    done = unseal(home, ["academic acid"] * 6 + five[:3])
    assert done.code == 3
    assert "BAD_SHARE" in done.errors


@pytest.mark.long
def test_new_shares_void_the_old_ones(home: Path, five: list[str]) -> None:
    again = split(home, "--shares", "3", "--threshold", "2")
    assert again.code == 0, again.errors
    assert unseal(home, five[:3], "--dry-run").code == 3
    assert unseal(home, again.shares[1:], "--dry-run").code == 0
    former = [said["former"] for said in entries(home, "key_ceremony") if said["what"] == "split"]
    assert former == ["", facts_of(five[0]).set_id]


@pytest.mark.long
def test_an_interrupted_ceremony_leaves_the_old_shares_in_force(home: Path, five: list[str]) -> None:
    before = (home / "keyring.bin").read_bytes()
    broken = split(home, confirm=lambda number, words: None if number == 4 else " ".join(words))
    assert broken.code == 3
    assert "CEREMONY_BROKEN" in broken.errors
    assert (home / "keyring.bin").read_bytes() == before
    assert unseal(home, five[1:4], "--dry-run").code == 0


@pytest.mark.long
def test_a_share_that_its_custodian_cannot_confirm_ends_the_ceremony(home: Path) -> None:
    seen = itertools.count()
    once = split(home, confirm=lambda _, words: "wrong words here" if next(seen) == 0 else " ".join(words))
    assert once.code == 0
    assert "shown again" in once.said
    never = split(home, confirm=lambda _, words: "never the right ones")
    assert never.code == 3
    assert "CEREMONY_BROKEN" in never.errors


def test_a_drill_shows_that_the_shares_open_and_changes_no_key(home: Path, five: list[str]) -> None:
    before = (home / "keyring.bin").read_bytes(), (home / "root-keys.bin").read_bytes()
    done = unseal(home, five[:3], "--dry-run", "--json")
    assert json.loads(done.said[done.said.index("{") :])["changed"] is False
    assert ((home / "keyring.bin").read_bytes(), (home / "root-keys.bin").read_bytes()) == before
    assert entries(home, "key_ceremony")[-1]["what"] == "drill"


@pytest.mark.parametrize(("shares", "threshold"), [(5, 1), (1, 1), (17, 3), (3, 4)])
def test_numbers_with_which_one_person_could_open_are_refused(home: Path, shares: int, threshold: int) -> None:
    done = split(home, "--shares", str(shares), "--threshold", str(threshold))
    assert done.code == 3
    assert "BAD_SHARING" in done.errors
    assert not done.shares


def test_without_shares_there_is_nothing_to_unseal_with(home: Path) -> None:
    done = unseal(home, [])
    assert done.code == 3
    assert "NO_RECOVERY" in done.errors


@pytest.mark.long
def test_every_later_change_keeps_the_shares_valid(home: Path, five: list[str]) -> None:
    for what in ("root", "kek"):
        assert run("key", "rotate", "--what", what, "--yes", "--home", str(home)).code == 0
    assert run("key", "retire", "--what", "root", "--below", "2", "--yes", "--home", str(home)).code == 0
    lose_the_passphrase(home)
    assert unseal(home, five[2:]).code == 0
    assert phones(home) == EVERYBODY


@pytest.mark.long
def test_an_older_copy_of_the_keyring_is_not_brought_back_by_shares(home: Path, five: list[str]) -> None:
    older = (home / "keyring.bin").read_bytes()
    for words in (("rotate", "--what", "kek"), ("retire", "--what", "kek", "--below", "2")):
        assert run("key", *words, "--yes", "--home", str(home)).code == 0
    (home / "keyring.bin").write_bytes(older)
    done = unseal(home, five[:3])
    assert done.code == 3
    assert "KEYRING_OUTDATED" in done.errors


@pytest.mark.long
def test_the_status_tells_of_the_slot_and_never_of_the_shares(home: Path, five: list[str]) -> None:
    done = run("key", "status", "--home", str(home), "--json")
    told = json.loads(done.said)
    assert (told["recovery"]["shares"], told["recovery"]["threshold"]) == (5, 3)
    assert told["recovery"]["set"] == facts_of(five[0]).set_id
    assert says_nothing_secret(done, five)
    assert "3 of 5 shares" in run("key", "status", "--home", str(home)).said


@pytest.mark.long
def test_a_planned_split_shows_nothing_and_changes_nothing(home: Path, five: list[str]) -> None:
    before = (home / "keyring.bin").read_bytes()
    planned = split(home, "--dry-run")
    assert planned.code == 0
    assert "become void" in planned.said
    assert not planned.shares
    assert (home / "keyring.bin").read_bytes() == before
    assert read_head(before).recovery is not None
    assert Settings.load(home).keys.provider == "file"
