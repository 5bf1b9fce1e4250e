"""An erasure and the ledger: what cannot be put on it is not carried out, and nothing says that it was."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, text

from gateway.audit.ledger import SqlLedger
from gateway.auditors.identities import Identities
from gateway.detection.stored_relations import StoredRelations
from gateway.detection.tokens import Tokens
from gateway.errors import Code, Refused
from gateway.exchange.erase import EraseProfile
from gateway.exchange.erase_identity import EraseIdentity
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.vault.erasure import Erasures
from gateway.vault.profile import Vault
from keys.keyring.keyring import Keyring
from keys.signing import SigningKey
from tests.support.index_node import FixedClock
from tests.support.ledgers import make_ledger, storage_fault

ALICE = Subject("cn.resident-id", "11010519491231002X", (), b"person-1".ljust(16))


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
def erasures(engine: Engine, vault: Vault, keyring: Keyring, clock: FixedClock) -> Erasures:
    return Erasures(engine, vault, keyring, clock, copies_days=35, notice_days=30)


@pytest.fixture
def erase(engine: Engine, erasures: Erasures, ledger: SqlLedger, clock: FixedClock) -> EraseProfile:
    sealed = EraseIdentity(
        ledger, Identities(engine), StoredRelations(engine, Tokens(b"k" * 32), clock, budget=1, kept_days=1)
    )
    return EraseProfile(erasures, ledger, Record(ledger), SigningKey.generate(), lambda: None, "gateway", sealed)


def at_rest(engine: Engine) -> dict[str, list[tuple[object, ...]]]:
    """Every row about the person's key and fields, and what an erasure leaves."""
    tables = ("vault_keys", "vault_fields", "vault_history", "vault_erasures", "vault_notices")
    with engine.connect() as connection:
        return {table: [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table}"))] for table in tables}


async def test_nothing_is_erased_or_noted_as_erased_while_the_ledger_cannot_write(
    engine: Engine, vault: Vault, ledger: SqlLedger, erasures: Erasures, erase: EraseProfile
) -> None:
    for value in ("13800138000", "13900139000"):
        vault.set_field(ALICE.person_id, "phone", value)
    before, fields = at_rest(engine), vault.fields(ALICE.person_id)
    with storage_fault(engine) as fault:
        fault.before = 1
        with pytest.raises(Refused) as refused:
            await erase(ALICE, "person")
    assert refused.value.code is Code.LEDGER_UNAVAILABLE
    assert at_rest(engine) == before
    assert vault.fields(ALICE.person_id) == fields
    assert erasures.newest(None) == []
    # Nor is it carried out later: it is not on the ledger.
    assert ledger.size() == 0
    assert await erase.at_start() == 0
    assert at_rest(engine) == before
    await erase(ALICE, "person")
    assert vault.fields(ALICE.person_id) == []
    [noted] = erasures.newest(None)
    assert (ledger.entry(noted.entry).kind, noted.fields) == ("profile_erased", ("phone",))
