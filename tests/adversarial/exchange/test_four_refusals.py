"""Domain check 6: wrong system, wrong person, wrong service, wrong purpose, at the gateway and again at the node.

The consumer is tourism, whose system "booking" has one agreement with the civil registry for one purpose and one
service, and one more on the basis of consent, which its system "archive" shares. Each request here is sound but for one thing. The
gateway refuses it with a reason of its own and asks nobody; then a gateway that was taken over sends the same thing on
all the same, over the real stream, and the node refuses it with a reason of its own and releases nothing.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from gateway.federation.model import Answer, Order, Silence
from keys.signing import digest
from oncegate.v1 import consent_pb2, exchange_pb2, signed_pb2
from policies.vocabulary import Form, LegalBasis
from tests.support.city import ALICE, BO, NAMES, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import PURPOSE as CONSENTED
from tests.support.consents import TERMS, Citizen, agree_on_consent, wish
from tests.support.doors import LOCATION, NAME, Door, RawSystem, refused
from tests.support.log_book import logged
from tests.support.taken_over import TakenOver
from tests.support.tampering import answered, between

pytestmark = [*shared_city("adversarial-four-refusals"), pytest.mark.domain_check(number=6)]

TOURISM: dict[str, Any] = {"consumer": "tourism", "system": "booking"}
SERVICE = signed_pb2.ServiceReference(code="school-enrolment", version=1, digest=bytes(32))
OTHER_SERVICE = signed_pb2.ServiceReference(code="newborn", version=1, digest=bytes(32))
OTHER_PURPOSE = "marriage_registration"
BY_MANDATE, BY_CONSENT = "tourism-civil-resident", "tourism-consent"
ON_CONSENT = {"legal_basis": signed_pb2.LEGAL_BASIS_CONSENT, "purpose": CONSENTED}


@dataclass(frozen=True, slots=True)
class Askers:
    """The system that has the agreements, and another one of its department."""

    booking: RawSystem
    archive: RawSystem


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def askers(city: City) -> AsyncIterator[Askers]:
    city.agree(
        "civil", "civil.resident", {"name": ["value"]}, id=f'"{BY_MANDATE}"', services='["school-enrolment"]', **TOURISM
    )
    await city.enrol("tourism", "system", "archive")
    async with RawSystem(city, "tourism", "booking") as booking, RawSystem(city, "tourism", "archive") as archive:
        yield Askers(booking, archive)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def consent(city: City, people: Door, askers: Askers) -> consent_pb2.ConsentRecord:
    """What ALICE consented to: booking may have her name from the civil registry, for one purpose.

    The agreements would let both systems ask the housing register too, and for a second purpose; her consent does not.
    """
    both = {"systems": '["booking", "archive"]', "purposes": f'["{CONSENTED}", "minimum_living_allowance"]'}
    agree_on_consent(city, id=f'"{BY_CONSENT}"', **TOURISM, **both)
    city.agree(
        "housing",
        "housing.property",
        {"location": ["value"]},
        **TOURISM,
        **both,
        id='"tourism-home"',
        legal_basis='"consent"',
        consent=TERMS,
    )
    for node in ("civil", "housing"):
        # The node looks at its folder within a second by itself; the tests do not wait for it.
        city.node(node).provider.agreements._looked_s = float("-inf")
    return await Citizen(city, people).granted(wish(), consumer="tourism", systems=["booking"])


async def refused_by_gateway(city: City, system: RawSystem, request: exchange_pb2.FetchRequest) -> str:
    """The gateway's reason; it is on the log and nobody was asked."""
    before = answered(city)
    with logged(city) as book:
        refusal = await refused(system.fetch(request))
    assert book.only("refused").account["reason"] == refusal.reason
    assert book.kinds == ["refused"]
    assert answered(city) == before
    assert set(refusal.texts) == {"zh-CN", "en"}
    return refusal.reason


async def refused_by_node(city: City, system: RawSystem, request: exchange_pb2.FetchRequest, **changes: Any) -> str:
    """The node's reason when a gateway sends a request on that it should have refused."""
    taken = TakenOver(city, system)
    order = replace(await taken.order(request), **(taken.agreement(BY_MANDATE) | changes))
    return told(await taken.ask(order), system)


def told(outcome: Answer | Silence, system: RawSystem) -> str:
    """The node's refusal, or what it says became of the one field of its answer; only what is released holds a text."""
    if isinstance(outcome, Silence):
        assert outcome.reason == "NODE_REFUSED"
        return outcome.detail
    answer = exchange_pb2.ProviderAnswer(
        sealed=outcome.sealed, ticket_digest=outcome.ticket_digest, resource=outcome.order.resource
    )
    [field] = system.opened(exchange_pb2.FetchRequest(body=outcome.order.request), answer).fields
    [(_, _, why)] = outcome.outcomes
    assert bool(field.text) is (why == "released")
    return why.upper()


