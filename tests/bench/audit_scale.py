"""`make bench-scale`: reading the access log at ten million entries against one of ten thousand.

What is measured is what a citizen and an auditor wait for, from the database to checked entries in the clear: the newest
page of one person's accesses, and the newest page of one department's refusals; 99th percentile over some hundred
people and departments. Entries that are read are sealed as the log seals them and checked against their leaf hash; the
others' parts are random bytes of the same sizes, put there without the log to save time. Measured in turn, round by
round, on SQLite; the ratio goes into build/bench.json beside what is there.
"""

import argparse
import hashlib
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from gateway.audit.accesses import Accesses
from gateway.audit.bodies import Bodies, LedgerKeys
from gateway.audit.entries import EntryDraft, Json, encode
from gateway.audit.reader import Reader
from gateway.storage.database import open_database
from keys.log.notes import NoteSigner
from keys.signing import SigningKey
from tests.bench.measure import ratio
from tests.bench.results import bench_key, merge

ROUNDS = 3
FEW = 10_000
MANY = 10_000_000
READ = 200
"""People whose accesses are read."""
PAGES = 200
"""Pages read of each kind in a round."""
LIMIT = 10
"""As many as the small log has of each: a page of more entries takes longer, whatever the size of the log."""
_DEPARTMENTS = [f"department-{number}" for number in range(5)]
_PER_PERSON = 10
"""Entries about one person: five questions and their outcomes."""
_REFUSED_EVERY = 100
_AT_ONCE = 20_000
_START_MS = 1_700_000_000_000
_ORIGIN = "bench.example/ledger"
_SAID: dict[str, Json] = {
    "system": "spiffe://bench.example/department/welfare/system/intake",
    "purpose": "social.assistance",
    "legal_basis": "explicit_request",
    "case": "2026-0001",
    "items": [{"resource": "civil.resident", "field": f"field_{n}", "form": "value"} for n in range(5)],
    "agreements": [{"id": "civil-welfare", "revision": 3, "digest": "ab" * 32}],
    "rules": ["sharing-1"],
    "bundle": "cd" * 32,
}
_PERSON: dict[str, Json] = {"person": "ab" * 16, "scheme": "cn.resident-id"}
_COLUMNS = 11
_LAST = "bench_filled"
"""A table that says that the log is whole."""


