"""What a witness writes down when a log's own key signed a head that does not continue the one it cosigned.

One file for each pair of heads, complete by itself: both notes, each signed by the log, and the proof that was sent.
Two heads of one size with different roots are a fork, whoever looks. A proof that does not hold may also be a broken
log, and says so. Files are few and stay: a log's key can sign for ever, a disk is not for ever.
"""

import base64
import json
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from keys.log.notes import split_note
from keys.secret_file import Existing, write_secret

FORMAT: Final = "oncegate.witness-evidence/1"
MOST_FILES: Final = 64
"""Of one log."""

FORK: Final = "fork"
"""Two heads of one size."""
NO_PROOF: Final = "no_proof"
"""The proof that was sent does not lead from the one head to the other."""
HIDDEN: Final = "hidden"
"""An epoch statement that names an older or another last head than the one that was cosigned."""


class Evidence:
    """Keeps evidence as files.

    Args:
        folder: Where; it exists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, what: str, kept: str, shown: str, proof: Sequence[bytes], now_s: int) -> Path | None:
        """Writes a conflict down, durably, unless it is there already or there are too many.

        Args:
            what: `FORK`, `NO_PROOF` or `HIDDEN`.
            kept: The note that was cosigned.
            shown: The note that was refused; with `HIDDEN` the statement.
            proof: As it was sent.
            now_s: The time.

        Returns:
            The file; None when nothing was written.

        Raises:
            OSError: The disk refuses. The head is refused all the same.
        """
        first, second = split_note(kept)[0], split_note(shown)[0]
        log, pair = _short(first.partition("\n")[0]), _short(first + "\n" + second)
        path = self._folder / f"{log}-{pair}.json"
        if path.exists() or len(list(self._folder.glob(f"{log}-*.json"))) >= MOST_FILES:
            return None
        body = {
            "format": FORMAT,
            "what": what,
            "found_s": now_s,
            "signed_note": kept,
            "later_note": shown,
            "consistency_proof": [base64.b64encode(one).decode() for one in proof],
        }
        write_secret(path, json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n", Existing.REPLACE)
        return path

    def files(self) -> list[Path]:
        """What was written, by name."""
        return sorted(self._folder.glob("*.json"))


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
