"""Consents whose rows were changed by hand: not used, shown to nobody else, reported; and no row hides another."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, update

from gateway.errors import Code, Refused
from gateway.sharing.consents import Consents, add_consent
from gateway.sharing.tables import CONSENTS
from gateway.storage.database import open_database, write_transaction
from policies.consents import Act, Consent, Status
from tests.support.parties import ManualClock
from tests.support.policy_cases import NOW_MS
from tests.unit.policies.test_consents import consent

PERSON = b"p" * 16


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path / 'gateway.db'}")
    yield engine
    engine.dispose()


@pytest.fixture
def consents(engine: Engine) -> Consents:
    return Consents(engine, ManualClock(NOW_MS))


def granted(consents: Consents, number: int = 1) -> Consent:
    drawn = consent(id=number.to_bytes(16, "big"))
    with consents.transaction() as connection:
        add_consent(connection, PERSON, drawn, "")
        consents.change(connection, drawn.id, Act.GRANT, proof="gateway")
    return drawn


def by_hand(engine: Engine, one: Consent, **values: Any) -> None:
    with write_transaction(engine) as connection:
        connection.execute(update(CONSENTS).where(CONSENTS.c.consent_id == one.id).values(**values))


@pytest.mark.parametrize(
    "values",
    [
        {"status": "allowed"},
        {"status": ""},
        {"consumer": "tourism"},
        {"providers": "tourism"},
        {"valid_until_ms": NOW_MS + 999_999_999_999},
        {"raw": b"{}"},
        {"digest": b"d" * 32},
    ],
    ids=str,
)
def test_what_was_changed_by_hand_is_not_used_and_is_reported(
    engine: Engine, consents: Consents, values: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    one, other = granted(consents, 1), granted(consents, 2)
    assert consents.of_consumer(one.consumer, one.id).stored is Status.GRANTED
    by_hand(engine, one, **values)
    with caplog.at_level(logging.ERROR):
        assert consents.find(values.get("digest", one.digest)) is None
    assert "a stored consent is not used" in caplog.text
    for consumer in (one.consumer, "tourism"):
        with pytest.raises(Refused) as refused:
            consents.of_consumer(consumer, one.id)
        assert refused.value.code is Code.NOT_FOUND
    # The person's other consents are there as before.
    assert [held.consent.id for held in consents.of_person(PERSON)] == [other.id]


def test_a_row_that_makes_no_sense_keeps_no_other_withdrawal_from_the_nodes(engine: Engine, consents: Consents) -> None:
    broken, withdrawn = granted(consents, 1), granted(consents, 2)
    with consents.transaction() as connection:
        consents.change(connection, broken.id, Act.PAUSE)
        consents.change(connection, withdrawn.id, Act.WITHDRAW)
    by_hand(engine, broken, status="allowed")
    told = {change.digest: change.status for change in consents.changes(0, 10)}
    assert told == {broken.digest: Status.REVOKED, withdrawn.digest: Status.REVOKED}
