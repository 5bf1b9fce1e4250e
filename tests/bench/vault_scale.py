"""`make bench-scale`: reading a profile in a vault of a million people against one of ten thousand.

What is measured is `Vault.fields`, from the database to values in the clear. The people who are read have real keys and
envelopes; the others' are random bytes of the same sizes, put there without the vault to save time. Measured in turn,
round by round, on SQLite; the ratio goes into build/bench.json beside what is there.
"""

import argparse
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.storage.database import open_database
from gateway.vault import contents
from gateway.vault.contents import Contents
from gateway.vault.data_keys import KEK
from gateway.vault.profile import Vault
from gateway.vault.provenance import Source
from keys.envelope import FieldCipher
from keys.keyring.keyring import Keyring
from keys.persons import new_data_key, wrap_data_key
from tests.bench.measure import ratio
from tests.bench.results import merge
from tests.support.index_node import FixedClock

ROUNDS = 5
FEW = 10_000
MANY = 1_000_000
READ = 2_000
VALUES = {"email": "wang@example.com", "phone": "13800138000"}
_SEALED = {name: contents.write(Contents(value, Source.USER_PROVIDED, 1, 1)) for name, value in VALUES.items()}
"""As the vault seals them: the value with its provenance, padded."""
_AT_ONCE = 50_000
_KEK = bytes(range(32))
_KEYS = "INSERT INTO vault_keys (person_id, key_id, wrapped, kek_version, changed_ms) VALUES (?, 1, ?, 1, 1)"
_FIELDS = (
    "INSERT INTO vault_fields (person_id, field, envelope, source, collected_ms, updated_ms, version)"
    " VALUES (?, ?, ?, ?, 1, 1, 1)"
)


class Filled:
    """A vault that holds many profiles of two fields.

    Args:
        path: Its database.
        profiles: How many.
    """

    def __init__(self, path: Path, profiles: int) -> None:
        self._engine = open_database(f"sqlite:///{path}")
        keyring = Keyring()
        keyring.add(KEK, _KEK)
        self._vault = Vault(self._engine, keyring, FixedClock())
        rng = random.Random(1)
        step = (1 << 64) // (profiles + 1)
        real = set(rng.sample(range(profiles), READ))
        self._asked = [_person(number, step) for number in rng.sample(sorted(real), READ)]
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            for start in range(0, profiles, _AT_ONCE):
                keys: list[Any] = []
                fields: list[Any] = []
                # Ascending in the tables' order: SQLite then appends, which is the fast way to make a large table.
                for number in range(start, min(start + _AT_ONCE, profiles)):
                    person = _person(number, step)
                    wrapped, envelopes = _real(person) if number in real else _filler(rng)
                    keys.append((person, wrapped))
                    fields += [(person, name, sealed, str(Source.USER_PROVIDED)) for name, sealed in envelopes]
                connection.execute("BEGIN")
                connection.executemany(_KEYS, keys)
                connection.executemany(_FIELDS, fields)
                connection.execute("COMMIT")

    def read_s(self) -> float:
        """The median of some thousand readings, seconds."""
        taken = []
        for person in self._asked:
            began = time.perf_counter()
            fields = self._vault.fields(person)
            taken.append(time.perf_counter() - began)
            assert [field.value for field in fields] == list(VALUES.values())
        return statistics.median(taken)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _person(number: int, step: int) -> bytes:
    return (number * step).to_bytes(8, "big") + bytes(8)


def _real(person: bytes) -> tuple[bytes, list[tuple[str, bytes]]]:
    key = new_data_key()
    cipher = FieldCipher(key, person_id=person, key_id=1)
    return wrap_data_key(_KEK, key), [(name, cipher.seal(name, 1, value)) for name, value in _SEALED.items()]


def _filler(rng: random.Random) -> tuple[bytes, Iterator[tuple[str, bytes]]]:
    return rng.randbytes(40), ((name, rng.randbytes(69 + len(value))) for name, value in _SEALED.items())


def measure(rounds: int = ROUNDS, many: int = MANY) -> dict[str, Any]:
    """Measure reading.

    Args:
        rounds: How often each is measured.
        many: Profiles of the large vault.

    Returns:
        The ratio, and absolute figures beside it.
    """
    at_few, at_many = [], []
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as name:
        few = Filled(Path(name) / "few.db", FEW)
        began = time.perf_counter()
        large = Filled(Path(name) / "many.db", many)
        filled_s = time.perf_counter() - began
        size = (Path(name) / "many.db").stat().st_size
        # The first round warms the caches of both.
        for _ in range(rounds + 1):
            at_few.append(few.read_s())
            at_many.append(large.read_s())
        few.close()
        large.close()
    return {
        "profile_read_1m_vs_10k": ratio(at_many[1:], at_few[1:]),
        "absolute": {
            "profile_read_10k_us": statistics.median(at_few[1:]) * 1e6,
            "profile_read_1m_us": statistics.median(at_many[1:]) * 1e6,
            "profile_fill_s": filled_s,
            "profile_database_bytes": size,
        },
        "profiles": many,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--profiles", type=int, default=MANY, help="profiles of the large vault")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    given = parser.parse_args(arguments)
    document = measure(given.rounds, given.profiles)
    merge(given.out, document)
    sys.stdout.write(f"{'profile_read_1m_vs_10k':28} {document['profile_read_1m_vs_10k']:.3f}\n")
    for name, value in document["absolute"].items():
        sys.stdout.write(f"{name:28} {value:.2f}\n")


if __name__ == "__main__":
    main()
