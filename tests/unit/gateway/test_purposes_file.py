"""The gateway's file of further purposes: taken into the vocabulary, or told by line and key before anything starts."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.bootstrap.purposes import purposes_of
from gateway.cli.main import app
from gateway.cli.output import EXIT_USAGE
from gateway.settings import FILE_NAME, BadSettings, Settings
from policies.purposes import PURPOSES
from tests.support.policy_purposes import TEXT, VOCABULARY


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).write_text('purposes_file = "purposes.toml"\n', encoding="utf-8")
    (tmp_path / "purposes.toml").write_text(TEXT, encoding="utf-8")
    return tmp_path


def test_the_file_that_the_settings_name_adds_to_the_purposes_of_the_package(home: Path, tmp_path: Path) -> None:
    assert purposes_of(Settings.load(home)) == VOCABULARY
    (tmp_path / FILE_NAME).write_text("", encoding="utf-8")
    assert purposes_of(Settings.load(home)) is PURPOSES


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "purposes_file: the file cannot be read"),
        (f"{TEXT}[Upper]\n", "purposes_file: line 17: Upper: a code must match"),
        ('format = "x"\n', "purposes_file: line 1: format: must be oncegate.purposes/1"),
    ],
)
def test_a_gateway_does_not_start_with_a_file_that_is_wrong(home: Path, content: str | None, told: str) -> None:
    (home / "purposes.toml").unlink()
    if content is not None:
        (home / "purposes.toml").write_text(content, encoding="utf-8")
    with pytest.raises(BadSettings, match=told):
        purposes_of(Settings.load(home))
    # It is told at once, also by a gateway whose root key is not there yet.
    result = CliRunner().invoke(app, ["serve", "--home", str(home)])
    assert (result.exit_code, told in result.output) == (EXIT_USAGE, True)
