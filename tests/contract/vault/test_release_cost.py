"""Whether a person has a profile, or a field, cannot be told from the work that a release takes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event, update
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import data_keys, releasing
from gateway.vault.profile import Vault
from gateway.vault.provenance import Mark
from gateway.vault.views import Verified
from keys.envelope import FieldCipher
from policies.vocabulary import Form
from tests.support.index_node import FixedClock

PERSON = b"person-1".ljust(16)
ITEMS = [("phone", Form.VALUE), ("email", Form.MASKED), ("mailing_address", Form.EXISTS), ("phone", Form.EXISTS)]
KEYS = SQLModel.metadata.tables["vault_keys"]


def enter(vault: Vault) -> None:
    vault.set_field(PERSON, "phone", "13800138000")
    vault.set_field(PERSON, "email", "wang@example.com")
    vault.set_field(PERSON, "mailing_address", "北京市朝阳区建国路88号")


def full(vault: Vault) -> None:
    enter(vault)


def nobody(vault: Vault) -> None:
    vault.set_field(b"person-2".ljust(16), "phone", "13800138000")


def one_field(vault: Vault) -> None:
    vault.set_field(PERSON, "email", "wang@example.com")


def other_field(vault: Vault) -> None:
    vault.set_field(PERSON, "bank_account", "6222020200112233445")


def removed(vault: Vault) -> None:
    enter(vault)
    vault.delete_field(PERSON, "phone")


def restricted(vault: Vault) -> None:
    enter(vault)
    vault.mark(PERSON, "phone", Mark.RESTRICT)


def disputed(vault: Vault) -> None:
    enter(vault)
    vault.mark(PERSON, "phone", Mark.DISPUTE, "not my number")


def not_applicable(vault: Vault) -> None:
    vault.set_not_applicable(PERSON, "phone")


def erased(vault: Vault) -> None:
    enter(vault)
    vault.erase(PERSON)


def left_behind(vault: Vault) -> None:
    """Rows of a destroyed key beside a new one, as after restoring a backup."""
    enter(vault)
    with write_transaction(vault._engine) as connection:
        connection.execute(update(KEYS).values(wrapped=None))
    vault.set_field(PERSON, "bank_account", "6222020200112233445")


@contextmanager
def work(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Counts fields opened, data keys unwrapped and statements carried out; the work itself is the real one."""
    seen = {"opened": 0, "unwrapped": 0, "statements": 0}

    def counted(what: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def count(*args: Any, **more: Any) -> Any:
            seen[what] += 1
            return call(*args, **more)

        return count

    def statement(_connection: Any, _cursor: Any, text: str, *_: Any) -> None:
        # Not the frame of a transaction, which is seen here on one of the two databases only.
        seen["statements"] += text.startswith("SELECT")

    with monkeypatch.context() as patch:
        patch.setattr(FieldCipher, "open", counted("opened", FieldCipher.open))
        for module in (data_keys, releasing):
            patch.setattr(module, "unwrap_data_key", counted("unwrapped", module.unwrap_data_key))
        event.listen(engine, "before_cursor_execute", statement)
        try:
            yield seen
        finally:
            event.remove(engine, "before_cursor_execute", statement)


@pytest.mark.parametrize(
    "state",
    [full, nobody, one_field, other_field, removed, restricted, disputed, not_applicable, erased, left_behind],
    ids=lambda state: state.__name__,
)
def test_a_release_takes_the_same_work_whether_there_is_a_person_a_field_or_none(
    engine: Engine, vault: Vault, monkeypatch: pytest.MonkeyPatch, state: Callable[[Vault], None]
) -> None:
    state(vault)
    with work(engine, monkeypatch) as seen:
        assert len(vault.release(PERSON, ITEMS)) == len(ITEMS)
    assert seen == {"opened": len(ITEMS), "unwrapped": 1, "statements": 2}


def test_an_expired_field_takes_the_work_of_one_that_is_valid(
    engine: Engine, vault: Vault, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    vault.record(PERSON, "phone", Verified("13800138000", "civil", valid_until_ms=clock.at_ms + 5))
    clock.at_ms += 6
    with work(engine, monkeypatch) as seen:
        [one] = vault.release(PERSON, [("phone", Form.VALUE)])
    assert one.text is None
    assert seen == {"opened": 1, "unwrapped": 1, "statements": 2}
