"""Comparing a field with a register: yes or no, counted, on the ledger, and on yes the field is verified."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, text

from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.exchange.verify_field import PER_DAY, Compared, Comparison, VerifyField
from gateway.vault.profile import Vault
from gateway.vault.provenance import Source
from gateway.vault.views import Verified
from tests.support.ledgers import make_ledger, storage_fault
from tests.support.registers import ComparingRegister

ALICE = Subject("cn.resident-id", "11010519491231002X", (), b"person-1".ljust(16))
PHONE, OTHER_PHONE = "13800138000", "13900139000"
RESOURCE = "telecom.subscriber"


@pytest.fixture
def ledger(engine: Engine) -> Iterator[SqlLedger]:
    with engine.begin() as connection:
        for table in ("audit_entries", "audit_counters", "audit_checkpoints", "audit_marks"):
            connection.execute(text(f"DELETE FROM {table}"))
    made = make_ledger(engine)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def register() -> ComparingRegister:
    return ComparingRegister("telecom", {ALICE.canonical: PHONE})


@pytest.fixture
def verify(vault: Vault, ledger: SqlLedger, register: ComparingRegister) -> VerifyField:
    async def citizen(bearer: str) -> Subject:
        if bearer != "alice":
            raise Refused(Code.BAD_TOKEN)
        return ALICE

    return VerifyField(citizen, vault, register, Record(ledger))


async def refused_code(call: Any) -> Code:
    with pytest.raises(Refused) as refused:
        await call
    return refused.value.code


async def equal(verify: VerifyField) -> bool:
    found, _ = await verify("alice", "phone", RESOURCE)
    return found


async def exhausted(verify: VerifyField) -> bool:
    with pytest.raises(Refused) as refused:
        await verify("alice", "phone", RESOURCE)
    assert refused.value.retry_after_ms
    return (refused.value.code, refused.value.reason) == (Code.OVERLOADED, "GUESSES_EXHAUSTED")


def source(vault: Vault) -> Source:
    found = vault.field(ALICE.person_id, "phone")
    assert found is not None
    return found.source


async def test_a_yes_verifies_the_field_and_is_on_the_ledger_without_the_value(
    verify: VerifyField, vault: Vault, ledger: SqlLedger
) -> None:
    vault.set_field(ALICE.person_id, "phone", PHONE)
    assert await equal(verify)
    found = vault.field(ALICE.person_id, "phone")
    assert found is not None
    assert (found.source, found.source_department) == (Source.PLATFORM_VERIFIED, "telecom")
    assert found.verified_ms is not None
    before, after = (ledger.entry(index) for index in range(2))
    assert [before.kind, after.kind] == ["profile_compared"] * 2
    assert "outcome" not in before.account
    assert after.account["outcome"] == "equal"
    assert PHONE not in (before.accountability + before.person + after.accountability + after.person).decode()


async def test_a_no_changes_nothing_and_no_record_is_a_no(
    verify: VerifyField, vault: Vault, register: ComparingRegister
) -> None:
    vault.set_field(ALICE.person_id, "phone", OTHER_PHONE)
    assert not await equal(verify)
    register._records.clear()
    assert not await equal(verify)
    assert source(vault) is Source.USER_PROVIDED


async def test_guesses_run_out_and_then_nobody_is_asked(
    verify: VerifyField, vault: Vault, register: ComparingRegister
) -> None:
    for guess in range(PER_DAY):
        vault.set_field(ALICE.person_id, "phone", f"1390013900{guess}")
        assert not await equal(verify)
    vault.set_field(ALICE.person_id, "phone", PHONE)
    assert await exhausted(verify)
    assert len(register.asked) == PER_DAY
    assert source(vault) is Source.USER_PROVIDED


async def test_a_silent_register_changes_nothing_and_the_try_is_taken(
    verify: VerifyField, vault: Vault, register: ComparingRegister, ledger: SqlLedger
) -> None:
    vault.set_field(ALICE.person_id, "phone", PHONE)
    register.silent = True
    for _ in range(PER_DAY):
        assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.ALL_PROVIDERS_SILENT
    register.silent = False
    assert await exhausted(verify)
    last = ledger.entry(2 * PER_DAY - 1).account
    assert (last["outcome"], last["reason"]) == ("failed", "ALL_PROVIDERS_SILENT"), "what broke off is on the log too"
    assert source(vault) is Source.USER_PROVIDED


async def test_only_what_the_person_entered_is_compared(
    verify: VerifyField, vault: Vault, register: ComparingRegister
) -> None:
    assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.NOT_FOUND
    vault.set_not_applicable(ALICE.person_id, "phone")
    assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.NOT_FOUND
    vault.record(ALICE.person_id, "phone", Verified(PHONE, "civil"))
    assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.NOT_FOUND
    assert await refused_code(verify("mallory", "phone", RESOURCE)) is Code.BAD_TOKEN
    assert register.asked == []


async def test_without_a_ledger_nobody_is_asked(
    verify: VerifyField, vault: Vault, ledger: SqlLedger, register: ComparingRegister
) -> None:
    vault.set_field(ALICE.person_id, "phone", PHONE)
    ledger.stop()
    assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.LEDGER_UNAVAILABLE
    assert register.asked == []


async def test_a_yes_that_cannot_be_recorded_verifies_nothing(
    verify: VerifyField,
    vault: Vault,
    ledger: SqlLedger,
    register: ComparingRegister,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = vault.set_field(ALICE.person_id, "phone", PHONE)
    honest = register.compare
    with storage_fault(engine) as fault:

        async def answer_and_then_the_disk_is_full(question: Comparison) -> Compared:
            answer = await honest(question)
            assert answer.equal
            fault.before = 1
            return answer

        monkeypatch.setattr(register, "compare", answer_and_then_the_disk_is_full)
        assert await refused_code(verify("alice", "phone", RESOURCE)) is Code.LEDGER_UNAVAILABLE
    assert ledger.size() == 1, "the question is on the ledger, its outcome is not"
    assert vault.field(ALICE.person_id, "phone") == before
    assert vault.history(ALICE.person_id, "phone") == []
    monkeypatch.undo()
    assert await equal(verify)
    assert source(vault) is Source.PLATFORM_VERIFIED


async def test_a_question_shows_neither_value_nor_identifier(
    verify: VerifyField, vault: Vault, register: ComparingRegister
) -> None:
    vault.set_field(ALICE.person_id, "phone", PHONE)
    await verify("alice", "phone", RESOURCE)
    shown = repr(register.asked[0])
    assert PHONE not in shown
    assert ALICE.canonical not in shown


async def test_an_erasure_gives_no_new_guesses(verify: VerifyField, vault: Vault, register: ComparingRegister) -> None:
    for guess in range(PER_DAY):
        vault.set_field(ALICE.person_id, "phone", f"1390013900{guess}")
        assert not await equal(verify)
    vault.erase(ALICE.person_id)
    vault.set_field(ALICE.person_id, "phone", PHONE)
    assert await exhausted(verify)
    assert len(register.asked) == PER_DAY


async def test_a_comparison_goes_on_when_the_caller_leaves(
    verify: VerifyField, vault: Vault, register: ComparingRegister, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.set_field(ALICE.person_id, "phone", PHONE)
    honest, go = register.compare, asyncio.Event()

    async def slowly(question: Comparison) -> Compared:
        await go.wait()
        return await honest(question)

    monkeypatch.setattr(register, "compare", slowly)
    caller = asyncio.create_task(equal(verify))
    await asyncio.sleep(0.05)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go.set()
    await asyncio.gather(*verify._running)
    assert source(vault) is Source.PLATFORM_VERIFIED
