"""Moving a vault's fields to another suite, on each database: beside writers, after a stop, and to an end."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from sqlalchemy import Engine, select, update
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import reseal
from gateway.vault.corrections import Corrections
from gateway.vault.data_keys import KEK
from gateway.vault.profile import Vault
from gateway.vault.views import Verified
from keys.envelope import Suite, suite_of
from keys.errors import BadEnvelope, UnknownKey
from keys.keyring.keyring import Keyring
from policies.vocabulary import Form
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
PHONE = "13800138000"
NEWER = "13900139000"
FIELDS = SQLModel.metadata.tables["vault_fields"]
KEYS = SQLModel.metadata.tables["vault_keys"]


@pytest.fixture
def keyring() -> Keyring:
    made = Keyring()
    made.add(KEK, b"k" * 32)
    return made


@pytest.fixture
def aes(engine: Engine, keyring: Keyring, clock: FixedClock) -> Vault:
    return Vault(engine, keyring, clock, Suite.AES)


@pytest.fixture
def sm4(engine: Engine, keyring: Keyring, clock: FixedClock) -> Vault:
    return Vault(engine, keyring, clock, Suite.SM4)


def person(number: int) -> bytes:
    return number.to_bytes(2, "big").ljust(16, b"p")


def move_all(vault: Vault, limit: int) -> None:
    while vault.reseal(limit):
        pass


def suites(engine: Engine) -> list[Suite]:
    with engine.connect() as connection:
        return [suite_of(bytes(row.envelope)) for row in connection.execute(select(FIELDS))]


def rows_without_envelopes(engine: Engine) -> list[tuple[object, ...]]:
    columns = [column for column in FIELDS.c if column.name != "envelope"]
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(*columns[:2]))]


def test_a_vault_writes_in_its_suite_and_reads_both(engine: Engine, aes: Vault, sm4: Vault) -> None:
    aes.set_field(PERSON, "phone", PHONE)
    sm4.set_field(PERSON, "email", "wang@example.com")
    assert sorted(suites(engine)) == [Suite.AES, Suite.SM4]
    for vault in (aes, sm4):
        assert [f.value for f in vault.fields(PERSON)] == ["wang@example.com", PHONE]
        assert [r.text for r in vault.release(PERSON, [("phone", Form.VALUE)])] == [PHONE]


def test_every_field_is_moved_and_nothing_else_about_it_changes(
    engine: Engine, aes: Vault, sm4: Vault, clock: FixedClock
) -> None:
    for number in range(4):
        aes.set_field(person(number), "phone", PHONE)
        aes.set_field(person(number), "email", f"wang{number}@example.com")
    aes.set_field(person(1), "phone", NEWER)
    before, values = rows_without_envelopes(engine), [aes.fields(person(number)) for number in range(4)]
    history = aes.history(person(1), "phone")
    clock.at_ms += 1000
    # Eight fields and one earlier version.
    assert sm4.left_to_reseal() == 9
    assert [sm4.reseal(3) for _ in range(5)] == [3, 3, 2, 1, 0]
    assert set(suites(engine)) == {Suite.SM4}
    assert sm4.history(person(1), "phone") == history
    assert [version.value for version in history] == [PHONE]
    assert rows_without_envelopes(engine) == before
    assert [sm4.fields(person(number)) for number in range(4)] == values


def test_requests_for_correction_move_with_the_fields(
    engine: Engine, aes: Vault, sm4: Vault, keyring: Keyring, clock: FixedClock
) -> None:
    aes.record(PERSON, "phone", Verified(PHONE, "civil", "record-1", clock.at_ms))
    asked = Corrections(engine, keyring, clock, aes.search).submit(PERSON, "phone", NEWER, "it was never mine")
    move_all(sm4, 10)
    assert sm4.left_to_reseal() == 0
    assert Corrections(engine, keyring, clock, sm4.search, suite=Suite.SM4).mine(PERSON) == [asked]


def test_the_way_back_works_the_same(engine: Engine, aes: Vault, sm4: Vault) -> None:
    sm4.set_field(PERSON, "phone", PHONE)
    assert [aes.reseal(), aes.reseal(), aes.left_to_reseal()] == [1, 0, 0]
    assert suites(engine) == [Suite.AES]


def test_what_is_left_is_counted_while_it_shrinks_and_an_empty_vault_is_done_at_once(aes: Vault, sm4: Vault) -> None:
    assert (sm4.left_to_reseal(), sm4.reseal()) == (0, 0)
    for number in range(5):
        aes.set_field(person(number), "phone", PHONE)
    left = []
    while sm4.reseal(2):
        left.append(sm4.left_to_reseal())
    assert left == [3, 1, 0]


def test_another_process_goes_on_where_one_stopped(
    engine: Engine, aes: Vault, sm4: Vault, keyring: Keyring, clock: FixedClock
) -> None:
    for number in range(5):
        aes.set_field(person(number), "phone", PHONE)
    assert sm4.reseal(2) == 2
    again = Vault(engine, keyring, clock, Suite.SM4)
    assert [again.reseal(10), again.reseal(10)] == [3, 0]
    assert set(suites(engine)) == {Suite.SM4}


def test_a_field_written_in_the_old_suite_behind_the_work_is_found_too(engine: Engine, aes: Vault, sm4: Vault) -> None:
    # As another gateway does that was not restarted yet.
    for number in range(1, 4):
        aes.set_field(person(number), "phone", PHONE)
    assert sm4.reseal(2) == 2
    aes.set_field(person(0), "phone", NEWER)
    assert [sm4.reseal(2), sm4.reseal(2), sm4.reseal(2)] == [1, 1, 0]
    assert set(suites(engine)) == {Suite.SM4}
    assert [f.value for f in sm4.fields(person(0))] == [NEWER]


@pytest.mark.parametrize("writer", ["aes", "sm4"])
def test_a_field_that_is_written_after_it_was_found_keeps_the_newer_value(
    engine: Engine, aes: Vault, sm4: Vault, keyring: Keyring, writer: str
) -> None:
    aes.set_field(PERSON, "phone", PHONE)
    with engine.connect() as connection:
        found = reseal.find(connection, Suite.SM4, None, 10)
    (aes if writer == "aes" else sm4).set_field(PERSON, "phone", NEWER)
    with write_transaction(engine) as connection:
        done = reseal.move(connection, keyring, Suite.SM4, found)
    assert done == reseal.Moved(1 if writer == "aes" else 0, 0)
    assert [(f.value, f.version) for f in sm4.fields(PERSON)] == [(NEWER, 2)]


class Meanwhile:
    """Key-encryption keys that do something else when they are asked for: in the midst of a move, its rows chosen."""

    def __init__(self, keyring: Keyring, act: Callable[[], object]) -> None:
        self.keyring = keyring
        self.thread = threading.Thread(target=act)

    def get(self, name: str, version: int | None = None) -> bytes:
        if self.thread.ident is None:
            self.thread.start()
            # Long enough for whoever is not held up.
            self.thread.join(0.5)
        return self.keyring.get(name, version)

    def current(self, name: str) -> int:
        return self.keyring.current(name)


@pytest.mark.parametrize(
    ("act", "left", "kept"),
    [
        (lambda vault: vault.set_field(PERSON, "phone", NEWER), [(NEWER, 2)], 1),
        # A removed field leaves a sealed note, so that its version is not used again.
        (lambda vault: vault.delete_field(PERSON, "phone"), [], 1),
        (lambda vault: vault.erase(PERSON), [], 0),
    ],
    ids=["written", "removed", "erased"],
)
def test_whoever_changes_a_field_in_the_midst_of_its_move_has_the_last_word(
    aes: Vault,
    sm4: Vault,
    engine: Engine,
    keyring: Keyring,
    act: Callable[[Vault], object],
    left: list[object],
    kept: int,
) -> None:
    aes.set_field(PERSON, "phone", PHONE)
    with engine.connect() as connection:
        found = reseal.find(connection, Suite.SM4, None, 10)
    meanwhile = Meanwhile(keyring, lambda: act(aes))
    with write_transaction(engine) as connection:
        assert reseal.move(connection, meanwhile, Suite.SM4, found) == reseal.Moved(1, 0)
    meanwhile.thread.join()
    assert [(f.value, f.version) for f in sm4.fields(PERSON)] == left
    assert len(suites(engine)) == kept


def test_a_field_that_is_removed_or_erased_after_it_was_found_stays_away(
    engine: Engine, aes: Vault, sm4: Vault, keyring: Keyring
) -> None:
    for number in range(2):
        aes.set_field(person(number), "phone", PHONE)
    with engine.connect() as connection:
        found = reseal.find(connection, Suite.SM4, None, 10)
    aes.delete_field(person(0), "phone")
    aes.erase(person(1))
    with write_transaction(engine) as connection:
        assert reseal.move(connection, keyring, Suite.SM4, found) == reseal.Moved(1, 0)
    # What moved is the sealed note that the removed field left; nothing came back.
    assert suites(engine) == [Suite.SM4]
    assert [sm4.fields(person(number)) for number in range(2)] == [[], []]
    assert sm4.reseal() == 0


def test_an_erased_person_who_came_back_under_a_new_key_is_moved_under_that_key(aes: Vault, sm4: Vault) -> None:
    aes.set_field(PERSON, "phone", PHONE)
    aes.erase(PERSON)
    aes.set_field(PERSON, "phone", NEWER)
    assert [sm4.reseal(), sm4.reseal()] == [1, 0]
    assert [f.value for f in sm4.fields(PERSON)] == [NEWER]


def test_one_field_that_does_not_open_holds_nobody_up_and_is_not_passed_over_in_silence(
    engine: Engine, aes: Vault, sm4: Vault
) -> None:
    for number in range(3):
        aes.set_field(person(number), "phone", PHONE)
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).where(FIELDS.c.person_id == person(0)).values(version=9))
        connection.execute(update(KEYS).where(KEYS.c.person_id == person(1)).values(wrapped=bytes(40)))
    assert sm4.reseal(1) == 1
    with pytest.raises(BadEnvelope):
        move_all(sm4, 1)
    assert sm4.left_to_reseal() == 2
    assert [f.value for f in sm4.fields(person(2))] == [PHONE]


def test_without_the_key_encryption_key_nothing_is_moved(
    engine: Engine, aes: Vault, clock: FixedClock, keyring: Keyring
) -> None:
    aes.set_field(PERSON, "phone", PHONE)
    wrong = Keyring()
    wrong.add(KEK, b"w" * 32)
    for keks, error in ((Keyring(), UnknownKey), (wrong, BadEnvelope)):
        with pytest.raises(error):
            Vault(engine, keks, clock, Suite.SM4).reseal()
    assert suites(engine) == [Suite.AES]
    assert [f.value for f in aes.fields(PERSON)] == [PHONE]


def phones(start: int) -> Iterator[str]:
    """Ascending telephone numbers, so that an older value shows."""
    return (str(13_800_000_000 + number) for number in range(start, start + 25))


def test_writers_and_two_movers_at_once_lose_no_write_and_come_to_an_end(
    engine: Engine, aes: Vault, sm4: Vault, keyring: Keyring, clock: FixedClock
) -> None:
    people = [person(number) for number in range(6)]
    for each in people:
        aes.set_field(each, "phone", PHONE)
        aes.set_field(each, "email", "wang@example.com")
    writing = threading.Event()

    def write(mine: list[bytes], vault: Vault) -> None:
        for value in phones(0):
            for each in mine:
                vault.set_field(each, "phone", value)
                assert [f.value for f in vault.fields(each) if f.field == "phone"] == [value]

    def keep_moving(vault: Vault) -> None:
        while not writing.is_set():
            vault.reseal(3)

    with ThreadPoolExecutor(4) as pool:
        # One writer as a gateway not restarted yet, one as a gateway that is.
        writers = [pool.submit(write, people[:3], aes), pool.submit(write, people[3:], sm4)]
        movers = [pool.submit(keep_moving, vault) for vault in (sm4, Vault(engine, keyring, clock, Suite.SM4))]
        wait(writers)
        writing.set()
        for done in (*writers, *movers):
            done.result()
    move_all(sm4, 3)
    assert set(suites(engine)) == {Suite.SM4}
    last = list(phones(0))[-1]
    for each in people:
        assert [(f.value, f.version) for f in sm4.fields(each)] == [("wang@example.com", 1), (last, 26)]


# SQLite has no locked rows: it has one writer at a time.
@pytest.mark.parametrize(
    "engine",
    [pytest.param("postgres", marks=[pytest.mark.postgres])],
    indirect=True,
)
def test_a_row_that_somebody_holds_is_waited_for_in_the_end(engine: Engine, aes: Vault, sm4: Vault) -> None:
    for number in range(2):
        aes.set_field(person(number), "phone", PHONE)
    held, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with write_transaction(engine) as connection:
            connection.execute(select(FIELDS).with_for_update()).all()
            held.set()
            let_go.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    threading.Timer(0.3, let_go.set).start()
    moved = [sm4.reseal(10), sm4.reseal(10), sm4.reseal(10)]
    holder.join()
    assert (sum(moved), moved[-1]) == (2, 0)
    assert set(suites(engine)) == {Suite.SM4}
