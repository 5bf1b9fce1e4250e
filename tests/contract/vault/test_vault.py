"""The vault on each database: what is stored, who can open it, and what is left after erasing."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, select, text, update
from sqlmodel import SQLModel

from gateway.errors import Code, Refused
from gateway.storage.database import write_transaction
from gateway.vault.data_keys import KEK
from gateway.vault.profile import ProfileField, ReleasedField, Vault
from gateway.vault.provenance import Source
from keys.errors import BadEnvelope, KeysError, UnknownKey
from keys.keyring.keyring import Keyring
from policies.vocabulary import DataType, Form
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
OTHER = b"person-2".ljust(16)
PHONE = "13800138000"
VALUE = [("phone", Form.VALUE)]
FIELDS = SQLModel.metadata.tables["vault_fields"]
KEYS = SQLModel.metadata.tables["vault_keys"]


def phone(released: list[ReleasedField]) -> str | None:
    return released[0].text


def test_a_field_is_kept_as_normalised_and_read_back(vault: Vault, clock: FixedClock) -> None:
    stored = vault.set_field(PERSON, "phone", "+86 138 0013 8000")
    now_ms = clock.at_ms
    assert stored == ProfileField("phone", PHONE, Source.USER_PROVIDED, now_ms, now_ms, 1, last_updated_ms=now_ms)
    vault.set_field(PERSON, "email", "wang@example.com")
    assert [(f.field, f.value) for f in vault.fields(PERSON)] == [("email", "wang@example.com"), ("phone", PHONE)]
    assert vault.fields(OTHER) == []


def test_reading_one_field_opens_no_other(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "email", "wang@example.com")
    vault.set_field(PERSON, "phone", PHONE)
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).where(FIELDS.c.field == "phone").values(version=9))
    found = vault.field(PERSON, "email")
    assert found is not None
    assert found.value == "wang@example.com"
    assert vault.field(PERSON, "mailing_address") is None
    for attempt in (lambda: vault.field(PERSON, "phone"), lambda: vault.fields(PERSON)):
        with pytest.raises(BadEnvelope):
            attempt()


def test_setting_an_equal_value_changes_nothing(vault: Vault, clock: FixedClock) -> None:
    first = vault.set_field(PERSON, "phone", PHONE)
    clock.at_ms += 5
    assert vault.set_field(PERSON, "phone", "138-0013-8000") == first


def test_a_new_value_counts_the_version_and_keeps_the_first_time(vault: Vault, clock: FixedClock) -> None:
    first = vault.set_field(PERSON, "phone", PHONE)
    clock.at_ms += 5
    second = vault.set_field(PERSON, "phone", "13900139000")
    assert (second.version, second.collected_ms, second.updated_ms) == (2, first.collected_ms, clock.at_ms)
    assert [f.value for f in vault.fields(PERSON)] == ["13900139000"]


def test_a_refused_value_changes_nothing(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    with pytest.raises(Refused):
        vault.set_field(PERSON, "phone", "12")
    assert [f.value for f in vault.fields(PERSON)] == [PHONE]


def test_a_removed_field_is_gone_and_removing_it_again_is_refused(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    vault.delete_field(PERSON, "phone")
    assert vault.fields(PERSON) == []
    with pytest.raises(Refused) as refused:
        vault.delete_field(PERSON, "phone")
    assert refused.value.code is Code.NOT_FOUND


def test_fields_are_released_in_the_form_decided(vault: Vault, clock: FixedClock) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    released = vault.release(PERSON, [("phone", form) for form in (Form.VALUE, Form.MASKED, Form.EXISTS)])
    assert [r.text for r in released] == [PHONE, "138****8000", "true"]
    assert {(r.data_type, r.as_of_ms, r.source) for r in released} == {(DataType.STRING, clock.at_ms, "user_provided")}


def test_a_person_without_a_profile_and_one_without_the_field_look_the_same(vault: Vault) -> None:
    vault.set_field(PERSON, "email", "wang@example.com")
    items = [("phone", form) for form in (Form.VALUE, Form.MASKED, Form.EXISTS)]
    assert vault.release(PERSON, items) == vault.release(OTHER, items)
    assert [r.text for r in vault.release(OTHER, items)] == [None, None, "false"]


def test_a_form_that_does_not_fit_releases_nothing(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    assert phone(vault.release(PERSON, [("phone", Form.YEAR)])) is None


def test_an_unknown_field_is_refused(vault: Vault) -> None:
    with pytest.raises(Refused) as refused:
        vault.release(PERSON, [("nickname", Form.VALUE)])
    assert refused.value.code is Code.UNKNOWN_FIELD


def test_nothing_at_rest_shows_a_value_and_equal_values_look_different(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    vault.set_field(OTHER, "phone", PHONE)
    with engine.connect() as connection:
        rows = connection.execute(select(FIELDS)).all()
        keys = connection.execute(select(KEYS.c.wrapped)).scalars().all()
    dump = b"".join(bytes(v) if isinstance(v, bytes) else str(v).encode() for row in rows for v in row)
    assert b"user_provided" in dump, "the search must be able to find what is there"
    assert PHONE.encode() not in dump
    assert len({bytes(row.envelope) for row in rows}) == 2
    assert len({bytes(key) for key in keys}) == 2
    assert PHONE not in repr(vault.fields(PERSON)) + repr(vault.release(PERSON, VALUE))


@pytest.mark.parametrize(
    "change",
    [
        {"version": 7},
        {"field": "email"},
        {"person_id": OTHER},
    ],
)
def test_a_row_moved_to_another_place_does_not_open(engine: Engine, vault: Vault, change: dict[str, object]) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    vault.set_field(OTHER, "mailing_address", "北京市朝阳区建国路88号")
    with write_transaction(engine) as connection:
        connection.execute(update(FIELDS).where(FIELDS.c.person_id == PERSON).values(change))
    owner = OTHER if "person_id" in change else PERSON
    with pytest.raises(BadEnvelope):
        vault.fields(owner)


@pytest.mark.domain_check(number=11)
def test_after_erasing_every_copy_of_the_fields_is_unreadable(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    with engine.connect() as connection:
        copy = dict(connection.execute(select(FIELDS)).mappings().one())
    assert vault.erase(PERSON)
    assert not vault.erase(PERSON)
    assert vault.fields(PERSON) == []
    with write_transaction(engine) as connection:
        connection.execute(FIELDS.insert().values(copy))
    assert vault.fields(PERSON) == []
    assert phone(vault.release(PERSON, VALUE)) is None
    vault.set_field(PERSON, "email", "new@example.com")
    assert [f.field for f in vault.fields(PERSON)] == ["email"]
    assert phone(vault.release(PERSON, VALUE)) is None


def test_a_field_left_behind_by_a_destroyed_key_reads_as_not_set_and_can_be_entered_anew(
    engine: Engine, vault: Vault
) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    with write_transaction(engine) as connection:
        connection.execute(update(KEYS).values(wrapped=None))
    assert vault.fields(PERSON) == []
    items = [("phone", form) for form in (Form.VALUE, Form.EXISTS)]
    assert vault.release(PERSON, items) == vault.release(OTHER, items)
    vault.set_field(PERSON, "email", "new@example.com")
    assert [f.field for f in vault.fields(PERSON)] == ["email"]
    again = vault.set_field(PERSON, "phone", PHONE)
    assert again.version == 2
    assert phone(vault.release(PERSON, VALUE)) == PHONE


def test_a_field_that_names_a_key_that_was_never_made_does_not_open(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    with write_transaction(engine) as connection:
        envelope = bytearray(connection.execute(select(FIELDS.c.envelope)).scalar_one())
        envelope[8] += 1
        connection.execute(update(FIELDS).values(envelope=bytes(envelope)))
    with pytest.raises(BadEnvelope):
        vault.fields(PERSON)


def test_a_person_who_comes_back_gets_a_key_with_another_id(engine: Engine, vault: Vault) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    vault.erase(PERSON)
    vault.set_field(PERSON, "phone", PHONE)
    with engine.connect() as connection:
        assert connection.execute(select(KEYS.c.key_id)).scalar_one() == 2
    assert phone(vault.release(PERSON, VALUE)) == PHONE


def test_a_new_key_encryption_key_leaves_old_data_readable_and_lets_the_old_key_go(
    engine: Engine, vault: Vault, keyring: Keyring, clock: FixedClock
) -> None:
    for number in range(5):
        vault.set_field(bytes([number]) * 16, "phone", PHONE)
    keyring.add(KEK, b"n" * 32)
    assert phone(vault.release(bytes(16), VALUE)) == PHONE
    assert [vault.rewrap(3) for _ in range(3)] == [3, 2, 0]
    only_new = Keyring.from_bytes(keyring.to_bytes())
    without_old = Vault(engine, _Only(only_new, 2), clock)
    assert all(phone(without_old.release(bytes([n]) * 16, VALUE)) == PHONE for n in range(5))


def test_a_key_that_is_destroyed_while_it_is_wrapped_anew_stays_destroyed(
    engine: Engine, vault: Vault, keyring: Keyring, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    keyring.add(KEK, b"n" * 32)
    erasing = threading.Thread(target=vault.erase, args=(PERSON,))

    def erase_meanwhile() -> None:
        """Between the reading of the wrapped key and its writing; whoever has to wait goes on afterwards."""
        if erasing.ident is None:
            erasing.start()
            erasing.join(0.5)

    assert Vault(engine, _Meanwhile(keyring, erase_meanwhile), clock).rewrap() == 1
    erasing.join(30)
    assert not erasing.is_alive()
    with engine.connect() as connection:
        assert connection.execute(select(KEYS.c.wrapped)).scalars().all() == [None]


def test_without_its_key_encryption_key_nothing_is_read_and_nothing_is_overwritten(
    engine: Engine, vault: Vault, clock: FixedClock
) -> None:
    vault.set_field(PERSON, "phone", PHONE)
    wrong = Keyring()
    wrong.add(KEK, b"w" * 32)
    broken = Vault(engine, wrong, clock)
    for attempt in (
        lambda: broken.fields(PERSON),
        lambda: broken.release(PERSON, VALUE),
        lambda: broken.set_field(PERSON, "phone", "13900139000"),
        lambda: Vault(engine, Keyring(), clock).set_field(OTHER, "phone", PHONE),
    ):
        with pytest.raises(KeysError):
            attempt()
    assert phone(vault.release(PERSON, VALUE)) == PHONE
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM vault_keys")).scalar() == 1


class _Only:
    """A keyring that has lost every version but one."""

    def __init__(self, keyring: Keyring, version: int) -> None:
        self.keyring = keyring
        self.version = version

    def get(self, name: str, version: int | None = None) -> bytes:
        if version not in {None, self.version}:
            raise UnknownKey("gone")
        return self.keyring.get(name, version)

    def current(self, name: str) -> int:
        return self.keyring.current(name)


class _Meanwhile:
    """A keyring beside which something happens when a key is taken from it."""

    def __init__(self, keyring: Keyring, happens: Callable[[], None]) -> None:
        self.keyring = keyring
        self.happens = happens

    def get(self, name: str, version: int | None = None) -> bytes:
        self.happens()
        return self.keyring.get(name, version)

    def current(self, name: str) -> int:
        return self.keyring.current(name)
