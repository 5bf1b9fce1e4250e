"""`fsck` finds and names every row that is missing, added or changed in the tables derived for searching."""

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, Table, delete, insert, select, update

from gateway.audit.ledger import SqlLedger
from gateway.audit.review.comparison import BLOCK
from gateway.audit.review.derived import DAYS, FACETS, LABELS, MARKS, TALLIES
from gateway.audit.verify.failures import Fault, VerificationFailed
from tests.support.ledgers import LedgerClock, make_ledger
from tests.support.reviewed_log import fill, index_all

REQUESTS = 24
SAMPLES = 3
FAR = 1 << 40


@pytest.fixture
async def indexed(engine: Engine, clock: LedgerClock) -> SqlLedger:
    """A log of many kinds of requests, indexed in batches that cut requests in two, with a published head."""
    ledger = make_ledger(engine, clock)
    ledger.start()
    await fill(ledger, clock, Random(7), REQUESTS)
    ledger.stop()
    while ledger.review.indexer.turn(7):
        pass
    return ledger


def rows(ledger: SqlLedger, table: Table) -> list[dict[str, Any]]:
    with ledger._engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(table)).mappings()]


def key_of(table: Table, row: dict[str, Any]) -> list[Any]:
    return [column == row[column.name] for column in table.primary_key.columns]


def wrong(ledger: SqlLedger) -> VerificationFailed:
    with pytest.raises(VerificationFailed) as caught:
        ledger.fsck().run()
    assert caught.value.fault is Fault.SEARCH_TABLE_WRONG
    assert "rebuild-search" in caught.value.text_en
    return caught.value


def sampled(ledger: SqlLedger, table: Table) -> Iterator[dict[str, Any]]:
    found = rows(ledger, table)
    yield from Random(11).sample(found, SAMPLES)


def test_tables_that_say_what_the_log_says_are_sound_and_counted(indexed: SqlLedger) -> None:
    report = indexed.fsck().run()
    assert report.searchable == indexed.size()
    assert report.search_rows == sum(len(rows(indexed, table)) for table in (FACETS, DAYS, TALLIES, LABELS)) > 400


def test_a_facet_that_is_missing_added_or_moved_is_found_and_its_entry_named(indexed: SqlLedger) -> None:
    for row in sampled(indexed, FACETS):
        with indexed._engine.begin() as connection:
            connection.execute(delete(FACETS).where(*key_of(FACETS, row)))
        failure = wrong(indexed)
        assert (failure.first, failure.last, failure.evidence) == (
            row["leaf_index"],
            row["leaf_index"],
            {"table": "audit_facets", "missing": 1},
        )
        other = {"token": row["token"] ^ 1, "leaf_index": row["leaf_index"]}
        with indexed._engine.begin() as connection:
            connection.execute(insert(FACETS).values(**other))
        failure = wrong(indexed)
        assert failure.first == row["leaf_index"]
        assert failure.evidence == {"table": "audit_facets", "missing": 1, "surplus": 1}
        with indexed._engine.begin() as connection:
            connection.execute(insert(FACETS).values(**row))
        assert wrong(indexed).evidence == {"table": "audit_facets", "surplus": 1}
        with indexed._engine.begin() as connection:
            connection.execute(delete(FACETS).where(*key_of(FACETS, other)))
    indexed.fsck().run()


def test_a_facet_of_an_entry_that_does_not_exist_is_named(indexed: SqlLedger) -> None:
    with indexed._engine.begin() as connection:
        connection.execute(insert(FACETS).values(token=5, leaf_index=FAR))
    assert wrong(indexed).first == FAR


def test_a_count_that_is_missing_added_or_changed_is_found_with_its_day(indexed: SqlLedger) -> None:
    days = {row["day"]: row for row in rows(indexed, DAYS)}
    for row in sampled(indexed, TALLIES):
        one = key_of(TALLIES, row)
        for change in (row["entries"] + 1, row["entries"] - 1 or 5):
            with indexed._engine.begin() as connection:
                connection.execute(update(TALLIES).where(*one).values(entries=change))
            failure = wrong(indexed)
            assert failure.evidence["table"] == "audit_tallies"
            assert failure.evidence["changed"] == 1
            day = days[row["day"]]
            assert (failure.first, failure.last) == (day["first_index"], day["last_index"])
        with indexed._engine.begin() as connection:
            connection.execute(delete(TALLIES).where(*one))
        # The day with the missing count is named, or the label of which no count is left.
        assert wrong(indexed).evidence.keys() & {"missing", "surplus"}
        with indexed._engine.begin() as connection:
            connection.execute(insert(TALLIES).values(**row))
    with indexed._engine.begin() as connection:
        connection.execute(insert(TALLIES).values(**{**row, "day": FAR}))
    assert wrong(indexed).evidence == {"table": "audit_tallies", "surplus": 1, "day": str(FAR)}


