"""Requests to a department to correct what it verified, on each database."""

from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault.corrections import KEPT, Corrections, CorrectionStatus
from gateway.vault.profile import Vault
from gateway.vault.provenance import FieldStatus, Mark, Source, Superseded
from gateway.vault.search import BlindIndexes
from gateway.vault.verified import AHEAD_MS
from gateway.vault.views import Verified
from keys.errors import BadEnvelope
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)
WRONG, RIGHT = "13900139000", "13700137000"
TABLE = SQLModel.metadata.tables["vault_corrections"]


@pytest.fixture
def corrections(engine: Engine, keyring: Keyring, clock: FixedClock) -> Corrections:
    return Corrections(engine, keyring, clock, BlindIndexes(keyring))


@pytest.fixture(autouse=True)
def verified(vault: Vault) -> None:
    for person in (PERSON, OTHER):
        vault.record(person, "phone", Verified(WRONG, "civil", "HZ-77"))


def refused_code(call: Any, *arguments: Any) -> Code:
    with pytest.raises(Refused) as refused:
        call(*arguments)
    return refused.value.code


def test_a_request_reaches_the_department_that_verified_the_field_and_no_other(corrections: Corrections) -> None:
    made = corrections.submit(PERSON, "phone", "137 0013 7000", "  I changed\nit ")
    assert (made.proposal, made.reason, made.department, made.record) == (RIGHT, "I changed it", "civil", "HZ-77")
    assert made.status is CorrectionStatus.SUBMITTED
    assert corrections.mine(PERSON) == [made]
    assert corrections.mine(OTHER) == []
    (waiting,) = corrections.waiting("civil", None, 10)
    assert (waiting.person_id, waiting.correction) == (PERSON, made)
    assert corrections.waiting("post", None, 10) == []
    assert refused_code(corrections.one_waiting, "post", made.id) is Code.NOT_FOUND
    assert not [word for word in (RIGHT, "I changed it", "HZ-77") if word in repr(made)]


def test_only_what_a_department_verified_is_corrected_there(corrections: Corrections, vault: Vault) -> None:
    vault.set_field(PERSON, "email", "a@example.org")
    assert refused_code(corrections.submit, PERSON, "email", "b@example.org", "why") is Code.NOT_AT_A_SOURCE
    assert refused_code(corrections.submit, PERSON, "bank_account", "12345678", "why") is Code.NOT_FOUND
    assert refused_code(corrections.submit, PERSON, "nickname", "x", "why") is Code.UNKNOWN_FIELD
    assert refused_code(corrections.submit, PERSON, "phone", "12", "why") is Code.BAD_REQUEST
    assert refused_code(corrections.submit, PERSON, "phone", RIGHT, " ") is Code.BAD_REQUEST
    assert corrections.mine(PERSON) == []


def test_one_request_waits_per_field(corrections: Corrections) -> None:
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    assert refused_code(corrections.submit, PERSON, "phone", RIGHT, "why") is Code.ALREADY_EXISTS
    corrections.withdraw(PERSON, made.id)
    assert corrections.submit(PERSON, "phone", RIGHT, "why").status is CorrectionStatus.SUBMITTED


def test_accepting_puts_the_departments_new_word_into_the_profile_and_ends_the_dispute(
    corrections: Corrections, vault: Vault, clock: FixedClock
) -> None:
    vault.mark(PERSON, "phone", Mark.DISPUTE, "wrong")
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    clock.at_ms += 10
    word = Verified(RIGHT, "civil", "HZ-78", last_updated_ms=clock.at_ms)
    decided = corrections.accept("civil", made.id, word, "thank you")
    assert (decided.status, decided.note, decided.changed_ms) == (
        CorrectionStatus.ACCEPTED,
        "thank you",
        clock.at_ms,
    )
    now = vault.field(PERSON, "phone")
    assert now is not None
    assert (now.value, now.source, now.status, now.source_record) == (
        RIGHT,
        Source.GOVERNMENT_VERIFIED,
        FieldStatus.ACTIVE,
        "HZ-78",
    )
    assert [past.superseded for past in vault.history(PERSON, "phone")] == [Superseded.CORRECTED]
    assert corrections.mine(PERSON) == [decided]
    assert corrections.waiting("civil", None, 10) == []


def test_accepting_in_words_but_not_in_deeds_changes_nothing(
    corrections: Corrections, vault: Vault, clock: FixedClock
) -> None:
    vault.record(PERSON, "phone", Verified(WRONG, "civil", last_updated_ms=clock.at_ms))
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    older = Verified(RIGHT, "civil", last_updated_ms=clock.at_ms - 1)
    assert refused_code(corrections.accept, "civil", made.id, older, "") is Code.BAD_REQUEST
    assert corrections.mine(PERSON)[0].status is CorrectionStatus.SUBMITTED
    found = vault.field(PERSON, "phone")
    assert found is not None
    assert found.value == WRONG


