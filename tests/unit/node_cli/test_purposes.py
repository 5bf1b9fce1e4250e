"""`oncegate-node purposes`, and what a node's vocabulary says to an agreement that is to be accepted."""

from pathlib import Path

import pytest

from policies.purposes import PURPOSES
from tests.support.policy_purposes import CONSENT_ONLY, RETIRED, TEXT, VOCABULARY
from tests.unit.node_cli.conftest import Run, document


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "node.toml").write_text('format = "oncegate.node/1"\npurposes = "purposes.toml"\n')
    (tmp_path / "purposes.toml").write_text(TEXT)
    return tmp_path


def test_the_purposes_of_a_node_are_listed_with_those_of_its_file(run: Run, home: Path) -> None:
    found = document(run("purposes", "--home", home, "--json"))
    assert [one["code"] for one in found["purposes"]] == list(VOCABULARY)
    assert {one["code"]: one["status"] for one in found["purposes"]}[RETIRED] == "retired"
    said = run("purposes", "--home", home).stdout
    for text in ("图书馆读者证", "Library card", "《中华人民共和国公共图书馆法》", CONSENT_ONLY, "个人信息保护法"):
        assert text in said


def test_without_a_node_the_purposes_of_the_package_are_listed(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ONCEGATE_HOME", raising=False)
    for arguments in ((), ("--home", tmp_path)):
        found = document(run("purposes", *arguments, "--json"))
        assert [one["code"] for one in found["purposes"]] == list(PURPOSES)


def test_a_file_with_a_mistake_is_told_by_line_and_key(run: Run, home: Path) -> None:
    (home / "purposes.toml").write_text(TEXT.replace('bases = ["consent"]', 'bases = ["whim"]'))
    errors = run("purposes", "--home", home, expect=2).stderr
    assert "purposes.toml:14: library_card.bases: must list" in errors
    assert "whim" not in errors
