"""The file in which measurements are kept: each writes its own rows and leaves the others'."""

import json
from pathlib import Path
from typing import Any


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
