"""The command line against a real server: enrol, ask, read."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from keys.passphrase import LOWEST
from nodes.cli.main import app
from nodes.enrolment.home import Home
from nodes.enrolment.private_files import write_whole
from oncegate.v1 import exchange_pb2
from tests.integration.consumer.server import Doors, refused
from tests.support.exchange_gateway import RESIDENT, FieldValue

ASK = ("--purpose", "school_enrolment", "--basis", "mandate")
WHOM = ("--subject", f"cn.resident-id={RESIDENT}")


async def run(*arguments: object, expect: int = 0, stdin: str | None = None) -> Result:
    call: Callable[[], Result] = lambda: CliRunner().invoke(  # noqa: E731
        app, [str(a) for a in arguments], input=stdin, prog_name="oncegate-node"
    )
    result = await asyncio.to_thread(call)
    assert result.exit_code == expect, (result.output, result.exception)
    return result


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


async def test_from_a_token_to_an_answer_by_commands_alone(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", "long enough")
    monkeypatch.setenv("ONCEGATE_HOME", str(tmp_path / "home"))
    write_whole(tmp_path / "school.key", doors.gateway.consumer_key.to_pem(b"long enough", LOWEST))
    (tmp_path / "token").write_text(doors.token())
    enrolled = await run("enrol", "--token-file", tmp_path / "token", "--department-key", tmp_path / "school.key")
    assert "enrolled spiffe://gov.test/department/school/system/counter" in enrolled.stdout
    for side in doors.gateway.providers.values():
        file = doors.gateway.write_agreement(tmp_path / "in", side)
        await run("agreement", "accept", file, "--fingerprint", side.key.verify_key.fingerprint)
    shown = (await run("fetch", "civil.resident:name", "tax.payer:name=masked?", *WHOM, *ASK)).stdout
    assert "王小明" in shown
    assert "Name civil.resident:name" in shown
    assert "The answer is complete." in shown
    spent = await run("enrol", "--token-file", tmp_path / "token", "--json", expect=3)
    assert "BAD_TOKEN: No / 不行" in spent.stderr


async def test_the_table_says_where_each_value_is_from_or_why_there_is_none(doors: Doors, home: Home) -> None:
    doors.gateway.withheld["tax.payer", "name"] = "NOT_IN_AGREEMENT"
    health = doors.gateway.add_provider("health", "health.card", {"name": FieldValue("王")})
    health.silent = "NODE_DOWN"
    arguments = ["fetch", "civil.resident:name=exists", "civil.resident:birth_date=year", "civil.resident:phone?"]
    arguments += ["tax.payer:name?", "health.card:name", "--home", home.path, *WHOM, *ASK]
    shown = (await run(*arguments, "--lang", "zh")).stdout
    for text in (
        "1949",
        "年份",
        "civil",
        "无可提供的内容",
        "共享协议不包含该信息项",
        "提供方节点中断",
        "答复不完整",
        "是",
    ):
        assert text in shown
    document = json.loads((await run(*arguments, "--json")).stdout)
    assert [row["status"] for row in document["rows"]] == [
        "released",
        "released",
        "not_available",
        "withheld",
        "silent",
    ]
    assert document["rows"][0]["text"] == "true"
    assert document["outcome"] > document["asked"]
    assert not document["complete"]


async def test_an_answer_is_shown_by_its_codes_when_the_catalogue_cannot_be_read(doors: Doors, home: Home) -> None:
    doors.catalogue_failure = refused("UNAVAILABLE", "OVERLOADED")
    shown = (await run("fetch", "civil.resident:name", "--home", home.path, *WHOM, *ASK)).stdout
    assert "Name civil.resident:name" not in shown
    assert "civil.resident:name" in shown


async def test_a_value_that_drives_a_terminal_is_shown_without_doing_so(doors: Doors, home: Home) -> None:
    doors.gateway.providers["civil.resident"].values["name"] = FieldValue("\x1b[2J[red]王")
    doors.gateway.twists["response"] = lambda r: [setattr(r, "replayed", True), setattr(r.answers[0], "stale", True)]

    def user_provided(body: object) -> None:
        body.fields[0].source = "user_provided"  # type: ignore[attr-defined]
        body.fields[0].marks.append(1)  # type: ignore[attr-defined]

    doors.gateway.twists["answer_body"] = user_provided
    shown = (await run("fetch", "civil.resident:name", "--home", home.path, *WHOM, *ASK)).stdout
    assert "\x1b" not in shown
    assert "[2J[red]王" in shown
    assert "earlier answer" in shown
    assert "index older than its update cycle" in shown
    assert "disputed by the person; entered by the person" in " ".join(shown.replace("│", " ").split())
    document = json.loads(
        (await run("fetch", "civil.resident:name", "--home", home.path, *WHOM, *ASK, "--json")).stdout
    )
    assert document["rows"][0]["marks"] == ["disputed"]


async def test_the_subject_may_come_on_standard_input_and_is_never_echoed(doors: Doors, home: Home) -> None:
    arguments = ["fetch", "civil.resident:name", "--home", home.path, "--subject", "-", *ASK]
    good = await run(*arguments, stdin=f"cn.resident-id={RESIDENT}\n")
    assert RESIDENT not in good.output
    bad = await run(*arguments, stdin="cn.resident-id=110105194912310021\n", expect=2)
    assert "110105" not in bad.output
    await run(*arguments, stdin="nothing\n", expect=2)


async def test_locate_says_where_records_are(doors: Doors, home: Home) -> None:
    doors.gateway.withheld["land.parcel", "record"] = "NO_AGREEMENT"
    arguments = ["locate", "civil.resident", "land.parcel", "x.y", "--home", home.path, *WHOM, *ASK]
    shown = (await run(*arguments)).stdout
    assert "Withheld: No agreement applies" in shown
    document = json.loads((await run(*arguments, "--json")).stdout)
    assert [(x["resource"], x["exists"]) for x in document["located"]] == [
        ("civil.resident", True),
        ("land.parcel", False),
        ("x.y", False),
    ]


async def test_the_catalogue_is_shown(doors: Doors, home: Home) -> None:
    assert "civil.resident" in (await run("catalog", "list", "--home", home.path)).stdout
    assert "姓名" in (await run("catalog", "show", "tax.payer", "--home", home.path, "--lang", "zh")).stdout
    document = json.loads((await run("catalog", "list", "--provider", "tax", "--home", home.path, "--json")).stdout)
    assert [r["code"] for r in document] == ["tax.payer"]
    assert document[0]["fields"][0]["forms"] == ["exists", "value"]
    assert "NOT_FOUND" in (await run("catalog", "show", "no.such", "--home", home.path, expect=3)).stderr


async def test_refusals_and_lies_end_with_their_own_exit_codes(doors: Doors, home: Home, tmp_path: Path) -> None:
    token = tmp_path / "official.jwt"
    token.write_text("header.payload.signature\n")
    arguments = ["fetch", "civil.resident:name", "--home", home.path, *WHOM, *ASK, "--official-token-file", token]
    doors.failures.append(refused("PERMISSION_DENIED", "WITHHELD", items="civil.resident.name:value=NOT_SHARED"))
    assert "civil.resident.name:value=NOT_SHARED" in (await run(*arguments, expect=3)).stderr
    assert exchange_pb2.FetchRequest.FromString(doors.requests[0]).official_token == "header.payload.signature"
    doors.failures.append(refused("UNAVAILABLE", "LEDGER_UNAVAILABLE", retry_ms=1000))
    await run(*arguments, expect=4)

    def lie(response: exchange_pb2.FetchResponse) -> None:
        response.answers[0].ticket_digest = b"\0" * 32

    doors.gateway.twists["response"] = lie
    untrusted = await run(*arguments, expect=5)
    assert "RECEIPT" in untrusted.stderr
    assert untrusted.stdout == ""


async def test_status_shows_the_home_and_whether_the_gateway_is_there(doors: Doors, home: Home) -> None:
    facts = json.loads((await run("status", "--home", home.path, "--offline", "--json")).stdout)
    assert facts["keys"] == "certified"
    assert facts["agreements"] == 2
    assert "gateway_reached" not in facts
    # A door that answers but does not say SERVING does not count as reached.
    shown = await run("status", "--home", home.path, expect=4)
    assert "gateway_reached: False" in shown.stdout
    await doors.healthy()
    assert "gateway_reached: True" in (await run("status", "--home", home.path)).stdout
    home.certified_file.write_bytes(home.certified_file.read_bytes().replace(b"A", b"B"))
    broken = json.loads((await run("status", "--home", home.path, "--offline", "--json")).stdout)
    assert broken["keys"].startswith("BAD_INPUT")
