# ruff: noqa: N802 - methods are named as in the protos
"""A whole node from its home: it connects, publishes, follows a renewal and stops in order."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import Result
from typer.testing import CliRunner

from keys.certificates.csr import new_tls_key
from keys.certificates.spiffe import SpiffeId
from keys.signing import SigningKey
from nodes.cli.main import app
from nodes.clock import SystemClock
from nodes.enrolment.errors import BadInput, HomeInvalid
from nodes.enrolment.home import Addresses, Home
from nodes.enrolment.member_keys import certify_home, make_member_keys
from nodes.errors import BadConfig
from nodes.provider.state import open_state
from nodes.serve import Node
from nodes.watch import Broken, LedgerBroken
from oncegate.v1 import audit_pb2, audit_pb2_grpc, node_link_pb2, node_link_pb2_grpc, signed_pb2
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway
from tests.unit.node_cli.test_check import RESOURCES
from tests.unit.node_cli.test_receipts import keep_releases
from tests.unit.watch.test_watch import Log


def promise_body(index: int, leaf: bytes) -> bytes:
    return signed_pb2.PromiseBody(leaf_index=index, leaf_hash=leaf, request_digest=b"r" * 32).SerializeToString()


class LinkDoor(node_link_pb2_grpc.NodeLinkServiceServicer):
    """Welcomes a node, acknowledges what it publishes and remembers it."""

    def __init__(self) -> None:
        self.hellos: list[node_link_pb2.Hello] = []
        self.deltas: list[node_link_pb2.Delta] = []
        self.published = asyncio.Event()
        self.drained = asyncio.Event()

    async def Connect(self, frames: AsyncIterator[node_link_pb2.NodeFrame], context: Any) -> AsyncIterator[Any]:
        async for frame in frames:
            kind = frame.WhichOneof("frame")
            if kind == "hello":
                self.hellos.append(frame.hello)
                welcome = node_link_pb2.Welcome(
                    protocol_version=1, clock_unix_ms=SystemClock().now_ms(), heartbeat_ms=5000, max_deltas=500
                )
                yield node_link_pb2.GatewayFrame(welcome=welcome)
            elif kind == "deltas":
                self.deltas += frame.deltas.deltas
                self.published.set()
                ack = node_link_pb2.DeltaAck(through_sequence=frame.deltas.deltas[-1].sequence)
                yield node_link_pb2.GatewayFrame(delta_ack=ack)
            elif kind == "drain":
                self.drained.set()
                return


class LogDoor(audit_pb2_grpc.AuditServiceServicer):
    """The log of the watch's unit tests, over the wire."""

    def __init__(self) -> None:
        self.log = Log()

    async def GetCheckpoint(self, request: Any, context: Any) -> audit_pb2.GetCheckpointResponse:
        return audit_pb2.GetCheckpointResponse(checkpoint=await self.log.checkpoint())

    async def GetConsistencyProof(self, request: Any, context: Any) -> audit_pb2.GetConsistencyProofResponse:
        if request.new_size == 1000:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "")
        path = await self.log.consistency(request.old_size, request.new_size)
        return audit_pb2.GetConsistencyProofResponse(new_size=request.new_size, path=path)

    async def GetInclusionProof(self, request: Any, context: Any) -> audit_pb2.GetInclusionProofResponse:
        path = await self.log.inclusion(request.leaf_index, request.tree_size)
        return audit_pb2.GetInclusionProofResponse(tree_size=request.tree_size, path=path)


