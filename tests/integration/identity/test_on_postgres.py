"""Identity and sharing on PostgreSQL, where writers do not wait for each other by themselves."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import RiderRefused
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused
from gateway.exchange.limits import uses_of
from gateway.sharing.agreements import Agreements
from gateway.storage.database import open_database
from keys.certificates.authority import CertificateAuthority
from policies.agreements import parse_agreement
from policies.vocabulary import LegalBasis
from tests.support.ledgers import make_ledger
from tests.support.parties import DOMAIN, NOW_MS, ManualClock, Registry, agreement_text, description, new_csr, signed
from tests.support.postgres import PostgresServer

pytestmark = [pytest.mark.postgres]
NAME = f"spiffe://{DOMAIN}/department/civil/system/counter"


@pytest.fixture
def replicas(postgres_server: PostgresServer) -> Iterator[list[Registry]]:
    url = postgres_server.new_database()
    first = Registry(url, ManualClock(), CertificateAuthority.create(DOMAIN, NOW_MS), open_database(url))
    replicas = [first, first.elsewhere(), first.elsewhere()]
    yield replicas
    for replica in replicas:
        replica.close()


def at_once(*works) -> list[str]:
    start = threading.Barrier(len(works))
    outcomes: list[str] = []

    def run(work) -> None:
        start.wait()
        try:
            work()
            outcomes.append("done")
        except Refused as refused:
            outcomes.append(str(refused.code))

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(outcomes)


def test_of_several_replicas_that_redeem_one_token_at_once_exactly_one_wins(replicas: list[Registry]):
    civil = replicas[0].add("civil")
    for _ in range(5):
        secret = replicas[0].token(civil, "counter")
        attempts = [
            partial(replica.enrolments.enrol, secret, new_csr(), civil.certify("counter")) for replica in replicas
        ]
        assert at_once(*attempts) == ["BAD_TOKEN", "BAD_TOKEN", "done"]


def test_a_revocation_at_one_replica_is_seen_by_the_next_check_at_another(replicas: list[Registry]):
    one, other, _ = replicas
    civil = one.add("civil")
    pem = one.enrol(civil, "counter").leaf.certificate_pem
    peer = other.peers.admit(pem)
    one.enrolments.revoke(NAME, "lost")
    with pytest.raises(Refused) as refused:
        other.peers.check(peer)
    assert refused.value.code is Code.CERTIFICATE_REVOKED
    assert one.enrol(civil, "counter").leaf.certificate_pem
    with pytest.raises(Refused):
        other.peers.admit(pem)


def test_one_resource_published_by_two_nodes_at_once_is_held_by_one(replicas: list[Registry]):
    resource = description("civil.resident", "civil")
    nodes = [f"spiffe://{DOMAIN}/department/civil/node/n{number}" for number in (1, 2)]
    works = [
        partial(replica.catalog.publish, node, "civil", [resource])
        for replica, node in zip(replicas, nodes, strict=False)
    ]
    assert at_once(*works) == ["NODE_REFUSED", "done"]
    assert {replica.catalog.get("civil.resident").node for replica in replicas} <= set(nodes)


def test_of_two_agreements_under_one_revision_added_at_once_one_is_taken(replicas: list[Registry]):
    civil, housing = replicas[0].add("civil"), replicas[0].add("housing")
    books = [
        Agreements(replica.engine, replica.departments, replica.clock, lambda code: code.split(".")[0])
        for replica in replicas
    ]
    files = [signed(civil, agreement_text(civil, housing, field=field)) for field in ("name", "address")]
    assert at_once(*(partial(book.add, *file) for book, file in zip(books, files, strict=False))) == [
        "ALREADY_EXISTS",
        "done",
    ]
    question = ("housing", "counter", "civil.resident", "school_enrolment", LegalBasis.MANDATE, NOW_MS)
    assert len({book.find(*question).digest for book in books}) == 1
    books[2].revoke("civil-desk-1", "misused")
    assert [book.find(*question) for book in books] == [None, None, None]


def test_replicas_together_never_grant_more_uses_than_agreed(replicas: list[Registry]):
    civil, housing = replicas[0].add("civil"), replicas[0].add("housing")
    agreement = parse_agreement(agreement_text(civil, housing, uses_per_day=90, rate_per_minute=100_000))
    logs = [make_ledger(replica.engine) for replica in replicas]
    granted: list[int] = []

    def use(log: SqlLedger) -> None:
        taken = 0
        for number in range(60):
            draft = EntryDraft("asked", {"number": number}, counts=uses_of([agreement], number.to_bytes(16, "big")))
            try:
                log.append_blocking(draft)
            except RiderRefused:
                continue
            taken += 1
        granted.append(taken)

    at_once(*(partial(use, log) for log in logs))
    for log in logs:
        log.stop()
    assert logs[0].size() == 90
    assert sum(granted) == 90
