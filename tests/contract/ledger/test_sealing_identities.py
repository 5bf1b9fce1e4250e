"""Identities are sealed once for each key, however many ask, on every database; rows are never believed."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import Engine, update

from gateway.audit.entries import EntryDraft
from gateway.audit.epochs import Lineage
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.auditors.identities import Identities
from gateway.auditors.tables import EPOCH, IDENTITIES
from gateway.detection.stored_relations import StoredRelations
from gateway.detection.tokens import Tokens
from gateway.errors import Refused
from gateway.exchange.erase_identity import EraseIdentity
from gateway.exchange.open_identity import OpenIdentity, Wanted
from gateway.exchange.record import Record
from gateway.exchange.seal_identities import SealIdentities
from gateway.identity.issuers import Role
from gateway.identity.people import Person
from gateway.storage.database import write_transaction
from keys import canonical
from keys.identities import Place, Whose, open_identity
from keys.log.checkpoints import Checkpoint, parse_checkpoint, sign_checkpoint
from keys.log.custodians import sign_statement
from keys.log.epochs import EpochStatement, next_origin
from keys.log.notes import NoteSigner, split_note
from keys.sealing import SealingKey
from policies.civil_time import DAY_MS
from tests.support.ledgers import NOTE_KEY, ORIGIN, LedgerClock, encode_promise, ledger_keys, storage_fault

KEY, NEWER = SealingKey.generate(), SealingKey.generate()
SCHEME, ALICE, BO = "cn.resident-id", b"a" * 16, b"b" * 16
NAMES = {ALICE: "11010519491231002X", BO: "440524188001010014"}
AUDITOR = Person(frozenset({Role.AUDITOR}), "issuer", "c" * 64, "", None, "", subject="auditor-1")


class OneAuditor:
    """Every token is the auditor's."""

    def authenticate(self, _bearer: str) -> Person:
        return AUDITOR


@pytest.fixture
def seals(engine: Engine, ledger: SqlLedger, clock: LedgerClock) -> SealIdentities:
    with write_transaction(engine) as connection:
        connection.execute(IDENTITIES.delete())
        connection.execute(EPOCH.delete())
    put_in_force(ledger, KEY)
    return SealIdentities(engine, ledger, Record(ledger), clock, again_days=365)


def put_in_force(ledger: SqlLedger, key: SealingKey | None) -> None:
    public = "" if key is None else canonical.to_text(key.public)
    ledger.append_blocking(EntryDraft(Kind.IDENTITY_KEY_SET, {"public": public}, riders=(Identities.changed,)))


def opening(engine: Engine, ledger: SqlLedger, seals: SealIdentities) -> OpenIdentity:
    return OpenIdentity(OneAuditor(), seals, Record(ledger), ledger, 100)  # type: ignore[arg-type]


async def seal(seals: SealIdentities, who: bytes = ALICE) -> None:
    await seals.person(SCHEME, NAMES[who], who)


def sealed(ledger: SqlLedger, who: bytes = ALICE) -> list[int]:
    return ledger.indexes_about(who, Kind.IDENTITY_SEALED, 0)


async def test_of_many_at_once_one_seals_and_the_others_find_it_sealed(
    engine: Engine, ledger: SqlLedger, clock: LedgerClock, seals: SealIdentities
) -> None:
    another_process = SealIdentities(engine, ledger, Record(ledger), clock, again_days=365)
    await asyncio.gather(*(seal(one) for one in (seals, another_process) for _ in range(10)))
    (index,) = sealed(ledger)
    personal = ledger.entry(index).personal
    assert personal is not None
    ciphertext = canonical.from_text(personal["sealed"])
    assert open_identity(KEY, Place(ORIGIN, Whose.PERSON, ALICE, SCHEME), ciphertext).name == NAMES[ALICE]


async def test_another_process_that_changes_the_key_is_followed_with_the_next_request(
    ledger: SqlLedger, seals: SealIdentities
) -> None:
    await seal(seals)
    put_in_force(ledger, NEWER)
    await seal(seals)
    assert [ledger.entry(i).account["key"] for i in sealed(ledger)] == [KEY.key_id.hex(), NEWER.key_id.hex()]
    put_in_force(ledger, None)
    await seal(seals, BO)
    assert sealed(ledger, BO) == []


async def test_what_was_sealed_long_ago_is_sealed_again_and_everything_goes_with_the_person(
    engine: Engine, ledger: SqlLedger, clock: LedgerClock, seals: SealIdentities
) -> None:
    await seal(seals)
    clock.at_ms += 364 * DAY_MS
    await seal(seals)
    assert len(sealed(ledger)) == 1
    clock.at_ms += DAY_MS
    for again in (seals, SealIdentities(engine, ledger, Record(ledger), clock, again_days=365)):
        await seal(again)
    first, second = sealed(ledger)
    found = await opening(engine, ledger, seals)("", Wanted(Whose.PERSON, ALICE.hex()), "why", [KEY.key_id])
    assert found.sealed_entry == second
    erase = EraseIdentity(
        ledger, Identities(engine), StoredRelations(engine, Tokens(b"k" * 32), clock, budget=1, kept_days=1)
    )
    assert await asyncio.to_thread(erase, ALICE, ledger.size()) == 2
    assert [ledger.entry(index).personal for index in (first, second)] == [None, None]
    # Known as sealed no more, here and elsewhere.
    await seal(seals)
    assert len(sealed(ledger)) == 1


