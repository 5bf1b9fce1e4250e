import os
from pathlib import Path

import pytest

from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.private_files import read_private, read_public, write_whole


def test_a_write_that_fails_leaves_the_old_file_whole_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    write_whole(path, b"old")
    with pytest.raises(TypeError):
        write_whole(path, "not bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def test_a_new_file_replaces_the_old_one_with_its_own_mode(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"old")
    path.chmod(0o666)
    write_whole(path, b"new")
    assert read_private(path) == b"new"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_link_or_a_folder_is_not_read_as_a_secret(tmp_path: Path) -> None:
    write_whole(tmp_path / "secret", b"x")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    (tmp_path / "folder").mkdir(mode=0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "folder", "pipe"):
        with pytest.raises(HomeInvalid):
            read_private(tmp_path / name)


def test_a_secret_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs to give a file away")
    write_whole(tmp_path / "secret", b"x")
    os.chown(tmp_path / "secret", 65534, 65534)
    with pytest.raises(HomeInvalid, match="another user"):
        read_private(tmp_path / "secret")


def test_a_public_file_that_is_missing_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(HomeInvalid):
        read_public(tmp_path / "nothing")
