"""Purposes of the exchange's own file: served, held to their legal bases, refused from the day they are retired on.

Gateway and node each load their own copy, and neither believes the other.
"""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from gateway.bootstrap.policy import policy_of
from gateway.errors import Code, Refused
from gateway.exchange.explain import Hypothesis
from gateway.exchange.model import RequestItem
from gateway.settings import FILE_NAME
from oncegate.v1 import explicit_request_pb2, signed_pb2
from policies.civil_time import civil_date
from policies.vocabulary import Form, LegalBasis, Necessity
from tests.support.city import CIVIL, CIVIL_ITEMS, City, fill_civil
from tests.support.city_fixtures import shared_city
from tests.support.consents import TERMS, Citizen, wish
from tests.support.doors import NAME, Door, RawSystem, people_door, refused
from tests.support.log_book import logged
from tests.support.policy_city import OPERATORS, put_in_force, with_rule
from tests.support.tampering import answered

pytestmark = shared_city("e2e-purposes")

CLICKED = signed_pb2.LEGAL_BASIS_EXPLICIT_REQUEST
CONSENTED = signed_pb2.LEGAL_BASIS_CONSENT
HEAD = 'format = "oncegate.purposes/1"\n'
LIBRARY = (
    '[library_card]\nzh = "图书馆读者证"\nen = "Library card"\nbases = ["explicit_request"]\n'
    'law_zh = "《中华人民共和国公共图书馆法》"\nlaw_en = "Public Library Law"\n'
)
READING = (
    '[reading_room]\nzh = "阅览室登记"\nen = "Reading room"\nbases = ["mandate"]\n'
    'law_zh = "《中华人民共和国公共图书馆法》"\nlaw_en = "Public Library Law"\n'
)
RELIEF = (
    '[flood_relief]\nzh = "洪灾救助"\nen = "Relief after a flood"\nbases = ["mandate", "explicit_request", "consent"]\n'
    'law_zh = "《自然灾害救助条例》"\nlaw_en = "Regulation on Relief for Natural Disasters"\n'
)


class Registers:
    """The files of purposes of gateway and node."""

    def __init__(self, city: City) -> None:
        self._city = city
        self._gateway = city.home / "purposes.toml"
        self._node = city.member_home("civil", "registry") / "purposes.toml"

    def write(self, gateway: str, node: str) -> None:
        """What each says."""
        self._gateway.write_text(HEAD + gateway, encoding="utf-8")
        self._node.write_text(HEAD + node, encoding="utf-8")

    async def restart(self, gateway: str, node: str) -> None:
        """Start both again with other files."""
        await self._city.stop_node("civil")
        await self._city.stop_gateway()
        self.write(gateway, node)
        await self._city.start_gateway()
        await self._city.start_node("civil")
        await self._city.synced("civil", 3)

    @property
    def today(self) -> str:
        """A table's line that retires a purpose from today on, in civil time."""
        return f"retired = {civil_date(self._city.parts.clock.now_ms())}\n"

    @property
    def soon(self) -> str:
        """The same for a day that is not here before the test ends."""
        return f"retired = {civil_date(self._city.parts.clock.now_ms()) + timedelta(days=2)}\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("city")
    keys = folder / "issuer.jwks.json"
    roles = 'roles = { operator = "operator" }'
    city = City(folder, settings=f'\n[[issuers]]\nissuer = "{OPERATORS}"\njwks_file = "{keys}"\n{roles}\n')
    settings = city.home / FILE_NAME
    settings.write_text('purposes_file = "purposes.toml"\n' + settings.read_text("utf-8"), encoding="utf-8")
    (city.home / "purposes.toml").write_text(HEAD + READING + LIBRARY + RELIEF, encoding="utf-8")
    try:
        await city.start_gateway()
        city.register_departments()
        civil = await city.make_node("civil", CIVIL, node_toml='purposes = "purposes.toml"\n')
        fill_civil(civil.path / "source.db")
        await city.enrol("education", "system", "school")
        Registers(city).write(READING + LIBRARY + RELIEF, LIBRARY + RELIEF)
        await city.start_node("civil")
        await city.synced("civil", 3)
        agreed = {"id": '"library"', "legal_basis": '"explicit_request"', "purposes": '["library_card"]'}
        city.agree("civil", "civil.resident", CIVIL_ITEMS, **agreed)
        city.agree("civil", "civil.resident", CIVIL_ITEMS, id='"relief"', purposes='["flood_relief", "tax_assessment"]')
        consented = {"legal_basis": '"consent"', "consent": TERMS, "purposes": '["flood_relief"]'}
        city.agree("civil", "civil.resident", CIVIL_ITEMS, id='"consented"', **consented)
        yield city
    finally:
        await city.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def registers(city: City) -> Registers:
    return Registers(city)


