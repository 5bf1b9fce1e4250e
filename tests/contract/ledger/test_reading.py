"""What auditors, persons and the gateway itself read from the log."""

from typing import Any

import pytest
from sqlalchemy import Engine, update

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerCorrupt, NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.audit.store import ENTRIES
from tests.support.ledgers import NOW_MS, OTHER_PERSON, PERSON, LedgerClock, asked, released, storage_fault


async def test_pages_run_from_the_newest_to_the_oldest_without_a_gap(ledger: SqlLedger) -> None:
    for number in range(7):
        await ledger.append(asked(number))
    seen, cursor = [], ""
    while True:
        page = ledger.entries(cursor=cursor, limit=3)
        seen += [entry.leaf_index for entry in page.entries]
        # What is added meanwhile does not shift the pages.
        await ledger.append(asked(99))
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == [6, 5, 4, 3, 2, 1, 0]


async def test_filters_by_kind_and_department(ledger: SqlLedger) -> None:
    await ledger.append(asked(0))
    await ledger.append(EntryDraft("gateway_started", {"version": "1"}))
    await ledger.append(asked(1, department="housing"))
    assert [one.leaf_index for one in ledger.entries(kind="gateway_started").entries] == [1]
    assert [one.leaf_index for one in ledger.entries(kind="asked").entries] == [2, 0]
    assert [one.leaf_index for one in ledger.entries(department="housing").entries] == [2]
    assert not ledger.entries(kind="gateway_started", department="housing").entries


@pytest.mark.parametrize(("cursor", "limit"), [("x", 5), ("-1", 5), ("٣", 5), ("", 0), ("", 501)])
def test_a_page_that_does_not_exist_is_refused(ledger: SqlLedger, cursor: str, limit: int) -> None:
    with pytest.raises(NoSuchEntry):
        ledger.entries(cursor=cursor, limit=limit)


@pytest.mark.parametrize(("index", "size"), [(0, 3), (2, 2), (5, 2), (0, 0)])
async def test_there_is_no_proof_of_what_the_log_never_was(ledger: SqlLedger, index: int, size: int) -> None:
    await ledger.append(asked())
    await ledger.append(asked())
    with pytest.raises(NoSuchEntry):
        ledger.inclusion(index, size)
    with pytest.raises(NoSuchEntry):
        ledger.consistency(1, 3)
    with pytest.raises(NoSuchEntry):
        ledger.consistency(2, 1)
    with pytest.raises(NoSuchEntry):
        ledger.entry(2)


async def test_a_person_sees_every_access_once_and_nobody_elses(ledger: SqlLedger) -> None:
    first = await ledger.append(asked(1))
    await ledger.append(EntryDraft("asked", {"department": "housing"}, {}, about=OTHER_PERSON))
    await ledger.append(released(first.leaf_index))
    await ledger.append(asked(2))
    await ledger.append(EntryDraft("profile_read", {}, {}, about=PERSON))
    refused = {"department": "tax", "reason": "NO_AGREEMENT", "purpose": "tax.audit", "case": "7"}
    await ledger.append(EntryDraft("refused", refused, {}, about=PERSON))
    page = ledger.accesses(PERSON, limit=2)
    rest = ledger.accesses(PERSON, cursor=page.next_cursor, limit=2)
    seen = [*page.accesses, *rest.accesses]
    assert [(one.outcome, one.leaf_index) for one in seen] == [("refused", 5), ("asked", 3), ("released", 2)]
    assert (seen[0].reason, seen[0].purpose, seen[0].case_reference) == ("NO_AGREEMENT", "tax.audit", "7")
    assert not rest.next_cursor
    assert [one.department for one in ledger.accesses(OTHER_PERSON).accesses] == ["housing"]


async def test_an_outcome_that_the_person_cannot_see_does_not_hide_the_question(ledger: SqlLedger) -> None:
    question = await ledger.append(asked())
    await ledger.append(EntryDraft("abandoned", {"request": question.leaf_index}))
    assert [one.outcome for one in ledger.accesses(PERSON).accesses] == ["asked"]


async def test_entries_of_a_kind_about_a_person_are_found_by_their_place(ledger: SqlLedger) -> None:
    for about in (PERSON, OTHER_PERSON, PERSON, PERSON):
        await ledger.append(EntryDraft("profile_erased", {}, {}, about=about))
        await ledger.append(EntryDraft("profile_read", {}, {}, about=about))
    assert ledger.indexes_about(PERSON, "profile_erased", 0) == [0, 4, 6]
    assert ledger.indexes_about(PERSON, "profile_erased", 4) == [4, 6]
    assert ledger.indexes_about(PERSON, "profile_erased", 1, 6) == [4]
    assert ledger.indexes_about(OTHER_PERSON, "profile_erased", 3) == []


