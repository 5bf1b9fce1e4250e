"""Asking nodes: who is asked follows from the request alone, and what is listed never from whether there is a record."""

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from gateway.exchange.ask import Ask, Gathered
from gateway.exchange.record import receipts_of
from gateway.federation.model import Answer, Order, Silence
from gateway.index.model import Ambiguous, Found, Lookup, Missing
from keys.batch import BatchItem
from policies.reasons import Reason
from policies.vocabulary import Form
from tests.support.policy_cases import NOW_MS, resource
from tests.unit.exchange.parts import NO_KEYS, NODE, SUBJECT, Clock, call, caller, permitted

PROMISE = BatchItem(b"promise", b"", 0, 1, ())
RECEIPT = BatchItem(b"receipt", b"", 0, 1, ())
FOUND = Found(b"h" * 16, 1, 5, NODE)


class Index:
    """Knows what it is told about the one resource."""

    def __init__(self, lookup: Lookup, synced_ms: int = NOW_MS) -> None:
        self._lookup = lookup
        self._synced_ms = synced_ms
        self.asked: list[str] = []

    def find_all(self, resources: Iterable[str], tokens: Sequence[Any]) -> dict[str, Lookup]:
        assert tuple(tokens) == SUBJECT.tokens
        self.asked += resources
        return dict.fromkeys(self.asked, self._lookup)

    def synced(self, node: str) -> int:
        assert node == NODE
        return self._synced_ms


class Federation:
    """Keeps the orders; every node answers, or is silent."""

    def __init__(self, silence: Reason | None = None) -> None:
        self._silence = silence
        self.orders: list[Order] = []

    async def ask(self, orders: Sequence[Order], _deadline_s: float) -> list[Answer | Silence]:
        self.orders += orders
        return [self._outcome(order) for order in orders]

    def _outcome(self, order: Order) -> Answer | Silence:
        if self._silence is not None:
            return Silence(order, self._silence, "AGREEMENT_UNKNOWN")
        outcomes = tuple((field, form, "released") for field, form in order.items)
        return Answer(order, b"sealed", b"t" * 32, RECEIPT, b"s" * 16, NO_KEYS, outcomes, NOW_MS)


async def gather(index: Index, federation: Federation, *parts: Any) -> Gathered:
    asking = Ask(index, federation, Clock())  # type: ignore[arg-type]
    return await asking(call(), caller(), SUBJECT, parts or (permitted(),), PROMISE, 1.0)


async def test_a_unique_pointer_is_ordered_by_its_handle() -> None:
    federation = Federation()
    gathered = await gather(Index(FOUND), federation)
    [order] = federation.orders
    assert (order.node, order.handle, order.items) == (NODE, b"h" * 16, (("name", Form.VALUE),))
    assert (order.promise, order.request, order.subject_nonce) == (PROMISE, b"body", b"n" * 32)
    assert (order.agreement_id, order.agreement_revision) == ("civil-education-2025", 3)
    [named] = receipts_of(gathered.answers)
    assert (named["resource"], named["department"], named["ticket"]) == ("civil.resident", "civil", (b"t" * 32).hex())
    assert named["receipt"]


@pytest.mark.parametrize("lookup", [Missing(), Ambiguous()])
async def test_without_a_unique_pointer_the_node_is_asked_under_a_fresh_random_handle(lookup: Lookup) -> None:
    federation = Federation()
    known = await gather(Index(FOUND), Federation())
    unknown = [await gather(Index(lookup), federation) for _ in range(3)]
    handles = {order.handle for order in federation.orders}
    assert len(handles) == 3
    assert {len(handle) for handle in handles} == {16}
    assert all(gathered.answers == known.answers for gathered in unknown)


async def test_only_an_unlisted_resource_carries_the_identifier_and_the_index_is_not_asked() -> None:
    federation, index = Federation(), Index(FOUND)
    await gather(index, federation, permitted(), permitted(described=resource(code="civil.secret", unlisted=True)))
    assert index.asked == ["civil.resident"]
    assert [order.subject_identifier for order in federation.orders] == ["", SUBJECT.canonical]
    assert federation.orders[1].handle != b"h" * 16


@pytest.mark.parametrize(
    ("synced_ms", "stale"), [(NOW_MS, False), (NOW_MS - 86_400_000, False), (NOW_MS - 86_400_001, True), (0, True)]
)
@pytest.mark.parametrize("silence", [None, Reason.NODE_DOWN])
async def test_a_provider_is_stale_beyond_its_update_cycle_and_when_it_never_said(
    synced_ms: int, stale: bool, silence: Reason | None
) -> None:
    [answer] = (await gather(Index(FOUND, synced_ms), Federation(silence))).answers
    assert (answer.synced_ms, answer.stale) == (synced_ms, stale)


async def test_a_silence_is_listed_with_its_reason_and_its_detail_is_for_the_log() -> None:
    gathered = await gather(Index(FOUND), Federation(Reason.NODE_REFUSED))
    [answer], [said] = gathered.answers, gathered.items
    assert (answer.department, answer.silence, answer.sealed) == ("civil", "NODE_REFUSED", b"")
    assert (said["outcome"], said["reason"], said["detail"]) == ("silent", "NODE_REFUSED", "AGREEMENT_UNKNOWN")
    assert receipts_of(gathered.answers) == []


async def test_nobody_is_asked_for_nothing() -> None:
    federation = Federation()
    asking = Ask(Index(FOUND), federation, Clock())  # type: ignore[arg-type]
    assert (await asking(call(), caller(), SUBJECT, (), PROMISE, 1.0)).answers == ()
    assert federation.orders == []
