from pathlib import Path

from tests.unit.node_cli.conftest import Run, document


def test_a_department_key_is_made_once_and_shown_by_its_fingerprint(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "department.key"
    made = document(run("department-key", "create", path, "--json"))
    assert made["fingerprint"].startswith("sha256:")
    assert run("department-key", "show", path).stdout.strip() == made["fingerprint"]
    again = run("department-key", "create", path, expect=2)
    assert "BAD_INPUT" in again.stderr
    assert "输入不符合规则" in again.stderr


def test_a_wrong_passphrase_and_an_open_passphrase_file_are_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "department.key"
    file = tmp_path / "passphrase"
    file.write_text("something else\n")
    file.chmod(0o600)
    run("department-key", "create", path)
    assert "KEY_LOCKED" in run("department-key", "show", path, "--passphrase-file", file, expect=2).stderr
    file.chmod(0o644)
    run("department-key", "show", path, "--passphrase-file", file, expect=2)


def test_without_a_passphrase_nothing_is_made(run: Run, tmp_path: Path, monkeypatch: object) -> None:
    monkeypatch.delenv("ONCEGATE_PASSPHRASE")  # type: ignore[attr-defined]
    assert "PASSPHRASE_MISSING" in run("department-key", "create", tmp_path / "department.key", expect=2).stderr
    assert not (tmp_path / "department.key").exists()
