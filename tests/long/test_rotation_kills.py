"""A rotation of the key-encryption key is killed (SIGKILL) at random moments, thirty times, while a vault is in use.

Afterwards it finishes, every field opens, nothing is under an older version, and once that version is retired neither a
row nor a keyring from before opens anything.
"""

import random
import sqlite3
import subprocess
import threading
from pathlib import Path
from typing import Self

import pytest

from gateway.bootstrap.home import initialise
from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.offline import open_offline
from gateway.settings import Settings
from gateway.vault.profile import Vault
from keys.errors import KeyringOutdated, RetiredKey
from keys.passphrase import LOWEST
from keys.secret_file import write_secret
from tests.support.custodians import ONCEGATE, run

KILLS = 30
PEOPLE = 1500
SEED = 20262

pytestmark = pytest.mark.long


def person(number: int) -> bytes:
    return number.to_bytes(16, "big")


Row = tuple[bytes, bytes, int]


class Rows:
    """The wrapped data keys, read over one connection."""

    def __init__(self, home: Path) -> None:
        self._base = sqlite3.connect(home / "gateway.db", timeout=10, isolation_level=None)

    def all(self) -> list[Row]:
        return self._base.execute(
            "select person_id, wrapped, kek_version from vault_keys order by person_id"
        ).fetchall()

    def versions(self) -> set[int]:
        return {version for (version,) in self._base.execute("select distinct kek_version from vault_keys")}

    def put_back(self, row: Row) -> None:
        values = (row[1], row[2], row[0])
        self._base.execute("update vault_keys set wrapped = ?, kek_version = ? where person_id = ?", values)

    def close(self) -> None:
        self._base.close()


class User:
    """Reads and writes fields all the time, as the gateway would: one vault, opened once."""

    def __init__(self, home: Path) -> None:
        self.errors: list[str] = []
        self.done = 0
        self._home = home
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        rng = random.Random(SEED)
        with open_offline(self._home) as offline:
            vault = Vault(offline.engine, offline.secrets.live, offline.clock)
            while not self._stop.is_set():
                number = rng.randrange(PEOPLE + 200)
                try:
                    if rng.random() < 0.3:
                        vault.set_field(person(number), "phone", f"1380{number:07}")
                    elif number < PEOPLE:
                        assert [field.value for field in vault.fields(person(number))] == [f"1380{number:07}"]
                except Exception as error:  # noqa: BLE001 - whatever it is, it must not happen
                    self.errors.append(repr(error))
                self.done += 1
                self._stop.wait(0.002)


@pytest.mark.timeout(900)
def test_a_rotation_killed_thirty_times_finishes_and_the_older_versions_open_nothing(tmp_path: Path) -> None:
    rng = random.Random(SEED)
    home = tmp_path / "gateway"
    initialise(home, "oncegate.test", None, "127.0.0.1:0", "127.0.0.1:0", cost=LOWEST)
    with open_offline(home) as offline:
        vault = Vault(offline.engine, offline.secrets.live, offline.clock)
        for number in range(PEOPLE):
            vault.set_field(person(number), "phone", f"1380{number:07}")
    rows = Rows(home)
    before, older = rows.all()[0], (home / "keyring.bin").read_bytes()
    words = (ONCEGATE, "key", "rotate", "--what", "kek", "--yes", "--batch", "3", "--home", str(home))
    in_the_middle = 0
    with User(home) as user:
        for _ in range(KILLS):
            process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            # Most kills wait until batches are under way; the others hit the start, the publishing or the ledger.
            under_way = rng.random() < 0.7
            mixed = len(rows.versions()) > 1
            while under_way and process.poll() is None and (len(rows.versions()) > 1) == mixed:
                pass
            try:
                process.wait(rng.uniform(0.0, 0.5) if under_way else rng.uniform(0.0, 1.5))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            in_the_middle += len(rows.versions()) > 1
        assert run(*words[1:]).code == 0
        newest = max(rows.versions())
        retired = run("key", "retire", "--what", "kek", "--below", str(newest), "--yes", "--home", str(home))
        assert retired.code == 0, retired.errors
    assert user.errors == []
    assert user.done > 100
    assert in_the_middle >= 3
    assert rows.versions() == {newest}
    with open_offline(home) as offline:
        vault = Vault(offline.engine, offline.secrets.live, offline.clock)
        for number in range(PEOPLE):
            assert [field.value for field in vault.fields(person(number))] == [f"1380{number:07}"]
        assert offline.secrets.keyring.versions("vault-kek") == (newest,)
        offline.ledger.start()
    rows.put_back(before)
    rows.close()
    with open_offline(home) as offline, pytest.raises(RetiredKey):
        Vault(offline.engine, offline.secrets.live, offline.clock).fields(before[0])
    write_secret(home / "keyring.bin", older)
    with pytest.raises(KeyringOutdated), open_offline(home):
        pass
    assert Keystore(Settings.load(home)).open().keyring.versions("vault-kek") == (1,)
