"""Used tickets and proofs of releases: kept whole, once, and for long enough."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from nodes.provider.state import KeptRelease, Releases, State, list_receipts, open_reader, open_state
from nodes.provider.used import Use
from policies.civil_time import day_begins_ms

R = "civil.resident"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "node.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    state = open_state(path)
    yield state
    state.close()


ITEM = BatchItem(b"body", b"signature", 1, 2, (b"\x01" * 32,))
KEPT = KeptRelease(
    ticket_id=b"1" * 16,
    expires_ms=10_000,
    ticket_digest=b"d" * 32,
    released_ms=5_000,
    resource=R,
    consumer="education",
    system="counter",
    purpose="school_enrolment",
    agreement="a-1",
    revision=1,
    use=Use(20_000, 77),
    session_id=b"S" * 16,
    request=b"request",
    request_signature=b"rs",
    requester_keys=CertifiedKeys(b"kb", b"ks", b"dk"),
    ticket=ITEM,
    promise=replace(ITEM, body=b"promise", path=()),
    disclosure=b"disclosure",
    receipt=replace(ITEM, body=b"receipt"),
)


def test_a_release_is_kept_whole(state: State, path: Path) -> None:
    releases = Releases(state)
    other = replace(KEPT, ticket_id=b"2" * 16, ticket_digest=b"e" * 32)
    releases.keep([KEPT, other], 5_000).result(10)
    reader = open_reader(path)
    newest, oldest = list_receipts(reader, None, 10)
    assert (newest.number, oldest.number) == (2, 1)
    assert (oldest.ticket, oldest.promise, oldest.requester_keys) == (KEPT.ticket, KEPT.promise, KEPT.requester_keys)
    assert (oldest.consumer, oldest.system, oldest.purpose, oldest.agreement, oldest.revision) == (
        "education",
        "counter",
        "school_enrolment",
        "a-1",
        1,
    )
    assert (oldest.request, oldest.request_signature, oldest.disclosure, oldest.receipt, oldest.session_id) == (
        b"request",
        b"rs",
        b"disclosure",
        KEPT.receipt,
        b"S" * 16,
    )
    assert [r.number for r in list_receipts(reader, 2, 10)] == [1]
    assert [r.number for r in list_receipts(reader, None, 1)] == [2]
    assert state.reader().execute("SELECT COUNT(*) FROM certified").fetchone() == (1,)
    reader.close()


def test_a_ticket_that_is_kept_already_fails_the_whole_group(state: State) -> None:
    releases = Releases(state)
    releases.keep([KEPT], 5_000).result(10)
    new = replace(KEPT, ticket_id=b"2" * 16, ticket_digest=b"e" * 32)
    with pytest.raises(sqlite3.IntegrityError):
        releases.keep([new, KEPT], 5_000).result(10)
    assert releases.used() == {b"1" * 16}
    assert [receipt.number for receipt in list_receipts(state.reader(), None, 10)] == [1]


def test_used_tickets_are_forgotten_long_after_they_expired(state: State) -> None:
    releases = Releases(state)
    releases.keep([KEPT], 5_000).result(10)
    later = replace(KEPT, ticket_id=b"2" * 16, ticket_digest=b"e" * 32, expires_ms=4_000_000, released_ms=3_610_001)
    releases.keep([later], 3_610_001).result(10)
    assert releases.used() == {b"2" * 16}


def numbered(number: int, day: int = 20_000, next_us: int = 77) -> KeptRelease:
    ids = {"ticket_id": bytes([number]) * 16, "ticket_digest": bytes([number]) * 32}
    return replace(KEPT, **ids, use=Use(day, next_us))


def test_uses_are_counted_per_agreement_and_day_with_the_release_that_they_are_for(state: State) -> None:
    releases = Releases(state)
    releases.keep([numbered(1), numbered(2, next_us=99)], 5_000).result(10)
    releases.keep([numbered(3, next_us=88), numbered(4, 20_001)], 5_000).result(10)
    assert releases.uses("a-1", 20_000) == (3, 99)
    assert releases.uses("a-1", 20_001) == (1, 99)
    assert releases.uses("a-2", 20_000) == (0, 0)


def test_a_release_that_is_not_kept_has_used_nothing(state: State) -> None:
    releases = Releases(state)
    releases.keep([numbered(1)], 5_000).result(10)
    with pytest.raises(sqlite3.IntegrityError):
        releases.keep([numbered(2, next_us=500), numbered(1)], 5_000).result(10)
    assert releases.uses("a-1", 20_000) == (1, 77)


def test_uses_of_long_ago_are_forgotten(state: State) -> None:
    releases = Releases(state)
    releases.keep([numbered(1)], 5_000).result(10)
    releases.keep([numbered(2, 20_010)], day_begins_ms(20_010)).result(10)
    assert releases.uses("a-1", 20_000)[0] == 0
    assert releases.uses("a-1", 20_010)[0] == 1