def asking(raw: RawSystem, purpose: str, basis: Any = signed_pb2.LEGAL_BASIS_MANDATE) -> Any:
    return raw.asking(items=[NAME], purpose=purpose, legal_basis=basis)


async def click(people: Door, who: Citizen, purpose: str) -> Any:
    message = explicit_request_pb2.MakeExplicitRequestRequest(
        consumer="education", purpose=purpose, resources=["civil.resident"]
    )
    return await people.clicks.MakeExplicitRequest(message, metadata=who.metadata)


async def reason(city: City, raw: RawSystem, purpose: str, basis: Any = signed_pb2.LEGAL_BASIS_MANDATE) -> str:
    """Why the gateway refuses a request; no node was asked."""
    before = answered(city)
    with logged(city) as book:
        refusal = await refused(raw.fetch(asking(raw, purpose, basis)))
    assert refusal.status == "PERMISSION_DENIED"
    assert set(refusal.texts) == {"zh-CN", "en"}
    assert book.only("refused").account["reason"] == refusal.reason
    assert answered(city) == before
    return refusal.reason


async def at_node(city: City, raw: RawSystem, purpose: str, basis: Any = signed_pb2.LEGAL_BASIS_MANDATE) -> str:
    """Why the node refuses what the gateway let through; the caller is told only that it did."""
    with logged(city) as book:
        refusal = await refused(raw.fetch(asking(raw, purpose, basis)))
    assert refusal.facts["providers"] == "civil/civil.resident=NODE_REFUSED"
    (said,) = book.entries[-1].account["items"]
    assert said["reason"] == "NODE_REFUSED"
    return str(said["detail"])


async def test_a_purpose_of_the_file_is_served_on_its_own_basis_and_on_no_other(city: City, raw: RawSystem) -> None:
    assert (await raw.fetch(asking(raw, "library_card", CLICKED))).complete
    assert (await raw.fetch(asking(raw, "flood_relief"))).complete
    assert await reason(city, raw, "library_card") == "BASIS_NOT_FOR_PURPOSE"
    assert await reason(city, raw, "library_card", CONSENTED) == "BASIS_NOT_FOR_PURPOSE"
    # One that the purpose has and the agreement has not is another matter.
    assert await reason(city, raw, "flood_relief", CLICKED) == "BASIS_NOT_COVERED"


async def test_an_explanation_calls_the_purpose_by_its_names(city: City) -> None:
    item = RequestItem("civil.resident", "name", Form.VALUE, Necessity.REQUIRED)
    asked = Hypothesis(
        consumer="education",
        system="school",
        items=(item,),
        purpose="library_card",
        basis=LegalBasis.MANDATE,
        scheme="cn.resident-id",
    )
    explained = policy_of(city.parts).explain.hypothetical(asked)
    assert explained.purpose_words == ("图书馆读者证", "Library card")
    (decided,) = explained.resources[0].items
    assert decided.reason == "BASIS_NOT_FOR_PURPOSE"
    assert [rule.zh for rule in decided.rules] == ["用途须在用且允许以该法律依据办理"]


