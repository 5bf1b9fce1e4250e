"""Erasures and notices on each database: one transaction, final, and complete only when the keys of copies are gone."""

import pytest
from sqlalchemy import Engine, text

from gateway.errors import Code, Refused
from gateway.vault.data_keys import KEK
from gateway.vault.erasure import DAY_MS, Erasures
from gateway.vault.notices import Notices
from gateway.vault.profile import Vault
from keys.errors import UnknownKey
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)


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


def test_an_erasure_takes_key_and_fields_of_one_person_and_says_what_was_there(
    vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    vault.set_field(PERSON, "email", "wang@example.com")
    vault.set_field(OTHER, "phone", "13900139000")
    assert erasures.fields_of(PERSON) == ("email", "phone")
    erased = erasures.erase(PERSON, entry=5, recipients={})
    assert (erased.fields, erased.key_id, erased.kek_version, erased.entry) == (("email", "phone"), 1, 1, 5)
    assert erased.complete_by_ms == clock.at_ms + 7 * DAY_MS
    assert vault.fields(PERSON) == []
    assert erasures.fields_of(PERSON) is None
    assert [f.value for f in vault.fields(OTHER)] == ["13900139000"]


def test_the_same_entry_again_changes_nothing_even_after_a_new_profile(vault: Vault, erasures: Erasures) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    first = erasures.erase(PERSON, entry=5, recipients={"education": [1]})
    vault.set_field(PERSON, "phone", "13800138001")
    assert erasures.erase(PERSON, entry=5, recipients={"education": [1]}) == first
    assert [f.value for f in vault.fields(PERSON)] == ["13800138001"]


def test_an_erasure_is_complete_when_no_key_is_left_that_wrapped_a_copy(
    vault: Vault, erasures: Erasures, keks: Keks
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    keks.add(KEK, b"l" * 32)
    erased = erasures.erase(PERSON, entry=5, recipients={})
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
        erasures.erase(PERSON, entry=5, recipients={})
    keks.add(KEK, b"k" * 32)
    assert [f.value for f in vault.fields(PERSON)] == ["13800138000"]
    assert erasures.newest() == []


def test_an_erasure_counts_only_for_what_was_asked_before_it(vault: Vault, erasures: Erasures) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    erasures.erase(PERSON, entry=5, recipients={})
    assert erasures.since(PERSON, 4)
    assert not erasures.since(PERSON, 5)
    assert not erasures.since(OTHER, 0)


def test_each_department_has_its_own_notice_until_it_acknowledges(
    engine: Engine, vault: Vault, erasures: Erasures, clock: FixedClock
) -> None:
    notices = Notices(engine, clock)
    vault.set_field(PERSON, "phone", "13800138000")
    erased = erasures.erase(PERSON, entry=9, recipients={"housing": [2], "education": [1, 3]})
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
