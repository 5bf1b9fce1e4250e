"""Wires the log to its witnesses: what the settings ask for, who asks, and what happens when the log has diverged.

Evidence that the stored log is not the one that a witness cosigned is a file in the home, `ledger-conflict.json`: the
signed note, what is stored instead, and the newest head published here. A gateway does not start while the database
contradicts it, whether the witness can be reached or not.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from gateway.audit.cosigning import Cosigning, Witnessing
from gateway.audit.errors import LedgerCorrupt
from gateway.clock import Clock
from gateway.settings import BadSettings, Settings
from gateway.witnesses.asking import WitnessClient
from gateway.witnesses.client import BadAddress, WitnessAddress
from gateway.witnesses.publisher import Diverged, Divergence, Publisher
from keys.errors import BadCheckpoint
from keys.log.cosignatures import Quorum
from keys.log.notes import NoteVerifier
from keys.secret_file import write_secret

LEDGER_CONFLICT: Final = "ledger-conflict.json"
_FORMAT: Final = "oncegate.ledger-conflict/1"
_log: Final = structlog.get_logger("oncegate.gateway")


def witnessing_of(settings: Settings, log_key: str) -> Witnessing | None:
    """What the log asks of its witnesses; None when it has none.

    Args:
        settings: The gateway's settings.
        log_key: The log's verifier key, which is no witness's.

    Raises:
        BadSettings: A key or address cannot be used.
    """
    chosen = settings.witnesses
    if not chosen.known:
        return None
    try:
        quorum = Quorum.of([one.vkey for one in chosen.known], chosen.quorum, log_key)
    except BadCheckpoint as error:
        raise BadSettings(f"witnesses: {error}") from None
    _addresses(settings)
    return Witnessing(quorum, chosen.stop_after_s)


class LogWitnesses:
    """The log's witnesses, asked by a gateway that serves; nothing at all when the log has none.

    Args:
        settings: The gateway's settings.
        cosigning: The log's side; None when it has no witnesses.
        clock: Tells the time.
    """

    def __init__(self, settings: Settings, cosigning: Cosigning | None, clock: Clock) -> None:
        self._cosigning = cosigning
        self._file = settings.home / LEDGER_CONFLICT
        self._publisher: Publisher | None = None
        self._clock = clock
        if cosigning is None:
            return
        quorum = cosigning.asks.quorum
        clients = [
            WitnessClient(verifier, address, settings.witnesses.timeout_s)
            for verifier, address in zip(quorum.witnesses, _addresses(settings), strict=True)
        ]
        self._publisher = Publisher(
            cosigning, clients, quorum, cosigning.asks.stop_after_s, lambda: clock.now_ms() // 1000, self._diverged
        )

    async def at_start(self) -> None:
        """Accepts by returning a stored log that continues everything that was cosigned, as far as can be known now.

        Raises:
            LedgerCorrupt: It does not. Fails closed; the evidence is in the home.
        """
        if self._publisher is None or self._cosigning is None:
            return
        self._still_contradicted(self._cosigning)
        try:
            await self._publisher.at_start()
        except Diverged as error:
            self._keep(error.evidence)
            raise self._corrupt(error) from error

    async def run(self) -> None:
        """Has every head cosigned, until it is cancelled."""
        if self._publisher is not None:
            await self._publisher.run()

    def status(self) -> Mapping[str, Any]:
        """For the status file."""
        if self._publisher is None:
            return {}
        return {"witnesses": {**self._publisher.status(), "releasing": self.releasing}}

    @property
    def releasing(self) -> bool:
        """Whether the witnesses keep up, so that data may be released."""
        age_s = None if self._cosigning is None else self._cosigning.age_s()
        return self._cosigning is None or (age_s is not None and age_s < self._cosigning.asks.stop_after_s)

    def _diverged(self, error: Diverged) -> None:
        """While serving: nothing is written any more, so nothing is released."""
        # First: whoever sees the evidence may rely on it that nothing is written any more.
        if self._cosigning is not None:
            self._cosigning.condemn(self._corrupt(error))
        self._keep(error.evidence)

    def _corrupt(self, error: Diverged) -> LedgerCorrupt:
        evidence = error.evidence
        stored = "fewer entries" if evidence.stored_root is None else evidence.stored_root.hex()
        return LedgerCorrupt(
            f"the log is not the one that {evidence.witness} cosigned; see {LEDGER_CONFLICT}",
            size=evidence.size,
            cosigned_root=evidence.root.hex(),
            stored_root=stored,
        )

    def _keep(self, evidence: Divergence) -> None:
        """Write it down; the first one stays."""
        if self._file.exists():
            return
        newest = None if self._cosigning is None else self._cosigning.newest()
        body = {
            "format": _FORMAT,
            "found_ms": self._clock.now_ms(),
            "witness": evidence.witness,
            "cosigned_note": evidence.shown,
            "stored_root": None if evidence.stored_root is None else evidence.stored_root.hex(),
            "published_note": None if newest is None else newest[2],
        }
        try:
            write_secret(self._file, json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n")
        except OSError as failed:
            _log.critical("evidence not kept", error=type(failed).__name__, note=evidence.shown)

    def _still_contradicted(self, cosigning: Cosigning) -> None:
        """Refuses a start while the evidence of before still contradicts the database. Fails closed."""
        if not self._file.exists():
            return
        try:
            note = str(json.loads(self._file.read_bytes())["cosigned_note"])
        except (OSError, ValueError, KeyError, TypeError):
            raise LedgerCorrupt(f"{LEDGER_CONFLICT} cannot be read") from None
        head = cosigning.lineage.known(f"the head in {LEDGER_CONFLICT}", note, NoteVerifier(cosigning.public_key))
        # None: its entries are lost, as the statement says with which a new epoch began.
        if head is not None and cosigning.root(head.size) != head.root:
            raise LedgerCorrupt(f"the log is not the one that was cosigned; see {LEDGER_CONFLICT}", size=head.size)


def cosigned_elsewhere(home: Path) -> str:
    """The head of the log that a witness had cosigned and the stored log contradicted; empty when none is on record.

    Raises:
        LedgerCorrupt: The record cannot be read. It is not taken as "none".
    """
    try:
        return str(json.loads((home / LEDGER_CONFLICT).read_bytes())["cosigned_note"])
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        raise LedgerCorrupt(f"{LEDGER_CONFLICT} cannot be read") from None


def _addresses(settings: Settings) -> list[WitnessAddress]:
    """Where the witnesses are, in the order of the settings.

    Raises:
        BadSettings: One is no address.
    """
    found = []
    for number, one in enumerate(settings.witnesses.known):
        try:
            found.append(WitnessAddress(one.url))
        except BadAddress as error:
            raise BadSettings(f"witnesses.known[{number}].url: {error}") from None
    return found
