"""An auditor's review over the log: search, its derived tables, statistics, on every database."""

from random import Random

import pytest
from sqlalchemy import Engine, delete, event, select, update

from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.audit.review import search as searching
from gateway.audit.review.derived import DAYS, FACETS, LABELS, MARKS, TALLIES
from gateway.audit.review.facets import Facet
from gateway.audit.review.query import Query
from gateway.audit.review.statistics import Period
from gateway.audit.review.tallies import Dimension, civil_day
from gateway.audit.store import ENTRIES
from tests.support.ledgers import NOW_MS, LedgerClock, asked, make_ledger, released
from tests.support.reviewed_log import DEPARTMENTS, PEOPLE, fill, index_all, pages, plain

DAYS_OF_TEST = (civil_day(NOW_MS) - 60, civil_day(NOW_MS) + 400)


def found(ledger: SqlLedger, *facets: tuple[Facet, str], limit: int = 500, **more: object) -> list[int]:
    query = Query(frozenset(facets), **more)  # type: ignore[arg-type]
    return [index for page in pages(ledger, query, limit) for index in page]


async def test_a_request_is_found_once_as_what_became_of_it_with_the_rules_of_its_question(ledger: SqlLedger) -> None:
    question = await ledger.append(asked(1, rules=["allow-1"], agreements=[{"id": "a-1"}]))
    outcome = await ledger.append(released(question.leaf_index))
    for _ in range(2):
        assert found(ledger, (Facet.RULE, "allow-1"), (Facet.AGREEMENT, "a-1")) == [outcome.leaf_index]
        assert found(ledger, (Facet.DEPARTMENT, "civil-affairs")) == [outcome.leaf_index]
        assert found(ledger) == [outcome.leaf_index]
        # Once from the log itself, once from the derived tables.
        index_all(ledger)


async def test_what_is_newer_than_the_derived_tables_is_found_as_well(ledger: SqlLedger, clock: LedgerClock) -> None:
    old = await fill(ledger, clock, Random(1), 20)
    index_all(ledger)
    new = await fill(ledger, clock, Random(2), 20)
    query = Query(frozenset({(Facet.DEPARTMENT, DEPARTMENTS[0])}))
    assert [index for page in pages(ledger, query, 3) for index in page] == plain([*old, *new], query)


async def test_pages_neither_shift_nor_repeat_while_the_log_grows(ledger: SqlLedger, clock: LedgerClock) -> None:
    written = await fill(ledger, clock, Random(3), 20)
    index_all(ledger)
    query = Query(frozenset({(Facet.PURPOSE, "school_enrolment")}))
    seen: list[int] = []
    for number, page in enumerate(pages(ledger, query, 2)):
        seen += page
        await fill(ledger, clock, Random(100 + number), 2)
        if number % 2:
            index_all(ledger)
    assert seen == plain(written, query)


@pytest.mark.parametrize("cursor", ["x", "5", "5-", "-1-" + "0" * 32, "٣-" + "0" * 32, "3-" + "0" * 32, "9" * 500])
def test_a_cursor_that_was_never_given_is_refused(ledger: SqlLedger, cursor: str) -> None:
    with pytest.raises(NoSuchEntry):
        ledger.review.search.page(Query(), cursor)


@pytest.mark.parametrize("limit", [0, -1, 501])
def test_a_page_has_one_to_five_hundred_entries(ledger: SqlLedger, limit: int) -> None:
    with pytest.raises(NoSuchEntry):
        ledger.review.search.page(Query(), limit=limit)


async def test_a_cursor_of_another_search_is_refused(ledger: SqlLedger, clock: LedgerClock) -> None:
    await fill(ledger, clock, Random(4), 20)
    search = ledger.review.search.page
    cursor = search(Query(person=PEOPLE[0]), limit=1).next_cursor
    assert search(Query(person=PEOPLE[0]), cursor, 1).hits
    for other in (Query(), Query(person=PEOPLE[1]), Query(person=PEOPLE[0], from_ms=1)):
        with pytest.raises(NoSuchEntry):
            search(other, cursor, 1)


async def test_a_derived_row_that_lies_shows_nothing(ledger: SqlLedger, engine: Engine) -> None:
    first = await ledger.append(asked(1, purpose="other"))
    await ledger.append(released(first.leaf_index))
    index_all(ledger)
    token = ledger._bodies.facet("purpose", "made_up")
    with engine.begin() as connection:
        connection.execute(FACETS.insert().values(token=token, leaf_index=1))
    assert found(ledger, (Facet.PURPOSE, "made_up")) == []


