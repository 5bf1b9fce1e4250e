"""Searching profiles by blind index on each database: who is found, what is left, and what the rows tell."""

from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text, update
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault import search
from gateway.vault.corrections import Corrections
from gateway.vault.data_keys import KEK
from gateway.vault.profile import Vault
from gateway.vault.provenance import UnavailableReason
from gateway.vault.search import BLIND_INDEX, BlindIndexes
from gateway.vault.views import Verified
from keys.blind_index import BlindIndex, NoPlan, Plan
from keys.errors import KeysError, UnknownKey
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock

PHONE = "13800138000"
INDEX = SQLModel.metadata.tables["vault_blind_index"]
FIELDS = SQLModel.metadata.tables["vault_fields"]
MakeVault = Callable[..., Vault]


@pytest.fixture
def keyring() -> Keyring:
    made = Keyring()
    made.add(KEK, b"k" * 32)
    made.add(BLIND_INDEX, b"i" * 32)
    return made


@pytest.fixture
def vault_with(engine: Engine, keyring: Keyring, clock: FixedClock) -> MakeVault:
    def make(**bits: int) -> Vault:
        return Vault(engine, keyring, clock, search=BlindIndexes(keyring, Plan(bits, 1000, 2.0)))

    return make


@pytest.fixture
def vault(vault_with: MakeVault) -> Vault:
    return vault_with(phone=4, email=4)


def person(number: int) -> bytes:
    return f"person-{number}".encode().ljust(16)


def number(n: int) -> str:
    return str(13_800_138_000 + n)


def rows(engine: Engine) -> dict[tuple[bytes, str], tuple[int, int, int]]:
    with engine.connect() as connection:
        found = connection.execute(select(INDEX)).all()
    return {(bytes(row.person_id), row.field): (row.key_version, row.bits, row.value) for row in found}


def indexed(vault: Vault) -> int:
    """Do all there is to do; how many fields were done."""
    done = 0
    while more := vault.reindexing.step(3):
        done += more
    return done


def test_only_those_who_hold_the_value_are_found_among_many_who_share_its_index_value(
    engine: Engine, vault: Vault
) -> None:
    for n in range(40):
        vault.set_field(person(n), "phone", number(n))
    vault.set_field(person(40), "phone", "+86 " + number(7))
    with engine.connect() as connection:
        candidates = BlindIndexes(vault._keks, vault._search.plan).candidates(connection, "phone", number(7))
    assert len(candidates) > 2, "values must share index values"
    assert vault.find("phone", number(7)) == sorted([person(7), person(40)])
    assert vault.find("phone", " 138-0013 8007 ") == sorted([person(7), person(40)])
    assert vault.find("phone", number(999)) == []


def test_an_index_value_is_the_cut_hmac_and_equal_values_have_equal_ones(engine: Engine, vault: Vault) -> None:
    vault.set_field(person(1), "phone", PHONE)
    vault.set_field(person(2), "phone", PHONE)
    expected = (1, 4, BlindIndex(b"i" * 32, "phone", 4).value(PHONE))
    assert rows(engine) == {(person(1), "phone"): expected, (person(2), "phone"): expected}
    assert 0 <= expected[2] < 16


def test_a_changed_value_is_found_under_the_new_one_only(vault: Vault, engine: Engine) -> None:
    vault.set_field(person(1), "phone", PHONE)
    vault.set_field(person(1), "phone", number(1))
    assert vault.find("phone", PHONE) == []
    assert vault.find("phone", number(1)) == [person(1)]
    assert len(rows(engine)) == 1


def test_a_departments_word_and_its_correction_are_found_under_the_new_value_only(
    engine: Engine, keyring: Keyring, clock: FixedClock, vault: Vault
) -> None:
    vault.set_field(person(1), "phone", number(1))
    vault.record(person(1), "phone", Verified(PHONE, "civil", "HZ-77"))
    assert (vault.find("phone", number(1)), vault.find("phone", PHONE)) == ([], [person(1)])
    corrections = Corrections(engine, keyring, clock, vault.search)
    made = corrections.submit(person(1), "phone", number(2), "my new number")
    corrections.accept("civil", made.id, Verified(number(2), "civil", "HZ-77"), "")
    assert (vault.find("phone", PHONE), vault.find("phone", number(2))) == ([], [person(1)])
    assert rows(engine) == {(person(1), "phone"): (1, 4, BlindIndex(b"i" * 32, "phone", 4).value(number(2)))}
    now_ms, nothing = clock.at_ms, UnavailableReason.NOT_COLLECTED
    vault.record(person(1), "phone", Verified(number(2), "civil", "HZ-77", last_updated_ms=now_ms + 2))
    vault.record(person(1), "phone", Verified(number(3), "post", "P-1", last_updated_ms=now_ms + 1))
    assert (vault.find("phone", number(3)), vault.find("phone", number(2))) == ([], [person(1)])
    vault.record(person(1), "phone", Verified(None, "civil", last_updated_ms=now_ms + 3, unavailable=nothing))
    assert rows(engine) == {}


def test_index_values_go_with_the_field_and_with_the_person(engine: Engine, vault: Vault) -> None:
    for n in (1, 2):
        vault.set_field(person(n), "phone", PHONE)
        vault.set_field(person(n), "email", "wang@example.com")
    vault.delete_field(person(1), "phone")
    assert set(rows(engine)) == {(person(1), "email"), (person(2), "phone"), (person(2), "email")}
    vault.erase(person(2))
    assert set(rows(engine)) == {(person(1), "email")}
    assert vault.find("phone", PHONE) == []


