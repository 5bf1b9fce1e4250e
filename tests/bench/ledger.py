"""Appending to the access log against raw durable SQLite; `make bench` has its rows, `python -m tests.bench.ledger` alone.

Throughput: appends with 64 callers in flight on one event loop, everything on (encoding, both parts sealed, leaf, tree,
unique names, durable commit, signed promise), against `executemany` of equal rows into an equal table, 64 a
transaction, equally durable. Latency: one caller after another, against one durable insert; and again while another
task keeps the event loop busy, which shows what handing over between loop and writer thread costs. Counting: the same
appends with the limits of two agreements on every question, against the same without. Proof: from the call of an
append until an inclusion proof under a published head can be had, 99th percentile, while 16 callers keep appending.
Measured in turn.
"""

import argparse
import asyncio
import json
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway.audit.bodies import LedgerKeys
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.bootstrap.interpreter import set_heap_aside, share_interpreter
from gateway.clock import SystemClock
from gateway.exchange.limits import uses_of
from gateway.rpc.codec import promise
from gateway.storage.database import open_database
from keys.log.notes import NoteSigner
from keys.signing import SigningKey
from policies.agreements import parse_agreement
from tests.bench.measure import ratio

ROUNDS = 5
ENTRIES = 12_800
IN_FLIGHT = 64
LATENCY_CALLS = 300
PROOFS = 200
BESIDE = 16
_LOOK_S = 0.005
ORIGIN = "bench.example/ledger"
_ITEMS = [{"resource": "civil.resident", "field": f"field_{n}", "form": "value"} for n in range(5)]
_AGREEMENT = """
format = "oncegate.agreement/1"
id = "civil-welfare-%d"
revision = 3
provider = "civil"
provider_key = "sha256:1111111111111111111111111111111111111111111111111111111111111111"
consumer = "welfare"
consumer_key = "sha256:2222222222222222222222222222222222222222222222222222222222222222"
systems = ["intake"]
resource = "civil.resident"
legal_basis = "explicit_request"
purposes = ["school_enrolment"]
valid_from = 2026-01-01T00:00:00+08:00
valid_until = 2027-01-01T00:00:00+08:00
case_required = false
uses_per_day = 1000000
subjects_per_day = 1000000
rate_per_minute = 100000
[[items]]
field = "name"
forms = ["value"]
"""
_AGREEMENTS = [
    # Faster than any agreement may say: the bench measures what limits cost, not what they refuse.
    replace(parse_agreement((_AGREEMENT % number).encode()), rate_per_minute=100_000_000)
    for number in (1, 2)
]
_SAID: dict[str, Json] = {
    "department": "civil-affairs",
    "system": "spiffe://bench.example/department/civil-affairs/system/intake",
    "purpose": "social.assistance",
    "legal_basis": "explicit_request",
    "case": "2026-0001",
    "items": _ITEMS,
    "agreements": [{"id": "civil-welfare", "revision": 3, "digest": "ab" * 32}],
    "rules": ["sharing-1"],
    "bundle": "cd" * 32,
}


def draft(number: int) -> EntryDraft:
    """A question or, every other time, an outcome, as the gateway writes them."""
    person: dict[str, Json] = {"person": "ab" * 16, "scheme": "cn.resident-id"}
    digest, about = b"d" * 32, secrets.token_bytes(16)
    if number % 2:
        return EntryDraft("released", {**_SAID, "request": number - 1}, person, digest, about)
    return EntryDraft("asked", _SAID, person, digest, about, (f"system\0{secrets.token_hex(8)}", digest))


def counted(number: int) -> EntryDraft:
    """The same with the limits of two agreements on each question, every one about another person."""
    plain = draft(number)
    if plain.kind != "asked":
        return plain
    return replace(plain, counts=uses_of(_AGREEMENTS, plain.about or b""))


def raw_rows_per_second(database: Path, rows: list[tuple[Any, ...]]) -> float:
    """`executemany` of equal rows into an equal table, FULL sync, 64 a transaction."""
    open_database(f"sqlite:///{database}").dispose()
    insert = f"INSERT INTO audit_entries VALUES ({','.join('?' * len(rows[0]))})"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        began = time.perf_counter()
        for start in range(0, len(rows), IN_FLIGHT):
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(insert, rows[start : start + IN_FLIGHT])
            connection.execute("COMMIT")
        return len(rows) / (time.perf_counter() - began)


def raw_insert_s(database: Path, rows: list[tuple[Any, ...]]) -> float:
    """Median seconds of one durable insert."""
    open_database(f"sqlite:///{database}").dispose()
    insert = f"INSERT INTO audit_entries VALUES ({','.join('?' * len(rows[0]))})"
    taken = []
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        for row in rows[:LATENCY_CALLS]:
            began = time.perf_counter()
            connection.execute(insert, row)
            taken.append(time.perf_counter() - began)
    return statistics.median(taken)


