"""Gathering the evidence of an application over a whole exchange, with the domain's check of requirements."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.exchange.hypothesis import hypothesis_of
from gateway.exchange.recorded import read_decision
from nodes.cli.main import app
from nodes.consumer import AsyncClient, RequestRefused
from oncegate.v1 import audit_pb2, profile_pb2
from policies.services import OnSilence, ServiceReference, Standing, State, Why
from tests.support.city import ALICE, BO, CHEN, CIVIL_ITEMS, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, bearer
from tests.support.log_book import logged
from tests.support.services import Fact, Need, named, service_text

pytestmark = shared_city("e2e-service-items")

FACTS = {
    "person": Fact(["name", "birth_date=age_at_least(18)|year"]),
    "home": Fact(["location"], "housing.property"),
    "phone": Fact(["phone"], "oncegate.profile", more="user_provided = true\n"),
    "lease": Fact(by_hand="租赁合同", more='channel = "applicant"\n'),
    "area": Fact(["area=ge(20)|value"], "housing.property"),
}
NEEDS = {
    "who": Need([["person"]]),
    "residence": Need([["home"], ["person", "phone"], ["lease"]]),
    "space": Need([["area"]], "optional"),
}
HOME, NAME, PHONE = "housing.property:location", "civil.resident:name", "oncegate.profile:phone"


def put(city: City, name: str, text: str) -> Path:
    folder = city.member_home("education", "school") / "services"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest_asyncio.fixture(scope="module", loop_scope="module", autouse=True)
async def enrolment(city: City, people: Door) -> Path:
    """The service item; and Chen and somebody whom no register knows entered their telephone numbers."""
    for resident in (CHEN, NOBODY):
        entered = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
        await people.profile.SetProfileField(entered, metadata=bearer(city.token(resident, resident=resident)))
    return put(city, "school", service_text(FACTS, NEEDS))


async def gather(school: AsyncClient, subject: str, code: str = "school-enrolment", **more: Any) -> Any:
    found = await school.services.gather(code, subject=("cn.resident-id", subject), deadline_s=15, **more)
    return found.result


def asked(book: Any) -> list[list[str]]:
    """Fields of each request that was asked, in order."""
    return [[one["field"] for one in e.account["items"]] for e in book.entries if e.kind == "asked"]


async def test_domain_check_5_one_of_two_requirements_an_alternative_list_and_a_missing_and_member(
    city: City, school: AsyncClient, people: Door
) -> None:
    """Domain check 5, over real sockets: incomplete, complete by the alternative, and not without its AND member."""
    first_list = await gather(school, ALICE)
    assert (first_list.state, first_list["residence"].by) == (State.COMPLETE, 0)

    await people.profile.DeleteProfileField(
        profile_pb2.DeleteProfileFieldRequest(field="phone"), metadata=bearer(city.token(CHEN, resident=CHEN))
    )
    one_of_two = await gather(school, CHEN)
    assert (one_of_two["who"].standing, one_of_two["residence"].standing) == (Standing.SATISFIED, Standing.MISSING)
    assert (one_of_two.state, one_of_two.complete) == (State.INCOMPLETE, False)

    entered = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(entered, metadata=bearer(city.token(CHEN, resident=CHEN)))
    alternative = await gather(school, CHEN)
    assert (alternative.state, alternative["residence"].by) == (State.COMPLETE, 1)
    assert [member.departments for member in alternative["residence"].nearest.members] == [
        ("civil",),
        ("data-bureau",),
    ]

    # Somebody with a telephone whom the registry does not know: the list has one member of two.
    member_missing = await gather(school, NOBODY)
    assert member_missing["residence"].standing is Standing.MISSING
    assert not member_missing.complete
    gaps = [gap.why for member in member_missing["who"].nearest.lacking for gap in member.gaps]
    assert gaps == [Why.NOT_AVAILABLE, Why.NOT_AVAILABLE]


async def test_alternatives_are_asked_for_only_after_the_earlier_list_failed_and_nothing_twice(
    city: City, school: AsyncClient
) -> None:
    with logged(city) as book:
        await gather(school, ALICE)
    assert asked(book) == [["name", "birth_date", "location"]]
    with logged(city) as book:
        await gather(school, CHEN)
    assert asked(book) == [["name", "birth_date", "location"], ["phone"]]
    with logged(city) as book:
        handed = await gather(school, CHEN, handed_in={"lease"})
    assert (asked(book), handed.state, handed["residence"].by) == ([["name", "birth_date"]], State.COMPLETE, 2)
    with logged(city) as book:
        optional = await gather(school, ALICE, optional={"space"})
    assert asked(book) == [["name", "birth_date", "location", "area"]]
    assert optional["space"].standing is Standing.SATISFIED


async def test_the_access_log_says_for_which_service_and_the_person_sees_it(
    city: City, school: AsyncClient, people: Door
) -> None:
    with logged(city) as book:
        await gather(school, BO, case_reference="2026-7")
    service = school.services.files.get("school-enrolment")
    said = {"code": "school-enrolment", "version": 1, "digest": service.digest.hex()}
    assert [book.only(kind).account["service"] for kind in ("asked", "released")] == [said, said]
    assert book.only("asked").account["purpose"] == "school_enrolment"
    listed = await people.audit.ListMyAccesses(
        audit_pb2.ListMyAccessesRequest(page_size=1), metadata=bearer(city.token("bo", resident=BO))
    )
    assert [(one.service, one.service_version) for one in listed.accesses] == [("school-enrolment", 1)]
    # Another text is another digest.
    put(city, "school", service_text(FACTS, NEEDS, version="2"))
    try:
        with logged(city) as book:
            await gather(school, BO)
    finally:
        put(city, "school", service_text(FACTS, NEEDS))
    assert book.only("asked").account["service"]["version"] == 2
    assert book.only("asked").account["service"]["digest"] != said["digest"]


async def test_a_silent_register_leaves_the_application_open_and_alternatives_are_asked_for_only_when_told(
    city: City, school: AsyncClient
) -> None:
    await city.stop_node("housing")
    try:
        with logged(city) as book:
            waits = await gather(school, CHEN)
        assert (waits.state, waits["residence"].standing) == (State.UNKNOWN, Standing.UNKNOWN)
        [gap] = waits["residence"].nearest.lacking[0].gaps
        assert (gap.why, gap.department) == (Why.SILENT, "housing")
        assert asked(book) == [["name", "birth_date", "location"]]
        with logged(city) as book:
            goes_on = await gather(school, CHEN, on_silence=OnSilence.GO_ON)
        assert (goes_on.state, goes_on["residence"].by) == (State.COMPLETE, 1)
        assert asked(book)[1] == ["phone"]
        # Nobody at all answers: that is no "no" either.
        put(city, "home", service_text({"home": FACTS["home"]}, {"home": Need([["home"]])}, code='"home"'))
        alone = await gather(school, ALICE, "home")
        assert alone.state is State.UNKNOWN
        assert alone["home"].nearest.lacking[0].gaps[0].reason == "ALL_PROVIDERS_SILENT"
    finally:
        await city.start_node("housing")
        await city.synced("housing", 2)


async def test_what_no_accepted_agreement_permits_is_not_asked_for(city: City, school: AsyncClient) -> None:
    facts = FACTS | {"address": Fact(["address"]), "tax": Fact(["status"], "tax.payer")}
    needs = {"who": Need([["person"]]), "residence": Need([["address", "home"], ["tax"], ["home"]])}
    put(city, "beyond", service_text(named(facts, needs), needs, code='"beyond"'))
    with logged(city) as book:
        found = await gather(school, ALICE, "beyond")
    assert (found.state, found["residence"].by) == (State.COMPLETE, 2)
    assert asked(book) == [["name", "birth_date", "location"]]
    final = {"who": Need([["person"]]), "tax": Need([["tax"]], then="refusal")}
    put(city, "hopeless", service_text(named(facts, final), final, code='"hopeless"'))
    with logged(city) as book:
        hopeless = await gather(school, ALICE, "hopeless")
    assert (hopeless.state, book.kinds) == (State.INCOMPLETE, [])
    assert hopeless["tax"].nearest.lacking[0].gaps[0].why is Why.NOT_AGREED


@pytest.mark.domain_check(number=6)
async def test_domain_check_6_an_agreement_for_one_service_serves_no_other(city: City, school: AsyncClient) -> None:
    """The part of domain check 6 about the service; at the node in adversarial/test_services_at_a_node."""
    city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=2, services='["school-enrolment"]')
    city.node("civil").provider.agreements._looked_s = float("-inf")
    school._accepted._looked_ms = None
    other = {"who": Need([["person"]])}
    put(city, "other", service_text({"person": FACTS["person"]}, other, code='"newborn"'))
    try:
        assert (await gather(school, ALICE)).state is State.COMPLETE
        with logged(city) as book:
            refused = await gather(school, ALICE, "newborn")
        # The system's own copy says so already: nobody is asked at all.
        assert (refused.state, book.kinds) == (State.INCOMPLETE, [])
        for service in (ServiceReference("newborn", 1, bytes(32)), None):
            with logged(city) as book, pytest.raises(RequestRefused) as told:
                await school.fetch(
                    subject=("cn.resident-id", ALICE),
                    purpose="school_enrolment",
                    basis="mandate",
                    items=[NAME],
                    service=service,
                )
            assert told.value.code == "SERVICE_NOT_COVERED"
            entry = book.only("refused")
            assert entry.account["reason"] == "SERVICE_NOT_COVERED"
            # What an explanation and a simulation decide again.
            assert hypothesis_of(read_decision(entry)).asking(0).service == ("newborn" if service else "")
        # With an agreement for each, either serves its own.
        city.agree("civil", "civil.resident", CIVIL_ITEMS, id='"civil-newborn"', services='["newborn"]')
        city.node("civil").provider.agreements._looked_s = float("-inf")
        school._accepted._looked_ms = None
        with logged(city) as book:
            both = [(await gather(school, ALICE, code)).state for code in ("school-enrolment", "newborn")]
        assert both == [State.COMPLETE, State.COMPLETE]
        used = [entry.account["agreements"][0]["id"] for entry in book.entries if entry.kind == "asked"]
        assert used == ["education-civil-resident", "civil-newborn"]
    finally:
        city.agree("civil", "civil.resident", CIVIL_ITEMS, revision=3)
        city.node("civil").provider.agreements._looked_s = float("-inf")
        school._accepted._looked_ms = None


class Counter:
    """A clerk at the command line."""

    def __init__(self, city: City) -> None:
        self._home = str(city.member_home("education", "school"))

    async def __call__(self, *words: str, code: int = 0, subject: str = ALICE) -> Any:
        invoke = CliRunner(env={"LC_ALL": "C.UTF-8", "COLUMNS": "200"}).invoke
        found = await asyncio.to_thread(
            invoke, app, ["service", *words, "--home", self._home], input=f"cn.resident-id={subject}\n"
        )
        assert found.exit_code == code, (found.output, found.exception)
        return json.loads(found.stdout) if "--json" in words else found.output


@pytest.fixture
def clerk(city: City) -> Counter:
    return Counter(city)


async def test_a_clerk_gathers_evidence_by_command(city: City, clerk: Counter) -> None:
    found = await clerk("fetch", "school-enrolment", "--subject", "-", "--json", subject=CHEN)
    assert (found["state"], found["complete"], found["may_proceed"]) == ("complete", True, True)
    assert found["service"]["version"] == 1
    assert [(one["code"], one["standing"], one["by"]) for one in found["requirements"]] == [
        ("who", "satisfied", 1),
        ("residence", "satisfied", 2),
        ("space", "left_out", None),
    ]
    first = found["requirements"][1]["lists"][0]
    assert (first["truth"], first["members"][0]["gaps"][0]["why"]) == ("lacks", "not_available")
    assert len(found["answers"]) == 2
    assert found["answers"][1]["rows"][0]["text"] == "13800138000"

    shown = await clerk("fetch", "school-enrolment", "--subject", "-", "--lang", "zh", subject=NOBODY)
    assert "材料不齐全" in shown
    assert "提供方没有可提供的内容" in shown
    # What the applicant can do about it.
    assert "→ 租赁合同" in shown
    shown = await clerk("fetch", "school-enrolment", "--subject", "-", "--lang", "en", "--handed-in", "lease")
    assert "Application: complete" in shown
    assert "✓ Proof lease (handed in)" in shown
    assert "Verified: every provider's receipt" in shown


async def test_service_items_are_listed_shown_and_checked_by_command(
    city: City, clerk: Counter, enrolment: Path
) -> None:
    bad = put(city, "zzz", service_text(FACTS, NEEDS).replace("version = 1", "version = 0"))
    other = put(city, "zz-other", service_text(FACTS, NEEDS, department='"tourism"', code='"other"'))
    twice = put(city, "zz-twice", service_text(FACTS, NEEDS, code='"home"'))
    put(city, "home", service_text(FACTS, NEEDS, code='"home"'))
    try:
        listed = {one["file"]: one for one in await clerk("list", "--json")}
        assert (listed["school.toml"]["code"], listed["school.toml"]["problem"]) == ("school-enrolment", "")
        assert listed["zzz.toml"]["problem"] == "zzz.toml:3: version: must be a whole number from 1 to 2147483647"
        assert listed["zz-other.toml"]["problem"] == "department: is another one than this home's"
        assert "another file has home too" in listed["zz-twice.toml"]["problem"]
        assert "school-enrolment" in await clerk("list")
        assert "no usable file has this code" in await clerk("show", "home", code=2)
        assert "zzz.toml:3: version" in await clerk("check", str(bad), code=2)
        assert "department" in await clerk("check", str(other), code=2)
    finally:
        for path in (bad, other, twice):
            path.unlink()
    document = await clerk("show", "school-enrolment", "--json")
    assert document["evidence"][0]["items"] == [
        "civil.resident:name=value",
        "civil.resident:birth_date=age_at_least(18)|year",
    ]
    shown = await clerk("show", "school-enrolment", "--lang", "zh")
    assert "义务教育入学登记" in shown
    assert "补充材料: 请补充材料" in shown
    checked = await clerk("check", str(enrolment), "--catalogue", "--json")
    assert [(one["code"], one["subject"]) for one in checked["findings"]] == [
        ("MORE_REVEALING", "person"),
        ("MORE_REVEALING", "area"),
    ]
    hopeless = put(
        city, "zz-no", service_text({"plate": Fact(["plate"], "traffic.car")}, {"car": Need([["plate"]])}, code='"car"')
    )
    try:
        told = await clerk("check", str(hopeless), "--catalogue", code=2)
    finally:
        hopeless.unlink()
    assert "NEVER_SATISFIED: car" in told
    assert "NOT_IN_CATALOGUE: plate" in told


async def test_a_refusal_of_the_whole_request_is_raised_as_it_is_by_fetch(city: City, school: AsyncClient) -> None:
    put(city, "wrong", service_text(named(FACTS, {"who": NEEDS["who"]}), {"who": NEEDS["who"]}, code='"wrong"'))
    with pytest.raises(RequestRefused) as refused:
        await gather(school, ALICE, "wrong", official_token="no token")
    assert refused.value.status == "UNAUTHENTICATED"


async def test_what_policy_withholds_and_cannot_be_replaced_releases_nothing(city: City, school: AsyncClient) -> None:
    """The gateway's copy of the agreement is withdrawn, while the system's own is still there."""
    final = {"home": Need([["home"]], then="refusal"), "who": Need([["person"]])}
    put(city, "final", service_text(named(FACTS, final), final, code='"final"'))
    open_ = {"home": Need([["home"], ["lease"]]), "who": Need([["person"]])}
    put(city, "open", service_text(named(FACTS, open_), open_, code='"open"'))
    city.parts.membership.revoke_agreement("education-housing-property", "a trial; the last test of the module")
    with logged(city) as book:
        refused = await gather(school, ALICE, "final")
    assert book.kinds == ["refused"]
    assert book.only("refused").account["service"]["code"] == "final"
    [gap] = refused["home"].nearest.lacking[0].gaps
    assert (refused.state, gap.why, gap.reason) == (State.INCOMPLETE, Why.WITHHELD, "NO_AGREEMENT")
    assert refused["who"].standing is Standing.UNKNOWN
    with logged(city) as book:
        released = await gather(school, ALICE, "open")
    assert book.kinds == ["asked", "released"]
    assert (released["who"].standing, released["home"].standing) == (Standing.SATISFIED, Standing.MISSING)
