"""`python -m tests.bench.decisions`: one decision, remembered and not, and among few and many agreements.

`decision_cached_us` is the engine's answer to a question that it answered before, `decision_uncached_us` its answer to
one whose system, and so whose entities too, it never saw; both of one item, without looking for an agreement.
`decision_agreements_100k_vs_100` is what a fetch does for one resource, `Agreements.find` and the decision, with that many
agreements in the database, in rounds that take turns; what is asked about are the same hundred agreements.
"""

import argparse
import itertools
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from gateway.sharing.agreements import Agreements
from gateway.sharing.tables import AGREEMENTS, EPOCH
from gateway.storage.database import open_database, write_transaction
from keys.signing import AGREEMENT, SigningKey, digest
from policies.engine import AccessQuestion, PolicyEngine
from policies.vocabulary import Form, LegalBasis, Necessity
from tests.bench.measure import ratio
from tests.support.exchange_gateway import FixedClock
from tests.support.policy_cases import AGREEMENT_TEXT, NOW_MS, question, resource

ROUNDS = 5
CALLS = 2_000
FEW, MANY = 100, 100_000
_AT_ONCE = 5_000
_NAME = (("name", Form.VALUE, Necessity.REQUIRED),)


class Keys:
    """Every department's registered key is one and the same."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def fingerprint(self, _department_id: str) -> str:
        return self._fingerprint


class Filled:
    """A database with so many agreements, of which the first hundred are asked about.

    The others are put there without signatures: nobody looks at them, which is the point.

    Args:
        path: Its file.
        agreements: How many, at least a hundred.
    """

    def __init__(self, path: Path, agreements: int) -> None:
        self._engine = open_database(f"sqlite:///{path}")
        self._policy = PolicyEngine.load()
        key = SigningKey.generate()
        self._consumers = [f"dept{number}" for number in range(FEW)]
        with write_transaction(self._engine) as connection:
            connection.execute(insert(EPOCH).values(id=1, value=agreements))
            for start in range(0, agreements, _AT_ONCE):
                stop = min(start + _AT_ONCE, agreements)
                connection.execute(insert(AGREEMENTS), [_row(key, number) for number in range(start, stop)])
        keys = Keys(key.verify_key.fingerprint)
        self._agreements = Agreements(self._engine, keys, FixedClock(NOW_MS), lambda code: code.split(".")[0])
        # What is verified once is remembered: a running gateway has done so long ago.
        for consumer in self._consumers:
            self._decide(consumer)

    def decide_s(self, calls: int) -> float:
        """The median seconds of finding the agreement and deciding."""
        taken = []
        for consumer in itertools.islice(itertools.cycle(self._consumers), calls):
            began = time.perf_counter()
            self._decide(consumer)
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()

    def _decide(self, consumer: str) -> None:
        who = (consumer, "enrolment", "civil.resident", "school_enrolment", LegalBasis.EXPLICIT_REQUEST, NOW_MS)
        held = self._agreements.find(*who)
        asked = replace(_ASKED, consumer=consumer, agreement=held)
        assert self._policy.decide(asked).released, "what is measured must be right"


_ASKED: AccessQuestion = question(resource=resource())


def _row(key: SigningKey, number: int) -> dict[str, Any]:
    consumer = f"dept{number}"
    text = AGREEMENT_TEXT.replace('id = "civil-education-2025"', f'id = "agreement-{number}"')
    text = text.replace('consumer = "education"', f'consumer = "{consumer}"')
    fingerprint = key.verify_key.fingerprint
    text = text.replace(f"sha256:{'a' * 64}", fingerprint).replace(f"sha256:{'b' * 64}", fingerprint)
    raw = text.encode()
    looked_at = number < FEW
    return {
        "id": f"agreement-{number}",
        "revision": 3,
        "position": number + 1,
        "provider": "civil",
        "consumer": consumer,
        "resource": "civil.resident",
        "raw": raw,
        "digest": digest(raw),
        "signature": key.sign(AGREEMENT, raw) if looked_at else bytes(64),
        "signer_key": key.verify_key.der,
        "added_ms": NOW_MS,
    }


def cached_s(calls: int) -> float:
    """The median seconds of a remembered decision."""
    engine = PolicyEngine.load()
    engine.decide(_ASKED)
    taken = []
    for _ in range(calls):
        began = time.perf_counter()
        engine.decide(_ASKED)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def uncached_s(calls: int) -> float:
    """The median seconds of a decision about a system that was never seen."""
    engine = PolicyEngine.load()
    held = _ASKED.agreement
    assert held is not None, "the question has an agreement"
    asked = [
        replace(_ASKED, items=_NAME, system=f"s{n}", agreement=replace(held, systems=frozenset({f"s{n}"})))
        for n in range(calls)
    ]
    taken = []
    for one in asked:
        began = time.perf_counter()
        decision = engine.decide(one)
        taken.append(time.perf_counter() - began)
        assert decision.released, "what is measured must be right"
    return statistics.median(taken)


def measure(rounds: int = ROUNDS, calls: int = CALLS, many: int = MANY) -> dict[str, Any]:
    """Measure decisions.

    Args:
        rounds: How often each is measured.
        calls: Decisions in a round.
        many: Agreements in the large database.

    Returns:
        The ratio, and absolute figures beside it.
    """
    cached, uncached, at_few, at_many = [], [], [], []
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") as name:
        few, large = Filled(Path(name) / "few.db", FEW), Filled(Path(name) / "many.db", many)
        for _ in range(rounds):
            cached.append(cached_s(calls))
            uncached.append(uncached_s(calls))
            at_few.append(few.decide_s(calls))
            at_many.append(large.decide_s(calls))
        few.close()
        large.close()
    return {
        "decision_agreements_100k_vs_100": ratio(at_many, at_few),
        "absolute": {
            "decision_cached_us": statistics.median(cached) * 1e6,
            "decision_uncached_us": statistics.median(uncached) * 1e6,
            "decision_found_100_us": statistics.median(at_few) * 1e6,
            "decision_found_100k_us": statistics.median(at_many) * 1e6,
        },
        "agreements": many,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--agreements", type=int, default=MANY, help="agreements in the large database")
    given = parser.parse_args(arguments)
    sys.stdout.write(json.dumps(measure(given.rounds, many=given.agreements), indent=2) + "\n")


if __name__ == "__main__":
    main()
