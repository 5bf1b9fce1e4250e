"""`python -m tests.bench.index`: the pointer index against raw SQLite, and against itself when it has grown.

Ingestion: deltas applied durably, a thousand a transaction, with everything that is done to them (normalising the
identifier, checking it, deriving its token), against `executemany` of equal rows into an equal table, equally durable.
Look-up: the median at many pointers against the median at ten thousand. Measured in turn, round by round.
"""

import argparse
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from gateway.index.model import Found, PointerDelta
from gateway.index.pointer_index import PointerIndex
from gateway.storage.database import open_database
from keys.subjects import SubjectToken
from policies.identifiers import normalise, resident_id
from tests.bench.measure import ratio
from tests.support.index_node import FixedClock, tokens

ROUNDS = 5
ROWS = 20_000
FRAME = 1_000
FEW = 10_000
MANY = 1_000_000
LOOK_UPS = 4_000
NODE = "spiffe://bench/department/civil/node/registry"
RESOURCE = "civil.resident"
OUTBOX = bytes(16)
_INSERT = (
    "INSERT INTO index_pointers (token, list_id, handle, key_version, version, updated_ms) VALUES (?, ?, ?, ?, ?, ?)"
)


def raw_rows_per_second(path: Path) -> float:
    """`executemany` of equal rows, FULL sync, a thousand a transaction."""
    open_database(f"sqlite:///{path}").dispose()
    rng = random.Random(0)
    rows = [(rng.randbytes(32), 1, rng.randbytes(16), 1, 1, 1_700_000_000_000) for _ in range(ROWS)]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        began = time.perf_counter()
        for start in range(0, ROWS, FRAME):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_INSERT, rows[start : start + FRAME])
            connection.execute("COMMIT")
        return ROWS / (time.perf_counter() - began)


def index_rows_per_second(path: Path) -> float:
    """The same through the index, from the deltas of a frame to their acknowledgement."""
    rng = random.Random(0)
    deltas = [
        PointerDelta(
            sequence=number + 1,
            resource=RESOURCE,
            handle=rng.randbytes(16),
            subject_scheme="cn.resident-id",
            subject_identifier=resident_id(
                f"338802{rng.randrange(1940, 2020)}0{rng.randrange(1, 10)}15{number % 1000:03d}"
            ),
            version=1,
            updated_ms=1_700_000_000_000,
        )
        for number in range(ROWS)
    ]
    engine = open_database(f"sqlite:///{path}")
    index = PointerIndex(engine, tokens(), FixedClock(), normalise)
    began = time.perf_counter()
    for start in range(0, ROWS, FRAME):
        index.apply(NODE, OUTBOX, deltas[start : start + FRAME], allowed=frozenset({RESOURCE}))
    took = time.perf_counter() - began
    engine.dispose()
    return ROWS / took


class Filled:
    """An index that holds many pointers, put there without the index to save time.

    Args:
        path: Its database.
        pointers: How many.
    """

    def __init__(self, path: Path, pointers: int) -> None:
        self._engine = open_database(f"sqlite:///{path}")
        self._index = PointerIndex(self._engine, tokens(), FixedClock(), normalise)
        one = PointerDelta(1, RESOURCE, b"h" * 16, "cn.resident-id", resident_id("33880219900115001"), 1, 1)
        self._index.apply(NODE, OUTBOX, [one], allowed=frozenset({RESOURCE}))
        rng = random.Random(1)
        step = (1 << 64) // (pointers + 1)
        # Ascending in the table's order: SQLite then appends, which is the fast way to make a large table.
        rows = ((_token(number, step), 1, rng.randbytes(16), 1, 1, 1) for number in range(pointers))
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("DROP INDEX index_pointers_by_handle")
            connection.execute("BEGIN")
            connection.executemany(_INSERT, rows)
            connection.execute("COMMIT")
            connection.execute("CREATE UNIQUE INDEX index_pointers_by_handle ON index_pointers (list_id, handle)")
        self._asked = [SubjectToken(1, _token(rng.randrange(pointers), step)) for _ in range(LOOK_UPS)]

    def look_up_s(self) -> float:
        """The median of some thousand look-ups, seconds."""
        taken = []
        for token in self._asked:
            began = time.perf_counter()
            found = self._index.find(RESOURCE, (token,))
            taken.append(time.perf_counter() - began)
            assert isinstance(found, Found), "the bench looks only for what is there"
        return statistics.median(taken)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _token(number: int, step: int) -> bytes:
    return (number * step).to_bytes(8, "big") + bytes(24)


def measure(rounds: int = ROUNDS, many: int = MANY) -> dict[str, Any]:
    """Measure ingestion and look-up.

    Args:
        rounds: How often each is measured.
        many: Pointers of the large index.

    Returns:
        Ratios, and absolute figures beside them.
    """
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as name:
        folder = Path(name)
        ours, raw, at_few, at_many = [], [], [], []
        for number in range(rounds):
            raw.append(raw_rows_per_second(folder / f"raw{number}.db"))
            ours.append(index_rows_per_second(folder / f"index{number}.db"))
        few, large = Filled(folder / "few.db", FEW), Filled(folder / "many.db", many)
        for _ in range(rounds + 1):
            at_few.append(few.look_up_s())
            at_many.append(large.look_up_s())
        few.close()
        large.close()
    # The first round warms the caches of both.
    return {
        "index_ingest_vs_executemany": ratio(ours, raw),
        "index_lookup_many_vs_10k": ratio(at_many[1:], at_few[1:]),
        "absolute": {
            "index_ingest_rows_s": statistics.median(ours),
            "executemany_rows_s": statistics.median(raw),
            "index_lookup_10k_us": statistics.median(at_few[1:]) * 1e6,
            "index_lookup_many_us": statistics.median(at_many[1:]) * 1e6,
        },
        "pointers": many,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--pointers", type=int, default=MANY, help="pointers of the large index, such as 10000000")
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(given.rounds, given.pointers), indent=2) + "\n")


if __name__ == "__main__":
    main()
