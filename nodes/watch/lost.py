"""Promises whose entries are lost: listed for the department, and not asked for any more.

The gateway promised that an entry is on the log; the log lost it, and its custodians said so (`epochs.py`). The promise
stays what it is, the gateway's signature that the entry stood there, and the release that it allowed stays in the
node's own records. `ledger-lost.json` names them.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import PUBLIC, read_public, write_whole

FORMAT: Final = "oncegate.lost/1"


@dataclass(frozen=True, slots=True)
class Promised:
    """A promise that the ledger signed.

    Args:
        leaf_index: Position of the entry.
        leaf_hash: Its leaf hash.
        seen_ms: When the promise was received.
        ticket: Digest of the ticket that came with it, hex; empty when none did.
        origin: The log's name under which it was verified; empty when that is not known any more.
    """

    leaf_index: int
    leaf_hash: bytes
    seen_ms: int
    ticket: str = ""
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Lost:
    """A promise whose entry is lost.

    Args:
        epoch: Number of the epoch with which it was lost.
        promised: The promise.
    """

    epoch: int
    promised: Promised


class LostPromises:
    """Reads and writes the list of one home.

    Args:
        home: The home.
    """

    def __init__(self, home: Home) -> None:
        self._file: Path = home.path / "ledger-lost.json"

    def read(self) -> list[Lost]:
        """Every promise that is known to be lost, oldest entry first.

        Raises:
            HomeInvalid: The file is damaged. It is not taken as "none".
        """
        if not self._file.exists():
            return []
        try:
            body = json.loads(read_public(self._file))
            if body["format"] != FORMAT:
                raise HomeInvalid(self._file.name, f"format must be {FORMAT}")
            return [
                Lost(
                    int(one["epoch"]),
                    Promised(
                        int(one["entry"]), bytes.fromhex(one["leaf_hash"]), int(one["seen_ms"]), str(one["ticket"])
                    ),
                )
                for one in body["promises"]
            ]
        except (ValueError, KeyError, TypeError) as error:
            raise HomeInvalid(self._file.name, "is damaged") from error

    def add(self, epoch: int, gone: Sequence[Promised]) -> None:
        """List promises; one that is listed stays as it is.

        Args:
            epoch: Number of the epoch with which they were lost.
            gone: The promises.

        Raises:
            HomeInvalid: The file is damaged.
        """
        listed = self.read()
        known = {(one.promised.leaf_index, one.promised.leaf_hash) for one in listed}
        listed += [Lost(epoch, one) for one in gone if (one.leaf_index, one.leaf_hash) not in known]
        if len(listed) == len(known):
            return
        promises = [
            {
                "epoch": one.epoch,
                "entry": one.promised.leaf_index,
                "leaf_hash": one.promised.leaf_hash.hex(),
                "seen_ms": one.promised.seen_ms,
                "ticket": one.promised.ticket,
            }
            for one in sorted(listed, key=lambda each: (each.promised.leaf_index, each.promised.leaf_hash))
        ]
        body = {"format": FORMAT, "promises": promises}
        write_whole(self._file, json.dumps(body, indent=1).encode() + b"\n", PUBLIC)
