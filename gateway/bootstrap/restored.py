"""The mark that a home folder was restored from a backup, and what is refused until a person has looked at it.

A restored gateway is not the present: it has forgotten what came after its backup. So the mark is made before the first
file of the home, says whether the restore is complete, and goes only when the operator confirms. Fails closed: a mark
that cannot be read is taken for a restore that is not complete.

It does not find out by itself that a home is old: that is what the ledger's anchor is for.
"""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from gateway.errors import GatewayError
from keys.secret_file import sync_folder, write_secret

MARK: Final = "restore.json"
FORMAT: Final = "oncegate.restore/1"


class RestorePending(GatewayError):
    """The home was restored from a backup, and what was asked for has to wait."""


class State(StrEnum):
    """How far a restore got."""

    INCOMPLETE = "incomplete"
    UNCONFIRMED = "unconfirmed"


class Mark(BaseModel):
    """What is known about a restore.

    Attributes:
        format: Format of the mark.
        state: How far it got.
        backup_id: Which backup.
        created_ms: When the backup was made, Unix ms.
        restored_ms: When the restore began, Unix ms.
        ledger_size: Entries of the access log that came back.
        ledger_root: Root of their tree, hex.
        checkpoint: The newest signed head among them; empty for none.
        keys_put: Persons' data keys that were put back.
        keys_missing: Persons whose fields came back without a key, so that they do not open.
        keys_erased: Persons whose keys and fields were left out because an erasure register names them.
        present: A checkpoint that shows that nothing was lost: the newest one known from elsewhere, which the restored
            log covers; empty while none was shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: str = Field(FORMAT, pattern=f"^{FORMAT}$")
    state: State
    backup_id: str
    created_ms: int
    restored_ms: int
    ledger_size: Annotated[int, Field(ge=0)]
    ledger_root: str
    checkpoint: str
    keys_put: int = 0
    keys_missing: int = 0
    keys_erased: int = 0
    present: str = ""


def read_mark(home: Path) -> Mark | None:
    """The mark of a home; None when it was not restored, or when that was confirmed.

    Raises:
        RestorePending: There is one that cannot be read. Fails closed.
    """
    try:
        return Mark.model_validate(json.loads((home / MARK).read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, ValidationError):
        raise RestorePending(f"{home / MARK}: cannot be read; restore into a new folder") from None


def write_mark(home: Path, mark: Mark) -> None:
    """Write or replace a mark, durably.

    Raises:
        OSError: The system refuses; an older mark is left as it was.
    """
    write_secret(home / MARK, (mark.model_dump_json(indent=2) + "\n").encode())


def clear_mark(home: Path) -> None:
    """Take the mark away, durably."""
    (home / MARK).unlink(missing_ok=True)
    sync_folder(home)


def held(mark: Mark | None, continued: int, *, custodians: bool) -> str:
    """Why a log may not be written; empty when it may.

    A log that lost its end must not go on under its old name: its next entries would stand where others stood. Where
    custodians are pinned, it waits for their word or for a checkpoint that shows that nothing was lost. Without
    custodians there is nobody to give one, and the operator's confirmation is all there is.

    Args:
        mark: The home's mark.
        continued: Size of the head from which the log's newest epoch goes on; -1 in the first epoch.
        custodians: Whether any are pinned.
    """
    if mark is None or not custodians or mark.present or continued >= mark.ledger_size:
        return ""
    return (
        "the log was restored and may have lost its end: open a new epoch (oncegate epoch prepare), or show that it is "
        "the present (oncegate restore confirm --last CHECKPOINT)"
    )


def require_complete(home: Path) -> None:
    """Accept by returning a home that is not in the middle of a restore.

    Raises:
        RestorePending: A restore broke off here.
    """
    mark = read_mark(home)
    if mark is not None and mark.state is State.INCOMPLETE:
        raise RestorePending(f"{home}: a restore broke off here; run the same `oncegate restore` again")


def require_confirmed(home: Path) -> None:
    """Accept by returning a home that may serve.

    Raises:
        RestorePending: It was restored from a backup and the operator has not confirmed that.
    """
    require_complete(home)
    if read_mark(home) is not None:
        raise RestorePending(
            f"{home}: was restored from a backup and is not the present; read docs/operations.md, then run "
            "`oncegate restore confirm`"
        )
