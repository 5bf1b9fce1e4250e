"""The catalogue over real sockets: fed by nodes, searched, looked back at, and compared; each change on the log first."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from sqlalchemy import select
from typer.testing import CliRunner

from gateway.catalog.tables import RESOURCES
from gateway.cli.main import app as oncegate
from nodes.cli.main import app as oncegate_node
from nodes.consumer import AsyncClient
from oncegate.v1 import catalog_pb2
from tests.support.city import ALICE, PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.city_records import CIVIL
from tests.support.doors import Door, RawSystem, bearer, read_refusal, refused
from tests.support.log_book import logged, read
from tests.support.stewards import city_with_stewards, person, steward
from tests.support.tampering import storage_that_fails

pytestmark = shared_city("e2e-catalogue")

RESIDENT = "civil.resident"
CHANGED = (
    CIVIL.replace('forms = ["predicate", "year", "value"]', 'forms = ["predicate", "value"]')
    .replace("居民基本信息", "常住居民户籍信息")
    .replace('update_cycle = "P1D"', 'related = ["housing.property"]\nupdate_cycle = "P1D"')
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with city_with_stewards(tmp_path_factory.mktemp("city")) as running:
        yield running


async def offer(city: City, text: str) -> None:
    """Start civil's node again with another resource file."""
    await city.stop_node("civil")
    (city.member_home("civil", "registry") / "resources.toml").write_text(text, encoding="utf-8")
    await city.start_node("civil")
    await city.synced("civil", 3)


async def test_a_change_of_a_description_is_a_new_version_that_is_on_the_log_first(city: City) -> None:
    first = city.parts.catalog.get(RESIDENT)
    assert first is not None
    published = [entry for entry in read(city) if entry.kind == "resource_changed"]
    assert {r["resource"]: r["what"] for e in published for r in e.account["resources"]} == {
        "oncegate.profile": "published",
        RESIDENT: "published",
        "housing.property": "published",
    }
    with logged(city) as book:
        await offer(city, CHANGED)
    entry = book.only("resource_changed")
    newer = city.parts.catalog.get(RESIDENT)
    assert newer is not None
    assert (entry.account["member"], entry.account["department"]) == (City.node_id("civil"), "civil")
    assert entry.account["resources"] == [
        {
            "what": "changed",
            "resource": RESIDENT,
            "version": 2,
            "fingerprint": newer.resource.fingerprint,
            "changes": ["abstract_changed", "form_withdrawn", "related_changed"],
            "breaking": True,
        }
    ]
    assert (first.version, newer.version) == (1, 2)


async def test_a_node_that_comes_back_as_it_was_changes_nothing(city: City) -> None:
    with logged(city) as book:
        await offer(city, CHANGED)
    assert "resource_changed" not in book.kinds


async def test_both_doors_find_show_and_compare(city: City, raw: RawSystem, people: Door) -> None:
    for door, metadata in ((raw.door, ()), (people, person(city, ALICE))):
        found = await door.catalog.Search(catalog_pb2.SearchRequest(query="户籍"), metadata=metadata)
        assert [hit.resource.code for hit in found.hits] == [RESIDENT]
        assert list(found.hits[0].resource.related) == ["housing.property"]
        first = await door.catalog.GetResource(
            catalog_pb2.GetResourceRequest(code=RESIDENT, version=1), metadata=metadata
        )
        assert (first.resource.version, first.resource.abstract.zh) == (1, "居民基本信息")
        history = await door.catalog.ListVersions(catalog_pb2.ListVersionsRequest(code=RESIDENT), metadata=metadata)
        assert [line.version for line in history.versions] == [2, 1]
        assert {line.published_by for line in history.versions} == {City.node_id("civil")}
        diff = await door.catalog.Diff(catalog_pb2.DiffRequest(code=RESIDENT), metadata=metadata)
        assert (diff.before, diff.after) == (1, 2)
        assert [(c.kind, c.field, c.before, c.breaking) for c in diff.changes][:1] == [
            ("form_withdrawn", "birth_date", "year", True)
        ]
        assert diff.changes[0].text.zh == "信息项 birth_date 的形式 年份 不再提供"


async def test_agreements_that_a_change_touches_are_told_to_their_parties_alone(
    city: City, raw: RawSystem, people: Door
) -> None:
    async def told(door: Door, metadata: object = ()) -> list[str]:
        diff = await door.catalog.Diff(catalog_pb2.DiffRequest(code=RESIDENT), metadata=metadata)
        assert all([diff.changes[number].breaking for number in one.changes] for one in diff.agreements)
        return [one.id for one in diff.agreements]

    assert await told(raw.door) == ["education-civil-resident"]
    assert await told(people, steward(city)) == ["education-civil-resident"]
    assert await told(people, steward(city, "housing")) == []
    assert await told(people, person(city, ALICE)) == []
    assert await told(people, bearer(city.token("auditor", roles=["auditor"]))) == []
    async with RawSystem(city, "tourism", "booking") as stranger:
        assert await told(stranger.door) == []