class Log:
    """A ledger in a folder.

    Args:
        database: Its file.
    """

    def __init__(self, database: Path) -> None:
        self.engine = open_database(f"sqlite:///{database}")
        keys = LedgerKeys(
            {1: secrets.token_bytes(32)},
            {1: secrets.token_bytes(32)},
            secrets.token_bytes(32),
            SigningKey.generate(),
            NoteSigner.generate(ORIGIN),
        )
        self.ledger = SqlLedger(self.engine, keys, ORIGIN, SystemClock(), promise, database.with_suffix(".anchor"))
        self.ledger.start()

    def close(self) -> None:
        """Stop and close."""
        self.ledger.stop()
        self.engine.dispose()

    def rows(self) -> list[tuple[Any, ...]]:
        """What it has stored, for the yardstick."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql("SELECT * FROM audit_entries")]

    async def entries_per_second(self, make: Callable[[int], EntryDraft] = draft) -> float:
        """Appends with 64 always in flight."""
        # Made before the clock starts: what a caller has to say is not the log's work.
        drafts = iter([make(number) for number in range(ENTRIES)])

        async def caller() -> None:
            for one in drafts:
                await self.ledger.append(one)

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(IN_FLIGHT)))
        return ENTRIES / (time.perf_counter() - began)

    async def append_s(self, *, busy: bool) -> float:
        """Median seconds of one append after another.

        Args:
            busy: Whether another task keeps the event loop busy, half a millisecond at a time.
        """
        done = False

        async def spin() -> None:
            while not done:
                until = time.perf_counter() + 0.0005
                while time.perf_counter() < until:
                    pass
                await asyncio.sleep(0)

        other = asyncio.ensure_future(spin()) if busy else None
        taken = []
        for number in range(LATENCY_CALLS):
            began = time.perf_counter()
            await self.ledger.append(draft(number))
            taken.append(time.perf_counter() - began)
        done = True
        if other is not None:
            await other
        return statistics.median(taken)

    async def proof_s(self, samples: int = PROOFS) -> list[float]:
        """Seconds from the call of an append until its entry can be proven to be in the log, beside a steady load."""
        done = False

        async def load() -> None:
            number = 0
            while not done:
                await self.ledger.append(draft(number))
                number += 1
                await asyncio.sleep(0.01)

        async def sample(number: int) -> float:
            # Spread over the half second in which heads are published, so that no moment of it is preferred.
            await asyncio.sleep(number * 0.0137)
            began = time.perf_counter()
            index = (await self.ledger.append(draft(2 * number))).leaf_index
            while True:
                try:
                    await asyncio.to_thread(self.ledger.inclusion, index)
                except NoSuchEntry:
                    await asyncio.sleep(_LOOK_S)
                else:
                    return time.perf_counter() - began

        others = [asyncio.ensure_future(load()) for _ in range(BESIDE)]
        taken = await asyncio.gather(*(sample(number) for number in range(samples)))
        done = True
        await asyncio.gather(*others)
        return list(taken)


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure throughput and latency.

    Returns:
        Ratios, and absolute figures beside them.
    """
    ours: dict[str, list[float]] = {"entries_s": [], "append_s": [], "busy_s": [], "counted_s": []}
    raw: dict[str, list[float]] = {"entries_s": [], "append_s": []}
    proofs: list[float] = []
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as name:
        for number in range(rounds):
            folder = Path(name)
            log = Log(folder / f"log{number}.db")
            ours["entries_s"].append(asyncio.run(log.entries_per_second()))
            rows = log.rows()
            raw["entries_s"].append(raw_rows_per_second(folder / f"raw{number}.db", rows))
            ours["append_s"].append(asyncio.run(log.append_s(busy=False)))
            raw["append_s"].append(raw_insert_s(folder / f"one{number}.db", rows))
            ours["busy_s"].append(asyncio.run(log.append_s(busy=True)))
            proofs.extend(asyncio.run(log.proof_s()))
            log.close()
            log = Log(folder / f"counted{number}.db")
            ours["counted_s"].append(asyncio.run(log.entries_per_second(counted)))
            log.close()
    return {
        "ledger_append_vs_sqlite": ratio(ours["entries_s"], raw["entries_s"]),
        "ledger_latency_vs_insert": ratio(ours["append_s"], raw["append_s"]),
        "ledger_counted_vs_plain": ratio(ours["counted_s"], ours["entries_s"]),
        "absolute": {
            "ledger_entries_s": statistics.median(ours["entries_s"]),
            "ledger_counted_entries_s": statistics.median(ours["counted_s"]),
            "raw_rows_s": statistics.median(raw["entries_s"]),
            "ledger_append_ms": statistics.median(ours["append_s"]) * 1000,
            "raw_insert_ms": statistics.median(raw["append_s"]) * 1000,
            "ledger_append_busy_loop_ms": statistics.median(ours["busy_s"]) * 1000,
            "ledger_proof_p99_s": statistics.quantiles(proofs, n=100)[98],
        },
    }


def main() -> None:
    """Measure and print."""
    share_interpreter()
    set_heap_aside()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    sys.stdout.write(json.dumps(measure(parser.parse_args().rounds), indent=2) + "\n")


if __name__ == "__main__":
    main()
