"""Uses of a consent as the node counts them: a request is one, however many resources it asks for."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from nodes.provider.consents import ConsentBook
from nodes.provider.state import ConsentState, Releases, State, open_state
from policies.consent_words import DAY_MS, Frequency, Unit
from policies.consents import Consent
from tests.support.index_node import FixedClock
from tests.unit.policies.test_consents import NOW_MS, consent
from tests.unit.provider.test_kept_releases import KEPT

ONE, TWO, THREE = b"1" * 32, b"2" * 32, b"3" * 32
TWICE_A_DAY = consent(frequency=Frequency(Unit.DAY, 1, 2))


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    state = open_state(tmp_path / "node.sqlite")
    yield state
    state.close()


def book(state: State, kept: Mapping[tuple[bytes, str], int] | None = None) -> ConsentBook:
    clock = FixedClock(NOW_MS)
    return ConsentBook(ConsentState(state), Path("none"), clock, lambda *_: dict(kept or {}))


def taken(uses: ConsentBook, held: Consent, *wanted: tuple[bytes, str], now_ms: int = NOW_MS) -> list[bool]:
    return [uses.use(held, request, resource, now_ms) for request, resource in wanted]


def test_the_resources_of_one_request_are_one_use(state: State) -> None:
    wanted = ((ONE, "a"), (ONE, "b"), (TWO, "a"), (THREE, "a"), (THREE, "b"), (TWO, "b"), (ONE, "c"))
    assert taken(book(state), TWICE_A_DAY, *wanted) == [True, True, True, False, False, True, True]


def test_the_same_resource_of_a_request_again_is_another_use(state: State) -> None:
    uses = book(state)
    assert taken(uses, TWICE_A_DAY, (ONE, "a"), (ONE, "b"), (ONE, "a"), (ONE, "b")) == [True] * 4
    assert taken(uses, TWICE_A_DAY, (ONE, "a"), (TWO, "a")) == [False, False]


def test_a_new_stretch_begins_anew(state: State) -> None:
    uses = book(state)
    assert taken(uses, TWICE_A_DAY, (ONE, "a"), (TWO, "a"), (THREE, "a")) == [True, True, False]
    assert taken(uses, TWICE_A_DAY, (THREE, "a"), now_ms=NOW_MS + DAY_MS) == [True]


def test_uses_before_this_start_count(state: State) -> None:
    kept = {(ONE, "a"): 1, (ONE, "b"): 1}
    assert taken(book(state, kept), TWICE_A_DAY, (TWO, "b"), (THREE, "b"), (ONE, "c")) == [True, False, True]
    assert taken(book(state, {(ONE, "a"): 2}), TWICE_A_DAY, (ONE, "b"), (TWO, "a")) == [True, False]


def test_what_was_kept_is_counted_by_request_and_resource(state: State) -> None:
    releases = Releases(state)
    requests = [(b"x", "a", 5_000), (b"x", "b", 5_000), (b"y", "a", 5_000), (b"x", "a", 6_000), (b"z", "a", 4_999)]
    kept = [
        replace(
            KEPT,
            ticket_id=bytes([number]) * 16,
            ticket_digest=bytes([number]) * 32,
            request=request,
            resource=resource,
            released_ms=released_ms,
            consent=b"text",
        )
        for number, (request, resource, released_ms) in enumerate(requests)
    ]
    other = replace(KEPT, ticket_id=b"o" * 16, ticket_digest=b"o" * 32)
    releases.keep([*kept, other], 7_000).result(10)
    x, y = sha256(b"x").digest(), sha256(b"y").digest()
    assert releases.consent_uses_since(sha256(b"text").digest(), 5_000) == {(x, "a"): 2, (x, "b"): 1, (y, "a"): 1}
    assert releases.consent_uses_since(b"", 0) == {}
