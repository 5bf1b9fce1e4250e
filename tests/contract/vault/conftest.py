import pytest
from sqlalchemy import Engine

from gateway.vault.data_keys import KEK
from gateway.vault.profile import Vault
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock


@pytest.fixture
def keyring() -> Keyring:
    made = Keyring()
    made.add(KEK, b"k" * 32)
    return made


@pytest.fixture
def vault(engine: Engine, keyring: Keyring, clock: FixedClock) -> Vault:
    return Vault(engine, keyring, clock)
