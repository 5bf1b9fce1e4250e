"""`make bench`: the whole gateway against a bare gRPC proxy, in one run on one machine.

Both sides have the same processes (load client, proxy or gateway, two nodes), the same mTLS and the same payload
bytes on every hop; they are measured in turn, round by round, so that a noisy neighbour hits both. Ratios are what
counts; absolute figures and the machine are written beside them into build/bench.json. Then one profile field, sealed
and opened, against the bare cipher (`tests/bench/vault.py`), one decision (`tests/bench/decisions.py`), and the access
log against durable SQLite (`tests/bench/ledger.py`).
"""

import argparse
import asyncio
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.bootstrap.interpreter import set_heap_aside, share_interpreter
from tests.bench import decisions, ledger, vault
from tests.bench.measure import Figures, ratio
from tests.bench.results import merge
from tests.bench.sides import BareSide, OncegateSide, Payload

ROUNDS = 5
THROUGHPUT_S = 4.0
LATENCY_CALLS = 200
IN_FLIGHT = 32
RATIOS = (
    "fetch_vs_bare_unary",
    "fetch_p50_vs_bare",
    "vault_field_vs_raw_aead",
    "vault_field_vs_raw_kept",
    "decision_agreements_100k_vs_100",
    "ledger_append_vs_sqlite",
    "ledger_latency_vs_insert",
    "ledger_counted_vs_plain",
)
LEDGER_ROUNDS = 3


async def measure(rounds: int, seconds: float) -> dict[str, Any]:
    """Run both sides in turn.

    Returns:
        The document that goes into build/bench.json.
    """
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as folder:
        async with OncegateSide(Path(folder) / "oncegate") as oncegate:
            payload: Payload = await oncegate.payload()
            async with BareSide(Path(folder) / "bare", payload) as bare:
                for side in (oncegate, bare):
                    await side.throughput(1.0, IN_FLIGHT)
                ours, yardstick = Figures(), Figures()
                for _ in range(rounds):
                    yardstick.calls_s.append(await bare.throughput(seconds, IN_FLIGHT))
                    ours.calls_s.append(await oncegate.throughput(seconds, IN_FLIGHT))
                    yardstick.latencies_s.append(await bare.latency(LATENCY_CALLS))
                    ours.latencies_s.append(await oncegate.latency(LATENCY_CALLS))
    return {
        "fetch_vs_bare_unary": ratio(ours.calls_s, yardstick.calls_s),
        "fetch_p50_vs_bare": ratio(ours.latencies_s, yardstick.latencies_s),
        "absolute": {
            "fetch_calls_s": statistics.median(ours.calls_s),
            "bare_calls_s": statistics.median(yardstick.calls_s),
            "fetch_p50_ms": statistics.median(ours.latencies_s) * 1000,
            "bare_p50_ms": statistics.median(yardstick.latencies_s) * 1000,
            "rounds": {
                "fetch_calls_s": ours.calls_s,
                "bare_calls_s": yardstick.calls_s,
                "fetch_p50_ms": [value * 1000 for value in ours.latencies_s],
                "bare_p50_ms": [value * 1000 for value in yardstick.latencies_s],
            },
        },
        "payload_bytes": payload._asdict(),
        "in_flight": IN_FLIGHT,
        "machine": {
            "cpus": os.cpu_count(),
            "machine": platform.machine(),
            "python": platform.python_version(),
            "system": platform.platform(),
        },
    }


def _further(rounds: int) -> Iterator[dict[str, Any]]:
    yield vault.measure(rounds)
    yield decisions.measure(rounds)
    # As every gateway does; not before, since the client of both sides is measured in this process.
    share_interpreter()
    set_heap_aside()
    yield ledger.measure(min(rounds, LEDGER_ROUNDS))


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=float, default=THROUGHPUT_S)
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    given = parser.parse_args()
    document = asyncio.run(measure(given.rounds, given.seconds))
    for further in _further(given.rounds):
        document = document | further | {"absolute": document["absolute"] | further["absolute"]}
    merge(given.out, document)
    for name in RATIOS:
        sys.stdout.write(f"{name:31} {document[name]:.3f}\n")
    for name, value in document["absolute"].items():
        if isinstance(value, float):
            sys.stdout.write(f"{name:31} {value:.2f}\n")


if __name__ == "__main__":
    main()
