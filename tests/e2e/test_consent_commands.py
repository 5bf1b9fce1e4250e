"""Consents by command, as people and departments run them."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from typer.testing import CliRunner, Result

from gateway.cli.main import app as gateway_app
from keys.consent_proof import consent_nonce
from nodes.cli.main import app as node_app
from tests.support.city import ALICE, BO, NAMES, City
from tests.support.city_fixtures import shared_city
from tests.support.consents import PURPOSE, agree_on_consent

pytestmark = shared_city("e2e-consent-commands")
ITEM = "civil.resident:name=value"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def agreed(city: City) -> City:
    agree_on_consent(city)
    return city


async def run(app: Any, *words: str, stdin: str = "") -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, list(words), input=stdin)


class Hands:
    """A citizen and a department's system at their command lines."""

    def __init__(self, city: City, folder: Path) -> None:
        self.city, self.folder = city, folder
        (folder / "ca.pem").write_bytes(city.parts.authority.certificate_pem)
        self.home = str(city.member_home("education", "school"))

    def token_file(self, name: str, **claims: Any) -> str:
        path = self.folder / name
        path.write_text(self.city.token("person", resident=ALICE, **claims))
        return str(path)

    async def me(self, *words: str) -> Any:
        """`oncegate me consent …`, as JSON where there is any."""
        door = ["--gateway", self.city.people, "--ca", str(self.folder / "ca.pem")]
        result = await run(gateway_app, "me", "consent", *words, *door, "--token-file", self.token_file("me.jwt"))
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout) if "--json" in words else result.stdout

    async def system(self, *words: str, code: int = 0) -> Any:
        """`oncegate-node …` of the system."""
        result = await run(node_app, *words, "--home", self.home, "--json", stdin=f"cn.resident-id={ALICE}\n")
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if code == 0 else result.output

    async def fetch(self, digest: str, code: int = 0) -> Any:
        ask = ("fetch", ITEM, "--subject", "-", "--purpose", PURPOSE, "--basis", "consent", "--consent", digest)
        return await self.system(*ask, code=code)


@pytest.fixture
def hands(agreed: City, tmp_path: Path) -> Hands:
    return Hands(agreed, tmp_path)


async def test_from_asking_to_withdrawing_by_commands_alone(hands: Hands, tmp_path: Path) -> None:
    ask = ("consent", "request", ITEM, "--subject", "-", "--purpose", PURPOSE, "--fetch", "periodic")
    asked = (await hands.system(*ask, "--every", "3/1/day", "--keep-days", "5"))["consent_id"]
    listed = await hands.me("list", "--json")
    assert (listed[0]["consent_id"], listed[0]["status"]) == (asked, "requested")
    text = tmp_path / "text.json"
    shown = await hands.me("show", asked, "--text-out", str(text), "--json")
    assert shown["notice"] == "同意提供姓名"
    assert shown["text"]["data_life_days"] == 5
    assert shown["nonce"] == consent_nonce(sha256(text.read_bytes()).digest())
    assert "同意提供姓名" in await hands.me("show", asked)
    proof = hands.token_file("proof.jwt", nonce=shown["nonce"])
    granted = await hands.me("grant", asked, "--proof-token-file", proof, "--json")
    assert (granted["status"], granted["proof"]) == ("granted", "token")
    found = await hands.system("consent", "status", asked)
    assert (found["status"], found["digest"]) == ("granted", granted["digest"])
    assert (await hands.fetch(found["digest"]))["rows"][0]["text"] == NAMES[ALICE]
    await hands.me("pause", asked)
    assert "CONSENT_PAUSED" in await hands.fetch(found["digest"], code=3)
    await hands.me("resume", asked)
    await hands.me("withdraw", asked)
    assert "CONSENT_REVOKED" in await hands.fetch(found["digest"], code=3)
    shown_by_node = await run(node_app, "consent", "status", asked, "--home", hands.home, "--lang", "zh")
    assert "本人已撤回" in shown_by_node.stdout


async def test_a_person_draws_one_up_unasked_and_refuses_another(hands: Hands) -> None:
    draft = ("draft", "--to", "education/school", "--purpose", PURPOSE, "--item", ITEM, "--json")
    drawn = await hands.me(*draft)
    assert drawn["status"] == "requested"
    await hands.me("deny", drawn["consent_id"])
    again = await hands.me(*draft, "--periodic")
    proof = hands.token_file("proof.jwt", nonce=again["nonce"])
    await hands.me("grant", again["consent_id"], "--proof-token-file", proof)
    instead = await hands.me(*draft, "--instead-of", again["consent_id"])
    assert instead["text"]["supersedes"]


async def test_what_is_mistyped_is_told_before_anything_is_sent(hands: Hands, agreed: City) -> None:
    draft = ("consent", "request", ITEM, "--subject", "-", "--purpose", PURPOSE)
    for words in ((*draft, "--every", "often"), (*draft, "--every", "0/1/day"), ("consent", "status", "zz")):
        result = await run(node_app, *words, "--home", hands.home, stdin=f"cn.resident-id={ALICE}\n")
        assert result.exit_code == 2, result.output
        assert ALICE not in result.output
    door = ["--gateway", agreed.people, "--ca", str(hands.folder / "ca.pem"), "--token-file", hands.token_file("t")]
    for words in (
        ("show", "zz"),
        ("draft", "--to", "education", "--purpose", PURPOSE, "--item", ITEM),
        ("draft", "--to", "education/school", "--purpose", PURPOSE, "--item", "name"),
        ("list", "--for", "guardian"),
    ):
        assert (await run(gateway_app, "me", "consent", *words, *door)).exit_code == 2
    refused = await run(
        gateway_app, "me", "consent", "list", "--for", "-", *door, stdin=f"guardian:cn.resident-id={BO}\n"
    )
    assert refused.exit_code == 3
    assert "RELATION_NOT_VOUCHED" in refused.output


async def test_a_steward_enters_a_withdrawal_at_the_node(agreed: City) -> None:
    home = str(agreed.member_home("civil", "registry"))
    words = ("consent", "withdrawn", "ab" * 32, "--home", home, "--json")
    for entered in (True, False):
        result = await run(node_app, *words)
        assert json.loads(result.stdout) == {"consent": "ab" * 32, "entered": entered}
    assert (await run(node_app, "consent", "withdrawn", "ab", "--home", home)).exit_code == 2


async def test_a_guardian_sees_who_asked_about_the_ward_and_the_ward_sees_that(agreed: City, hands: Hands) -> None:
    door = ["--gateway", agreed.people, "--ca", str(hands.folder / "ca.pem"), "--json"]
    ward = f"guardian:cn.resident-id={ALICE}\n"
    claim = {"acts_for": [{"relation": "guardian", "identifier": ALICE}]}
    token = hands.folder / "guardian.jwt"
    token.write_text(agreed.token("person", resident=BO, **claim))
    words = ("me", "accesses", "--for", "-", "--token-file", str(token))
    seen = await run(gateway_app, *words, *door, stdin=ward)
    assert seen.exit_code == 0, seen.output
    own = ("me", "accesses", "--token-file", hands.token_file("me.jwt"))
    mine = json.loads((await run(gateway_app, *own, *door)).stdout)["accesses"]
    assert mine[0]["outcome"] == "accesses_read"
    assert mine == json.loads(seen.stdout)["accesses"]
    # Without an issuer's word for it, nothing.
    token.write_text(agreed.token("person", resident=BO))
    refusal = await run(gateway_app, *words, *door, stdin=ward)
    assert refusal.exit_code == 3
    assert "RELATION_NOT_VOUCHED" in refusal.output
    assert ALICE not in refusal.output
