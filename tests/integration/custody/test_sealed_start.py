"""A gateway whose root key is not there starts all the same, says that it is sealed, and opens when the key comes."""

import contextlib
import json
import signal
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from gateway.settings import FILE_NAME, STATUS_FILE, Settings
from oncegate.v1 import audit_pb2, audit_pb2_grpc, node_link_pb2_grpc
from tests.support.custodians import ONCEGATE, run, split, unseal
from tests.support.processes import until
from tests.support.tokens import MODULE, PIN, WHY_NOT, Tokens

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SERVING = health_pb2.HealthCheckResponse.SERVING


@contextlib.contextmanager
def serving(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (home.parent / "gateway.log").open("ab") as out:
        process = subprocess.Popen((ONCEGATE, "serve", "--home", str(home)), stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, (home.parent / "gateway.log").read_text()


def told(home: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads((home / STATUS_FILE).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def sealed_for(home: Path) -> str:
    return str(told(home).get("sealed", {}).get("code", ""))


def opens(home: Path) -> bool:
    found = told(home)
    return bool(found) and "sealed" not in found


@contextlib.contextmanager
def probe(address: str) -> Iterator[grpc.Channel]:
    """A channel that believes whatever certificate is shown, as a careless probe would."""
    host, _, port = address.rpartition(":")
    shown = ssl.get_server_certificate((host, int(port)))
    credentials = grpc.ssl_channel_credentials(root_certificates=shown.encode())
    options = [("grpc.ssl_target_name_override", "localhost")]
    with grpc.secure_channel(address, credentials, options) as channel:
        yield channel


def health_at(channel: grpc.Channel, service: str = "") -> int:
    request = health_pb2.HealthCheckRequest(service=service)
    return int(health_pb2_grpc.HealthStub(channel).Check(request, timeout=5).status)


def reasons(error: grpc.RpcError) -> tuple[grpc.StatusCode, str, list[str]]:
    status = rpc_status.from_call(error)
    assert status is not None
    info, texts = error_details_pb2.ErrorInfo(), []
    for detail in status.details:
        if detail.Is(info.DESCRIPTOR):
            detail.Unpack(info)
        elif detail.Is(error_details_pb2.LocalizedMessage.DESCRIPTOR):
            message = error_details_pb2.LocalizedMessage()
            detail.Unpack(message)
            texts.append(message.locale)
    return error.code(), info.reason, texts


@pytest.fixture
def ca(home: Path) -> bytes:
    return run("ca", "--home", str(home)).said.encode()


@pytest.mark.long
def test_without_its_passphrase_it_says_so_at_both_doors_and_opens_when_the_file_comes(home: Path, ca: bytes) -> None:
    listen = Settings.load(home).listen
    (home / "passphrase").rename(home.parent / "elsewhere")
    with serving(home):
        until("sealed", lambda: sealed_for(home) == "PASSPHRASE_MISSING", 20)
        shown = run("status", "--home", str(home))
        assert shown.code == 4
        assert "SEALED" in shown.said
        assert "未提供口令" in shown.said
        for address in (listen.systems, listen.people):
            with probe(address) as channel:
                assert health_at(channel) == NOT_SERVING
                assert health_at(channel, "oncegate.v1.CatalogService") == NOT_SERVING
                with pytest.raises(grpc.RpcError) as refused:
                    audit_pb2_grpc.AuditServiceStub(channel).GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=5)
                assert reasons(refused.value) == (grpc.StatusCode.UNAVAILABLE, "SEALED", ["zh-CN", "en"])
                link = node_link_pb2_grpc.NodeLinkServiceStub(channel)
                with pytest.raises(grpc.RpcError) as refused:
                    list(link.Connect(iter([]), timeout=5))
                assert reasons(refused.value)[:2] == (grpc.StatusCode.UNAVAILABLE, "SEALED")
        trusting = grpc.ssl_channel_credentials(root_certificates=ca)
        with grpc.secure_channel(listen.people, trusting) as channel, pytest.raises(grpc.RpcError) as refused:
            audit_pb2_grpc.AuditServiceStub(channel).GetCheckpoint(audit_pb2.GetCheckpointRequest(), timeout=5)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        (home.parent / "elsewhere").rename(home / "passphrase")
        until("open", lambda: opens(home), 20)
        with grpc.secure_channel(listen.people, trusting) as channel:
            assert health_at(channel) == SERVING
        assert run("status", "--home", str(home)).code == 0


@pytest.mark.long
def test_a_wrong_passphrase_is_not_tried_again_until_its_file_changes(home: Path) -> None:
    right = (home / "passphrase").read_bytes()
    (home / "passphrase").write_bytes(b"wrong\n")
    with serving(home):
        until("sealed", lambda: sealed_for(home) == "KEYRING_LOCKED", 20)
        time.sleep(1.5)
        log = (home.parent / "gateway.log").read_text()
        assert log.count("gateway is sealed") == 1
        assert "wrong" not in log
        (home / "passphrase").write_bytes(right)
        until("open", lambda: opens(home), 20)


@pytest.mark.long
def test_custodians_open_a_sealed_gateway_while_it_waits(home: Path) -> None:
    shares = split(home, "--shares", "3", "--threshold", "2").shares
    (home / "passphrase").write_bytes(b"forgotten and replaced\n")
    with serving(home):
        until("sealed", lambda: sealed_for(home) == "KEYRING_LOCKED", 20)
        assert unseal(home, shares[:2]).code == 0
        until("open", lambda: opens(home), 20)


@pytest.mark.long
def test_it_can_be_told_to_stop_while_it_is_sealed(home: Path) -> None:
    (home / "root-keys.bin").chmod(0o644)
    with serving(home):
        until("sealed", lambda: sealed_for(home) == "SECRET_EXPOSED", 20)
    assert not (home / STATUS_FILE).exists()


@pytest.mark.long
@pytest.mark.skipif(not MODULE, reason=WHY_NOT)
def test_a_token_that_is_plugged_in_later_opens_it(home: Path, tokens: Tokens) -> None:
    label = tokens.make()
    (home / "pin").write_text(f"{PIN}\n", encoding="ascii")
    (home / "pin").chmod(0o600)
    with (home / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(
            f'\n[keys]\nprovider = "pkcs11"\npkcs11_module = "{MODULE}"\ntoken_label = "{label}"\npin_file = "pin"\n'
        )
    assert run("key", "migrate", "--yes", "--home", str(home)).code == 0
    away = tokens.folder.with_name("away")
    tokens.folder.rename(away)
    tokens.folder.mkdir(mode=0o700)
    try:
        with serving(home):
            until("sealed", lambda: sealed_for(home) == "TOKEN_ABSENT", 20)
            tokens.folder.rmdir()
            away.rename(tokens.folder)
            until("open", lambda: opens(home), 30)
    finally:
        if away.exists():
            tokens.folder.rmdir()
            away.rename(tokens.folder)
