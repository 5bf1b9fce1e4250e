"""Person ids while the index key is rotated, on each database."""

import asyncio

import pytest
from sqlalchemy import Connection, Engine, text

from gateway.clock import SystemClock
from gateway.errors import Code, Refused
from gateway.exchange.identify import IdentifySubject
from gateway.index import key_versions
from gateway.storage.database import write_transaction
from gateway.vault.persons import PersonRegistry, TokenTooOld
from gateway.vault.profile import Vault
from gateway.vault.rekey import PersonRekeying
from keys.envelope import Suite
from keys.keyring.keyring import Keyring
from tests.support.index_node import PEOPLE, SCHEME, tokens


def registry(engine: Engine) -> PersonRegistry:
    return PersonRegistry(engine, oldest_written=key_versions.oldest_written)


def begin(engine: Engine, version: int) -> None:
    with write_transaction(engine) as connection:
        key_versions.begin(connection, version)


def rekeyed(engine: Engine, version: int, limit: int = 3) -> int:
    begin(engine, version)
    work = PersonRekeying(engine, tokens(version))
    moved = 0
    while work.left(version):
        moved += work.step(limit)
    assert work.step(limit) == 0
    return moved


def filed(engine: Engine) -> dict[bytes, tuple[int, bytes]]:
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT token, token_version, person_id FROM vault_persons"))
        return {bytes(token): (version, bytes(person)) for token, version, person in rows}


async def test_after_a_rotation_everybody_has_the_same_id_under_the_new_token_alone(engine: Engine) -> None:
    before = {person: await registry(engine).person_id(tokens(1).derive(SCHEME, person)) for person in PEOPLE}
    old = {tokens(1).derive(SCHEME, person).value for person in PEOPLE}
    assert old == set(filed(engine))
    assert rekeyed(engine, 2) == len(PEOPLE)
    assert filed(engine) == {
        tokens(2).derive(SCHEME, person).value: (2, person_id) for person, person_id in before.items()
    }
    assert rekeyed(engine, 3) == len(PEOPLE)
    for person, person_id in before.items():
        assert registry(engine).find((tokens(3).derive(SCHEME, person),)) == person_id


async def test_whoever_is_named_before_the_row_is_rekeyed_keeps_the_id_and_leaves_one_row(engine: Engine) -> None:
    people = registry(engine)
    before = [await people.person_id(tokens(1).derive(SCHEME, person)) for person in PEOPLE[:4]]
    begin(engine, 2)
    for person, person_id in zip(PEOPLE[:2], before, strict=False):
        current, *older = tokens(2).derive_every(SCHEME, person)
        assert await people.person_id(current, older) == person_id
        assert people.find((current, *older)) == person_id
    assert people.find(tokens(2).derive_every(SCHEME, PEOPLE[2])) == before[2]
    assert len(filed(engine)) == 6
    assert rekeyed(engine, 2) == 4
    assert sorted(person_id for _, person_id in filed(engine).values()) == sorted(before)


async def test_two_who_wait_under_two_versions_of_one_person_get_one_id(engine: Engine) -> None:
    people = registry(engine)
    current, *older = tokens(2).derive_every(SCHEME, PEOPLE[0])
    first, second = await asyncio.gather(people.person_id(older[0]), people.person_id(current, older))
    assert first == second


async def test_a_token_that_became_too_old_files_nobody(engine: Engine) -> None:
    people = registry(engine)
    known = await people.person_id(tokens(1).derive(SCHEME, PEOPLE[0]))
    rekeyed(engine, 2)
    fresh = registry(engine)
    with pytest.raises(TokenTooOld) as refused:
        await fresh.person_id(tokens(1).derive(SCHEME, PEOPLE[0]))
    assert refused.value.code is Code.INTERNAL
    current, *older = tokens(2).derive_every(SCHEME, PEOPLE[0])
    too_old = fresh.person_id(tokens(1).derive(SCHEME, PEOPLE[1]))
    told = await asyncio.gather(too_old, fresh.person_id(current, older), return_exceptions=True)
    assert isinstance(told[0], Refused)
    assert told[1] == known
    assert len(filed(engine)) == 1
    # What is remembered stays right: an id belongs to the person, not to the token.
    assert await people.person_id(tokens(1).derive(SCHEME, PEOPLE[0])) == known


async def test_who_is_named_while_the_key_is_learnt_is_named_again_under_the_new_one(engine: Engine) -> None:
    living = tokens(1)

    def rotated_meanwhile(_connection: Connection) -> int:
        living.learn({1: bytes([1]) * 32, 2: bytes([2]) * 32}, 2)
        return 2

    identify = IdentifySubject(living, PersonRegistry(engine, oldest_written=rotated_meanwhile))
    subject = await identify.known(SCHEME, PEOPLE[0])
    assert [token.version for token in subject.tokens] == [2, 1]
    assert filed(engine) == {tokens(2).derive(SCHEME, PEOPLE[0]).value: (2, subject.person_id)}
    stays_behind = IdentifySubject(tokens(1), PersonRegistry(engine, oldest_written=rotated_meanwhile))
    with pytest.raises(TokenTooOld):
        await stays_behind.known(SCHEME, PEOPLE[1])


async def test_people_are_named_all_the_time_while_they_are_rekeyed(engine: Engine) -> None:
    before = {person: await registry(engine).person_id(tokens(1).derive(SCHEME, person)) for person in PEOPLE}
    begin(engine, 2)
    work = PersonRekeying(engine, tokens(2))

    async def name(person: str) -> bytes:
        current, *older = tokens(2).derive_every(SCHEME, person)
        return await registry(engine).person_id(current, older)

    while await asyncio.to_thread(work.left, 2):
        step = asyncio.create_task(asyncio.to_thread(work.step, 2))
        ids = await asyncio.gather(*(name(person) for person in PEOPLE))
        await step
        assert ids == list(before.values())
    assert len(filed(engine)) == len(PEOPLE)


async def test_vault_erasures_and_everything_else_stay_as_they_are(engine: Engine) -> None:
    keyring = Keyring()
    keyring.add("vault-kek", bytes(32))
    vault = Vault(engine, keyring, SystemClock(), Suite.AES)
    person = await registry(engine).person_id(tokens(1).derive(SCHEME, PEOPLE[0]))
    vault.set_field(person, "phone", "13800138000")

    def others() -> dict[str, list[tuple[object, ...]]]:
        with engine.connect() as connection:
            names = ("vault_keys", "vault_fields", "vault_erasures", "vault_notices")
            return {name: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {name}"))] for name in names}

    before = others()
    assert before["vault_fields"]
    rekeyed(engine, 2)
    assert others() == before
    found = registry(engine).find((tokens(2).derive(SCHEME, PEOPLE[0]),))
    assert found == person
    assert [field.value for field in vault.fields(person)] == ["13800138000"]
