"""A node does not believe the gateway about a consent: neither that it was given, nor that it still stands."""

import asyncio
import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
import pytest_asyncio

from gateway.federation.model import Order
from keys.signing import digest
from nodes.provider.consents import REREAD_S, enter
from oncegate.v1 import consent_pb2, signed_pb2
from policies.consents import Status
from tests.support.city import ALICE, NAMES, City
from tests.support.city_fixtures import shared_city
from tests.support.city_records import CIVIL
from tests.support.consents import FORM, ITEMS, TERMS, Citizen, agree_on_consent, asking, reason, status_of, wish
from tests.support.consents import PURPOSE as CONSENT_PURPOSE
from tests.support.doors import Door, RawSystem
from tests.support.log_book import logged
from tests.support.tampering import Asking, between

pytestmark = shared_city("e2e-consent-node")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def agreed(city: City) -> City:
    agree_on_consent(city)
    return city


@pytest_asyncio.fixture(loop_scope="module")
async def alice(agreed: City, people: Door) -> Citizen:
    return Citizen(agreed, people)


class Forgetful:
    """A gateway that was taken over: it finds every consent standing, whatever its database says."""

    def __init__(self, city: City) -> None:
        assert city.gateway is not None
        self._consents = city.gateway._consents.consents

    def __enter__(self) -> None:
        honest = self._consents.find

        def find(one: bytes) -> Any:
            held = honest(one)
            return None if held is None else dataclasses.replace(held, stored=Status.GRANTED)

        self._consents.find = find  # type: ignore[method-assign]
        self._consents.count_use = lambda *_: None  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        del self._consents.find, self._consents.count_use


async def silence(city: City, raw: RawSystem, consent: bytes, items: Sequence[Any] = ITEMS) -> str:
    """Why civil's node refused, as the ledger has it; empty when it answered."""
    with logged(city) as book:
        try:
            await raw.fetch(asking(raw, consent, items=items))
        except Exception as error:  # noqa: BLE001 - the one provider being silent refuses the whole request
            assert "No provider answered" in str(error)  # noqa: PT017
    items = book.entries[-1].account["items"]
    return str(items[0].get("detail", ""))


async def twisted(city: City, raw: RawSystem, named: bytes, **changes: Any) -> tuple[str, str, int]:
    """Detail or outcome and size of an answer to orders that a gateway changed."""

    async def change(ask: Asking, orders: Sequence[Order], deadline_s: float) -> Any:
        return await ask([dataclasses.replace(order, **changes) for order in orders], deadline_s)

    with logged(city) as book, between(city, change):
        request = asking(raw, named)
        try:
            answers = (await raw.fetch(request)).answers
        except Exception as error:  # noqa: BLE001 - the one provider being silent refuses the whole request
            assert "No provider answered" in str(error)  # noqa: PT017
            answers = []
    item = book.entries[-1].account["items"][0]
    if answers:
        assert raw.opened(request, answers[0]).fields[0].status == signed_pb2.FIELD_STATUS_NOT_AVAILABLE
    return item.get("detail", ""), item["outcome"], len(answers[0].sealed) if answers else 0