async def test_what_the_resource_offers_no_more_is_withheld_whatever_the_agreement_says(school: AsyncClient) -> None:
    answer = await school.fetch(
        subject=("cn.resident-id", ALICE),
        purpose=PURPOSE,
        basis="mandate",
        items=["civil.resident:birth_date=year?", "civil.resident:name=value"],
    )
    assert not answer["civil.resident:birth_date"].released
    assert answer["civil.resident:name"].released


@pytest.mark.parametrize(
    ("rpc", "request_", "reason"),
    [
        ("Search", catalog_pb2.SearchRequest(query=""), "BAD_REQUEST"),
        ("Search", catalog_pb2.SearchRequest(query="a" * 65), "BAD_REQUEST"),
        ("Search", catalog_pb2.SearchRequest(query="a", page_size=101), "BAD_REQUEST"),
        ("Search", catalog_pb2.SearchRequest(query="a", page_token="'"), "BAD_REQUEST"),
        ("GetResource", catalog_pb2.GetResourceRequest(code=RESIDENT, version=99), "NOT_FOUND"),
        ("GetResource", catalog_pb2.GetResourceRequest(code=RESIDENT, version=2**32 - 1), "NOT_FOUND"),
        ("GetResource", catalog_pb2.GetResourceRequest(code="no.such", version=1), "NOT_FOUND"),
        ("ListVersions", catalog_pb2.ListVersionsRequest(code="no.such"), "NOT_FOUND"),
        ("ListVersions", catalog_pb2.ListVersionsRequest(code=RESIDENT, page_size=201), "BAD_REQUEST"),
        ("ListVersions", catalog_pb2.ListVersionsRequest(code=RESIDENT, page_token="x"), "BAD_REQUEST"),
        ("Diff", catalog_pb2.DiffRequest(code="no.such"), "NOT_FOUND"),
        ("Diff", catalog_pb2.DiffRequest(code=RESIDENT, before=2, after=1), "BAD_REQUEST"),
        ("Diff", catalog_pb2.DiffRequest(code=RESIDENT, before=2, after=2), "BAD_REQUEST"),
        ("Diff", catalog_pb2.DiffRequest(code="housing.property"), "BAD_REQUEST"),
    ],
)
async def test_what_cannot_be_answered_is_refused_with_its_reason(
    raw: RawSystem, rpc: str, request_: object, reason: str
) -> None:
    assert (await refused(getattr(raw.door.catalog, rpc)(request_))).reason == reason


@pytest.mark.parametrize(
    ("rpc", "request_"),
    [
        ("Search", catalog_pb2.SearchRequest(query="户籍")),
        ("ListVersions", catalog_pb2.ListVersionsRequest(code=RESIDENT)),
        ("Diff", catalog_pb2.DiffRequest(code=RESIDENT)),
        ("GetResource", catalog_pb2.GetResourceRequest(code=RESIDENT, version=1)),
    ],
)
async def test_nobody_unknown_reads(people: Door, rpc: str, request_: object) -> None:
    assert (await refused(getattr(people.catalog, rpc)(request_))).status == "UNAUTHENTICATED"


async def test_a_flood_of_searches_is_refused_beyond_what_may_wait_and_harms_no_fetch(
    raw: RawSystem, school: AsyncClient
) -> None:
    async def search() -> str:
        try:
            await raw.door.catalog.Search(catalog_pb2.SearchRequest(query="信息"))
        except grpc.aio.AioRpcError as error:
            return read_refusal(error).reason
        return ""

    flood = [asyncio.create_task(search()) for _ in range(300)]
    answer = await school.fetch(
        subject=("cn.resident-id", ALICE), purpose=PURPOSE, basis="mandate", items=["civil.resident:name=value"]
    )
    said = await asyncio.gather(*flood)
    assert answer.complete
    assert set(said) <= {"", "OVERLOADED"}
    assert "" in said