def test_a_word_as_of_now_prevails_over_one_that_is_dated_ahead(
    corrections: Corrections, vault: Vault, clock: FixedClock
) -> None:
    ahead_ms = clock.at_ms + AHEAD_MS
    vault.record(PERSON, "phone", Verified(WRONG, "civil", last_updated_ms=ahead_ms))
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    assert corrections.accept("civil", made.id, Verified(RIGHT, "civil"), "").status is CorrectionStatus.ACCEPTED
    found = vault.field(PERSON, "phone")
    assert found is not None
    assert (found.value, found.last_updated_ms) == (RIGHT, ahead_ms)
    clock.at_ms = ahead_ms + 1
    made = corrections.submit(PERSON, "phone", WRONG, "why")
    corrections.accept("civil", made.id, Verified(WRONG, "civil"), "")
    found = vault.field(PERSON, "phone")
    assert found is not None
    assert (found.value, found.last_updated_ms) == (WRONG, clock.at_ms)


def test_rejecting_needs_a_reason_and_leaves_field_and_dispute(corrections: Corrections, vault: Vault) -> None:
    vault.mark(PERSON, "phone", Mark.DISPUTE, "wrong")
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    assert refused_code(corrections.reject, "civil", made.id, "") is Code.BAD_REQUEST
    assert corrections.reject("civil", made.id, "our record is right").status is CorrectionStatus.REJECTED
    found = vault.field(PERSON, "phone")
    assert found is not None
    assert (found.value, found.status) == (WRONG, FieldStatus.DISPUTED)


def test_a_request_is_decided_once_and_by_who_may(corrections: Corrections) -> None:
    made = corrections.submit(PERSON, "phone", RIGHT, "why")
    assert refused_code(corrections.withdraw, OTHER, made.id) is Code.NOT_FOUND
    assert refused_code(corrections.reject, "post", made.id, "no") is Code.NOT_FOUND
    assert refused_code(corrections.reject, "civil", b"short", "no") is Code.BAD_REQUEST
    corrections.withdraw(PERSON, made.id)
    for attempt in (
        lambda: corrections.withdraw(PERSON, made.id),
        lambda: corrections.reject("civil", made.id, "no"),
        lambda: corrections.accept("civil", made.id, Verified(RIGHT, "civil"), ""),
        lambda: corrections.one_waiting("civil", made.id),
    ):
        assert refused_code(attempt) is Code.ALREADY_DECIDED


def test_what_waits_is_paged_oldest_first(corrections: Corrections, vault: Vault, clock: FixedClock) -> None:
    people = [bytes([number]) * 16 for number in range(1, 6)]
    for person in people:
        vault.record(person, "phone", Verified(WRONG, "civil"))
        clock.at_ms += person[0] % 2
        corrections.submit(person, "phone", RIGHT, "why")
    seen: list[bytes] = []
    after = None
    while page := corrections.waiting("civil", after, 2):
        seen += [one.person_id for one in page]
        after = (page[-1].correction.created_ms, page[-1].correction.id)
    assert sorted(seen) == people
    assert len(seen) == 5


def test_what_is_kept_of_a_person_is_bounded_and_what_waits_is_not_lost(
    corrections: Corrections, vault: Vault, clock: FixedClock
) -> None:
    vault.record(PERSON, "mailing_address", Verified("北京市朝阳区建国路88号", "civil"))
    waits = corrections.submit(PERSON, "mailing_address", "北京市朝阳区建国路99号", "moved")
    for _ in range(KEPT + 3):
        clock.at_ms += 1
        corrections.withdraw(PERSON, corrections.submit(PERSON, "phone", RIGHT, "why").id)
    mine = corrections.mine(PERSON)
    assert len(mine) == KEPT
    assert mine[-1] == waits
    assert [one.created_ms for one in mine] == sorted((one.created_ms for one in mine), reverse=True)


@pytest.mark.parametrize(
    "change", [{"department": "post"}, {"status": "accepted"}, {"created_ms": 1}, {"person_id": OTHER}, {"version": 3}]
)
def test_a_row_that_was_changed_is_not_believed(
    engine: Engine, corrections: Corrections, change: dict[str, object]
) -> None:
    corrections.submit(PERSON, "phone", RIGHT, "why")
    with write_transaction(engine) as connection:
        connection.execute(update(TABLE).values(change))
    owner = OTHER if "person_id" in change else PERSON
    with pytest.raises(BadEnvelope):
        corrections.mine(owner)


def test_what_was_written_is_sealed_and_goes_with_the_person(
    engine: Engine, corrections: Corrections, vault: Vault
) -> None:
    made = corrections.submit(PERSON, "phone", RIGHT, "my-own-words")
    with engine.connect() as connection:
        (row,) = connection.execute(select(TABLE)).all()
    dump = b"".join(bytes(v) if isinstance(v, bytes) else str(v).encode() for v in row)
    assert b"civil" in dump, "the search must be able to find what is there"
    for secret in (RIGHT, "my-own-words", "HZ-77", "phone"):
        assert secret.encode() not in dump
    vault.erase(PERSON)
    assert corrections.mine(PERSON) == []
    assert corrections.waiting("civil", None, 10) == []
    assert refused_code(corrections.withdraw, PERSON, made.id) is Code.NOT_FOUND
    with engine.connect() as connection:
        assert connection.execute(select(TABLE)).all() == []