@pytest.mark.domain_check(number=4)
async def test_a_consent_that_ended_stays_ended_at_the_node_whatever_the_gateway_says(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    granted = await alice.granted()
    await alice.act("Withdraw", granted.consent_id)
    await asyncio.sleep(0.5)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == "CONSENT_REVOKED"
    # Also after the node was restarted while the gateway says nothing of it.
    await agreed.stop_node("civil")
    await agreed.start_node("civil")
    await agreed.synced("civil", 3)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == "CONSENT_REVOKED"


async def test_a_pause_reaches_the_node_and_ends_there_too(agreed: City, raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted()
    await alice.act("Pause", granted.consent_id)
    await asyncio.sleep(0.5)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == "CONSENT_PAUSED"
    await alice.act("Resume", granted.consent_id)
    await asyncio.sleep(0.5)
    assert await silence(agreed, raw, granted.digest) == ""


async def test_a_node_that_was_away_is_told_when_it_comes_back(agreed: City, raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted()
    await agreed.stop_node("civil")
    await alice.act("Withdraw", granted.consent_id)
    await agreed.start_node("civil")
    await agreed.synced("civil", 3)
    await asyncio.sleep(0.5)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == "CONSENT_REVOKED"


async def test_what_the_steward_entered_counts_within_a_second_whatever_the_gateway_says(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    granted = await alice.granted()
    assert await silence(agreed, raw, granted.digest) == ""
    file = agreed.member_home("civil", "registry") / "withdrawn-consents.txt"
    assert enter(file, granted.digest)
    assert not enter(file, granted.digest)
    await asyncio.sleep(REREAD_S + 0.1)
    assert await silence(agreed, raw, granted.digest) == "CONSENT_REVOKED"


async def test_the_node_counts_uses_itself(agreed: City, raw: RawSystem, alice: Citizen) -> None:
    granted = await alice.granted(wish(fetch=consent_pb2.CONSENT_FETCH_ONCE))
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == ""
        assert await silence(agreed, raw, granted.digest) == "CONSENT_EXHAUSTED"


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        ({"consent": b""}, "CONSENT_MISMATCH"),
        ({"consent": b"{}", "consent_digest": digest(b"{}")}, "CONSENT_MISMATCH"),
        ({"consent_digest": b"x" * 32}, "CONSENT_MISMATCH"),
    ],
)
async def test_another_text_than_the_one_that_was_named_is_refused(
    agreed: City, raw: RawSystem, alice: Citizen, change: dict[str, Any], detail: str
) -> None:
    granted = await alice.granted()
    assert (await twisted(agreed, raw, granted.digest, **change))[0] == detail


async def test_without_the_persons_own_word_an_answer_looks_like_one_without_a_record(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    granted = await alice.granted()
    _, outcome, size = await twisted(agreed, raw, granted.digest, consent_proof=b"x" * 100)
    assert outcome == "withheld"
    _, absent, other = await twisted(agreed, raw, granted.digest, handle=b"h" * 16)
    assert absent == "no_record"
    assert size == other
    request = asking(raw, granted.digest)
    answer = (await raw.fetch(request)).answers[0]
    assert raw.opened(request, answer).fields[0].text == NAMES[ALICE]
    assert len(answer.sealed) == size


HOUSEHOLD = (
    CIVIL[CIVIL.index("[[resources]]") : CIVIL.index("[[resources.fields]]")].replace(
        "civil.resident", "civil.household"
    )
    + CIVIL[CIVIL.rindex("[[resources.fields]]") :]
)
BOTH = (("civil.resident", "name", FORM), ("civil.household", "address", FORM))


async def test_a_request_is_one_use_however_many_resources_it_asks_for_at_gateway_and_node(
    agreed: City, raw: RawSystem, alice: Citizen
) -> None:
    await agreed.stop_node("civil")
    (agreed.member_home("civil", "registry") / "resources.toml").write_text(CIVIL + HOUSEHOLD, encoding="utf-8")
    await agreed.start_node("civil")
    await agreed.synced("civil", 6)
    agreed.agree(
        "civil",
        "civil.household",
        {"address": ["value"]},
        id='"consent-household"',
        legal_basis='"consent"',
        purposes=f'["{CONSENT_PURPOSE}"]',
        consent=TERMS,
    )
    agreed.node("civil").provider.agreements._looked_s = float("-inf")
    once = wish(BOTH, fetch=consent_pb2.CONSENT_FETCH_ONCE)
    granted = await alice.granted(once)
    answers = (await raw.fetch(asking(raw, granted.digest, items=BOTH))).answers
    assert [answer.silence_reason for answer in answers] == ["", ""]
    assert (await status_of(raw, granted.consent_id)).uses == 1
    assert await reason(raw, granted.digest, items=BOTH) == "CONSENT_EXHAUSTED"
    # A gateway that forgets to count gets neither the other half by itself nor both again.
    granted = await alice.granted(once)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest) == ""
        assert await silence(agreed, raw, granted.digest, BOTH[1:]) == "CONSENT_EXHAUSTED"
    # Nor when the node counts anew, by its own receipts.
    await agreed.stop_node("civil")
    await agreed.start_node("civil")
    await agreed.synced("civil", 6)
    with Forgetful(agreed):
        assert await silence(agreed, raw, granted.digest, BOTH) == "CONSENT_EXHAUSTED"