async def test_nothing_is_offered_that_the_log_could_not_take(city: City) -> None:
    before = city.parts.catalog.get(RESIDENT)
    with storage_that_fails(city, "NEW.kind = 'resource_changed'"):
        await city.stop_node("civil")
        text = CHANGED.replace("Facts about residents", "Other facts")
        (city.member_home("civil", "registry") / "resources.toml").write_text(text, encoding="utf-8")
        await city.start_node("civil")
        await asyncio.sleep(1.5)
        assert city.gateway is not None
        assert not city.gateway.federation.connected(City.node_id("civil"))
        assert city.parts.catalog.get(RESIDENT) == before
        with city.parts.engine.connect() as connection:
            assert connection.execute(select(RESOURCES.c.version).where(RESOURCES.c.code == RESIDENT)).scalar() == 2
    await city.synced("civil", 3)
    after = city.parts.catalog.get(RESIDENT)
    assert after is not None
    assert (after.version, after.resource.abstract_en) == (3, "Other facts")


def run(app: object, *words: object, expect: int = 0) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words])  # type: ignore[arg-type]
    assert result.exit_code == expect, result.output
    return result.output


async def test_the_operator_lists_shows_searches_and_compares(city: City) -> None:
    home = ("--home", city.home)

    def words() -> dict[str, str]:
        return {
            "list": run(oncegate, "catalog", "list", *home),
            "show": run(oncegate, "catalog", "show", RESIDENT, *home),
            "search": run(oncegate, "catalog", "search", "户籍", *home),
            "history": run(oncegate, "catalog", "history", RESIDENT, *home),
            "diff": run(oncegate, "catalog", "diff", RESIDENT, "--from", 1, "--to", 2, *home),
        }

    shown = await asyncio.to_thread(words)
    assert RESIDENT in shown["list"]
    assert "housing.property" in shown["list"]
    assert "仅用于政务服务" in shown["show"]
    assert "housing.property" in shown["show"]
    assert RESIDENT in shown["search"]
    assert City.node_id("civil") in shown["history"]
    assert "BREAKING field birth_date: the form year is no longer offered" in shown["diff"]
    assert "touches agreement education-civil-resident r1" in shown["diff"]
    told = await asyncio.to_thread(run, oncegate, "catalog", "diff", RESIDENT, "--from", "1", "--json", *home)
    assert json.loads(told)["after"] == 3
    old = await asyncio.to_thread(run, oncegate, "catalog", "show", RESIDENT, "--version", "1", "--json", *home)
    assert json.loads(old)["abstract_zh"] == "居民基本信息"


async def test_a_member_does_the_same_in_their_language(city: City) -> None:
    home = ("--home", city.member_home("education", "school"), "--lang", "zh")

    def words() -> dict[str, str]:
        return {
            "list": run(oncegate_node, "catalog", "list", *home),
            "show": run(oncegate_node, "catalog", "show", RESIDENT, "--version", 1, *home),
            "search": run(oncegate_node, "catalog", "search", "户籍", *home),
            "history": run(oncegate_node, "catalog", "history", RESIDENT, *home),
            "diff": run(oncegate_node, "catalog", "diff", RESIDENT, "--from", 1, "--to", 2, *home),
            "same": run(oncegate_node, "catalog", "search", "不存在的词", "--json", *home),
        }

    shown = await asyncio.to_thread(words)
    assert "居民信息" in shown["list"]
    assert "居民基本信息" in shown["show"]
    assert "检索结果" in shown["search"]
    assert "发布节点" in shown["history"]
    assert "【须关注】信息项 birth_date 的形式 年份 不再提供" in shown["diff"]
    assert "涉及协议 education-civil-resident 第 1 版" in shown["diff"]
    assert json.loads(shown["same"]) == {"found": [], "more": False}


async def test_a_withdrawn_resource_is_found_no_more_and_keeps_its_history(
    city: City, raw: RawSystem, tmp_path: Path
) -> None:
    del tmp_path
    await city.stop_node("civil")
    city.parts.catalog.withdraw(City.node_id("civil"))
    found = await raw.door.catalog.Search(catalog_pb2.SearchRequest(query="户籍"))
    assert list(found.hits) == []
    history = await raw.door.catalog.ListVersions(catalog_pb2.ListVersionsRequest(code=RESIDENT, page_size=2))
    assert history.withdrawn_unix_ms
    assert [line.version for line in history.versions] == [3, 2]
    rest = await raw.door.catalog.ListVersions(
        catalog_pb2.ListVersionsRequest(code=RESIDENT, page_token=history.next_page_token)
    )
    assert [line.version for line in rest.versions] == [1]
    old = await raw.door.catalog.GetResource(catalog_pb2.GetResourceRequest(code=RESIDENT, version=1))
    assert old.resource.withdrawn_unix_ms == history.withdrawn_unix_ms
    assert (await refused(raw.door.catalog.GetResource(catalog_pb2.GetResourceRequest(code=RESIDENT)))).reason == (
        "NOT_FOUND"
    )
