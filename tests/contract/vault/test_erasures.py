"""Erasures and notices on each database: one transaction, final, and complete only when the keys of copies are gone."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, text

from gateway.errors import Code, Refused
from gateway.vault.data_keys import KEK
from gateway.vault.erasure import DAY_MS, Erasure, Erasures, Held, Promised
from gateway.vault.notices import Notices
from gateway.vault.profile import Vault
from keys.errors import UnknownKey
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)


class Meeting(Vault):
    """A vault in which two erasures meet before either begins its transaction."""

    def __init__(self, engine: Engine, keks: Keyring, clock: FixedClock) -> None:
        super().__init__(engine, keks, clock)
        self._barrier = threading.Barrier(2)

    def erase(self, person_id: bytes, also: Callable[[Connection], bool] | None = None) -> bool:
        self._barrier.wait(10)
        return super().erase(person_id, also)


class Keks(Keyring):
    """A keyring whose old versions a test can destroy."""

    def destroy(self, version: int) -> None:
        del self._secrets[KEK][version]


@pytest.fixture
def keks() -> Keks:
    made = Keks()
    made.add(KEK, b"k" * 32)
    return made


@pytest.fixture
def vault(engine: Engine, keks: Keks, clock: FixedClock) -> Vault:
    with engine.begin() as connection:
        for table in ("vault_erasures", "vault_notices"):
            connection.execute(text(f"DELETE FROM {table}"))
    return Vault(engine, keks, clock)


@pytest.fixture
def erasures(engine: Engine, vault: Vault, keks: Keks, clock: FixedClock) -> Erasures:
    return Erasures(engine, vault, keks, clock, copies_days=7, notice_days=3)


def erase(erasures: Erasures, entry: int, recipients: Mapping[str, Sequence[int]]) -> Erasure:
    """An erasure whose entry is of this very moment."""
    erased = erasures.erase(PERSON, Promised(entry, erasures._clock.now_ms()), recipients=recipients)
    assert erased is not None
    return erased


def test_an_erasure_takes_key_and_fields_of_one_person_and_says_what_was_there(
    vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    vault.set_field(PERSON, "email", "wang@example.com")
    vault.set_field(OTHER, "phone", "13900139000")
    assert erasures.held(PERSON) == Held(1, ("email", "phone"))
    erased = erase(erasures, 5, {})
    assert (erased.fields, erased.key_id, erased.kek_version, erased.entry) == (("email", "phone"), 1, 1, 5)
    assert erased.complete_by_ms == clock.at_ms + 7 * DAY_MS
    assert vault.fields(PERSON) == []
    assert erasures.held(PERSON) is None
    assert [f.value for f in vault.fields(OTHER)] == ["13900139000"]


def test_the_same_entry_again_changes_nothing_even_after_a_new_profile(vault: Vault, erasures: Erasures) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    first = erase(erasures, 5, {"education": [1]})
    vault.set_field(PERSON, "phone", "13800138001")
    assert erase(erasures, 5, {"education": [1]}) == first
    assert [f.value for f in vault.fields(PERSON)] == ["13800138001"]


def test_an_erasure_is_complete_when_no_key_is_left_that_wrapped_a_copy(
    vault: Vault, erasures: Erasures, keks: Keks
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    keks.add(KEK, b"l" * 32)
    erased = erase(erasures, 5, {})
    assert (erased.kek_version, erased.complete) == (2, False)
    keks.add(KEK, b"m" * 32)
    keks.destroy(1)
    assert not erasures.newest()[0].complete
    keks.destroy(2)
    assert erasures.newest()[0].complete


def test_nothing_is_erased_without_key_encryption_keys(vault: Vault, erasures: Erasures, keks: Keks) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    keks.destroy(1)
    keks._secrets.pop(KEK)
    with pytest.raises(UnknownKey):
        erase(erasures, 5, {})
    keks.add(KEK, b"k" * 32)
    assert [f.value for f in vault.fields(PERSON)] == ["13800138000"]
    assert erasures.newest() == []


def test_the_last_erasure_before_an_entry_is_one_by_which_departments_were_told(
    engine: Engine, vault: Vault, erasures: Erasures
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    erase(erasures, 5, {})
    assert [erasures.before(PERSON, entry) for entry in (4, 5, 6)] == [-1, -1, 5]
    assert erasures.before(OTHER, 6) == -1
    with engine.begin() as connection:
        connection.execute(text("UPDATE vault_erasures SET entry = -1"))
    assert erasures.before(PERSON, 6) == -1


def test_each_department_has_its_own_notice_until_it_acknowledges(
    engine: Engine, vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    notices = Notices(engine, clock)
    vault.set_field(PERSON, "phone", "13800138000")
    erased = erase(erasures, 9, {"housing": [2], "education": [1, 3]})
    assert erased.notices == 2
    [mine] = notices.open_of("education", 10)
    assert (mine.entries, mine.due_ms, mine.kind) == ((1, 3), clock.at_ms + 3 * DAY_MS, "erase")
    with pytest.raises(Refused) as refused:
        notices.acknowledge("housing", mine.notice_id, "spiffe://x")
    assert refused.value.code is Code.NOT_FOUND
    clock.at_ms += 5
    done = notices.acknowledge("education", mine.notice_id, "spiffe://school")
    clock.at_ms += 5
    assert notices.acknowledge("education", mine.notice_id, "spiffe://other") == done
    assert (done.acknowledged_ms, done.acknowledged_by) == (clock.at_ms - 5, "spiffe://school")
    assert notices.open_of("education", 10) == []
    assert [notice.department for notice in notices.of_erasure(erased.erasure_id)] == ["education", "housing"]


@pytest.mark.parametrize("entries", [(5, 5), (5, 6), (6, 5)])
def test_two_erasures_of_one_person_at_once_are_one_with_one_notice(
    engine: Engine, vault: Vault, keks: Keks, clock: FixedClock, entries: tuple[int, int]
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    both = Erasures(engine, Meeting(engine, keks, clock), keks, clock, copies_days=7, notice_days=3)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda entry: erase(both, entry, {"education": [1]}), entries)
    assert first == second
    assert both.newest() == [first]
    assert len(Notices(engine, clock).open_of("education", 10)) == 1
    assert not any(both.is_open(PERSON, Promised(entry, clock.at_ms)) for entry in entries)


def test_what_was_entered_after_an_erasure_that_is_carried_out_late_stays(
    vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    late, key = Promised(5, clock.at_ms), Promised(6, clock.at_ms + 9, key_id=1)
    clock.at_ms += 1
    vault.set_field(PERSON, "phone", "13800138000")
    assert not erasures.is_open(PERSON, late)
    assert erasures.erase(PERSON, late, recipients={"education": [1]}) is None
    # Whoever saw the key before the entry goes by the key, whatever the clock says.
    assert erasures.is_open(PERSON, Promised(5, clock.at_ms - 1, key_id=1))
    erase(erasures, 7, {})
    vault.set_field(PERSON, "phone", "13800138001")
    assert erasures.erase(PERSON, key, recipients={}) == erasures.newest()[0]
    assert [f.value for f in vault.fields(PERSON)] == ["13800138001"]
    assert [one.entry for one in erasures.newest()] == [7]


def test_an_entry_before_a_later_erasure_is_not_carried_out_any_more(
    vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    erase(erasures, 9, {})
    vault.set_field(PERSON, "phone", "13800138001")
    # By its time the entry is as new as the key: only the later erasure tells.
    assert not erasures.is_open(PERSON, Promised(5, clock.at_ms))
    assert erase(erasures, 5, {}).entry == 9
    assert [f.value for f in vault.fields(PERSON)] == ["13800138001"]
    assert erasures.is_open(PERSON, Promised(10, clock.at_ms))


def test_an_erasure_taken_over_from_a_register_does_not_stand_for_one_on_the_log(
    engine: Engine, vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    erase(erasures, 4, {})
    with engine.begin() as connection:
        connection.execute(text("UPDATE vault_erasures SET entry = -1"))
    # The restored log has the entry, and nobody was told yet.
    assert erase(erasures, 5, {"education": [1]}).notices == 1
