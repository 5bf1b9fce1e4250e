"""Software tokens for tests: SoftHSM in a directory of its own, so that nobody's real tokens are touched."""

import itertools
import os
import subprocess
from pathlib import Path

from keys.providers.pkcs11 import MODULES

PIN = "246813"
OFFICER_PIN = "97531000"
MODULE = next((path for path in MODULES if Path(path).exists()), "")
WHY_NOT = "SoftHSM (softhsm2) is not installed: no PKCS#11 module to test with"
_numbers = itertools.count(1)


class Tokens:
    """A directory of software tokens. One per process: a PKCS#11 module reads its configuration once.

    Args:
        folder: Where they live.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "tokens"
        self.folder.mkdir(mode=0o700)
        self.configuration = folder / "softhsm2.conf"
        self.configuration.write_text(
            f"directories.tokendir = {self.folder}\nobjectstore.backend = file\nlog.level = ERROR\n", encoding="utf-8"
        )
        os.environ["SOFTHSM2_CONF"] = str(self.configuration)

    def make(self, label: str = "") -> str:
        """A fresh token; returns its label."""
        label = label or f"token-{os.getpid()}-{next(_numbers)}"
        subprocess.run(
            ("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", OFFICER_PIN),
            check=True,
            capture_output=True,
            env={**os.environ, "SOFTHSM2_CONF": str(self.configuration)},
        )
        return label

    def remove(self, label: str) -> None:
        """Take a token out, as when it is pulled or lost."""
        subprocess.run(
            ("softhsm2-util", "--delete-token", "--token", label),
            check=True,
            capture_output=True,
            env={**os.environ, "SOFTHSM2_CONF": str(self.configuration)},
        )