async def test_domain_check_6_under_a_mandate_four_refusals_with_four_reasons_at_the_gateway(
    city: City, askers: Askers
) -> None:
    booking, archive = askers.booking, askers.archive
    request = booking.asking(service=SERVICE)
    response = await booking.fetch(request)
    assert booking.opened(request, response.answers[0]).fields[0].text == NAMES[ALICE]
    wrong = {
        "system": (archive, archive.asking(service=SERVICE)),
        "person": (booking, booking.request(booking.body(ALICE, service=SERVICE), typed=BO)),
        "service": (booking, booking.asking(service=OTHER_SERVICE)),
        "no service": (booking, booking.asking()),
        "resource": (booking, booking.asking(items=[LOCATION], service=SERVICE)),
        "purpose": (booking, booking.asking(purpose=OTHER_PURPOSE, service=SERVICE)),
    }
    assert {what: await refused_by_gateway(city, *asked) for what, asked in wrong.items()} == {
        "system": "WRONG_SYSTEM",
        "person": "WRONG_SUBJECT",
        "service": "SERVICE_NOT_COVERED",
        "no service": "SERVICE_NOT_COVERED",
        "resource": "NO_AGREEMENT",
        "purpose": "PURPOSE_NOT_COVERED",
    }


async def test_domain_check_6_under_a_mandate_four_refusals_with_four_reasons_at_the_node(
    city: City, askers: Askers
) -> None:
    booking, archive = askers.booking, askers.archive
    mine = TakenOver(city, booking)
    honest = replace(await mine.order(booking.asking(service=SERVICE)), **mine.agreement(BY_MANDATE))
    assert isinstance(await mine.ask(honest), Answer)
    home = {
        "node": city.node_id("housing"),
        "resource": "housing.property",
        "items": (("location", Form.VALUE),),
    }
    assert {
        "system": await refused_by_node(city, archive, archive.asking(service=SERVICE)),
        "person": await refused_by_node(city, booking, booking.asking(ALICE, service=SERVICE), handle=mine.handle(BO)),
        "service": await refused_by_node(city, booking, booking.asking(service=OTHER_SERVICE)),
        "no service": await refused_by_node(city, booking, booking.asking()),
        "resource": await refused_by_node(city, booking, booking.asking(items=[LOCATION], service=SERVICE), **home),
        "purpose": await refused_by_node(
            city, booking, booking.asking(purpose=OTHER_PURPOSE, service=SERVICE), purpose=OTHER_PURPOSE
        ),
    } == {
        "system": "WRONG_SYSTEM",
        "person": "SUBJECT_MISMATCH",
        "service": "SERVICE_NOT_COVERED",
        "no service": "SERVICE_NOT_COVERED",
        "resource": "AGREEMENT_UNKNOWN",
        "purpose": "PURPOSE_NOT_COVERED",
    }


async def test_domain_check_6_under_a_consent_four_refusals_with_four_reasons_at_the_gateway(
    city: City, askers: Askers, consent: consent_pb2.ConsentRecord
) -> None:
    booking, archive = askers.booking, askers.archive
    on = {**ON_CONSENT, "consent": consent.digest}
    assert (await booking.fetch(booking.asking(**on))).complete
    wrong = {
        "system": (archive, archive.asking(**on)),
        "person": (booking, booking.asking(BO, **on)),
        "service": (booking, booking.asking(items=[LOCATION], **on)),
        "purpose": (booking, booking.asking(**on | {"purpose": "minimum_living_allowance"})),
    }
    assert {what: await refused_by_gateway(city, *asked) for what, asked in wrong.items()} == {
        "system": "CONSENT_WRONG_CONSUMER",
        "person": "CONSENT_WRONG_PERSON",
        "service": "CONSENT_NOT_COVERED",
        "purpose": "CONSENT_WRONG_PURPOSE",
    }


async def test_domain_check_6_under_a_consent_four_refusals_with_four_reasons_at_the_node(
    city: City, askers: Askers, consent: consent_pb2.ConsentRecord
) -> None:
    booking, archive = askers.booking, askers.archive
    on = {**ON_CONSENT, "consent": consent.digest}
    seen: list[Order] = []

    async def look(honest: Any, orders: Sequence[Order], deadline_s: float) -> Any:
        seen.extend(orders)
        return await honest(orders, deadline_s)

    with between(city, look):
        await booking.fetch(booking.asking(**on))
    proof = seen[0].consent_proof

    async def sent(system: RawSystem, request: exchange_pb2.FetchRequest, who: str = ALICE, **changes: Any) -> str:
        taken = TakenOver(city, system)
        order = replace(
            await taken.order(request, who),
            **taken.agreement(BY_CONSENT),
            basis=LegalBasis.CONSENT,
            purpose=CONSENTED,
            consent=consent.artefact,
            consent_digest=digest(consent.artefact),
            consent_proof=proof,
        )
        return told(await taken.ask(replace(order, **changes)), system)

    taken = TakenOver(city, booking)
    home = {
        "node": city.node_id("housing"),
        "resource": "housing.property",
        "items": (("location", Form.VALUE),),
        **taken.agreement("tourism-home"),
    }
    other = "minimum_living_allowance"
    assert {
        "system": await sent(archive, archive.asking(**on)),
        "person": await sent(booking, booking.asking(BO, **on), BO),
        "service": await sent(booking, booking.asking(items=[LOCATION], **on), **home),
        "purpose": await sent(booking, booking.asking(**on | {"purpose": other}), purpose=other),
    } == {
        "system": "CONSENT_WRONG_CONSUMER",
        "person": "WITHHELD",
        "service": "CONSENT_NOT_COVERED",
        "purpose": "CONSENT_WRONG_PURPOSE",
    }
    assert await sent(booking, booking.asking(items=[NAME], **on)) == "RELEASED"
