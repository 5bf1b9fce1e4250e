"""Which promises are still to be checked, remembered over restarts: every one that a node acted on is, once.

A node's receipts are numbered. `ledger-promises.json` says up to which number all promises were found kept; those above
are due, oldest first, some at each look, and at once again while more are left. A file that is damaged stops the watch;
one that is missing begins with the first receipt.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

from nodes.enrolment.errors import HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import PUBLIC, read_public, write_whole
from nodes.provider.state import KeptPromise, list_promises, open_reader
from nodes.watch.lost import Promised
from nodes.watch.receipts import read_promise

FORMAT: Final = "oncegate.promises/1"
AT_ONCE: Final = 500


class Due(NamedTuple):
    """A promise to be checked.

    Attributes:
        number: Of the receipt that it came with.
        promised: The promise.
    """

    number: int
    promised: Promised


class PromisesDue:
    """The promises of one node that were not found kept yet. Blocks on files.

    Args:
        home: The node's home.
        state: The node's database.
        at_once: How many are checked in one look.
    """

    def __init__(self, home: Home, state: Path, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._file = home.path / "ledger-promises.json"
        self._state = state

    def due(self) -> list[Due]:
        """The oldest promises that were not found kept yet, as many as one look checks.

        Raises:
            HomeInvalid: The file is damaged. It is not taken as "all checked".
            StateUnusable: The state cannot be used.
        """
        if not self._state.exists():
            return []
        reader = open_reader(self._state)
        try:
            checked, leaf = self._checked()
            last = [_due(row) for row in list_promises(reader, checked - 1, 1)] if checked else []
            # Receipts of a state that was made anew are counted from one again: nothing of them has been checked.
            same = bool(last) and (last[0].number, last[0].promised.leaf_hash.hex()) == (checked, leaf)
            rows = list_promises(reader, checked if same else 0, self._at_once)
        finally:
            reader.close()
        return [_due(row) for row in rows]

    def settle(self, due: Sequence[Due], size: int) -> bool:
        """Remember what a look has found kept.

        Args:
            due: As given by `due`; the look accepted them.
            size: Entries of the log at that look: promises behind them wait.

        Returns:
            Whether more may be due right away.
        """
        settled: Due | None = None
        for one in due:
            if one.promised.leaf_index >= size:
                break
            settled = one
        if settled is None:
            return False
        body = {"format": FORMAT, "checked": settled.number, "leaf_hash": settled.promised.leaf_hash.hex()}
        write_whole(self._file, json.dumps(body).encode() + b"\n", PUBLIC)
        return len(due) >= self._at_once and settled is due[-1]

    def _checked(self) -> tuple[int, str]:
        """Number and leaf hash of the newest promise up to which all were found kept."""
        if not self._file.exists():
            return 0, ""
        try:
            body = json.loads(read_public(self._file))
            if body["format"] == FORMAT and type(body["checked"]) is int:
                return int(body["checked"]), str(body["leaf_hash"])
        except (ValueError, KeyError, TypeError) as error:
            raise HomeInvalid(self._file.name, "is damaged") from error
        raise HomeInvalid(self._file.name, "is damaged, or of another version")


def _due(row: KeptPromise) -> Due:
    return Due(row.number, read_promise(row.promise, row.released_ms, row.ticket))
