"""`oncegate-node status`: who this is, until when, what it trusts, and whether the gateway is there."""

import asyncio
from typing import Annotated, Any

import grpc
import typer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from keys.errors import KeysError
from keys.signing import fingerprint_of
from nodes.cli.agreement_folder import agreement_folder
from nodes.cli.exits import UNAVAILABLE, command
from nodes.cli.options import AsJson, HomePath
from nodes.cli.output import emit, moment, say
from nodes.clock import SystemClock
from nodes.enrolment.agreement_files import list_agreements
from nodes.enrolment.channel import systems_channel
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import open_own
from nodes.enrolment.renewal import validity

HEALTH_TIMEOUT_S = 5.0


@command
def status(
    *,
    home: HomePath,
    offline: Annotated[bool, typer.Option("--offline", help="Do not contact the gateway.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a home's identity, validity, trust and agreements; exit with 4 when the gateway is not reached."""
    member = Home(home)
    facts = _facts(member)
    if not offline:
        facts["gateway_reached"] = asyncio.run(_reached(member))

    def human() -> None:
        for name, value in facts.items():
            say(f"{name.removesuffix('_ms')}: {moment(value) if name.endswith('_ms') else value}")

    emit(facts, as_json=as_json, human=human)
    if facts.get("gateway_reached") is False:
        raise typer.Exit(UNAVAILABLE)


def _facts(home: Home) -> dict[str, Any]:
    trust = home.trust()
    valid = validity(home)
    now_ms = SystemClock().now_ms()
    certified = home.certified()
    try:
        keys_until = open_own(home, certified, now_ms=now_ms).not_after_ms
        keys = "certified"
    except (BadInput, KeysError) as error:
        keys_until, keys = 0, str(error)
    files = list(list_agreements(agreement_folder(home)))
    return {
        "member": str(home.spiffe()),
        "gateway": trust.gateway,
        "systems_door": home.addresses().systems,
        "certificate_not_after_ms": valid.not_after_ms,
        "certificate_renewal_due_ms": valid.due_ms,
        "certificate_valid": valid.not_before_ms <= now_ms < valid.not_after_ms,
        "keys": keys,
        "keys_not_after_ms": keys_until,
        "department_key": fingerprint_of(certified.department_key),
        "ledger_key": trust.ledger_key,
        "witnesses_demanded": f"{trust.witnesses_needed} of {len(trust.witnesses)}",
        "agreements": sum(file.agreement is not None for file in files),
        "damaged_agreements": sum(file.agreement is None for file in files),
    }


async def _reached(home: Home) -> bool:
    """Whether the gateway answers its health check under this member's certificate."""
    async with systems_channel(home.addresses().systems, home.tls()) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=HEALTH_TIMEOUT_S)
        except grpc.aio.AioRpcError:
            return False
        serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
        return serving
