import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from keys.signing import SigningKey
from nodes.cli.main import app
from nodes.enrolment.private_files import write_whole

Run = Callable[..., Result]
PASSPHRASE = "a long passphrase"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)

    def invoke(*arguments: object, expect: int = 0, stdin: str | None = None) -> Result:
        result = CliRunner().invoke(app, [str(a) for a in arguments], input=stdin, prog_name="oncegate-node")
        assert result.exit_code == expect, (result.output, result.exception)
        return result

    return invoke


def document(result: Result) -> Any:
    return json.loads(result.stdout)


def key_file(path: Path, key: SigningKey) -> Path:
    """A department key file whose passphrase is cheap to try, since tests try it often."""
    from keys.passphrase import LOWEST

    write_whole(path, key.to_pem(PASSPHRASE.encode(), LOWEST))
    return path
