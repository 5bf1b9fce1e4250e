"""Writes a node's receipts into a file that an auditor compares with the access log (docs/audit.md).

Lines of canonical JSON: first what it is, with the certified keys; then one receipt a line, newest first. It holds
digests and signatures only: no request, no disclosure, no name. A file that is there already is left alone.
"""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from keys import canonical
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.provider.state import list_receipts, open_reader

if TYPE_CHECKING:
    from nodes.provider.state import KeptReceipt

FORMAT: Final = "oncegate.receipts/1"
_AT_ONCE: Final = 500
_DIGEST_HEX: Final = 64


def write_receipts(file: Path, home: Home, state: Path, request: str, now_ms: int | None = None) -> int:
    """Writes the file.

    Args:
        file: The new file; only its owner may read it.
        home: The node's home.
        state: The node's state file.
        request: Only about the request with this SHA-256, hexadecimal; empty for all.
        now_ms: When it is written, Unix ms; None takes the machine's clock.

    Returns:
        How many receipts it holds.

    Raises:
        BadInput: The digest is none.
        HomeInvalid: The home has no certified keys.
        OSError: The file is there already or cannot be written.
    """
    if request and (len(request) != _DIGEST_HEX or any(c not in "0123456789abcdef" for c in request)):
        raise BadInput("request", "must be SHA-256 in lower-case hexadecimal")
    certified = home.certified()
    head: dict[str, canonical.Json] = {
        "format": FORMAT,
        "node": str(home.spiffe()),
        "request": request,
        "exported_ms": time.time_ns() // 1_000_000 if now_ms is None else now_ms,
        "keys": {
            "body": certified.body.decode(),
            "signature": canonical.to_text(certified.signature),
            "department_key": canonical.to_text(certified.department_key),
        },
    }
    count = 0
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(canonical.write(head) + b"\n")
        for kept in _all(state):
            if request and sha256(kept.request).hexdigest() != request:
                continue
            out.write(canonical.write(_line(kept)) + b"\n")
            count += 1
        out.flush()
        os.fsync(out.fileno())
    return count


def _all(state: Path) -> "Iterator[KeptReceipt]":
    before: int | None = None
    with closing(open_reader(state)) as reader:
        while page := list_receipts(reader, before, _AT_ONCE):
            yield from page
            before = page[-1].number


def _line(kept: "KeptReceipt") -> dict[str, canonical.Json]:
    item = kept.receipt
    return {
        "number": kept.number,
        "released_ms": kept.released_ms,
        "session_id": canonical.to_text(kept.session_id),
        "receipt": {
            "body": canonical.to_text(item.body),
            "signature": canonical.to_text(item.signature),
            "leaf_index": item.leaf_index,
            "leaf_count": item.leaf_count,
            "path": [canonical.to_text(step) for step in item.path],
        },
    }