async def test_questions_left_open_are_found_and_settled_ones_are_not_looked_at_again(
    ledger: SqlLedger, clock: LedgerClock, engine: Engine
) -> None:
    recorded = [await ledger.append(asked(number)) for number in range(4)]
    for index in (0, 2):
        await ledger.append(released(recorded[index].leaf_index))
    # A repeated answer refers to a question without closing it.
    await ledger.append(EntryDraft("replayed", {"request": recorded[1].leaf_index}))
    clock.at_ms = NOW_MS + 1000
    late = await ledger.append(asked(9))
    assert [one.leaf_index for one in ledger.dangling(NOW_MS + 500)] == [1, 3]
    for index in (1, 3):
        await ledger.append(EntryDraft("abandoned", {"request": index}))
    assert not ledger.dangling(NOW_MS + 500)
    assert [one.leaf_index for one in ledger.dangling(NOW_MS + 5000)] == [late.leaf_index]
    await ledger.append(released(late.leaf_index))
    assert not ledger.dangling(NOW_MS + 5000)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT value FROM audit_marks").scalar() == ledger.size()


def test_an_empty_log_has_nothing_open(ledger: SqlLedger) -> None:
    assert ledger.dangling(NOW_MS) == []
    assert ledger.entries().entries == []


async def test_an_entry_that_does_not_fit_its_hash_is_never_shown(ledger: SqlLedger, engine: Engine) -> None:
    await ledger.append(asked(0))
    await ledger.append(asked(1))
    with engine.begin() as connection:
        sealed = connection.execute(ENTRIES.select().where(ENTRIES.c.leaf_index == 1)).one()
        connection.execute(
            update(ENTRIES).where(ENTRIES.c.leaf_index == 0).values(accountability=sealed.accountability)
        )
    with pytest.raises(LedgerCorrupt):
        ledger.entry(0)
    with pytest.raises(LedgerCorrupt):
        ledger.entries()
    with engine.begin() as connection:
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == 1).values(kind="refused"))
    with pytest.raises(LedgerCorrupt, match="column"):
        ledger.entry(1)


@pytest.mark.parametrize(
    ("index", "values"),
    [
        (2, {"request_index": 1}),
        (2, {"request_index": None}),
        (0, {"department": "housing"}),
        (0, {"department": None}),
    ],
)
async def test_an_entry_whose_columns_for_looking_it_up_were_changed_is_never_shown(
    ledger: SqlLedger, engine: Engine, index: int, values: dict[str, Any]
) -> None:
    await ledger.append(asked(0))
    await ledger.append(asked(1))
    await ledger.append(released(0))
    with engine.begin() as connection:
        connection.execute(update(ENTRIES).where(ENTRIES.c.leaf_index == index).values(**values))
    with pytest.raises(LedgerCorrupt, match="column"):
        ledger.entry(index)
    with pytest.raises(LedgerCorrupt, match="column"):
        ledger.entries()


async def test_a_proof_over_many_entries_reads_few_rows(ledger: SqlLedger, engine: Engine) -> None:
    for number in range(200):
        await ledger.append(asked(number)) if number == 199 else await ledger.append(EntryDraft("enrolled", {}))
    with storage_fault(engine, "SELECT hashes") as watch:
        ledger.inclusion(17, 200)
    assert watch.seen <= 2 * 8 + 2


async def test_an_erased_person_part_is_gone_for_good_and_the_log_still_verifies(
    ledger: SqlLedger, engine: Engine
) -> None:
    await ledger.append(EntryDraft("enrolled", {}))
    await ledger.append(EntryDraft("asked", {"department": "housing"}, {"secret": "机密-secret"}, about=PERSON))
    leaf = ledger.entry(1).leaf_hash
    erasure = ledger.erase_person_part(1, "COURT_ORDER")
    entry = ledger.entry(1)
    assert entry.personal is None
    assert (entry.leaf_hash, entry.account["department"]) == (leaf, "housing")
    assert ledger.entry(erasure.leaf_index).account | {"time_ms": 0} == {
        "kind": "person_part_erased",
        "erased": 1,
        "reason": "COURT_ORDER",
        "time_ms": 0,
    }
    assert not ledger.accesses(PERSON).accesses
    for index in (0, 1):
        with pytest.raises(NoSuchEntry):
            ledger.erase_person_part(index, "AGAIN")
    with engine.connect() as connection:
        row = connection.execute(ENTRIES.select().where(ENTRIES.c.leaf_index == 1)).one()
    assert (len(row.person), row.person_token) == (33, None)
