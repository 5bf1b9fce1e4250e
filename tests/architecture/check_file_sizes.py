"""Fails when a source file has outgrown one noun: more than 400 lines."""

import sys
from pathlib import Path

LIMIT = 400
ROOTS = ("gateway", "nodes", "policies", "keys", "tests")
# Written by a tool, one statement after the other.
GENERATED = Path("gateway/storage/migrations/versions")


def main() -> int:
    root = Path(__file__).resolve().parents[2]
    files = [p for name in ROOTS for p in (root / name).rglob("*.py") if p.parent != root / GENERATED]
    too_long = [(len(p.read_text(encoding="utf-8").splitlines()), p) for p in files]
    too_long = [(n, p) for n, p in too_long if n > LIMIT]
    for lines, path in sorted(too_long, reverse=True):
        print(f"{path.relative_to(root)}: {lines} lines, more than {LIMIT}: make it a folder")
    if not too_long:
        print(f"{len(files)} files, none above {LIMIT} lines")
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