async def test_an_identity_opens_under_the_log_s_first_name_after_a_new_epoch_began(
    engine: Engine, ledger: SqlLedger, clock: LedgerClock, seals: SealIdentities
) -> None:
    await seal(seals)
    ledger.stop()
    head = parse_checkpoint(split_note(ledger.checkpoint())[0])
    restored = Checkpoint(ORIGIN, head.size, head.root)
    signer = NoteSigner(next_origin(ORIGIN, 2), b"2" * 32)
    begins = EpochStatement(
        number=2,
        origin=signer.name,
        key=signer.vkey,
        previous_origin=ORIGIN,
        previous_key=NOTE_KEY.vkey,
        previous_statement=b"",
        restored_size=restored.size,
        restored_root=restored.root,
        last=sign_checkpoint(NOTE_KEY, restored),
        time_ms=clock.now_ms(),
        reason="a disk failed",
    )
    keys = replace(ledger_keys(), note=signer)
    custodian = NoteSigner("gov.example/custodian", b"c" * 32)
    lineage = Lineage(ORIGIN, [sign_statement(begins.text(), custodian)])
    goes_on = SqlLedger(engine, keys, ORIGIN, clock, encode_promise, lineage=lineage)
    goes_on.start()
    try:
        later = SealIdentities(engine, goes_on, Record(goes_on), clock, again_days=365)
        await seal(later, BO)
        given = opening(engine, goes_on, later)
        for who in (ALICE, BO):
            found = await given("", Wanted(Whose.PERSON, who.hex()), "why", [KEY.key_id])
            assert open_identity(KEY, found.place, found.sealed).name == NAMES[who]
    finally:
        goes_on.stop()


async def test_rows_that_are_gone_or_moved_hide_no_identity_and_mix_none_up(
    engine: Engine, ledger: SqlLedger, seals: SealIdentities
) -> None:
    await seal(seals)
    await seal(seals, BO)
    (of_bo,) = sealed(ledger, BO)
    given = opening(engine, ledger, seals)
    for change in (update(IDENTITIES).values(leaf_index=of_bo), IDENTITIES.delete()):
        with write_transaction(engine) as connection:
            connection.execute(change)
        for who in (ALICE, BO):
            found = await given("", Wanted(Whose.PERSON, who.hex()), "why", [KEY.key_id])
            assert open_identity(KEY, found.place, found.sealed).name == NAMES[who]


async def test_a_row_that_was_made_up_keeps_nobody_from_being_sealed(
    engine: Engine, ledger: SqlLedger, clock: LedgerClock, seals: SealIdentities
) -> None:
    await seal(seals)
    (of_alice,) = sealed(ledger)
    for place in (of_alice, 0, 10_000):
        with write_transaction(engine) as connection:
            connection.execute(IDENTITIES.delete())
            row = {"token": ledger.token(BO), "key_id": KEY.key_id, "leaf_index": place, "sealed_ms": clock.at_ms}
            connection.execute(IDENTITIES.insert().values(row))
        before = len(sealed(ledger, BO))
        fresh = SealIdentities(engine, ledger, Record(ledger), clock, again_days=365)
        await seal(fresh, BO)
        await seal(fresh, BO)
        assert len(sealed(ledger, BO)) == before + 1


async def test_of_an_official_and_a_person_with_one_id_each_opens_as_what_it_is(
    engine: Engine, ledger: SqlLedger, seals: SealIdentities
) -> None:
    await seals.official(AUDITOR)
    given = opening(engine, ledger, seals)
    official = await given("", Wanted(Whose.OFFICIAL, AUDITOR.subject_key), "why", [KEY.key_id])
    assert open_identity(KEY, official.place, official.sealed).name == AUDITOR.subject


async def test_what_cannot_be_put_on_the_log_is_neither_sealed_nor_given_out(
    engine: Engine, ledger: SqlLedger, seals: SealIdentities
) -> None:
    await seal(seals)
    await seals.official(AUDITOR)
    before = ledger.size()
    counted = "INSERT INTO temp.audit_append" if engine.dialect.name == "sqlite" else "INSERT INTO audit_entries"
    for prefix, attempt in (
        ("INSERT INTO audit_entries", seal(seals, BO)),
        (counted, opening(engine, ledger, seals)("", Wanted(Whose.PERSON, ALICE.hex()), "why", [KEY.key_id])),
    ):
        with storage_fault(engine, prefix) as fault:
            fault.before = 1
            with pytest.raises(Refused) as refused:
                await attempt
            assert refused.value.reason == "LEDGER_UNAVAILABLE"
    assert ledger.size() == before
    await seal(seals, BO)
    assert len(sealed(ledger, BO)) == 1