@asynccontextmanager
async def log_door(gateway: ExchangeGateway) -> AsyncIterator[tuple[LogDoor, str]]:
    door, server, key = LogDoor(), grpc.aio.server(), new_tls_key()
    audit_pb2_grpc.add_AuditServiceServicer_to_server(door, server)
    leaf = gateway.leaf_certificate(SpiffeId(DOMAIN, "", "gateway", "main"), key, server=True)
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, leaf)]))
    await server.start()
    try:
        yield door, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def link_door(gateway: ExchangeGateway) -> AsyncIterator[tuple[LinkDoor, str]]:
    door, server, key = LinkDoor(), grpc.aio.server(), new_tls_key()
    node_link_pb2_grpc.add_NodeLinkServiceServicer_to_server(door, server)
    leaf = gateway.leaf_certificate(SpiffeId(DOMAIN, "", "gateway", "main"), key, server=True)
    mutual = grpc.ssl_server_credentials([(key, leaf)], gateway.authority.certificate_pem, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", mutual)
    await server.start()
    try:
        yield door, f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@pytest.fixture
def gateway() -> ExchangeGateway:
    return ExchangeGateway.create(SystemClock().now_ms())


def node_home(gateway: ExchangeGateway, path: Path, address: str = "127.0.0.1:1") -> Home:
    home = Home(path)
    spiffe = SpiffeId(DOMAIN, "school", "node", "main")
    home.create(spiffe, Addresses(address, address))
    make_member_keys(home)
    certify_home(gateway.consumer_key, home, now_ms=gateway.now_ms)
    home.write_trust(gateway.trust())
    key = new_tls_key()
    home.write_identity(key, gateway.leaf_certificate(spiffe, key))
    (path / "node.toml").write_text('format = "oncegate.node/1"\n')
    (path / "resources.toml").write_text(RESOURCES, encoding="utf-8")
    (path / "people.csv").write_text("id,id_no,xm\n1,11010519491231002X,王\n", encoding="utf-8")
    return home


def make(home: Home) -> Node:
    return Node(home.path, clock=SystemClock(), environment={})


async def test_a_node_connects_publishes_follows_a_renewal_and_stops_in_order(
    gateway: ExchangeGateway, tmp_path: Path
) -> None:
    async with link_door(gateway) as (door, address):
        home = node_home(gateway, tmp_path / "home", address)
        node = make(home)
        running = asyncio.create_task(node.run())
        await asyncio.wait_for(door.published.wait(), 20)
        assert [r.code for r in door.hellos[0].resources] == ["school.pupil"]
        assert door.deltas[0].subject_identifier == "11010519491231002X"
        assert node.link.status().connected
        # A renewal brings a gateway with another key for tickets, and another certificate.
        gateway.ticket_key = SigningKey.generate()
        home.write_trust(gateway.trust())
        key = new_tls_key()
        home.write_identity(key, gateway.leaf_certificate(home.spiffe(), key))
        async with asyncio.timeout(20):
            while node.ticket_key != gateway.ticket_key.verify_key.der or len(door.hellos) < 2:  # noqa: ASYNC110 - two independent pollers
                await asyncio.sleep(0.05)
        assert door.hellos[0].session_id == door.hellos[1].session_id
        node.stop()
        await asyncio.wait_for(running, 20)
        assert door.drained.is_set()


async def test_a_node_without_a_gateway_waits_and_still_stops_when_told(
    gateway: ExchangeGateway, tmp_path: Path
) -> None:
    node = make(node_home(gateway, tmp_path / "home"))
    running = asyncio.create_task(node.run())
    await asyncio.sleep(0.2)
    node.stop()
    await asyncio.wait_for(running, 20)
    assert not node.link.status().connected


async def test_a_node_whose_gateway_rewrites_its_log_stops_and_does_not_start_again(
    gateway: ExchangeGateway, tmp_path: Path
) -> None:
    async with log_door(gateway) as (door, address):
        home = node_home(gateway, tmp_path / "home", address)
        home.write_trust(replace(home.trust(), ledger_key=door.log.signer.vkey))
        node = Node(home.path, clock=SystemClock(), environment={}, watch_every_s=0.05)
        running = asyncio.create_task(node.run())
        async with asyncio.timeout(20):
            while not (home.path / "ledger-checkpoint").exists():  # noqa: ASYNC110 - a file cannot be awaited
                await asyncio.sleep(0.02)
        door.log.grow(997)
        await asyncio.sleep(0.2)
        assert not running.done()
        door.log.leaves[0] = door.log.leaves[1]
        door.log.grow(1)
        with pytest.raises(LedgerBroken) as caught:
            await asyncio.wait_for(running, 20)
        assert caught.value.reason is Broken.LOG_REWRITTEN
        with pytest.raises(LedgerBroken):
            make(home)
        (home.path / "ledger-conflict.json").unlink()
        (home.path / "ledger-checkpoint").unlink()
        await make(home).provider.close()


async def test_the_log_is_checked_by_command(gateway: ExchangeGateway, tmp_path: Path) -> None:
    async with log_door(gateway) as (door, address):
        home = node_home(gateway, tmp_path / "home", address)
        home.write_trust(replace(home.trust(), ledger_key=door.log.signer.vkey))

        async def check(expect: int, *more: str) -> Result:
            arguments = ["ledger", "check", "--home", str(home.path), *more]
            result = await asyncio.to_thread(CliRunner().invoke, app, arguments)
            assert result.exit_code == expect, result.output
            return result

        assert "3 entries, seen for the first time" in (await check(0)).stdout
        state = open_state(home.path / "state" / "node.sqlite")
        keep_releases(state, promise_body(2, door.log.leaves[2]))
        state.close()
        door.log.grow(2)
        report = json.loads((await check(0, "--json")).stdout)
        counted = {"size": 5, "earlier_size": 3, "promises_kept": 1, "promises_waiting": 0}
        assert report == counted | {"followed_into_epoch": None, "promises_lost": 0}
        door.log.leaves[2] = door.log.leaves[1]
        assert "LOG_REWRITTEN" in (await check(5)).stderr
        assert "CONFLICT_KEPT" in (await check(5)).stderr


def test_a_home_that_is_not_a_certified_nodes_serves_nothing(gateway: ExchangeGateway, tmp_path: Path) -> None:
    system = gateway.consumer_home(tmp_path / "system")
    with pytest.raises(HomeInvalid, match="only a node serves"):
        make(system)
    home = node_home(gateway, tmp_path / "home")
    good = home.certified()
    certify_home(gateway.consumer_key, home, now_ms=gateway.now_ms - 400 * 86_400_000)
    with pytest.raises(BadInput):
        make(home)
    home.write_certified(good)
    home.identity_file.unlink()
    with pytest.raises(HomeInvalid):
        make(home)
    (home.path / "node.toml").write_text("")
    with pytest.raises(BadConfig):
        make(home)


async def test_the_command_ends_well_on_sigterm_and_logs_no_identifier(
    gateway: ExchangeGateway, tmp_path: Path
) -> None:
    async with link_door(gateway) as (door, address):
        home = node_home(gateway, tmp_path / "home", address)
        started = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "from nodes.cli.main import main; main()",
            "serve",
            "--home",
            str(home.path),
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stderr=asyncio.subprocess.PIPE,
        )
        await asyncio.wait_for(door.published.wait(), 30)
        started.send_signal(signal.SIGTERM)
        _, errors = await asyncio.wait_for(started.communicate(), 30)
    assert started.returncode == 0
    events = [json.loads(line)["event"] for line in errors.decode().splitlines() if line.startswith("{")]
    assert events[0] == "serving"
    assert events[-1] == "stopped"
    assert b"11010519491231002X" not in errors
