"""Rules by command, as operators, auditors and stewards run them."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner

from gateway.cli.main import app
from policies.engine.bundle import PACKAGED, digest_of, read_files
from policies.purposes import PURPOSES
from tests.support.city import PURPOSE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import NAME, RawSystem, refused
from tests.support.log_book import logged
from tests.support.policy_cases import bundle_copy
from tests.support.policy_city import NO_SCHOOL, NO_YEAR, OPERATORS, policy_city
from tests.support.policy_purposes import CONSENT_ONLY
from tests.support.policy_purposes import TEXT as FURTHER_PURPOSES

pytestmark = shared_city("e2e-policy-commands")
ITEM = "civil.resident:name=value"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    async with policy_city(tmp_path_factory.mktemp("city")) as running:
        yield running


class Hands:
    """Somebody at the command line."""

    def __init__(self, city: City, folder: Path) -> None:
        self._city, self._folder = city, folder
        (folder / "ca.pem").write_bytes(city.parts.authority.certificate_pem)

    async def run(self, *words: str, code: int = 0) -> str:
        """`oncegate policy …`; what it printed."""
        result = await asyncio.to_thread(CliRunner().invoke, app, ["policy", *words])
        assert result.exit_code == code, result.output
        return result.output

    async def at_the_door(self, *words: str, who: str = "ada", role: str = "operator", code: int = 0) -> str:
        """The same with a token at the people's door."""
        token = self._folder / f"{who}.jwt"
        issuer = {"issuer": OPERATORS} if role == "operator" else {}
        token.write_text(self._city.token(who, roles=[role], **issuer), encoding="ascii")
        door = ("--gateway", self._city.people, "--ca", str(self._folder / "ca.pem"), "--token-file", str(token))
        return await self.run(*words, *door, code=code)

    async def at_home(self, *words: str, code: int = 0) -> Any:
        """The same beside the gateway, as JSON."""
        said = await self.run(*words, "--home", str(self._city.home), "--json", code=code)
        return json.loads(said) if code == 0 else said


@pytest.fixture
def hands(city: City, tmp_path: Path) -> Hands:
    return Hands(city, tmp_path)


def question(*more: str) -> tuple[str, ...]:
    asked = ("--consumer", "education", "--system", "school", "--purpose", PURPOSE, "--item", ITEM)
    return ("explain", *asked, *more)


async def test_the_operator_explains_a_question_without_the_doors(hands: Hands, tmp_path: Path) -> None:
    said = await hands.at_home(*question("--item", "civil.resident:address=masked?"))
    items = [(item["field"], item["outcome"], item["reason"]) for item in said["resources"][0]["items"]]
    assert items == [("name", "released", ""), ("address", "withheld", "NOT_IN_AGREEMENT")]
    file = tmp_path / "question.json"
    file.write_text(json.dumps({"consumer": "education", "system": "school", "purpose": PURPOSE, "items": [ITEM]}))
    assert (await hands.at_home("explain", "--question", str(file)))["resources"] == [
        {**said["resources"][0], "items": said["resources"][0]["items"][:1]}
    ]
    for words in (("--item", "nonsense"), ("--item", "civil.resident:name=whole"), ("--basis", "whim")):
        await hands.at_home(*question(*words), code=2)


async def test_a_recorded_request_is_explained_at_home_and_at_the_door_and_each_reading_is_logged(
    city: City, hands: Hands, raw: RawSystem
) -> None:
    with logged(city) as book:
        await raw.fetch(raw.asking(items=[NAME]))
    number = str(book.only("asked").leaf_index)
    with logged(city) as book:
        at_home = await hands.at_home("explain", number)
        at_the_door = json.loads(await hands.at_the_door("explain", number, "--json", who="auditor", role="auditor"))
        text = await hands.at_the_door("explain", number, who="auditor", role="auditor")
    assert book.kinds == ["log_read"] * 3
    assert at_home["explanation"] == at_the_door["explanation"]
    assert at_home["today"]["same"]
    assert "Decided again today, the outcome is the same." in text
    assert "今天重新判断，结果相同。" in text
    assert "education-civil-resident" in text
    await hands.at_the_door("explain", "0", who="auditor", role="auditor", code=3)
    assert "give --home, or --gateway" in await hands.run("explain", number, code=2)


