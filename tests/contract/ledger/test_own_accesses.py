"""What a person sees of the log: filtered, proven, counted, and without what a law keeps back until its day."""

import asyncio
from typing import Any

import pytest

from gateway.audit.accesses import Wanted
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.ledger import SqlLedger
from gateway.audit.verify import layout
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.proof import verify_proof
from gateway.errors import Refused
from gateway.exchange.acting import ActingFor, Actor
from gateway.exchange.identify import Subject
from gateway.exchange.own_accesses import AccessProof, OwnAccesses
from keys.log.proof_files import ProofFile, write_proof_file
from policies.civil_time import day_begins_ms
from tests.support.ledgers import OTHER_PERSON, PERSON, LedgerClock

DAY_MS = 86_400_000
LAW = "Juvenile Protection Law, Art. 106"
EVERYTHING = Wanted()


class Record:
    """Writes a delegate's readings to the same log."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._ledger = ledger

    async def write(self, draft: EntryDraft) -> Any:
        return await asyncio.to_thread(self._ledger.append_blocking, draft)


async def actors(bearer: str, acting: ActingFor | None) -> Actor:
    """A token names its person; acting for another is vouched for."""
    own = Subject("cn.resident-id", "", (), bytes.fromhex(bearer))
    if acting is None:
        return Actor(own, own, "")
    return Actor(own, Subject("cn.resident-id", "", (), PERSON), acting.relation)


ME, OTHER = PERSON.hex(), OTHER_PERSON.hex()


def write(ledger: SqlLedger, kind: str, department: str = "tax", who: bytes = PERSON, **more: Json) -> int:
    body: dict[str, Json] = {"department": department, "purpose": "school_enrolment", **more}
    return ledger.append_blocking(
        EntryDraft(kind, body, {"person": who.hex(), "statement": "words"}, about=who)
    ).leaf_index


@pytest.fixture
def own(ledger: SqlLedger, clock: LedgerClock) -> OwnAccesses:
    return OwnAccesses(actors, Record(ledger), ledger, clock)  # type: ignore[arg-type]


async def test_pages_by_time_and_department(own: OwnAccesses, ledger: SqlLedger, clock: LedgerClock) -> None:
    first = write(ledger, "refused")
    clock.at_ms += DAY_MS
    second = write(ledger, "refused", "education")
    write(ledger, "refused", who=OTHER_PERSON)
    page = await own.page(ME, None, EVERYTHING, "", 10)
    assert [one.leaf_index for one in page.accesses] == [second, first]
    since = Wanted(from_ms=clock.at_ms)
    assert [one.leaf_index for one in (await own.page(ME, None, since, "", 10)).accesses] == [second]
    until = Wanted(until_ms=clock.at_ms)
    assert [one.leaf_index for one in (await own.page(ME, None, until, "", 10)).accesses] == [first]
    tax = Wanted(department="tax")
    assert [one.leaf_index for one in (await own.page(ME, None, tax, "", 10)).accesses] == [first]
    for wanted in (Wanted(from_ms=-1), Wanted(2, 2), Wanted(department="x" * 80), Wanted(department="' or 1=1")):
        with pytest.raises(Refused, match="BAD_REQUEST"):
            await own.page(ME, None, wanted, "", 10)


async def test_what_a_law_keeps_back_is_in_nothing_until_its_day(
    own: OwnAccesses, ledger: SqlLedger, clock: LedgerClock
) -> None:
    mark: Json = {"reason": "child_at_risk", "law": LAW, "visible_from_ms": clock.at_ms + 30 * DAY_MS}
    hidden = [write(ledger, "refused", emergency=mark) for _ in range(12)]
    seen = [write(ledger, "refused") for _ in range(2)]
    # What is left out is older than all that is shown: a next page would hold nothing, and so is not announced.
    page = await own.page(ME, None, EVERYTHING, "", 2)
    assert ([one.leaf_index for one in page.accesses], page.next_cursor) == (seen[::-1], "")
    newer = [write(ledger, "refused", emergency=mark) for _ in range(12)]
    page = await own.page(ME, None, EVERYTHING, "", 2)
    assert ([one.leaf_index for one in page.accesses], page.next_cursor) == (seen[::-1], "")
    page = await own.page(ME, None, EVERYTHING, "", 1)
    assert page.next_cursor == str(seen[1])
    usage = await own.usage(ME, None, 0, 0)
    assert sum(row.count for row in usage.rows) == 2
    for index in (hidden[0], newer[0]):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await own.proof(ME, None, index)
    clock.at_ms += 30 * DAY_MS
    page = await own.page(ME, None, EVERYTHING, "", 100)
    assert len(page.accesses) == 26
    assert {(one.law, one.emergency) for one in page.accesses} == {("", ""), (LAW, "child_at_risk")}


def proof_file(proof: AccessProof) -> str:
    entry = proof.entry
    line = layout.Line(
        entry.leaf_index, entry.leaf_hash, entry.accountability, entry.accountability_salt,
        person_closed=entry.erased_digest,
    )  # fmt: skip
    return write_proof_file(ProofFile(entry.leaf_index, proof.path, proof.checkpoint, layout.write_line(line)))


async def test_a_row_is_proven_with_what_it_says_and_without_the_person_part(
    own: OwnAccesses, ledger: SqlLedger, clock: LedgerClock
) -> None:
    index = write(ledger, "refused", reason="NO_AGREEMENT")
    others = write(ledger, "refused", who=OTHER_PERSON)
    mine = ledger.append_blocking(EntryDraft("profile_read", {}, {"person": ME}, about=PERSON)).leaf_index
    clock.at_ms += 1_000
    ledger.append_blocking(EntryDraft("gateway_started", {}))
    proof = await own.proof(ME, None, index)
    assert (proof.entry.person, proof.entry.person_salt) == (b"", b"")
    report = verify_proof(proof_file(proof), ledger.public_key)
    assert '"reason":"NO_AGREEMENT"' in report.accountability
    assert (report.person_closed, report.person, report.index) == (True, "", index)
    # One letter of what it says, and it is not the log's.
    line = layout.read_line(layout.write_line(layout.Line(
        index, proof.entry.leaf_hash, proof.entry.accountability.replace(b"tax", b"tix"),
        proof.entry.accountability_salt, person_closed=proof.entry.erased_digest,
    )), closed=True)  # fmt: skip
    forged = write_proof_file(ProofFile(index, proof.path, proof.checkpoint, layout.write_line(line)))
    with pytest.raises(VerificationFailed) as told:
        verify_proof(forged, ledger.public_key)
    assert told.value.fault is Fault.PROOF_BAD
    for wrong in (others, mine, 10**6):
        with pytest.raises(Refused, match="NOT_FOUND"):
            await own.proof(ME, None, wrong)
    assert (await own.proof(OTHER, None, others)).entry.leaf_index == others


def test_a_copy_may_not_close_a_person_part() -> None:
    line = layout.write_line(layout.Line(0, bytes(32), b"{}", bytes(32), person_closed=bytes(32)))
    assert layout.read_line(line, closed=True).person_closed == bytes(32)
    with pytest.raises(layout.NotALine):
        layout.read_line(line)


async def test_who_acts_for_the_person_sees_the_same_and_is_seen(own: OwnAccesses, ledger: SqlLedger) -> None:
    index = write(ledger, "refused")
    guardian = ActingFor("cn.resident-id", "", "guardian")
    page = await own.page(OTHER, guardian, EVERYTHING, "", 10)
    assert page.accesses[-1].leaf_index == index
    newest = (await own.page(ME, None, EVERYTHING, "", 10)).accesses[0]
    assert newest.outcome == "accesses_read"
    said = ledger.entry(newest.leaf_index)
    assert (said.account["relation"], said.account["what"]) == ("guardian", "accesses")
    assert (said.personal or {})["delegate"] == OTHER
    # The guardian's own list does not show it: it is about the other person.
    assert not (await own.page(OTHER, None, EVERYTHING, "", 10)).accesses


async def test_usage_is_counted_by_month_and_says_since_when(
    own: OwnAccesses, ledger: SqlLedger, clock: LedgerClock
) -> None:
    began = clock.at_ms
    write(ledger, "refused")
    write(ledger, "refused", "education")
    write(ledger, "refused")
    clock.at_ms += 40 * DAY_MS
    write(ledger, "released")
    usage = await own.usage(ME, None, began, 0)
    assert [(row.department, row.outcome, row.count) for row in usage.rows] == [
        ("tax", "released", 1),
        ("tax", "refused", 2),
        ("education", "refused", 1),
    ]
    assert (
        usage.rows[0].month_ms
        > usage.rows[1].month_ms
        == day_begins_ms((usage.rows[1].month_ms + 8 * 3_600_000) // DAY_MS)
    )
    assert usage.held_from_ms == began
