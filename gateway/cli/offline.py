"""The gateway's parts for a command, loaded only by commands that need them: they bring the whole database layer."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.bootstrap.offline import Offline


@contextmanager
def open_offline(home: Path) -> "Iterator[Offline]":
    """Open a gateway's parts beside a running gateway or alone; see `gateway.bootstrap.offline`.

    Raises:
        BadSettings: The settings cannot be used.
        KeysError: The keyring does not open.
        GatewayError: The database does not open safely.
    """
    from gateway.bootstrap import offline  # noqa: PLC0415 - half a second that `oncegate me` must not pay

    with offline.open_offline(home) as opened:
        yield opened