class FilledLog:
    """A log of many entries.

    Args:
        path: Its database.
        entries: How many; a multiple of ten.
    """

    def __init__(self, path: Path, entries: int) -> None:
        self._engine = open_database(f"sqlite:///{path}")
        self._bodies = Bodies(
            LedgerKeys(
                {1: bench_key("accountability")},
                {1: bench_key("person")},
                bench_key("token"),
                SigningKey.generate(),
                NoteSigner.generate(_ORIGIN),
            ),
            _ORIGIN,
        )
        self._people = entries // _PER_PERSON
        rng = random.Random(1)
        self._read = rng.sample(range(self._people), min(READ, self._people))
        self._rng = rng
        self._reader = Reader(self._engine, self._bodies)
        if self._filled(path, entries):
            return
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA cache_size=-1000000")
            # Made again when all rows are there: sorting once is faster than a million random insertions.
            indices = connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit_entries'"
            ).fetchall()
            for name, _ in indices:
                connection.execute(f"DROP INDEX {name}")
            insert = f"INSERT INTO audit_entries VALUES ({','.join('?' * _COLUMNS)})"
            for start in range(0, entries, _AT_ONCE):
                connection.execute("BEGIN")
                connection.executemany(insert, self._rows(start, min(start + _AT_ONCE, entries)))
                connection.execute("COMMIT")
            for _, sql in indices:
                connection.execute(sql)
            connection.execute(f"CREATE TABLE {_LAST} (whole INTEGER)")

    def _filled(self, path: Path, entries: int) -> bool:
        """Whether an earlier run left this log here, whole: indexes are made last."""
        with closing(sqlite3.connect(path)) as connection:
            newest = connection.execute("SELECT max(leaf_index) FROM audit_entries").fetchone()[0]
            made = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (_LAST,)).fetchone()[0]
        return bool(newest == entries - 1 and made)

    def _rows(self, start: int, end: int) -> Iterator[tuple[Any, ...]]:
        """Questions and their outcomes in turn; every person again after all others had theirs."""
        read = set(self._read)
        pairs = max(1, self._people)
        for index in range(start, end):
            pair = index // 2
            person = pair % pairs
            department = _DEPARTMENTS[(pair // _REFUSED_EVERY + pair) % len(_DEPARTMENTS)]
            refused = pair % _REFUSED_EVERY == 0
            kind = "asked" if index % 2 == 0 else "refused" if refused else "released"
            yield self._row(index, kind, department, person, real=refused or person in read)

    def _row(self, index: int, kind: str, department: str, person: int, *, real: bool) -> tuple[Any, ...]:
        time_ms = _START_MS + 50 * index
        asked = kind == "asked"
        if real:
            said: dict[str, Json] = {**_SAID, "department": department}
            if not asked:
                said["request"] = index - 1
            encoded = encode(EntryDraft(kind, said, _PERSON, b"d" * 32), time_ms)
            leaf, account, personal = self._bodies.seal(index, encoded.accountability, encoded.person)
        else:
            leaf, account, personal = self._rng.randbytes(32), self._rng.randbytes(820), self._rng.randbytes(110)
        name = self._rng.randbytes(16) if asked else None
        closed = None if asked else index - 1
        token = self._bodies.token(_person_id(person))
        return (index, leaf, time_ms, kind, department, closed, token, name, name, account, personal)

    def accesses_s(self) -> float:
        """99th percentile of a person's newest page, seconds."""

        def read(person: int) -> int:
            return len(Accesses(self._reader, self._bodies).page(_person_id(person), limit=LIMIT).accesses)

        return _p99([self._read[number % len(self._read)] for number in range(PAGES)], read, _PER_PERSON // 2)

    def refusals_s(self) -> float:
        """99th percentile of the newest page of a department's refusals, seconds."""

        def read(number: int) -> int:
            department = _DEPARTMENTS[number % len(_DEPARTMENTS)]
            return len(self._reader.entries(kind="refused", department=department, limit=LIMIT).entries)

        return _p99(range(PAGES), read, LIMIT)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def _person_id(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


def _p99(asked: Sequence[int], read: Callable[[int], int], at_least: int) -> float:
    taken = []
    for number in asked:
        began = time.perf_counter()
        found = read(number)
        taken.append(time.perf_counter() - began)
        assert found >= at_least, "a page had fewer entries than there are"
    return statistics.quantiles(taken, n=100)[98]


def measure(rounds: int = ROUNDS, many: int = MANY, folder: Path | None = None) -> dict[str, Any]:
    """Measure reading.

    Args:
        rounds: How often each is measured.
        many: Entries of the large log.
        folder: Where the logs are kept and found again by the next run; None to throw them away.

    Returns:
        The ratio, which is the worse of the two pages', and absolute figures beside it.
    """
    few_s: dict[str, list[float]] = {"accesses": [], "refusals": []}
    many_s: dict[str, list[float]] = {"accesses": [], "refusals": []}
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") if folder is None else nullcontext(folder) as name:
        Path(name).mkdir(exist_ok=True)
        few = FilledLog(Path(name) / "few.db", FEW)
        began = time.perf_counter()
        large = FilledLog(Path(name) / "many.db", many)
        filled_s = time.perf_counter() - began
        size = (Path(name) / "many.db").stat().st_size
        # The first round warms the caches of both.
        for _ in range(rounds + 1):
            for log, taken in ((few, few_s), (large, many_s)):
                taken["accesses"].append(log.accesses_s())
                taken["refusals"].append(log.refusals_s())
        few.close()
        large.close()
    ratios = {page: ratio(many_s[page][1:], few_s[page][1:]) for page in few_s}
    return {
        "audit_query_10m_vs_10k": max(ratios.values()),
        "absolute": {
            **{f"audit_{page}_10m_vs_10k": found for page, found in ratios.items()},
            **{f"audit_{page}_10k_p99_ms": statistics.median(taken[1:]) * 1e3 for page, taken in few_s.items()},
            **{f"audit_{page}_10m_p99_ms": statistics.median(taken[1:]) * 1e3 for page, taken in many_s.items()},
            "audit_fill_s": filled_s,
            "audit_database_bytes": size,
        },
        "audit_entries": many,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--entries", type=int, default=MANY, help="entries of the large log")
    parser.add_argument("--folder", type=Path, help="keep the logs there, to measure again without filling them again")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    given = parser.parse_args(arguments)
    document = measure(given.rounds, given.entries, given.folder)
    merge(given.out, document)
    sys.stdout.write(f"{'audit_query_10m_vs_10k':28} {document['audit_query_10m_vs_10k']:.3f}\n")
    for name, value in document["absolute"].items():
        sys.stdout.write(f"{name:28} {value:.2f}\n")


if __name__ == "__main__":
    main()
