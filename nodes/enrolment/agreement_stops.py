"""Agreements that this department stopped at its own node: a file `ID.stopped` beside the agreement.

It is written before the gateway hears of it and taken away after the gateway has, so that a node releases nothing under
an agreement that its department suspended or terminated, whatever the gateway says or whether it is reached at all.

Which way it fails: closed. A file that is there stops the agreement whatever is in it; one that cannot be read does so
too; what was terminated is not accepted again.
"""

import json
from enum import StrEnum
from pathlib import Path

from nodes.enrolment.errors import BadInput
from nodes.enrolment.private_files import PUBLIC, make_folder, write_whole

ENDING = ".stopped"


class Stop(StrEnum):
    """How it was stopped."""

    SUSPENDED = "suspended"
    TERMINATED = "terminated"


def stop(folder: Path, agreement_id: str, how: Stop, now_ms: int) -> None:
    """Stops an agreement here, durably; a termination stays one.

    Args:
        folder: The home's agreements folder.
        agreement_id: Which one.
        how: Suspended or terminated.
        now_ms: The time, Unix ms.
    """
    make_folder(folder)
    if stopped(folder, agreement_id) is Stop.TERMINATED:
        return
    body = {"stopped": str(how), "at_unix_ms": now_ms}
    write_whole(_path(folder, agreement_id), json.dumps(body).encode() + b"\n", PUBLIC)


def resume(folder: Path, agreement_id: str) -> None:
    """Takes a suspension away.

    Args:
        folder: The home's agreements folder.
        agreement_id: Which one.

    Raises:
        BadInput: It was terminated.
    """
    if stopped(folder, agreement_id) is Stop.TERMINATED:
        raise BadInput("agreement", "was terminated here; that is final")
    _path(folder, agreement_id).unlink(missing_ok=True)


def stopped(folder: Path, agreement_id: str) -> Stop | None:
    """How an agreement is stopped here; None when it is not.

    Args:
        folder: The home's agreements folder.
        agreement_id: Which one.
    """
    try:
        body = json.loads(_path(folder, agreement_id).read_bytes())
        return Stop(body["stopped"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        # It is there and says nothing that can be read: the milder of the two, which a person can end.
        return Stop.SUSPENDED


def stopped_ids(folder: Path) -> frozenset[str]:
    """Ids of all agreements that are stopped here.

    Args:
        folder: The home's agreements folder.
    """
    return frozenset(path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}"))


def _path(folder: Path, agreement_id: str) -> Path:
    return folder / f"{agreement_id}{ENDING}"
