"""What is remembered of a release says the same as the log, and no more than so many are remembered."""

import json

from gateway.audit.views import LogEntry
from gateway.exchange.recent_releases import RecentReleases, Release, release_of

SYSTEM, REQUEST = "spiffe://city.test/department/education/system/school", b"q" * 32
RECEIPTS = [{"resource": "civil.resident", "receipt": "aa"}, {"resource": "oncegate.locate", "sealed": "bb"}]


def entry(kind: str) -> LogEntry:
    said = {"system": SYSTEM, "request_digest": REQUEST.hex(), "receipts": RECEIPTS}
    return LogEntry(1, b"h" * 32, 0, kind, json.dumps(said).encode(), b"s" * 32)


def test_what_is_remembered_is_what_the_log_says() -> None:
    recent = RecentReleases()
    recent.add(1, SYSTEM, REQUEST, RECEIPTS)
    assert recent.get(1) == release_of(entry("released")) == Release(SYSTEM, REQUEST.hex(), frozenset({"aa", "bb"}))
    assert recent.get(2) is None


def test_what_is_no_release_is_none() -> None:
    assert release_of(entry("refused")) is None


def test_the_oldest_are_forgotten_first() -> None:
    recent = RecentReleases(remembered=2)
    for index in range(3):
        recent.add(index, SYSTEM, REQUEST, RECEIPTS)
    assert [recent.get(index) is None for index in range(3)] == [True, False, False]
