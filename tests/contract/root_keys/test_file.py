"""Root keys in a file: who may read it, and what a wrong passphrase or a damaged file does."""

from pathlib import Path

import pytest

from keys.errors import KeyringCorrupt, KeyringLocked, PassphraseMissing, SecretExposed
from keys.passphrase import LOWEST, lock
from keys.providers.file import FileRootKeys
from keys.secret_file import write_secret

KEY = bytes(32)


def roots_at(path: Path, passphrase: bytes = b"correct horse") -> FileRootKeys:
    return FileRootKeys(path, lambda: passphrase, LOWEST)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    place = tmp_path / "root-keys.bin"
    roots_at(place).add()
    return place


def test_the_file_is_for_its_owner_alone_and_nothing_else_is_left(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_wrong_passphrase_opens_nothing_and_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    for use in (
        lambda: roots_at(path, b"wrong").versions(),
        lambda: roots_at(path, b"wrong").add(),
        lambda: roots_at(path, b"wrong").wrap(1, KEY, b""),
        lambda: roots_at(path, b"wrong").destroy(1),
    ):
        with pytest.raises(KeyringLocked):
            use()
    assert path.read_bytes() == before


def test_a_file_that_others_can_read_is_refused(path: Path) -> None:
    path.chmod(0o640)
    with pytest.raises(SecretExposed):
        roots_at(path).versions()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"format":"oncegate.root-keys/2","keys":{}}',
        b'{"format":"oncegate.root-keys/1","keys":[]}',
        b'{"format":"oncegate.root-keys/1","keys":{"1":"AA"}}',
        b'{"format":"oncegate.root-keys/1","keys":{"one":"AA"}}',
        b'{"format":"oncegate.root-keys/1","keys":{"1":1}}',
    ],
)
def test_content_that_is_no_file_of_root_keys_is_corrupt_even_under_the_right_passphrase(
    path: Path, content: bytes
) -> None:
    write_secret(path, lock(b"correct horse", content, purpose="root-keys", cost=LOWEST))
    with pytest.raises(KeyringCorrupt):
        roots_at(path).versions()


def test_a_damaged_file_is_not_written_over(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(KeyringCorrupt):
        roots_at(path).add()


def test_a_lost_passphrase_makes_room_for_a_new_file_and_keeps_the_old_one(path: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    assert not roots_at(path).replace_lost(kept)
    assert roots_at(path, b"new words").replace_lost(kept)
    assert roots_at(path, b"new words").add(at_least=2) == 2
    assert roots_at(kept).versions() == (1,)


def test_without_a_new_passphrase_the_old_file_stays(path: Path, tmp_path: Path) -> None:
    given = iter([b"wrong"])

    def passphrase() -> bytes:
        for word in given:
            return word
        raise PassphraseMissing("no passphrase is given")

    with pytest.raises(PassphraseMissing):
        FileRootKeys(path, passphrase, LOWEST).replace_lost(tmp_path / "kept")
    assert path.exists()


def test_two_processes_that_make_the_first_file_at_once_do_not_lose_a_key(tmp_path: Path) -> None:
    place = tmp_path / "root-keys.bin"
    late = FileRootKeys(place, lambda: _and_meanwhile(place), LOWEST)
    with pytest.raises(FileExistsError):
        late.add()
    assert roots_at(place).versions() == (1,)
    assert list(tmp_path.iterdir()) == [place]


def _and_meanwhile(place: Path) -> bytes:
    if not place.exists():
        roots_at(place).add()
    return b"correct horse"
