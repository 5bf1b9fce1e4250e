"""`make bench-scale`: the ten questions of docs/audit.md over an access log of a million entries, on SQLite.

What is measured is what an auditor waits for, from the database to checked entries in the clear: the slowest of some
runs of each question; and pages of searches, 99th percentile, against a log of ten thousand entries. Every entry is sealed as the log seals it; entries and what is derived from them are put there
without the log, in large transactions, to save time.
"""

import argparse
import hashlib
import itertools
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

from gateway.audit.bodies import Bodies, LedgerKeys
from gateway.audit.entries import EntryDraft, Json, encode
from gateway.audit.reader import Reader
from gateway.audit.review.facets import NONE, Facet, facets_of
from gateway.audit.review.query import Query
from gateway.audit.review.review import Review
from gateway.audit.review.statistics import Period
from gateway.audit.review.tallies import DAY_MS, Dimension, civil_day, labels_of, number_of
from gateway.storage.database import open_database
from keys.log.notes import NoteSigner
from keys.signing import SigningKey
from tests.bench.measure import ratio
from tests.bench.results import bench_key, merge

ENTRIES = 1_000_000
RUNS = 3
LIMIT = 50
LONGEST_S = 2.0
FEW = 10_000
"""Entries of the log against which the pages of a search are held."""
FEW_HITS = 3
"""As many as the small log has for each search."""
PAGES = 200
ROUNDS = 3
_AT_ONCE = 20_000
_START_MS = 1_767_196_800_000
"""2026-01-01 in civil time."""
_DAYS = 180
_ORIGIN = "bench.example/ledger"
_DEPARTMENTS = [f"department-{number}" for number in range(20)]
_PURPOSES = [f"purpose_{number}" for number in range(30)]
_FIELDS = [("tax.income", f"field_{n}") for n in range(8)] + [("civil.resident", f"field_{n}") for n in range(12)]
_OFFICIALS = [hashlib.sha256(b"official %d" % number).hexdigest() for number in range(500)]
_PERSON = bytes(15) + b"\x07"


