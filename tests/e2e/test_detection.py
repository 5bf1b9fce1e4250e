"""Detection in a city: somebody who does not exist, the auditors' commands, and hostile input at the door."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.audit.kinds import Kind
from gateway.bootstrap.detection import detect_of
from gateway.cli.main import app
from oncegate.v1 import detection_pb2, detection_pb2_grpc
from tests.support.city import ALICE, NOBODY, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, Door, RawSystem, bearer, refused

pytestmark = shared_city("e2e-detection")
WHY = "planted with the register"


class Office:
    """The audit office at the command line."""

    def __init__(self, city: City, folder: Path) -> None:
        (folder / "ca.pem").write_bytes(city.parts.authority.certificate_pem)
        (folder / "auditor.jwt").write_text(city.token("auditor-1", roles=["auditor"]), encoding="ascii")
        (folder / "nobody.txt").write_text(NOBODY + "\n", encoding="utf-8")
        self.folder = folder
        self.environment = {
            "ONCEGATE_GATEWAY": city.people,
            "ONCEGATE_CA": str(folder / "ca.pem"),
            "ONCEGATE_TOKEN_FILE": str(folder / "auditor.jwt"),
        }

    async def run(self, *words: str, code: int = 0) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, ["audit", *words], env=self.environment)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output

    async def two_touches(self) -> None:
        """Wait until both touches are in the alert: a turn comes every second."""
        for _ in range(200):
            found = await self.alerts()
            if found and found[0]["evidence"][0]["count"] == 2:  # type: ignore[index]
                return
            await asyncio.sleep(0.2)
        raise AssertionError("no alert")

    async def alerts(self, *words: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(await self.run("alerts", "list", "--json", *words))["alerts"]
        return found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(city: City, raw: RawSystem, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """The office has planted somebody who does not exist, and a system has asked for that person."""
    office = Office(city, tmp_path_factory.mktemp("office"))
    listed = await office.run("honeytoken", "add", "--person-file", str(office.folder / "nobody.txt"), "--why", WHY)
    assert "added" in listed
    await raw.fetch(raw.asking(ALICE))
    await raw.fetch(raw.asking(NOBODY))
    await refused(raw.fetch(raw.asking(NOBODY, purpose="marriage_registration")))
    await office.two_touches()
    yield office


async def test_who_asks_for_somebody_who_does_not_exist_is_an_alert_within_seconds_and_it_explains_itself(
    city: City, raw: RawSystem, office: Office
) -> None:
    (alert,) = await office.alerts()
    assert alert["severity"] == "critical"
    assert alert["system"] == raw.spiffe
    (evidence,) = alert["evidence"]  # type: ignore[misc]
    assert evidence["rule"] == "honeytoken"
    entries = [city.parts.ledger.entry(index) for index in evidence["entries"]]
    assert [entry.kind for entry in entries] == ["released", "refused"]
    shown = await office.run("alerts", "show", str(alert["alert"]))
    assert "诱饵" in shown
    assert "does not exist" in shown
    raised = city.parts.ledger.entries(kind=str(Kind.ALERT_RAISED)).entries
    assert [entry.account["alert"] for entry in raised] == [alert["alert"]]


async def test_an_alert_is_exported_as_csv_and_as_a_detection_finding(office: Office) -> None:
    (alert,) = await office.alerts()
    (row,) = csv.DictReader(io.StringIO((await office.run("alerts", "list", "--csv")).lstrip("\ufeff")))
    assert row["alert"] == alert["alert"]
    assert row["rules"] == "honeytoken"
    found = json.loads(await office.run("alerts", "list", "--ocsf"))
    assert (found["class_uid"], found["category_uid"], found["type_uid"]) == (2004, 2, 200401)
    assert found["severity_id"] == 5
    assert found["finding_info"]["uid"] == alert["alert"]
    assert found["evidences"][0]["data"]["rule"] == "honeytoken"


async def test_a_judgement_needs_a_reason_is_on_the_log_and_is_final(city: City, office: Office) -> None:
    (alert,) = await office.alerts()
    number = str(alert["alert"])
    await office.run("alerts", "judge", number, "looking", "--why", " ", code=3)
    await office.run("alerts", "judge", number, "looking", "--why", "asked the school")
    await office.run("alerts", "judge", number, "not_justified", "--why", "nobody could say why")
    assert "ALREADY_JUDGED" in await office.run("alerts", "judge", number, "justified", "--why", "x", code=3)
    assert (await office.alerts("--state", "open")) == []
    assert [one["state"] for one in await office.alerts("--state", "not_justified")] == ["not_justified"]
    judged = city.parts.ledger.entries(kind=str(Kind.ALERT_JUDGED)).entries
    assert [entry.account["state"] for entry in judged] == ["not_justified", "looking"]
    assert judged[0].account["why"] == "nobody could say why"


async def test_lists_are_kept_by_token_and_nothing_of_the_identifier_stays(city: City, office: Office) -> None:
    person = office.folder / "alice.txt"
    person.write_text(ALICE + "\n", encoding="utf-8")
    added = json.loads(
        await office.run("watchlist", "add", "--person-file", str(person), "--why", "press interest", "--json")
    )["person"]
    (listed,) = json.loads(await office.run("watchlist", "list", "--json"))["persons"]
    assert listed["token"] == added["token"]
    changed = city.parts.ledger.entry(int(listed["entry"]))
    assert (changed.kind, changed.account["list"], changed.account["what"]) == ("list_changed", "watched", "added")
    assert changed.personal is None
    assert ALICE.encode() not in changed.accountability
    await office.run("watchlist", "remove", "--person-file", str(person), "--why", "moved away")
    assert json.loads(await office.run("watchlist", "list", "--json"))["persons"] == []
    assert "NOT_FOUND" in await office.run("watchlist", "remove", added["token"], "--why", "again", code=3)


async def test_a_system_cannot_tell_somebody_on_a_list_from_anybody_else(raw: RawSystem, office: Office) -> None:
    del office
    planted = await raw.fetch(raw.asking(NOBODY, items=[NAME]))
    other = await raw.fetch(raw.asking("11010519900307005X" if NOBODY != "11010519900307005X" else ALICE, items=[NAME]))
    assert [len(answer.sealed) for answer in planted.answers] == [len(answer.sealed) for answer in other.answers]
    assert planted.complete == other.complete


async def test_the_operator_looks_over_a_stretch_and_nothing_is_kept(city: City, office: Office) -> None:
    before = len(await office.alerts())
    found = await asyncio.to_thread(detect_of(city.parts).over, 0, 10**14)
    assert [alert.rules[0] for alert in found] == ["honeytoken"]
    assert len(await office.alerts()) == before


@pytest.mark.parametrize(
    ("call", "fields"),
    [
        (("ListAlerts", detection_pb2.ListAlertsRequest(states=["curious"])), {"states"}),
        (("ListAlerts", detection_pb2.ListAlertsRequest(page_token="1' OR 1=1")), {"page_token"}),
        (("ListAlerts", detection_pb2.ListAlertsRequest(page_size=100_000)), {"page_size"}),
        (("ListAlerts", detection_pb2.ListAlertsRequest(from_unix_ms=5, until_unix_ms=4)), {"until_unix_ms"}),
        (("GetAlert", detection_pb2.GetAlertRequest(alert_id=b"x")), {"alert_id"}),
        (("JudgeAlert", detection_pb2.JudgeAlertRequest(alert_id=b"x" * 16, state="open", why="y")), {"state"}),
        (("JudgeAlert", detection_pb2.JudgeAlertRequest(alert_id=b"x" * 16, state="looking", why=ALICE)), {"why"}),
        (("ListListed", detection_pb2.ListListedRequest(list="friends")), {"list"}),
        (("AddListed", detection_pb2.AddListedRequest(list="watched", why="x", until_unix_ms=1)), {"until_unix_ms"}),
        (("RemoveListed", detection_pb2.RemoveListedRequest(list="watched", why="x")), {"token"}),
        (("RemoveListed", detection_pb2.RemoveListedRequest(list="watched", why="x", token=b"1")), {"token"}),
    ],
)
async def test_hostile_input_is_refused_by_field_and_rule(
    city: City, call: tuple[str, object], fields: set[str]
) -> None:
    method, request = call
    async with grpc.aio.secure_channel(
        city.people, grpc.ssl_channel_credentials(city.parts.authority.certificate_pem)
    ) as channel:
        stub = detection_pb2_grpc.DetectionServiceStub(channel)
        token = bearer(city.token("auditor-1", roles=["auditor"]))
        refusal = await refused(getattr(stub, method)(request, metadata=token))
        assert set(refusal.violations) == fields
        citizen = bearer(city.token("somebody", roles=[]))
        assert (await refused(getattr(stub, method)(request, metadata=citizen))).reason == "NOT_ALLOWED"


async def test_only_auditors_come_in(city: City, people: Door) -> None:
    del people
    async with grpc.aio.secure_channel(
        city.people, grpc.ssl_channel_credentials(city.parts.authority.certificate_pem)
    ) as channel:
        stub = detection_pb2_grpc.DetectionServiceStub(channel)
        token = bearer(city.token("operator-1", roles=["operator"]))
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await stub.ListAlerts(detection_pb2.ListAlertsRequest(), metadata=token)
        assert error.value.code() is grpc.StatusCode.PERMISSION_DENIED