def test_two_counts_exchanged_for_each_other_are_found(indexed: SqlLedger) -> None:
    found = rows(indexed, TALLIES)
    one = max(found, key=lambda row: row["entries"])
    two = next(row for row in found if row["day"] == one["day"] and row["entries"] < one["entries"])
    with indexed._engine.begin() as connection:
        for this, other in ((one, two), (two, one)):
            connection.execute(update(TALLIES).where(*key_of(TALLIES, this)).values(entries=other["entries"]))
    assert wrong(indexed).evidence["changed"] == 2


def test_a_label_that_is_missing_or_another_s_is_found(indexed: SqlLedger) -> None:
    some = list(sampled(indexed, LABELS))
    for row in some:
        one = key_of(LABELS, row)
        with indexed._engine.begin() as connection:
            connection.execute(delete(LABELS).where(*one))
        assert wrong(indexed).evidence == {"table": "audit_labels", "missing": 1}
        with indexed._engine.begin() as connection:
            connection.execute(insert(LABELS).values(token=row["token"], label=some[0]["label"]))
        if row is not some[0]:
            assert wrong(indexed).evidence == {"table": "audit_labels", "changed": 1}
        with indexed._engine.begin() as connection:
            connection.execute(update(LABELS).where(*one).values(label=row["label"]))
    text = "一"
    token = indexed._bodies.facet("tally", text)
    with indexed._engine.begin() as connection:
        connection.execute(insert(LABELS).values(token=token + 1, label=indexed._bodies.seal_label(token, text)))
    assert wrong(indexed).evidence == {"table": "audit_labels", "changed": 1}


@pytest.mark.parametrize(
    ("column", "by"), [("first_index", 1), ("first_index", -1), ("last_index", -1), ("last_index", 1)]
)
def test_a_day_that_hides_entries_or_takes_in_others_is_found(indexed: SqlLedger, column: str, by: int) -> None:
    row = rows(indexed, DAYS)[1]
    with indexed._engine.begin() as connection:
        connection.execute(update(DAYS).where(*key_of(DAYS, row)).values(**{column: row[column] + by}))
    failure = wrong(indexed)
    assert failure.evidence["table"] == "audit_days"
    assert (failure.first, failure.last) == (row["first_index"], row["last_index"])


def test_a_day_that_is_missing_or_never_was_is_found(indexed: SqlLedger) -> None:
    row = rows(indexed, DAYS)[0]
    with indexed._engine.begin() as connection:
        connection.execute(delete(DAYS).where(*key_of(DAYS, row)))
    assert wrong(indexed).evidence["missing"] == 1
    with indexed._engine.begin() as connection:
        connection.execute(insert(DAYS).values(**row))
        connection.execute(insert(DAYS).values(day=FAR, first_index=0, last_index=FAR))
    assert wrong(indexed).evidence == {"table": "audit_days", "surplus": 1, "day": str(FAR)}


@pytest.mark.parametrize("mark", [5, BLOCK * 9])
def test_a_mark_that_hides_entries_from_searches_or_indexes_them_twice_is_found(indexed: SqlLedger, mark: int) -> None:
    with indexed._engine.begin() as connection:
        connection.execute(update(MARKS).where(MARKS.c.name == "indexed_below").values(value=mark))
    wrong(indexed)


async def test_what_is_indexed_emptied_or_made_again_meanwhile_is_no_fault(
    indexed: SqlLedger, clock: LedgerClock, engine: Engine
) -> None:
    more = make_ledger(engine, clock)
    more.start()
    await fill(more, clock, Random(8), 10)
    more.stop()

    acts = [index_all, lambda ledger: ledger.review.indexer.empty(), index_all]

    def meanwhile(_done: int, _of: int) -> None:
        acts.pop(0)(indexed)

    while acts:
        report = indexed.fsck().run((), meanwhile)
        assert report.size == indexed.size()
    assert indexed.fsck().run().searchable == indexed.size()
    # Emptying that was broken off half way: nothing is indexed, and nothing is compared.
    with engine.begin() as connection:
        connection.execute(update(MARKS).where(MARKS.c.name == "indexed_below").values(value=-1))
        connection.execute(delete(FACETS).where(FACETS.c.leaf_index < 40))
    assert indexed.fsck().run().searchable == 0
