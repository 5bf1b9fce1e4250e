"""Builds `oncegate-verify.pyz`: the verifier as one file, for machines on which nothing may be installed.

The file holds source text only, in a fixed order and with fixed times, so that the same sources give the same bytes and
anyone can build it again and compare. Which modules it takes is listed here; a test runs it without any package.
"""

import sys
import zipfile
from pathlib import Path
from typing import Final

NAME: Final = "oncegate-verify.pyz"
_PACKAGES: Final = ("gateway/audit/verify", "keys/log")
_MODULES: Final = (
    "gateway/__init__.py",
    "gateway/audit/__init__.py",
    "gateway/audit/errors.py",
    "keys/__init__.py",
    "keys/canonical.py",
    "keys/errors.py",
)
_NOT: Final = frozenset({"gateway/audit/verify/onefile.py"})
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
_MODE: Final = 0o644 << 16
_START: Final = b"#!/usr/bin/env python3\n"
_MAIN: Final = (
    "import sys\n\nif sys.version_info < (3, 11):\n    sys.exit('oncegate-verify needs Python 3.11 or newer')\n\n"
    "from gateway.audit.verify.main import main\n\nsys.exit(main())\n"
)


def build(target: Path) -> Path:
    """Write the file.

    Args:
        target: Folder for it; made if it does not exist.

    Returns:
        Its path.

    Raises:
        OSError: It cannot be written.
    """
    root = Path(__file__).resolve().parents[3]
    taken = {root / name for name in _MODULES}
    for package in _PACKAGES:
        taken |= set((root / package).glob("*.py"))
    files = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in taken}
    files = {name: text for name, text in files.items() if name not in _NOT} | {"__main__.py": _MAIN}
    target.mkdir(parents=True, exist_ok=True)
    path = target / NAME
    with path.open("wb") as file:
        file.write(_START)
        with zipfile.ZipFile(file, "w") as packed:
            for name in sorted(files):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.external_attr = _MODE
                # Deflate differs between versions of zlib; stored bytes are the same everywhere.
                packed.writestr(info, files[name], zipfile.ZIP_STORED)
    path.chmod(0o755)
    return path


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1] if len(sys.argv) > 1 else 'build'))}\n")