async def test_an_entry_that_was_changed_stops_the_search(ledger: SqlLedger, engine: Engine) -> None:
    for number in range(3):
        question = await ledger.append(asked(number))
        await ledger.append(released(question.leaf_index))
    index_all(ledger)
    with engine.begin() as connection:
        other = connection.execute(select(ENTRIES.c.accountability).where(ENTRIES.c.leaf_index == 1)).scalar_one()
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == 3).values(accountability=other))
    with pytest.raises(LedgerCorrupt):
        found(ledger, (Facet.DEPARTMENT, "civil-affairs"))


async def test_an_erased_person_is_found_no_more_and_the_request_still_is(
    ledger: SqlLedger, clock: LedgerClock
) -> None:
    written = await fill(ledger, clock, Random(5), 10)
    index_all(ledger)
    query = Query(person=PEOPLE[0])
    mine = plain(written, query)
    assert [index for page in pages(ledger, query, 50) for index in page] == mine
    for index in mine:
        ledger.erase_person_part(index, "retention")
    assert found(ledger, person=PEOPLE[0]) == []
    assert set(mine) <= set(found(ledger))


async def test_two_gateways_index_every_entry_once(ledger: SqlLedger, engine: Engine, clock: LedgerClock) -> None:
    await fill(ledger, clock, Random(6), 30)
    other = make_ledger(engine, clock).review.indexer
    mine = ledger.review.indexer
    before = ledger.review.statistics.count(Dimension.OUTCOME, Period.ALL, DAYS_OF_TEST).rows
    # Both read where the tables end before either writes the batch that comes next.
    other._reader = _Meanwhile(other._reader, lambda: mine.turn(10))  # type: ignore[assignment]
    while other.turn(10):
        pass
    with engine.connect() as connection:
        assert (
            connection.execute(select(MARKS.c.value).where(MARKS.c.name == "indexed_below")).scalar() == ledger.size()
        )
    assert ledger.review.statistics.count(Dimension.OUTCOME, Period.ALL, DAYS_OF_TEST).rows == before


async def test_a_persons_token_that_was_put_on_anothers_entry_shows_nothing(
    ledger: SqlLedger, engine: Engine, clock: LedgerClock
) -> None:
    written = await fill(ledger, clock, Random(14), 20)
    others = plain(written, Query(person=PEOPLE[1]))
    with engine.begin() as connection:
        token = ledger._bodies.token(PEOPLE[0])
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index.in_(others)).values(person_token=token))
    for _ in range(2):
        assert found(ledger, person=PEOPLE[0]) == plain(written, Query(person=PEOPLE[0]))
        index_all(ledger)


class _Meanwhile:
    """A reader during whose reading something else happens."""

    def __init__(self, reader: object, act: object) -> None:
        self._reader, self._act = reader, act

    def size(self) -> int:
        size: int = self._reader.size()  # type: ignore[attr-defined]
        self._act()  # type: ignore[operator]
        return size

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)


async def test_the_derived_tables_are_made_again_out_of_the_log(
    ledger: SqlLedger, engine: Engine, clock: LedgerClock
) -> None:
    written = await fill(ledger, clock, Random(7), 20)
    index_all(ledger)
    query = Query(frozenset({(Facet.FIELD, "tax.income.year")}))
    counted = ledger.review.statistics.count(Dimension.FIELD, Period.WEEK, DAYS_OF_TEST).rows
    with engine.begin() as connection:
        connection.execute(delete(FACETS).where(FACETS.c.token == ledger._bodies.facet("field", "tax.income.year")))
        connection.execute(update(TALLIES).values(entries=TALLIES.c.entries + 1))
        connection.execute(delete(DAYS))
        connection.execute(delete(LABELS))
    assert [index for page in pages(ledger, query, 50) for index in page] == []
    ledger.review.indexer.empty()
    assert [index for page in pages(ledger, query, 50) for index in page] == plain(written, query)
    index_all(ledger)
    assert [index for page in pages(ledger, query, 50) for index in page] == plain(written, query)
    assert ledger.review.statistics.count(Dimension.FIELD, Period.WEEK, DAYS_OF_TEST).rows == counted


