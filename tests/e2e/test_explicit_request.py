"""Explicit requests over the real doors: the person's click, and a request that is held to it; never a consent."""

from typing import Any

import pytest
import pytest_asyncio

from oncegate.v1 import explicit_request_pb2, signed_pb2
from tests.support.city import ALICE, BO, CIVIL_ITEMS, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import Citizen, agree_on_consent
from tests.support.doors import NAME, Door, RawSystem, refused
from tests.support.log_book import logged
from tests.support.tampering import storage_that_fails

pytestmark = shared_city("e2e-explicit-request")

PURPOSE = "newborn_registration"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def agreed(city: City) -> City:
    city.agree(
        "civil",
        "civil.resident",
        CIVIL_ITEMS,
        id='"clicked"',
        legal_basis='"explicit_request"',
        purposes=f'["{PURPOSE}", "tax_assessment"]',
    )
    agree_on_consent(city)
    return city


async def click(people: Door, who: Citizen, **changes: Any) -> explicit_request_pb2.ExplicitRequest:
    members = {"consumer": "education", "purpose": PURPOSE, "resources": ["civil.resident"], **changes}
    message = explicit_request_pb2.MakeExplicitRequestRequest(**members)
    found: explicit_request_pb2.ExplicitRequest = (
        await people.clicks.MakeExplicitRequest(message, metadata=who.metadata)
    ).request
    return found


def asking(raw: RawSystem, digest: bytes, who: str = ALICE, **changes: Any) -> Any:
    members = {"purpose": PURPOSE, "legal_basis": signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST, "explicit_request": digest}
    return raw.asking(who, items=[NAME], **(members | changes))


async def reason(raw: RawSystem, digest: bytes, who: str = ALICE, **changes: Any) -> str:
    return (await refused(raw.fetch(asking(raw, digest, who, **changes)))).reason


async def test_a_request_that_names_the_click_is_held_to_it_and_the_log_ties_both(
    agreed: City, people: Door, raw: RawSystem
) -> None:
    alice = Citizen(agreed, people)
    with logged(agreed) as book:
        made = await click(people, alice)
        assert (await raw.fetch(asking(raw, made.digest))).complete
    assert book.kinds == ["explicit_request_made", "asked", "released"]
    assert {entry.account["explicit_request"] for entry in book.entries} == {made.digest.hex()}
    assert ALICE.encode() not in made.artefact
    listed = await people.clicks.ListExplicitRequests(
        explicit_request_pb2.ListExplicitRequestsRequest(), metadata=alice.metadata
    )
    assert listed.requests[0] == made
    # Without a name the department answers for its statement, as the agreement lets it.
    assert (await raw.fetch(asking(raw, b""))).complete


async def test_what_a_click_does_not_cover_is_refused_each_with_its_own_reason(
    agreed: City, people: Door, raw: RawSystem
) -> None:
    alice = Citizen(agreed, people)
    made = await click(people, alice)
    assert await reason(raw, b"x" * 32) == "EXPLICIT_REQUEST_UNKNOWN"
    assert await reason(raw, made.digest, BO) == "EXPLICIT_REQUEST_UNKNOWN"
    assert await reason(raw, made.digest, purpose="tax_assessment") == "EXPLICIT_REQUEST_NOT_COVERED"
    other = await click(people, alice, resources=["housing.property"])
    assert await reason(raw, other.digest) == "EXPLICIT_REQUEST_NOT_COVERED"
    elsewhere = await click(people, alice, consumer="tourism")
    assert await reason(raw, elsewhere.digest) == "EXPLICIT_REQUEST_NOT_COVERED"


async def test_a_click_is_no_consent_and_a_consent_is_no_click(agreed: City, people: Door, raw: RawSystem) -> None:
    alice = Citizen(agreed, people)
    made, granted = await click(people, alice), await alice.granted()
    assert await reason(raw, granted.digest) == "EXPLICIT_REQUEST_UNKNOWN"
    consent = {"legal_basis": signed_pb2.LEGAL_BASIS_CONSENT, "purpose": "housing_fund_withdrawal"}
    assert await reason(raw, b"", consent=made.digest, **consent) == "CONSENT_UNKNOWN"
    assert (await refused(raw.fetch(asking(raw, made.digest, **consent)))).violations == {
        "explicit_request": "must be empty, or 32 bytes with the basis explicit_request"
    }


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"resources": []}, "resources"),
        ({"resources": ["x" * 200]}, "resources"),
        ({"days": 91}, "days"),
        ({"purpose": "unknown"}, "purpose"),
        ({"purpose": "Unknown"}, "purpose"),
        ({"consumer": "No"}, "request"),
    ],
)
async def test_a_click_that_breaks_a_rule_is_not_on_the_ledger(
    agreed: City, people: Door, changes: dict[str, Any], path: str
) -> None:
    with logged(agreed) as book:
        refusal = await refused(click(people, Citizen(agreed, people), **changes))
    assert (refusal.status, list(refusal.violations)) == ("INVALID_ARGUMENT", [path])
    assert book.kinds == []


async def test_nothing_is_kept_when_the_log_cannot_say_so(agreed: City, people: Door) -> None:
    alice = Citizen(agreed, people)
    message = explicit_request_pb2.ListExplicitRequestsRequest()
    before = await people.clicks.ListExplicitRequests(message, metadata=alice.metadata)
    with storage_that_fails(agreed):
        assert (await refused(click(people, alice))).reason == "LEDGER_UNAVAILABLE"
    assert await people.clicks.ListExplicitRequests(message, metadata=alice.metadata) == before
