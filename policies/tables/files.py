"""Finds decision tables in folders, with the files that lie beside them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from policies.tables.parse import MAX_BYTES, SUFFIX, Table, parse_table
from policies.tables.reader import BadTable

_BESIDE: Final = ".toml"


def tables_in(paths: Iterable[Path]) -> list[Path]:
    """The tables that are named, or lie anywhere in a folder that is named; sorted.

    Args:
        paths: Files and folders. A file counts whatever it is called.
    """
    found: set[Path] = set()
    for path in paths:
        found |= {file for file in path.rglob(f"*{SUFFIX}") if file.is_file()} if path.is_dir() else {path}
    return sorted(found)


def files_beside(folder: Path) -> dict[str, bytes]:
    """Every TOML file in a folder, by name.

    Args:
        folder: Where.

    Raises:
        BadTable: One is larger than a table may be.
        OSError: One cannot be read.
    """
    files: dict[str, bytes] = {}
    for path in sorted(folder.glob(f"*{_BESIDE}")):
        if not path.is_file():
            # Not a folder, and no pipe, which would be waited for.
            continue
        with path.open("rb") as file:
            files[path.name] = file.read(MAX_BYTES + 1)
        if len(files[path.name]) > MAX_BYTES:
            raise BadTable(None, "", f"{path.name} must be at most {MAX_BYTES} bytes")
    return files


def parse_file(path: Path) -> Table:
    """Read the table in a file.

    Args:
        path: The file; what it names lies beside it.

    Raises:
        BadTable: Something in it is not right.
        OSError: It cannot be read.
    """
    return parse_table(path.read_bytes(), files_beside(path.parent))
