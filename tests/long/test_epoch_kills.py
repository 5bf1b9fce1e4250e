"""Opening an epoch is killed at every step, and each time the same call finishes it and the log is whole."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.backup.test_epochs import draw_up, lose
from tests.support.backup_world import PASSPHRASE, new_world
from tests.support.epochs import signed

pytestmark = pytest.mark.long


def test_whatever_step_of_opening_an_epoch_is_the_last_the_same_call_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)
    new, anchor = lose(new_world(tmp_path / "gateway"), tmp_path)
    statement = signed(draw_up(new, tmp_path / "statement", anchor))
    words = [sys.executable, "-m", "tests.support.dying_epoch", str(new.home), str(statement), str(tmp_path / "work")]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=280, env=dict(os.environ))
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 10
