"""Person ids on each database."""

import asyncio

import pytest
from sqlalchemy import Engine, text

from gateway.errors import Code, Refused
from gateway.vault import persons
from gateway.vault.persons import PersonRegistry
from tests.support.index_node import PEOPLE, SCHEME, tokens


async def test_a_person_keeps_the_id_and_two_people_have_two(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    one, two = (tokens().derive(SCHEME, person) for person in PEOPLE[:2])
    first = await registry.person_id(one)
    assert len(first) == 16
    assert await registry.person_id(one) == first
    assert await PersonRegistry(engine).person_id(one) == first
    assert await registry.person_id(two) != first


async def test_looking_up_makes_nobody(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    token = tokens().derive(SCHEME, PEOPLE[0])
    assert registry.find((token,)) is None
    assert registry.find(()) is None
    made = await registry.person_id(token)
    assert registry.find((token,)) == made


async def test_many_callers_at_once_get_one_id(engine: Engine) -> None:
    token = tokens().derive(SCHEME, PEOPLE[0])
    registries = [PersonRegistry(engine) for _ in range(8)]
    ids = await asyncio.gather(*(registry.person_id(token) for registry in registries * 2))
    assert len(set(ids)) == 1


async def test_people_who_wait_together_get_ids_of_their_own(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    derived = [tokens().derive(SCHEME, person) for person in PEOPLE[:4]]
    ids = await asyncio.gather(*(registry.person_id(token) for token in derived))
    assert len(set(ids)) == 4
    assert [registry.find((token,)) for token in derived] == ids


async def test_a_caller_that_gives_up_takes_nobody_elses_id_away(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    one, two = (asyncio.create_task(registry.person_id(tokens().derive(SCHEME, person))) for person in PEOPLE[:2])
    await asyncio.sleep(0)
    one.cancel()
    assert await two == registry.find((tokens().derive(SCHEME, PEOPLE[1]),))


async def test_without_a_database_no_id_is_told_and_later_ones_are(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    token = tokens().derive(SCHEME, PEOPLE[0])
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE vault_persons RENAME TO gone"))
    with pytest.raises(Refused) as refused:
        await registry.person_id(token)
    assert refused.value.code is Code.INTERNAL
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE gone RENAME TO vault_persons"))
    assert len(await registry.person_id(token)) == 16


async def test_a_person_keeps_the_id_when_the_index_key_is_rotated(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    before = await registry.person_id(tokens().derive(SCHEME, PEOPLE[0]))
    current, *older = tokens(2).derive_every(SCHEME, PEOPLE[0])
    assert await registry.person_id(current, older) == before
    assert await PersonRegistry(engine).person_id(current) == before


async def test_what_is_remembered_is_bounded(engine: Engine, monkeypatch) -> None:
    monkeypatch.setattr(persons, "REMEMBERED", 2)
    registry = PersonRegistry(engine)
    derived = [tokens().derive(SCHEME, person) for person in PEOPLE[:4]]
    ids = [await registry.person_id(token) for token in derived]
    assert len(registry._known) == 2
    assert [await registry.person_id(token) for token in derived] == ids


async def test_only_tokens_and_random_ids_are_kept(engine: Engine) -> None:
    registry = PersonRegistry(engine, entropy=lambda count: b"R" * count)
    await registry.person_id(tokens().derive(SCHEME, PEOPLE[0]))
    with engine.connect() as connection:
        ((token, version, person_id),) = connection.execute(text("SELECT * FROM vault_persons")).all()
    assert (bytes(token), version, bytes(person_id)) == (tokens().derive(SCHEME, PEOPLE[0]).value, 1, b"R" * 16)
