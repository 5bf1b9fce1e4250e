"""A client that is not ours, in another language: `buf curl` with the .proto files and with server reflection."""

import asyncio
import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from oncegate.v1 import exchange_pb2, signed_pb2
from tests.support.city import ALICE, City
from tests.support.city_fixtures import shared_city
from tests.support.doors import RawSystem, pair_of

pytestmark = shared_city("conformance-foreign-client")

ROOT = Path(__file__).parents[2]
BUF = ROOT / ".venv" / "bin" / "buf"


class Curl:
    """Runs `buf curl` with a member's TLS identity.

    Args:
        city: The exchange.
        folder: Where the PEM files go.
        raw: The member.
    """

    def __init__(self, city: City, folder: Path, raw: RawSystem) -> None:
        key, certificate = pair_of(raw.home)
        self._files = {"key": key, "cert": certificate, "cacert": city.parts.authority.certificate_pem}
        self._folder = folder
        for name, content in self._files.items():
            (folder / name).write_bytes(content)
        self._city = city

    async def __call__(
        self, method: str, *options: str, data: dict[str, Any] | None = None, people: bool = False
    ) -> tuple[int, str, str]:
        """Exit code, output and error output of one call."""
        address = self._city.people if people else self._city.systems
        command: Sequence[str] = (
            *(str(BUF), "curl", "--protocol", "grpc"),
            *("--cacert", str(self._folder / "cacert")),
            *(() if people else ("--key", str(self._folder / "key"), "--cert", str(self._folder / "cert"))),
            *options,
            *(() if data is None else ("--data", json.dumps(data))),
            f"https://{address}{method}",
        )
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self._folder,
            env={"HOME": str(self._folder), "PATH": "/usr/bin:/bin"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), 30)
        return process.returncode or 0, out.decode(), err.decode()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def curl(city: City, raw: RawSystem, tmp_path_factory: pytest.TempPathFactory) -> Curl:
    if not BUF.exists():
        pytest.skip("the buf-bin wheel is not installed")
    return Curl(city, tmp_path_factory.mktemp("curl"), raw)


WITH_SCHEMA = ("--schema", str(ROOT / "proto"))


async def test_the_catalogue_is_listed_with_the_proto_files(curl: Curl) -> None:
    code, out, err = await curl("/oncegate.v1.CatalogService/ListResources", *WITH_SCHEMA, data={})
    assert code == 0, err
    listed = json.loads(out)["resources"]
    assert [resource["code"] for resource in listed] == ["civil.resident", "housing.property", "oncegate.profile"]
    assert listed[0]["name"] == {"zh": "居民信息", "en": "Resident"}


async def test_the_catalogue_is_listed_with_nothing_but_server_reflection(curl: Curl) -> None:
    code, out, err = await curl("/oncegate.v1.CatalogService/ListResources", data={"provider": "civil"})
    assert code == 0, err
    assert [resource["code"] for resource in json.loads(out)["resources"]] == ["civil.resident"]


async def test_reflection_lists_the_services_of_a_door(curl: Curl) -> None:
    code, out, err = await curl("", "--list-services")
    assert code == 0, err
    assert {"oncegate.v1.ExchangeService", "grpc.health.v1.Health"} <= set(out.split())
    code, out, err = await curl("", "--list-services", people=True)
    assert code == 0, err
    assert {"oncegate.v1.AuditService", "oncegate.v1.ProfileService"} <= set(out.split())


async def test_a_signed_request_made_elsewhere_is_answered(curl: Curl, raw: RawSystem) -> None:
    request = raw.asking()
    code, out, err = await curl("/oncegate.v1.ExchangeService/Fetch", *WITH_SCHEMA, data=as_json(request))
    assert code == 0, err
    answer = json.loads(out)
    assert answer["complete"] is True
    provider = answer["answers"][0]
    sealed = exchange_pb2.ProviderAnswer(
        resource=provider["resource"],
        sealed=base64.b64decode(provider["sealed"]),
        ticket_digest=base64.b64decode(provider["ticketDigest"]),
    )
    assert raw.opened(request, sealed).fields[0].text == "欧阳静好"


async def test_a_refusal_is_read_with_its_reason_violations_and_both_languages(curl: Curl, raw: RawSystem) -> None:
    request = raw.asking(items=[("civil.resident", "nothing", signed_pb2.FORM_VALUE)])
    code, _, err = await curl("/oncegate.v1.ExchangeService/Fetch", *WITH_SCHEMA, data=as_json(request))
    assert code
    told = json.loads(err)
    assert told["code"] == "invalid_argument"
    # buf does not know google.rpc's messages from our schema and shows them as they travel.
    texts = b"".join(base64.b64decode(detail["value"] + "==") for detail in told["details"]).decode()
    for part in ("UNKNOWN_FIELD", "oncegate", "资源中没有该信息项", "The resource has no such field", "items[0].field"):
        assert part in texts
    assert ALICE not in err


async def test_the_newest_checkpoint_is_there_for_anyone(curl: Curl) -> None:
    for _ in range(30):
        code, out, err = await curl("/oncegate.v1.AuditService/GetCheckpoint", *WITH_SCHEMA, data={}, people=True)
        if code == 0:
            break
        await asyncio.sleep(0.1)
    assert code == 0, err
    assert json.loads(out)["checkpoint"].startswith("oncegate.test/ledger\n")


def as_json(request: exchange_pb2.FetchRequest) -> dict[str, Any]:
    """Protobuf's JSON of a message, by hand."""
    text = base64.b64encode
    return {
        "body": text(request.body).decode(),
        "signature": text(request.signature).decode(),
        "keys": {
            "body": text(request.keys.body).decode(),
            "signature": text(request.keys.signature).decode(),
            "departmentKey": text(request.keys.department_key).decode(),
        },
        "subjectIdentifier": request.subject_identifier,
        "subjectNonce": text(request.subject_nonce).decode(),
    }
