"""A gateway's home with a few people's profiles in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.bootstrap.home import initialise
from gateway.bootstrap.offline import Offline, open_offline
from gateway.vault.profile import Vault
from keys.passphrase import LOWEST
from tests.contract.root_keys.conftest import tokens
from tests.support.city import free_port

__all__ = ["tokens"]
PEOPLE = [bytes([number]) * 16 for number in range(1, 13)]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return filled(tmp_path / "gateway")


def filled(place: Path) -> Path:
    """Make a gateway's home in which everybody has a telephone number."""
    ports = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    initialise(place, "oncegate.test", None, *ports, cost=LOWEST)
    with vault_of(place) as (_, vault):
        for number, person in enumerate(PEOPLE):
            vault.set_field(person, "phone", f"138000000{number:02}")
    return place


@contextmanager
def vault_of(home: Path) -> Iterator[tuple[Offline, Vault]]:
    """The vault as a serving gateway has it."""
    with open_offline(home) as offline:
        yield offline, Vault(offline.engine, offline.secrets.live, offline.clock)


def phones(home: Path) -> list[str]:
    """Everybody's telephone number, read afresh."""
    with vault_of(home) as (_, vault):
        return [field.value for person in PEOPLE for field in vault.fields(person)]


EVERYBODY = [f"138000000{number:02}" for number in range(12)]


def entries(home: Path, kind: str) -> list[dict[str, object]]:
    """What the ledger says of one kind, oldest first."""
    with open_offline(home) as offline:
        return [dict(entry.account) for entry in offline.ledger.entries(kind=kind).entries][::-1]
