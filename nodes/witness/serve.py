"""Runs a witness: opens the home, checks everything that is remembered, serves until SIGTERM or SIGINT.

Nothing is served unless every head that is remembered is whole and this witness's own. One line of JSON on standard
error for each head cosigned, each conflict, and each failure: origins, sizes and file names, nothing else.
"""

import asyncio
import json
import logging
import signal
import sys
import time
from pathlib import Path
from typing import Final

from nodes.witness.door import WitnessDoor
from nodes.witness.home import WitnessHome
from nodes.witness.witness import Witness

_log: Final = logging.getLogger("oncegate.witness")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = getattr(record, "facts", {})
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        line = {"level": record.levelname.lower(), "event": record.getMessage(), "timestamp": stamp, **facts}
        if record.exc_info and record.exc_info[0]:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def configure_logs() -> None:
    """One JSON text a line on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def open_witness(home: WitnessHome, passphrase: bytes | None) -> Witness:
    """The witness of a home, with everything that it remembers checked.

    Args:
        home: The home.
        passphrase: Of its key; None if it is not encrypted.

    Raises:
        WitnessError: Home or memory is missing, damaged or does not fit.
        KeysError: The key does not open.
    """
    cosigner = home.cosigner(passphrase)
    return Witness(cosigner, home.logs, home.heads(), home.evidence(), lambda: int(time.time()), home.custodians)


def serve(path: Path, listen: str, passphrase: bytes | None) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        path: The home.
        listen: host:port.
        passphrase: Of the key; None if it is not encrypted.

    Raises:
        WitnessError: See `open_witness`.
        KeysError: See `open_witness`.
        OSError: The address cannot be listened on.
    """
    configure_logs()
    home = WitnessHome(path)
    asyncio.run(_serve(WitnessDoor(listen, open_witness(home, passphrase)), home))


async def _serve(door: WitnessDoor, home: WitnessHome) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    await door.start()
    _log.info("serving", extra={"facts": {"witness": home.vkey, "port": door.port, "logs": sorted(home.logs)}})
    await told.wait()
    await door.stop()
    _log.info("stopped")
