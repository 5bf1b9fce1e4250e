"""Person ids on each database."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from gateway.vault import persons
from gateway.vault.persons import PersonRegistry
from tests.support.index_node import PEOPLE, SCHEME, tokens


def test_a_person_keeps_the_id_and_two_people_have_two(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    one, two = (tokens().derive(SCHEME, person) for person in PEOPLE[:2])
    first = registry.person_id(one)
    assert len(first) == 16
    assert registry.person_id(one) == first
    assert PersonRegistry(engine).person_id(one) == first
    assert registry.person_id(two) != first


def test_looking_up_makes_nobody(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    token = tokens().derive(SCHEME, PEOPLE[0])
    assert registry.find((token,)) is None
    assert registry.find(()) is None
    made = registry.person_id(token)
    assert registry.find((token,)) == made


def test_many_callers_at_once_get_one_id(engine: Engine) -> None:
    token = tokens().derive(SCHEME, PEOPLE[0])
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: PersonRegistry(engine).person_id(token), range(16)))
    assert len(ids) == 1


def test_a_person_keeps_the_id_when_the_index_key_is_rotated(engine: Engine) -> None:
    registry = PersonRegistry(engine)
    before = registry.person_id(tokens().derive(SCHEME, PEOPLE[0]))
    current, *older = tokens(2).derive_every(SCHEME, PEOPLE[0])
    assert registry.person_id(current, older) == before
    assert PersonRegistry(engine).person_id(current) == before


def test_what_is_remembered_is_bounded(engine: Engine, monkeypatch) -> None:
    monkeypatch.setattr(persons, "REMEMBERED", 2)
    registry = PersonRegistry(engine)
    derived = [tokens().derive(SCHEME, person) for person in PEOPLE[:4]]
    ids = [registry.person_id(token) for token in derived]
    assert len(registry._known) == 2
    assert [registry.person_id(token) for token in derived] == ids


def test_only_tokens_and_random_ids_are_kept(engine: Engine) -> None:
    registry = PersonRegistry(engine, entropy=lambda count: b"R" * count)
    registry.person_id(tokens().derive(SCHEME, PEOPLE[0]))
    with engine.connect() as connection:
        ((token, version, person_id),) = connection.execute(text("SELECT * FROM vault_persons")).all()
    assert (bytes(token), version, bytes(person_id)) == (tokens().derive(SCHEME, PEOPLE[0]).value, 1, b"R" * 16)
