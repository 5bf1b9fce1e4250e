"""Pseudonyms on each database: stable, one per department, gone with the person, changed with notice."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event, text

from gateway.errors import Code, Refused
from gateway.vault.data_keys import KEK
from gateway.vault.fields import PREVIOUS_PSEUDONYM, PSEUDONYM
from gateway.vault.profile import ReleasedField, Vault
from gateway.vault.pseudonyms import Generation, Pseudonyms
from keys.errors import KeysError
from keys.keyring.keyring import Keyring
from policies.vocabulary import DataType, Form
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)
BOTH = [(PSEUDONYM, Form.VALUE), (PREVIOUS_PSEUDONYM, Form.VALUE)]
DAY_MS = 86_400_000


@pytest.fixture
def keyring() -> Keyring:
    made = Keyring()
    made.add(KEK, b"k" * 32)
    return made


@pytest.fixture
def vault(engine: Engine, keyring: Keyring, clock: FixedClock) -> Vault:
    return Vault(engine, keyring, clock)


@pytest.fixture
def pseudonyms(engine: Engine, keyring: Keyring, clock: FixedClock) -> Pseudonyms:
    return Pseudonyms(engine, keyring, clock)


def both(pseudonyms: Pseudonyms, department: str = "education", person: bytes = PERSON) -> list[str | None]:
    return [one.text for one in pseudonyms.release(person, department, BOTH)]


@contextmanager
def commits(engine: Engine) -> Iterator[list[int]]:
    """Counts commits that change something."""
    seen: list[int] = []

    def count(_connection: object) -> None:
        seen.append(1)

    event.listen(engine, "commit", count)
    yield seen
    event.remove(engine, "commit", count)


def test_a_pseudonym_is_stable_and_each_department_has_its_own(vault: Vault, pseudonyms: Pseudonyms) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    first = both(pseudonyms)
    assert both(pseudonyms) == first
    assert first[1] is None
    assert len({both(pseudonyms, d, p)[0] for d in ("education", "tourism") for p in (PERSON, OTHER)}) == 4


def test_somebody_without_a_profile_has_a_pseudonym_that_looks_the_same_and_costs_the_same(
    engine: Engine, vault: Vault, pseudonyms: Pseudonyms, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    clock.at_ms += 5
    answers = {}
    costs = {}
    for person in (PERSON, OTHER, OTHER):
        with commits(engine) as seen:
            answers[person] = pseudonyms.release(person, "education", BOTH)
        costs.setdefault(person, []).append(len(seen))
    assert costs == {PERSON: [1], OTHER: [1, 1]}
    shapes = {
        tuple((o.field, o.form, o.data_type, o.as_of_ms, o.source, len(o.text or "")) for o in answer)
        for answer in answers.values()
    }
    assert shapes == {
        (
            (PSEUDONYM, Form.VALUE, DataType.STRING, 0, "platform_verified", 39),
            (PREVIOUS_PSEUDONYM, Form.VALUE, DataType.STRING, 0, "", 0),
        )
    }
    with engine.connect() as connection:
        written = connection.execute(text("SELECT released FROM vault_pseudonym_releases")).scalar_one()
    assert written == 2, "where no key is made another row is written"


def test_a_pseudonym_makes_no_profile(vault: Vault, pseudonyms: Pseudonyms) -> None:
    both(pseudonyms)
    assert vault.fields(PERSON) == []
    assert vault.release(PERSON, [("phone", Form.VALUE)]) == vault.release(OTHER, [("phone", Form.VALUE)])


def test_after_an_erasure_the_person_has_another_pseudonym_for_good(vault: Vault, pseudonyms: Pseudonyms) -> None:
    before = both(pseudonyms)
    assert vault.erase(PERSON)
    after = both(pseudonyms)
    assert after != before
    vault.set_field(PERSON, "phone", "13800138000")
    assert both(pseudonyms) == after
    assert both(pseudonyms, person=OTHER) not in (before, after)


def test_a_change_takes_effect_at_its_date_and_both_can_be_had_while_it_overlaps(
    pseudonyms: Pseudonyms, clock: FixedClock
) -> None:
    old, _ = both(pseudonyms)
    unchanged = both(pseudonyms, "tourism")
    start = clock.at_ms + DAY_MS
    pseudonyms.announce(Generation("education", 2, start, start + DAY_MS), 7)
    clock.at_ms = start - 1
    assert both(pseudonyms) == [old, None]
    clock.at_ms = start
    new, previous = both(pseudonyms)
    assert previous == old != new
    released = pseudonyms.release(PERSON, "education", BOTH)
    assert [one.as_of_ms for one in released] == [start, start]
    clock.at_ms = start + DAY_MS - 1
    assert both(pseudonyms) == [new, old]
    clock.at_ms = start + DAY_MS
    assert both(pseudonyms) == [new, None]
    assert both(pseudonyms, "tourism") == unchanged
    assert pseudonyms.newest("education").number == 2
    assert [one.department for one in pseudonyms.announced()] == ["education"]


def test_a_generation_is_announced_once(pseudonyms: Pseudonyms, clock: FixedClock) -> None:
    planned = Generation("education", 2, clock.at_ms, clock.at_ms)
    pseudonyms.announce(planned, 7)
    with pytest.raises(Refused) as refused:
        pseudonyms.announce(planned, 7)
    assert refused.value.code is Code.ALREADY_EXISTS


@pytest.mark.parametrize("item", [("phone", Form.VALUE), (PSEUDONYM, Form.MASKED), (PSEUDONYM, Form.EXISTS)])
def test_nothing_but_the_value_of_a_pseudonym_is_derived(pseudonyms: Pseudonyms, item: tuple[str, Form]) -> None:
    with pytest.raises(Refused):
        pseudonyms.release(PERSON, "education", [item])


def test_nobody_enters_a_pseudonym(vault: Vault) -> None:
    for field in (PSEUDONYM, PREVIOUS_PSEUDONYM):
        with pytest.raises(Refused) as refused:
            vault.set_field(PERSON, field, "ABCD")
        assert refused.value.code is Code.UNKNOWN_FIELD


def test_without_the_key_that_wraps_it_no_pseudonym_is_told_and_none_is_made_anew(
    engine: Engine, pseudonyms: Pseudonyms, clock: FixedClock
) -> None:
    before = both(pseudonyms)
    wrong = Keyring()
    wrong.add(KEK, b"w" * 32)
    with pytest.raises(KeysError):
        Pseudonyms(engine, wrong, clock).release(PERSON, "education", BOTH)
    assert both(pseudonyms) == before


def test_a_released_pseudonym_is_not_in_a_repr(pseudonyms: Pseudonyms) -> None:
    [one, _] = pseudonyms.release(PERSON, "education", BOTH)
    assert isinstance(one, ReleasedField)
    assert str(one.text) not in repr(one)