@pytest.mark.parametrize(
    ("purposes", "code", "told"),
    [
        ('["library_card"]', Code.BAD_REQUEST, "BASIS_NOT_FOR_PURPOSE"),
        ('["flood_relief", "profile_verification"]', Code.BAD_REQUEST, "BASIS_NOT_FOR_PURPOSE"),
        ('["museum_card"]', Code.UNKNOWN_PURPOSE, "UNKNOWN_PURPOSE"),
    ],
)
async def test_an_agreement_with_a_purpose_that_does_not_count_is_not_taken_in(
    city: City, purposes: str, code: Code, told: str
) -> None:
    with pytest.raises(Refused) as caught:
        city.agree("civil", "civil.resident", CIVIL_ITEMS, id='"groundless"', purposes=purposes)
    assert (caught.value.code, caught.value.reason) == (code, told)
    assert caught.value.violations[0].field == "purposes"


async def test_nobody_can_consent_to_or_ask_for_what_may_not_rest_on_it(city: City, people: Door) -> None:
    alice = Citizen(city, people)
    for purpose, told in (("library_card", "BASIS_NOT_FOR_PURPOSE"), ("museum_card", "UNKNOWN_PURPOSE")):
        refusal = await refused(alice.draft(wish(purpose=purpose)))
        assert (refusal.reason, list(refusal.violations)) == (told, ["wish.purpose"])
    for purpose, told in (("reading_room", "BASIS_NOT_FOR_PURPOSE"), ("museum_card", "UNKNOWN_PURPOSE")):
        refusal = await refused(click(people, alice, purpose))
        assert (refusal.reason, list(refusal.violations)) == (told, ["purpose"])


async def test_a_node_holds_to_its_own_file_and_does_not_believe_the_gateway(
    city: City, raw: RawSystem, registers: Registers
) -> None:
    narrower = LIBRARY.replace('["explicit_request"]', '["consent"]') + RELIEF + registers.today
    await registers.restart(LIBRARY + RELIEF, narrower)
    assert await at_node(city, raw, "library_card", CLICKED) == "BASIS_NOT_FOR_PURPOSE"
    assert await at_node(city, raw, "flood_relief") == "PURPOSE_RETIRED"
    assert (await raw.fetch(asking(raw, "tax_assessment"))).complete
    await registers.restart(LIBRARY + RELIEF, RELIEF)
    assert await at_node(city, raw, "library_card", CLICKED) == "UNKNOWN_TERM"


async def test_a_retired_purpose_is_refused_from_its_day_on_at_every_door(
    city: City, raw: RawSystem, registers: Registers
) -> None:
    both = LIBRARY + RELIEF
    await registers.restart(both + registers.soon, both)
    assert (await raw.fetch(asking(raw, "flood_relief"))).complete
    retired = both + registers.today + f"[tax_assessment]\n{registers.today}"
    await registers.restart(retired, both)
    for purpose in ("flood_relief", "tax_assessment"):
        assert await reason(city, raw, purpose) == "PURPOSE_RETIRED"
    assert (await raw.fetch(asking(raw, "library_card", CLICKED))).complete
    with pytest.raises(Refused) as caught:
        city.agree("civil", "civil.resident", CIVIL_ITEMS, id='"late"', purposes='["flood_relief"]')
    assert caught.value.reason == "PURPOSE_RETIRED"
    async with people_door(city) as people:
        alice = Citizen(city, people)
        assert (await refused(alice.draft(wish(purpose="flood_relief")))).reason == "PURPOSE_RETIRED"
        assert (await refused(click(people, alice, "flood_relief"))).reason == "PURPOSE_RETIRED"


async def test_a_bundle_that_people_put_in_force_may_name_a_purpose_of_the_file(city: City, raw: RawSystem) -> None:
    rule = (
        '@id("no-library") @title_zh("停办读者证") @title_en("No library cards") @scope("purpose=library_card")\n'
        'forbid (principal, action, resource) when { context.purpose == Purpose::"library_card" };\n'
    )
    async with people_door(city) as people:
        await put_in_force(city, people, with_rule(rule))
    assert await reason(city, raw, "library_card", CLICKED) == "GUARDRAIL"
    # The vocabulary counts under every bundle.
    assert await reason(city, raw, "library_card") == "BASIS_NOT_FOR_PURPOSE"
    assert await reason(city, raw, "flood_relief") == "PURPOSE_RETIRED"
