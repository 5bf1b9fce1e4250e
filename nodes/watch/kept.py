"""The newest checkpoint that a member has seen, and the evidence of a conflict, as files in its home.

`ledger-checkpoint` is the signed note itself, so anyone can verify it; each later epoch of the log has a file of its
own (`ledger-checkpoint-2`), so that the last head of an ended one stays as evidence. `ledger-conflict.json` is written
once, never overwritten, and stands in the way until a person has looked at it and taken it away.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from keys.errors import KeysError
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.epochs import FIRST, epoch_number
from keys.log.notes import NoteVerifier
from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import PUBLIC, read_public, write_whole


@dataclass(frozen=True, slots=True)
class KeptCheckpoint:
    """A verified checkpoint with the note that it came in.

    Args:
        note: The signed note.
        checkpoint: What it says.
    """

    note: str
    checkpoint: Checkpoint


class CheckpointFiles:
    """Reads and writes both files of one home.

    Args:
        home: The home.
    """

    def __init__(self, home: Home) -> None:
        self._folder = home.path
        self._conflict: Path = home.path / "ledger-conflict.json"

    def newest(self, verifier: NoteVerifier, origin: str) -> KeptCheckpoint | None:
        """The newest checkpoint seen; None when there is none yet.

        Args:
            verifier: The log's key.
            origin: The log's name.

        Returns:
            The checkpoint, its signature verified again.

        Raises:
            HomeInvalid: The file is damaged. It is not taken as "none": that would forget what was seen.
        """
        file = self._file(origin)
        if not file.exists():
            return None
        try:
            note = read_public(file).decode("utf-8")
            return KeptCheckpoint(note, open_checkpoint(note, verifier, origin))
        except (KeysError, UnicodeDecodeError) as error:
            raise HomeInvalid(file.name, "is damaged, or of another log") from error

    def keep(self, note: str, origin: str) -> None:
        """Replaces the newest checkpoint of an epoch.

        Args:
            note: A note that was verified.
            origin: The log's name in that epoch.
        """
        write_whole(self._file(origin), note.encode(), PUBLIC)

    def _file(self, origin: str) -> Path:
        number = epoch_number(origin)
        return self._folder / ("ledger-checkpoint" if number == FIRST else f"ledger-checkpoint-{number}")

    @property
    def conflicting(self) -> bool:
        """Whether a conflict was found and not resolved."""
        return self._conflict.exists()

    def keep_conflict(self, reason: str, detail: str, seen: str, shown: str, now_ms: int) -> None:
        """Writes the evidence of a conflict, unless an earlier one is there.

        Args:
            reason: Code.
            detail: Sizes and positions.
            seen: The note that was kept; empty when none.
            shown: The note that contradicts it.
            now_ms: The time.
        """
        if self._conflict.exists():
            return
        body = {"reason": reason, "detail": detail, "found_ms": now_ms, "seen": seen, "shown": shown}
        write_whole(self._conflict, json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n", PUBLIC)