async def test_a_typed_home_counts_before_a_door_of_the_environment_and_a_token_means_the_door(
    city: City, hands: Hands, raw: RawSystem, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with logged(city) as book:
        await refused(raw.fetch(raw.asking(purpose="curiosity")))
    number = str(book.only("refused").leaf_index)
    monkeypatch.setenv("ONCEGATE_GATEWAY", city.people)
    monkeypatch.setenv("ONCEGATE_HOME", str(city.home))
    with logged(city) as book:
        text = await hands.at_the_door("explain", number, who="auditor", role="auditor")
        monkeypatch.setenv("ONCEGATE_TOKEN_FILE", str(tmp_path / "auditor.jwt"))
        said = await hands.at_home("explain", number)
    assert [sorted({"auditor", "by"} & entry.account.keys()) for entry in book.entries] == [["auditor"], ["by"]]
    assert "(UNKNOWN_PURPOSE)" in text
    assert "Decided again" not in text
    assert said["today"] is None


async def test_a_candidate_is_tried_on_the_past_before_it_is_proposed(
    city: City, hands: Hands, raw: RawSystem, tmp_path: Path
) -> None:
    await raw.fetch(raw.asking(items=[NAME]))
    candidate = bundle_copy(tmp_path, sharing=("", NO_SCHOOL))
    numbers = tmp_path / "changed.txt"
    with logged(city) as book:
        found = await hands.at_home("simulate", "--bundle", str(candidate), "--entries", str(numbers))
    assert book.only("log_read").account["what"] == "simulate"
    assert found["changed_requests"] == len(found["entries"]) == len(numbers.read_text().split()) > 0
    assert {change["after"] for change in found["changes"]} == {"GUARDRAIL"}
    words = ("simulate", "--bundle", str(candidate), "--home", str(city.home))
    said = await hands.run(*words)
    assert "GUARDRAIL" in said
    assert "school_enrolment" in said
    assert "nothing changes" in await hands.run("simulate", "--bundle", str(PACKAGED), "--home", str(city.home))


@pytest.mark.long
async def test_lint_and_test_say_what_they_found_by_exit_code(city: City, hands: Hands, tmp_path: Path) -> None:
    assert "0 errors" in await hands.run("lint")
    assert (await hands.at_home("lint"))["errors"] == 0
    loose = bundle_copy(tmp_path, sharing=("", '@id("loose") @scope("*") permit (principal, action, resource);'))
    assert "PERMIT_WITHOUT_AGREEMENT" in await hands.run("lint", str(loose), code=3)
    named = bundle_copy(
        tmp_path / "named",
        sharing=("", '@id("x") forbid (principal in Department::"civill", action, resource);'),
    )
    codes = {one["code"] for one in (await hands.at_home("lint", str(named)))["findings"]}
    assert "UNKNOWN_NAME" in codes
    agreement = PACKAGED / "tests" / "school-enrolment.agreement.toml"
    found = await hands.at_home("lint", "--agreement", str(agreement), code=3)
    assert "AGREEMENT_KEY" in found
    broken = tmp_path / "broken.toml"
    broken.write_text("id = 3\n")
    assert "AGREEMENT_UNREADABLE" in await hands.run("lint", "--agreement", str(broken), code=3)
    assert "0 items otherwise" in await hands.run("test")
    strict = bundle_copy(tmp_path / "strict", sharing=("", NO_YEAR))
    said = await hands.run("test", str(PACKAGED / "tests"), "--bundle", str(strict), code=3)
    assert "no-year" in said
    assert digest_of(read_files(PACKAGED)) in await hands.run("check")
    assert "a rule errs" in await hands.run(
        "check",
        str(
            bundle_copy(
                tmp_path / "errs",
                sharing=("", '@id("e") forbid (principal, action, resource) when { context.agreement.case_required };'),
            )
        ),
        code=3,
    )


async def test_the_registered_purposes_are_listed_with_their_law(city: City, hands: Hands, tmp_path: Path) -> None:
    assert [one["code"] for one in (await hands.at_home("purposes"))["purposes"]] == list(PURPOSES)
    file = tmp_path / "purposes.toml"
    file.write_text(FURTHER_PURPOSES, encoding="utf-8")
    said = await hands.run("purposes", "--purposes", str(file))
    for text in (
        "图书馆读者证",
        "Library card",
        "retired 已停用",
        "Public Library Law",
        "《中华人民共和国数据安全法》",
    ):
        assert text in said
    file.write_text(FURTHER_PURPOSES.replace('["consent"]', '["whim"]'), encoding="utf-8")
    assert "line 14: library_card.bases: must list" in await hands.run("purposes", "--purposes", str(file), code=3)


async def test_rules_tables_and_agreements_are_looked_at_with_further_purposes(hands: Hands, tmp_path: Path) -> None:
    file = tmp_path / "purposes.toml"
    file.write_text(f"{FURTHER_PURPOSES}[school_enrolment]\nretired = 2025-01-01\n", encoding="utf-8")
    rule = f'@id("library") @scope("*") forbid (principal, action, resource) when {{ context.purpose == Purpose::"{CONSENT_ONLY}" }};'
    own = str(bundle_copy(tmp_path / "own", sharing=("", rule)))
    for command in ("check", "lint"):
        assert "is not registered" in await hands.run(command, own, code=3)
        await hands.run(command, own, "--purposes", str(file))
    tables = str(PACKAGED / "tests")
    assert "PURPOSE_RETIRED" in await hands.run("test", tables, "--purposes", str(file), code=3)
    agreement = str(PACKAGED / "tests" / "school-enrolment.agreement.toml")
    assert "AGREEMENT_PURPOSE" in await hands.run("lint", "--agreement", agreement, "--purposes", str(file))


async def test_two_people_take_a_bundle_through_its_steps_by_command(city: City, hands: Hands, tmp_path: Path) -> None:
    directory = bundle_copy(tmp_path, sharing=("", NO_YEAR))
    # Its own tables expect years; the copy brings those of the packaged bundle.
    for table in (directory / "tests").glob("*"):
        table.unlink()
    proposed = json.loads(await hands.at_the_door("propose", str(directory), "--json"))
    digest = proposed["digest"]
    assert "no-year" in await hands.at_the_door("show", digest, "--diff", who="grace")
    await hands.at_the_door("approve", digest, code=3)
    assert "approved" in await hands.at_the_door("approve", digest, who="grace")
    assert "active" in await hands.at_the_door("activate", digest)
    listed = json.loads(await hands.at_the_door("list", "--json", who="auditor", role="auditor"))
    assert [one["state"] for one in listed["bundles"] if one["digest"] == digest] == ["active"]
    assert digest in await hands.at_the_door("list")
    assert json.loads(await hands.at_the_door("show", "--json"))["files"].keys() == read_files(directory).keys()
    assert "active" in await hands.at_the_door("rollback", digest)
    await hands.at_the_door("rollback", digest, code=3)
    assert city.gateway is not None
