"""What measurements keep: the file in which each writes its own rows and leaves the others', and keys for kept logs."""

import hashlib
import json
from pathlib import Path
from typing import Any


def bench_key(name: str) -> bytes:
    """A key that is the same in every run, so that a log that was kept can be read again; it guards nothing."""
    return hashlib.sha256(f"oncegate bench {name}".encode()).digest()


def merge(path: Path, document: dict[str, Any]) -> None:
    """Put rows into the file.

    Args:
        path: The file; made when it is not there.
        document: Rows by name. A row replaces the one of the same name; the absolute figures are merged one by one.
    """
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    absolute = known.get("absolute", {}) | document.get("absolute", {})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known | document | {"absolute": absolute}, indent=2) + "\n", encoding="utf-8")
