"""A field whose class is raised after an agreement was accepted: the release stops, and goes on under a new revision."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from nodes.consumer import AsyncClient, RequestRefused
from nodes.consumer.answer import Answer
from tests.support.city import ALICE, CIVIL_ITEMS, PURPOSE, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.city_records import CIVIL
from tests.support.log_book import logged
from tests.support.tampering import answered

pytestmark = shared_city("e2e-raised-class")

BORN, NAME = "civil.resident:birth_date=year", "civil.resident:name=value"
RAISED = CIVIL.replace('classification = "confidential"', 'classification = "sensitive"', 1).replace(
    'type = "date"\nclassification = "confidential"', 'type = "date"\nclassification = "sensitive"'
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with running_city(tmp_path_factory.mktemp("city")) as running:
        yield running


async def fetch(school: AsyncClient, *items: str) -> Answer:
    return await school.fetch(subject=("cn.resident-id", ALICE), purpose=PURPOSE, basis="mandate", items=items)


async def test_a_raised_class_stops_the_release_until_an_agreement_names_an_assessment(
    city: City, school: AsyncClient
) -> None:
    assert (await fetch(school, BORN, NAME))["civil.resident:birth_date"].released
    await city.stop_node("civil")
    (city.member_home("civil", "registry") / "resources.toml").write_text(RAISED, encoding="utf-8")
    await city.start_node("civil")
    await city.synced("civil", 3)
    before = answered(city)
    with logged(city) as book, pytest.raises(RequestRefused) as refused:
        await fetch(school, BORN, NAME)
    assert refused.value.code == "IMPACT_ASSESSMENT_MISSING"
    assert "影响评估" in refused.value.zh
    entry = book.only("refused").account
    assert entry["reason"] == "IMPACT_ASSESSMENT_MISSING"
    assert answered(city) == before
    # What is not sensitive goes on, and what is optional is left out with its reason.
    answer = await fetch(school, f"{BORN}?", NAME)
    assert answer["civil.resident:name"].released
    assert not answer["civil.resident:birth_date"].released
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=2, impact_assessment='"PIA-2026-3"')
    city.node("civil").provider.agreements._looked_s = float("-inf")
    assert (await fetch(school, BORN, NAME))["civil.resident:birth_date"].released
