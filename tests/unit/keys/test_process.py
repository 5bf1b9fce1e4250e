"""A process that may hold a recovery key leaves no core dump."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_core_dumps_are_off_for_good_after_hardening() -> None:
    code = (
        "import resource\n"
        "from keys.custody.process import harden\n"
        "found = harden()\n"
        "assert resource.getrlimit(resource.RLIMIT_CORE) == (0, 0)\n"
        "print(found.undumpable)\n"
    )
    done = subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "True"
