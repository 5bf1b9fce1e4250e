"""Consents on PostgreSQL, where writers do not wait for each other by themselves: counters stay exact, one act wins."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.sharing.consents import Consents, add_consent
from gateway.storage.database import open_database
from policies.consent_words import Fetch
from policies.consents import Act, Consent, NotPossible, Status
from policies.reasons import Reason
from tests.support.parties import ManualClock
from tests.support.policy_cases import NOW_MS
from tests.support.postgres import PostgresServer
from tests.unit.policies.test_consents import consent

pytestmark = [pytest.mark.postgres]
PERSON = b"p" * 16


@pytest.fixture
def replicas(postgres_server: PostgresServer) -> Iterator[list[Consents]]:
    url = postgres_server.new_database()
    engines = [open_database(url) for _ in range(4)]
    yield [Consents(engine, ManualClock(NOW_MS)) for engine in engines]
    for engine in engines:
        engine.dispose()


def granted(consents: Consents, **changes: Any) -> Consent:
    drawn = consent(**changes)
    with consents.transaction() as connection:
        add_consent(connection, PERSON, drawn, "")
        consents.change(connection, drawn.id, Act.GRANT, proof="gateway")
    return drawn


def at_once(replicas: list[Consents], work: Any) -> list[Any]:
    """What each replica's work gives when all start together."""
    start = threading.Barrier(len(replicas))
    outcomes: list[Any] = []

    def run(one: Consents) -> None:
        start.wait()
        outcomes.append(work(one))

    threads = [threading.Thread(target=run, args=(one,)) for one in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def test_of_replicas_that_count_at_once_no_more_succeed_than_the_consent_lets(replicas: list[Consents]) -> None:
    drawn = granted(replicas[0])

    def count(one: Consents) -> list[Reason | None]:
        results = []
        for _ in range(3):
            with one.transaction() as connection:
                results.append(one.count_use(connection, drawn, NOW_MS))
        return results

    results = [result for some in at_once(replicas, count) for result in some]
    assert sorted(map(str, results)) == sorted(["None"] * 3 + [str(Reason.CONSENT_EXHAUSTED)] * 9)
    held = replicas[1].find(drawn.digest)
    assert held is not None
    assert held.uses == 3


def test_of_replicas_that_use_a_consent_for_once_at_once_exactly_one_may(replicas: list[Consents]) -> None:
    drawn = granted(replicas[0], fetch=Fetch.ONCE, frequency=None)

    def count(one: Consents) -> Reason | None:
        with one.transaction() as connection:
            return one.count_use(connection, drawn, NOW_MS)

    assert at_once(replicas, count).count(None) == 1


def test_of_replicas_that_withdraw_at_once_one_does_and_all_know(replicas: list[Consents]) -> None:
    drawn = granted(replicas[0])
    before = replicas[0].position()

    def withdraw(one: Consents) -> str:
        try:
            with one.transaction() as connection:
                one.change(connection, drawn.id, Act.WITHDRAW)
        except NotPossible:
            return "not possible"
        return "done"

    assert sorted(at_once(replicas, withdraw)) == ["done"] + ["not possible"] * 3
    for one in replicas:
        held = one.find(drawn.digest)
        assert held is not None
        assert held.stored is Status.REVOKED
        changes = one.changes(before, 10)
        assert [(change.digest, change.status) for change in changes] == [(drawn.digest, Status.REVOKED)]
        with one.transaction() as connection:
            assert one.count_use(connection, drawn, NOW_MS) is Reason.CONSENT_REVOKED


def test_of_replicas_that_tell_the_recipients_at_once_one_does(replicas: list[Consents]) -> None:
    drawn = granted(replicas[0])
    with replicas[0].transaction() as connection:
        assert replicas[0].count_use(connection, drawn, NOW_MS) is None
    with replicas[0].transaction() as connection:
        replicas[0].change(connection, drawn.id, Act.WITHDRAW)

    def tell(one: Consents) -> bool:
        with one.transaction() as connection:
            return one.told(connection, drawn.id)

    assert sorted(at_once(replicas, tell)) == [False, False, False, True]
