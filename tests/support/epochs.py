"""Custodians of the access log for tests: five keys of which three must sign, pinned where a test needs them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from keys.log.custodians import Custodians, sign_statement
from keys.log.notes import NoteSigner

FIVE: Final = tuple(NoteSigner(f"city.example/custodian/{number}", bytes([number]) * 32) for number in range(10, 15))
NEEDED: Final = 3
PINNED: Final = Custodians([one.vkey for one in FIVE], NEEDED)
_KEYS: Final = ", ".join(f'"{one.vkey}"' for one in FIVE)
SETTINGS: Final = f"\n[custodians]\nkeys = [{_KEYS}]\nneeded = {NEEDED}\n"
"""The five as a gateway's settings have them."""


def pin(home: Path) -> None:
    """Pin the five in a gateway's settings."""
    settings = home / "gateway.toml"
    settings.write_text(settings.read_text(encoding="utf-8") + SETTINGS, encoding="utf-8")


def signed(statement: Path, signers: Sequence[NoteSigner] = FIVE[:NEEDED]) -> Path:
    """The statement with signatures, in a file beside it."""
    note = statement.read_text(encoding="utf-8")
    for signer in signers:
        note = sign_statement(note, signer)
    path = statement.with_name(f"{statement.name}.signed-{len(list(statement.parent.glob(f'{statement.name}.*')))}")
    path.write_text(note, encoding="utf-8")
    return path