async def test_nothing_is_indexed_while_the_tables_are_emptied(
    ledger: SqlLedger, clock: LedgerClock, engine: Engine
) -> None:
    written = await fill(ledger, clock, Random(8), 5)
    with engine.begin() as connection:
        connection.execute(MARKS.insert().values(name="indexed_below", value=-1))
    assert ledger.review.indexer.turn() == 0
    assert found(ledger) == plain(written, Query())


async def test_an_append_costs_no_statement_more(ledger: SqlLedger, engine: Engine) -> None:
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: statements.append(statement))
    await ledger.append(asked(1))
    assert not [one for one in statements if "audit_facets" in one or "audit_tallies" in one]


async def test_a_page_does_bounded_work_and_says_how_far_it_looked(
    ledger: SqlLedger, clock: LedgerClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = await fill(ledger, clock, Random(9), 60)
    index_all(ledger)
    monkeypatch.setattr(searching, "CANDIDATES", 10)
    monkeypatch.setattr(searching, "_FIRST_WINDOW", 5)
    monkeypatch.setattr(searching, "_LARGEST_WINDOW", 5)
    monkeypatch.setattr(searching, "_RARE", 1)
    query = Query(frozenset({(Facet.DEPARTMENT, "civil"), (Facet.PURPOSE, "school_enrolment")}))
    first = ledger.review.search.page(query, limit=500)
    assert first.next_cursor
    assert first.looked_back_to > 0
    assert [index for page in pages(ledger, query, 500) for index in page] == plain(written, query)
    monkeypatch.setattr(searching, "UNINDEXED", 1)
    await fill(ledger, clock, Random(10), 3)
    assert len(list(pages(ledger, query, 500))) > 1


async def test_counts_are_those_of_the_log(ledger: SqlLedger, clock: LedgerClock) -> None:
    written = await fill(ledger, clock, Random(11), 40)
    requests = [one for one in written if "department" in one.facets]
    for _ in range(2):
        counts = ledger.review.statistics.count(Dimension.DEPARTMENT, Period.ALL, DAYS_OF_TEST)
        assert sum(row.entries for row in counts.rows) == len(requests)
        assert counts.counted_below == counts.log_size == ledger.size()
        for department in DEPARTMENTS:
            mine = [one for one in requests if department in one.facets["department"]]
            refused = [one for one in mine if "refused" in one.facets["outcome"]]
            count = ledger.review.statistics.count
            rows = count(Dimension.REASON, Period.DAY, DAYS_OF_TEST, department=department, outcome="refused").rows
            assert sum(row.entries for row in rows) == len(refused)
            given = count(Dimension.FIELD, Period.WEEK, DAYS_OF_TEST, department=department, outcome="withheld").rows
            assert all((row.day + 3) % 7 == 0 for row in given)
            emergencies = count(Dimension.EMERGENCY, Period.WEEK, DAYS_OF_TEST, department=department).rows
            assert sum(row.entries for row in emergencies) == sum("" in one.facets["emergency"] for one in mine)
        # Once from the log itself, once from the derived tables.
        index_all(ledger)


@pytest.mark.parametrize("days", [(5, 5), (6, 5), (0, 1_101)])
def test_counts_are_of_a_stretch_of_time(ledger: SqlLedger, days: tuple[int, int]) -> None:
    with pytest.raises(NoSuchEntry):
        ledger.review.statistics.count(Dimension.PURPOSE, Period.DAY, days)


async def test_a_label_that_was_exchanged_counts_for_nothing(
    ledger: SqlLedger, clock: LedgerClock, engine: Engine
) -> None:
    await fill(ledger, clock, Random(12), 20)
    index_all(ledger)
    with engine.begin() as connection:
        tokens = connection.execute(select(LABELS.c.token, LABELS.c.label)).all()
        connection.execute(update(LABELS).values(label=tokens[0].label))
    rows = [
        row
        for dimension in Dimension
        for row in ledger.review.statistics.count(dimension, Period.ALL, DAYS_OF_TEST).rows
    ]
    assert len(rows) == 1


async def test_the_derived_tables_hold_no_text(ledger: SqlLedger, clock: LedgerClock, engine: Engine) -> None:
    await fill(ledger, clock, Random(13), 5)
    index_all(ledger)
    with engine.connect() as connection:
        held = repr([connection.execute(select(table)).all() for table in (FACETS, DAYS, TALLIES, LABELS)])
    for told in (*DEPARTMENTS, "school_enrolment", "tax", "2026-1", "ab" * 32, PEOPLE[0].hex()):
        assert told not in held
