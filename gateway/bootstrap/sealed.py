"""A gateway whose root key is not there: it starts, says that it is sealed and why, and opens when the key comes.

Rules kept: nothing but "sealed" is answered (`gateway.rpc.sealed`); the reason stands in the status file and, once per
reason, in the log, as a code; opening is tried again when a file changes that it depends on, and every few seconds only
where that cannot do harm. A PIN or a passphrase that was refused is not tried again until its file changes: tokens
lock. What is no matter of keys (settings, database, ledger) ends the start with an error as ever.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import Offline, compose
from gateway.bootstrap.secrets import open_secrets
from gateway.clock import Clock
from gateway.rpc.access import Door
from gateway.rpc.sealed import SealedDoor, throwaway_credentials
from gateway.settings import STATUS_FILE, Settings
from keys.errors import KeysError, ModuleMissing, RootKeyMissing, RootKeyUnavailable, TokenAbsent
from keys.keyring.store import Stamp
from keys.texts import public_text

_LOOK_S = 1.0
_AGAIN_S = 5.0
# What may come without any file of ours changing: a token that is plugged in, a root key made in it.
_COMES_BY_ITSELF = (TokenAbsent, RootKeyMissing, ModuleMissing)
_log = structlog.get_logger("oncegate.sealed")


def write_status(home: Path, document: Mapping[str, Any]) -> None:
    """Put the status file in place in one step.

    Raises:
        OSError: The home folder cannot be written.
    """
    path = home / STATUS_FILE
    staged = path.with_suffix(".new")
    staged.write_text(json.dumps(document), encoding="utf-8")
    staged.replace(path)


def may_come_by_itself(error: KeysError) -> bool:
    """Whether opening is worth another try though no file changed; never for a PIN or passphrase that was refused."""
    return isinstance(error, _COMES_BY_ITSELF) or type(error) is RootKeyUnavailable


async def wait_unsealed(settings: Settings, clock: Clock, told: asyncio.Event) -> Offline | None:
    """Open the gateway's parts, sealed until that succeeds.

    Args:
        settings: The gateway's settings.
        clock: Tells the time.
        told: Set when the gateway is to stop.

    Returns:
        The parts, or None when it was told to stop while sealed.

    Raises:
        GatewayError: The database cannot be used.
    """
    keystore = Keystore(settings)
    doors: Doors | None = None
    try:
        while not told.is_set():
            before = keystore.inputs()
            try:
                return await asyncio.to_thread(lambda: compose(settings, clock, open_secrets(settings, keystore)))
            except KeysError as error:
                reason = error
            if doors is None:
                doors = Doors(settings, clock)
                await doors.start()
            await _until_worth_a_try(keystore, before, reason, told, doors)
        return None
    finally:
        if doors is not None:
            await doors.stop()


class Doors:
    """Both doors of a sealed gateway.

    Args:
        settings: Where they listen.
        clock: Tells the time.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        listen = settings.listen
        self._doors = (
            SealedDoor(Door.SYSTEMS, listen.systems, throwaway_credentials(settings, clock)),
            SealedDoor(Door.PEOPLE, listen.people, throwaway_credentials(settings, clock)),
        )
        self._told = ""

    async def start(self) -> None:
        """Listen."""
        for door in self._doors:
            await door.start()

    async def stop(self) -> None:
        """Close both and take the status away."""
        for door in self._doors:
            await door.stop()
        with contextlib.suppress(FileNotFoundError):
            (self._settings.home / STATUS_FILE).unlink()

    def tell(self, reason: KeysError) -> None:
        """Write the status file: sealed, and why; log it when the reason is another one."""
        if self._told != reason.code:
            _log.warning("gateway is sealed", code=reason.code)
        self._told = reason.code
        text = public_text(reason)
        listen, (systems, people) = self._settings.listen, self._doors
        write_status(
            self._settings.home,
            {
                "gateway": self._settings.gateway_id,
                "pid": os.getpid(),
                "written_unix_ms": self._clock.now_ms(),
                "systems": f"{listen.systems.rpartition(':')[0]}:{systems.port}",
                "people": f"{listen.people.rpartition(':')[0]}:{people.port}",
                "ledger_size": 0,
                "certificate_until_ms": 0,
                "sealed": {"code": reason.code, "zh": text.zh, "en": text.en},
                "nodes": [],
            },
        )


async def _until_worth_a_try(
    keystore: Keystore, before: Stamp, reason: KeysError, told: asyncio.Event, doors: Doors
) -> None:
    """Write the status once a second until a file changed, the time is up or the gateway is to stop."""
    waited_s = 0.0
    while not told.is_set():
        doors.tell(reason)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(told.wait(), _LOOK_S)
        waited_s += _LOOK_S
        if keystore.inputs() != before or (waited_s >= _AGAIN_S and may_come_by_itself(reason)):
            return
