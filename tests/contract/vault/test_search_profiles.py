"""The operator's search and the ledger: on it before anyone is looked for, and nobody is told whose entry is not."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.exchange.search_profiles import SearchProfiles
from gateway.vault.profile import Vault
from gateway.vault.search import BLIND_INDEX, BlindIndexes
from keys.blind_index import Plan
from keys.errors import UnknownKey
from keys.keyring.keyring import Keyring
from tests.support.index_node import FixedClock
from tests.support.ledgers import make_ledger, storage_fault

PHONE = "13800138000"
HOLDERS = [b"person-1".ljust(16), b"person-2".ljust(16)]


@pytest.fixture
def ledger(engine: Engine) -> Iterator[SqlLedger]:
    with engine.begin() as connection:
        for table in ("audit_entries", "audit_checkpoints", "audit_marks"):
            connection.execute(text(f"DELETE FROM {table}"))
    made = make_ledger(engine)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def searchable(engine: Engine, keyring: Keyring, clock: FixedClock) -> Vault:
    """A vault that can be searched by telephone as soon as the keyring has an index key."""
    return Vault(engine, keyring, clock, search=BlindIndexes(keyring, Plan({"phone": 4}, 1000, 2.0)))


@pytest.fixture
def holders(keyring: Keyring, searchable: Vault) -> Vault:
    """The same with two people who have one telephone."""
    keyring.add(BLIND_INDEX, b"i" * 32)
    for person_id in HOLDERS:
        searchable.set_field(person_id, "phone", PHONE)
    return searchable


def kinds(ledger: SqlLedger) -> list[str]:
    return [ledger.entry(index).kind for index in range(ledger.size())]


def unavailable(search: SearchProfiles) -> None:
    with pytest.raises(Refused) as refused:
        search("phone", PHONE, "letter 7")
    assert refused.value.code is Code.LEDGER_UNAVAILABLE
    told = repr(refused.value) + repr(refused.value.facts)
    assert not any(person_id.hex() in told for person_id in HOLDERS)


def test_everyone_who_is_found_is_on_the_ledger_and_the_value_is_not(holders: Vault, ledger: SqlLedger) -> None:
    assert SearchProfiles(holders, ledger)("phone", PHONE, "letter 7") == HOLDERS
    assert kinds(ledger) == ["profiles_searched", "profile_found", "profile_found"]
    entries = [ledger.entry(index) for index in range(3)]
    assert [entry.personal for entry in entries[1:]] == [{"person": person_id.hex()} for person_id in HOLDERS]
    assert PHONE not in b"".join(entry.accountability + entry.person for entry in entries).decode()


def test_a_search_is_on_the_ledger_before_anyone_is_looked_for(searchable: Vault, ledger: SqlLedger) -> None:
    # Without an index key nobody can be looked for; the search was on the ledger by then.
    with pytest.raises(UnknownKey):
        SearchProfiles(searchable, ledger)("phone", PHONE, "letter 7")
    assert kinds(ledger) == ["profiles_searched"]


def test_nobody_is_looked_for_when_the_search_cannot_be_recorded(searchable: Vault, ledger: SqlLedger) -> None:
    ledger.stop()
    # Looking would end with an unknown key, since there is none.
    unavailable(SearchProfiles(searchable, ledger))


@pytest.mark.parametrize("written", [0, 1, 2])
def test_no_id_is_told_when_one_entry_of_the_search_cannot_be_written(
    holders: Vault, ledger: SqlLedger, engine: Engine, written: int
) -> None:
    search = SearchProfiles(holders, ledger)
    with storage_fault(engine) as fault:
        fault.spared, fault.before = written, 1
        unavailable(search)
    assert kinds(ledger) == ["profiles_searched", "profile_found"][:written]
    assert search("phone", PHONE, "letter 7") == HOLDERS


def test_an_index_key_is_not_recorded_when_the_ledger_cannot_write(holders: Vault, ledger: SqlLedger) -> None:
    ledger.stop()
    with pytest.raises(Refused) as refused:
        SearchProfiles(holders, ledger).key_added(2)
    assert refused.value.code is Code.LEDGER_UNAVAILABLE