def test_a_refused_write_leaves_neither_field_nor_index_value(engine: Engine, vault: Vault) -> None:
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE vault_blind_index RENAME TO gone"))
    with pytest.raises(Exception, match="vault_blind_index"):
        vault.set_field(person(1), "phone", PHONE)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO vault_blind_index"))
    assert vault.fields(person(1)) == []


def test_a_field_that_is_not_searchable_is_refused_and_has_no_row(engine: Engine, vault_with: MakeVault) -> None:
    vault = vault_with(phone=4)
    vault.set_field(person(1), "email", "wang@example.com")
    assert rows(engine) == {}
    for field in ("email", "nickname"):
        with pytest.raises(Refused) as refused:
            vault.find(field, "wang@example.com")
        assert refused.value.code is Code.UNKNOWN_FIELD


def test_without_an_index_key_fields_are_kept_and_a_search_is_refused(engine: Engine, clock: FixedClock) -> None:
    keyring = Keyring()
    keyring.add(KEK, b"k" * 32)
    vault = Vault(engine, keyring, clock, search=BlindIndexes(keyring, Plan({"phone": 4}, 1000, 2.0)))
    vault.set_field(person(1), "phone", PHONE)
    with pytest.raises(UnknownKey):
        vault.find("phone", PHONE)
    with pytest.raises(Refused):
        vault.reindexing.step()
    keyring.add(BLIND_INDEX, b"i" * 32)
    assert indexed(vault) == 1
    assert vault.find("phone", PHONE) == [person(1)]


def test_fields_from_before_searching_was_on_are_indexed_a_few_at_a_time(engine: Engine, vault_with: MakeVault) -> None:
    before = vault_with()
    for n in range(8):
        before.set_field(person(n), "phone", number(n))
        before.set_field(person(n), "mailing_address", "北京市朝阳区建国路88号")
    vault = vault_with(phone=4)
    assert vault.reindexing.left() == 8
    assert vault.reindexing.step(3) == 3
    # Stopped here; another process goes on.
    again = vault_with(phone=4)
    assert (again.reindexing.left(), indexed(again), again.reindexing.left()) == (5, 5, 0)
    assert all(again.find("phone", number(n)) == [person(n)] for n in range(8))
    assert {field for _, field in rows(engine)} == {"phone"}


def test_everyone_is_found_while_key_and_length_change(
    engine: Engine, keyring: Keyring, vault_with: MakeVault, vault: Vault
) -> None:
    for n in range(8):
        vault.set_field(person(n), "phone", number(n))
    keyring.add(BLIND_INDEX, b"n" * 32)
    longer = vault_with(phone=6, email=4)
    while True:
        assert all(longer.find("phone", number(n)) == [person(n)] for n in range(8))
        assert all(vault.find("phone", number(n)) == [person(n)] for n in range(8))
        if not longer.reindexing.step(3):
            break
    assert {(version, bits) for version, bits, _ in rows(engine).values()} == {(2, 6)}


def test_a_value_that_a_person_changes_meanwhile_keeps_the_newer_index_value(
    vault_with: MakeVault, vault: Vault
) -> None:
    vault.set_field(person(1), "phone", PHONE)
    vault.set_field(person(2), "phone", number(2))
    longer = vault_with(phone=6, email=4)
    found = longer.reindexing._find((1, {"phone": 6, "email": 4}), 9)
    longer.set_field(person(1), "phone", number(5))
    longer.delete_field(person(2), "phone")
    with write_transaction(longer._engine) as connection:
        for person_id, field in found:
            longer.reindexing._one(connection, person_id, field)
    assert longer.find("phone", number(5)) == [person(1)]
    assert longer.find("phone", PHONE) == longer.find("phone", number(2)) == []


def test_rows_of_a_field_that_is_no_longer_searchable_go(engine: Engine, vault: Vault, vault_with: MakeVault) -> None:
    for n in range(5):
        vault.set_field(person(n), "phone", number(n))
        vault.set_field(person(n), "email", f"wang{n}@example.com")
    vault.set_field(person(0), "phone", number(9))
    less = vault_with(phone=4)
    less.set_field(person(0), "email", "new@example.com")
    assert (person(0), "email") not in rows(engine)
    assert indexed(less) == 4
    assert {field for _, field in rows(engine)} == {"phone"}


def test_a_field_that_does_not_open_holds_up_nobody_and_is_counted(
    engine: Engine, vault: Vault, vault_with: MakeVault
) -> None:
    for n in range(5):
        vault.set_field(person(n), "phone", number(n))
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).where(FIELDS.c.person_id == person(2)).values(version=9))
    longer = vault_with(phone=6)
    indexed(longer)
    assert longer.reindexing.unreadable == 1
    assert sum(bits == 6 for _, bits, _ in rows(engine).values()) == 4
    assert longer.find("phone", number(4)) == [person(4)]
    with pytest.raises(KeysError):
        longer.find("phone", number(2))


def test_more_candidates_than_a_search_may_open_are_refused(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(4):
        vault.set_field(person(n), "phone", PHONE)
    monkeypatch.setattr(search, "MOST_CANDIDATES", 3)
    with pytest.raises(NoPlan, match="phone: more than 3 profiles"):
        vault.find("phone", PHONE)