class ReviewedLog:
    """A log of many requests with their outcomes, indexed.

    Args:
        path: Its database.
        entries: How many; an even number.
    """

    def __init__(self, path: Path, entries: int) -> None:
        self._engine = open_database(f"sqlite:///{path}")
        keys = LedgerKeys(
            {1: bench_key("accountability")},
            {1: bench_key("person")},
            bench_key("token"),
            SigningKey.generate(),
            NoteSigner.generate(_ORIGIN),
        )
        self._bodies = Bodies(keys, _ORIGIN)
        self._rng = random.Random(1)
        self._entries = entries
        self._facets: list[tuple[int, int]] = []
        self._tallies: Counter[tuple[int, int, int]] = Counter()
        self._labels: dict[int, bytes] = {}
        self._days: dict[int, tuple[int, int]] = {}
        self._facet = cache(self._bodies.facet)
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute("PRAGMA cache_size=-500000")
            if connection.execute("SELECT count(*) FROM audit_marks").fetchone() == (0,):
                self._fill(connection)
        self.review = Review(self._engine, Reader(self._engine, self._bodies), self._bodies)
        self.days = (civil_day(_START_MS), civil_day(_START_MS) + _DAYS)

    def _fill(self, connection: sqlite3.Connection) -> None:
        rows = self._rows()
        while some := list(itertools.islice(rows, _AT_ONCE)):
            connection.execute("BEGIN")
            connection.executemany(f"INSERT INTO audit_entries VALUES ({','.join('?' * 11)})", some)
            connection.executemany("INSERT INTO audit_facets VALUES (?, ?)", sorted(self._facets))
            self._facets.clear()
            connection.execute("COMMIT")
        connection.execute("BEGIN")
        tallies = [(*key, count) for key, count in sorted(self._tallies.items())]
        connection.executemany("INSERT INTO audit_tallies VALUES (?, ?, ?, ?)", tallies)
        connection.executemany("INSERT INTO audit_labels VALUES (?, ?)", sorted(self._labels.items()))
        days = [(day, first, last) for day, (first, last) in self._days.items()]
        connection.executemany("INSERT INTO audit_days VALUES (?, ?, ?)", days)
        connection.execute("INSERT INTO audit_marks VALUES ('indexed_below', ?)", (self._entries,))
        connection.execute("COMMIT")

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        step = _DAYS * DAY_MS // self._entries
        for index in range(0, self._entries, 2):
            asked, closed, person = self._request(index)
            for number, said in ((index, asked), (index + 1, closed)):
                yield self._row(number, _START_MS + step * number, said, person)
            self._derive(index + 1, _START_MS + step * (index + 1), closed, asked)

    def _request(self, index: int) -> tuple[dict[str, Json], dict[str, Json], bytes]:
        rng = self._rng
        department = rng.choice(_DEPARTMENTS)
        items: list[dict[str, Json]] = [
            {"resource": resource, "field": name, "form": "value"} for resource, name in rng.sample(_FIELDS, 4)
        ]
        who: dict[str, Any] = {
            "department": department,
            "system": f"spiffe://bench.example/department/{department}/system/desk-{rng.randrange(3)}",
            "purpose": rng.choice(_PURPOSES),
            "legal_basis": "consent" if rng.random() < 0.1 else "mandate",
            "case": "" if rng.random() < 0.02 else f"2026-{index}",
            "request_id": str(index),
            "official": rng.choice(_OFFICIALS),
        }
        if rng.random() < 0.001:
            who["emergency"] = {"reason": "life_at_risk"}
        kind = "refused" if rng.random() < 0.03 else "released"
        agreements = [{"id": f"agreement-{rng.randrange(40)}", "revision": 1, "digest": "ab" * 32}]
        asked: dict[str, Json] = {
            **who,
            "kind": "asked",
            "items": items,
            "rules": [f"rule-{rng.randrange(5)}"],
            "agreements": agreements,
        }
        outcomes = [{**item, "outcome": "released"} for item in items] if kind == "released" else items
        closed: dict[str, Json] = {**who, "kind": kind, "items": outcomes, "request": index}
        if kind == "refused":
            closed["reason"] = rng.choice(("PURPOSE_NOT_COVERED", "NO_CASE"))
        return asked, closed, rng.randrange(1, max(9, self._entries // 200)).to_bytes(16, "big")

    def _row(self, index: int, time_ms: int, said: Mapping[str, Json], person: bytes) -> tuple[Any, ...]:
        body = {name: value for name, value in said.items() if name != "kind"}
        draft = EntryDraft(str(said["kind"]), body, {"person": person.hex()}, b"d" * 32)
        encoded = encode(draft, time_ms)
        leaf, account, personal = self._bodies.seal(index, encoded.accountability, encoded.person)
        token = self._bodies.token(person)
        place = (index, leaf, time_ms, encoded.kind, encoded.department, encoded.request, token)
        return (*place, None, None, account, personal)

    def _derive(self, index: int, time_ms: int, closed: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
        day = civil_day(time_ms)
        self._days[day] = (self._days.get(day, (index - 1, 0))[0], index)
        facets = facets_of(closed, asked)
        self._facets += [(self._facet(str(facet), value), index) for facet, value in facets]
        for label in labels_of(closed, facets):
            text = label.text()
            token = self._facet("tally", text)
            self._tallies[number_of(label.dimension), day, token] += 1
            if token not in self._labels:
                self._labels[token] = self._bodies.seal_label(token, text)

    def close(self) -> None:
        """Close the database."""
        self._engine.dispose()


def questions(log: ReviewedLog) -> dict[str, Callable[[], int]]:
    """The ten questions of docs/audit.md, in its order; each tells how many rows it found."""
    month = (_START_MS + 59 * DAY_MS, _START_MS + 90 * DAY_MS)

    def search(*facets: tuple[Facet, str], **more: Any) -> int:
        return len(log.review.search.page(Query(frozenset(facets), **more), limit=LIMIT).hits)

    def count(dimension: Dimension, period: Period, days: tuple[int, int] = log.days, **more: str) -> int:
        return len(log.review.statistics.count(dimension, period, days, **more).rows)

    released = (Facet.OUTCOME, "released")
    weeks = (log.days[1] - 84, log.days[1])
    return {
        "1 who read this person's income in a month": lambda: search(
            (Facet.RESOURCE, "tax.income"), released, person=_PERSON, from_ms=month[0], until_ms=month[1]
        ),
        "2 which officials read without a case": lambda: search(
            (Facet.CASE, NONE), released, from_ms=month[0], until_ms=month[1]
        ),
        "3 what did a system ever receive": lambda: (
            count(Dimension.RECEIVED, Period.ALL, department="department-3")
            + search((Facet.SYSTEM, "department-3/desk-1"), released)
        ),
        "4 what was asked for one case": lambda: search((Facet.CASE, "2026-500")),
        "5 which requests of a department were refused, and why": lambda: (
            count(Dimension.REASON, Period.WEEK, weeks, department="department-3", outcome="refused")
            + search((Facet.DEPARTMENT, "department-3"), (Facet.OUTCOME, "refused"))
        ),
        "6 which emergencies were declared": lambda: search((Facet.EMERGENCY, NONE)),
        "7 which fields does a department read most": lambda: count(
            Dimension.FIELD, Period.WEEK, weeks, department="department-3"
        ),
        "8 what rested on one agreement and one rule": lambda: search(
            (Facet.AGREEMENT, "agreement-7"), (Facet.RULE, "rule-2"), (Facet.PURPOSE, "purpose_3")
        ),
        "9 what did one official read": lambda: search((Facet.OFFICIAL, _OFFICIALS[0]), released),
        "10 who looked for whom in the log": lambda: 1 + search((Facet.OUTCOME, "person_searched")),
    }


def pages(log: ReviewedLog) -> dict[str, Callable[[int], int]]:
    """Pages of a search that every size of log fills, each by a number that says of whom or what; entries found."""

    def search(*facets: tuple[Facet, str], **more: Any) -> int:
        return len(log.review.search.page(Query(frozenset(facets), **more), limit=FEW_HITS).hits)

    return {
        "refusals": lambda number: search(
            (Facet.DEPARTMENT, _DEPARTMENTS[number % 20]), (Facet.OUTCOME, "refused"), (Facet.REASON, "NO_CASE")
        ),
        "purpose": lambda number: search(
            (Facet.PURPOSE, _PURPOSES[number % 30]), (Facet.DEPARTMENT, _DEPARTMENTS[number % 20])
        ),
        "person": lambda number: search(person=(1 + number % 40).to_bytes(16, "big")),
    }


def _search_ratio(few: ReviewedLog, many: ReviewedLog) -> tuple[float, dict[str, float]]:
    """How much longer the slowest percentile of pages takes with many entries: the worst kind of page, and each."""
    ratios: dict[str, float] = {}
    for kind in pages(few):
        taken: dict[bool, list[float]] = {False: [], True: []}
        # The first round warms the caches of both.
        for turn in range(ROUNDS + 1):
            for large, log in ((False, few), (True, many)):
                found = _p99(pages(log)[kind])
                if turn:
                    taken[large].append(found)
        ratios[f"audit_search_{kind}_vs_10k"] = ratio(taken[True], taken[False])
        ratios[f"audit_search_{kind}_p99_ms"] = statistics.median(taken[True]) * 1e3
    return max(value for name, value in ratios.items() if name.endswith("_vs_10k")), ratios


def _p99(ask: Callable[[int], int]) -> float:
    taken = []
    for number in range(PAGES):
        began = time.perf_counter()
        assert ask(number), "a page was empty"
        taken.append(time.perf_counter() - began)
    return statistics.quantiles(taken, n=100)[98]


def measure(entries: int = ENTRIES, runs: int = RUNS, folder: Path | None = None) -> dict[str, Any]:
    """Measure every question.

    Args:
        entries: Of the log.
        runs: How often each is asked; the slowest counts.
        folder: Where the log is kept and found again by the next run; None to throw it away.

    Returns:
        Seconds of the slowest question, and of each beside it.
    """
    with tempfile.TemporaryDirectory(prefix="oncegate-bench-") if folder is None else nullcontext(folder) as name:
        Path(name).mkdir(exist_ok=True)
        path = Path(name) / f"review-{entries}.db"
        began = time.perf_counter()
        log = ReviewedLog(path, entries)
        filled_s = time.perf_counter() - began
        size = path.stat().st_size
        taken: dict[str, float] = {}
        for question, ask in questions(log).items():
            runs_s = []
            for _ in range(runs):
                began = time.perf_counter()
                found = ask()
                runs_s.append(time.perf_counter() - began)
                assert found, f"nothing was found: {question}"
            taken[question] = max(runs_s)
        few = ReviewedLog(Path(name) / f"review-{FEW}.db", FEW)
        search, pages_of_search = _search_ratio(few, log)
        few.close()
        log.close()
    return {
        "audit_questions_1m_s": max(taken.values()),
        "audit_search_vs_10k": search,
        "absolute": {
            **{f"audit_question_{question.split()[0]}_s": found for question, found in taken.items()},
            **pages_of_search,
            "audit_review_fill_s": filled_s,
            "audit_review_database_bytes": size,
        },
        "audit_review_entries": entries,
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=ENTRIES, help="entries of the log")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--folder", type=Path, help="keep the log there, to ask again without filling it again")
    parser.add_argument("--out", type=Path, default=Path("build/bench.json"))
    given = parser.parse_args(arguments)
    document = measure(given.entries, given.runs, given.folder)
    merge(given.out, document)
    for name in ("audit_questions_1m_s", "audit_search_vs_10k"):
        sys.stdout.write(f"{name:28} {document[name]:.3f}\n")
    for name, value in document["absolute"].items():
        sys.stdout.write(f"{name:28} {value:.3f}\n")
    if document["audit_questions_1m_s"] > LONGEST_S:
        sys.exit(f"a question took longer than {LONGEST_S} s")


if __name__ == "__main__":
    main()
