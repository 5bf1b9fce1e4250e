"""Every search finds exactly what going through the whole log finds, whatever is indexed, in pages of any size."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.ledger import SqlLedger
from gateway.audit.review.facets import NONE, Facet
from gateway.audit.review.query import END_OF_TIME_MS, Query
from gateway.storage.database import open_database
from tests.support.ledgers import NOW_MS, LedgerClock, make_ledger
from tests.support.reviewed_log import CASES, DEPARTMENTS, OFFICIALS, PEOPLE, PURPOSES, Written, fill, pages, plain

HOUR_MS = 3_600_000
Log = tuple[SqlLedger, list[Written]]

VALUES = {
    Facet.OUTCOME: ("released", "refused", "abandoned", "log_read"),
    Facet.DEPARTMENT: DEPARTMENTS,
    Facet.SYSTEM: ("civil/desk-0", "tax/desk-1"),
    Facet.OFFICIAL: OFFICIALS,
    Facet.PURPOSE: PURPOSES,
    Facet.LEGAL_BASIS: ("mandate", "consent"),
    Facet.CASE: ("2026-1", "2026-2", NONE, CASES[3]),
    Facet.RESOURCE: ("civil.resident", "tax.income"),
    Facet.FIELD: ("tax.income.year", "civil.resident.name"),
    Facet.GIVEN: ("tax.income.year", "civil.resident.name"),
    Facet.REASON: ("NO_CASE", "PURPOSE_NOT_COVERED"),
    Facet.RULE: ("rule-0", "rule-1", "rule-9"),
    Facet.AGREEMENT: ("agreement-0", "agreement-2"),
    Facet.EMERGENCY: (NONE, "life_at_risk"),
    Facet.AUDITOR: ("ef" * 32,),
}


@pytest.fixture(scope="module", params=[0.0, 0.5, 1.0], ids=["nothing indexed", "half indexed", "all indexed"])
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    folder: Path = tmp_path_factory.mktemp("log")
    engine = open_database(f"sqlite:///{folder / 'log.db'}")
    clock = LedgerClock()
    ledger = make_ledger(engine, clock)
    ledger.start()
    written = asyncio.run(fill(ledger, clock, Random(20), 150))
    if request.param:
        ledger.review.indexer.turn(int(ledger.size() * request.param))
    yield ledger, written
    ledger.stop()
    engine.dispose()


@st.composite
def queries(draw: st.DrawFn) -> Query:
    chosen = draw(st.lists(st.sampled_from(sorted(VALUES)), max_size=4, unique=True))
    facets = frozenset((facet, draw(st.sampled_from(VALUES[facet]))) for facet in chosen)
    from_ms, until_ms = 0, END_OF_TIME_MS
    if draw(st.booleans()):
        from_ms = NOW_MS + draw(st.integers(-50, 2_000)) * HOUR_MS
        until_ms = from_ms + draw(st.integers(1, 1_000)) * HOUR_MS
    person = draw(st.none() | st.sampled_from(PEOPLE))
    return Query(facets, from_ms, until_ms, person)


@settings(max_examples=60, deadline=None)
@given(query=queries(), limit=st.integers(1, 60))
def test_a_search_finds_what_going_through_everything_finds(log: Log, query: Query, limit: int) -> None:
    ledger, written = log
    found = list(pages(ledger, query, limit))
    assert [index for page in found for index in page] == plain(written, query)
    assert all(len(page) == limit for page in found[:-1])
