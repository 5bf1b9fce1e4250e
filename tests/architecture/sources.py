"""The project's own source files, for tests about all of them."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("gateway", "nodes", "policies", "keys")
PROTOS = sorted((ROOT / "proto" / "oncegate" / "v1").glob("*.proto"))


def modules(*folders: str) -> list[Path]:
    """Every Python file below these folders; revisions of the database are written by a tool and are not counted."""
    found = (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py")))
    return [path for path in found if "versions" not in path.parts]


def name(path: Path) -> str:
    """A file as it is named in a failure."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed."""
    return ast.parse(path.read_text(encoding="utf-8"), name(path))
