"""Acknowledgements of a test's own making, and what an auditor is shown of them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from google.protobuf.message import Message

from keys.acknowledgement import Acknowledgement, Statement, sign_statement
from keys.signing import digest
from oncegate.v1 import exchange_pb2, signed_pb2
from tests.support.city import TRUST_DOMAIN
from tests.support.doors import TIMEOUT_S, RawSystem

Response = exchange_pb2.FetchResponse | exchange_pb2.LocateResponse


def outcome_of(response: Response) -> int:
    """Index of the outcome's entry."""
    return signed_pb2.PromiseBody.FromString(response.outcome.body).leaf_index


def received(request: exchange_pb2.FetchRequest, response: exchange_pb2.FetchResponse) -> Acknowledgement:
    """What an honest system says of an answer."""
    digests = sorted(digest(answer.receipt.body) for answer in response.answers)
    return Acknowledgement(outcome_of(response), digest(request.body), tuple(digests))


def signed(speaker: RawSystem, *said: Acknowledgement, **changes: Any) -> exchange_pb2.AcknowledgeRequest:
    """A batch, signed by the system."""
    members: dict[str, Any] = {
        "system": speaker.spiffe,
        "trust_domain": TRUST_DOMAIN,
        "time_ms": int(time.time() * 1000),
        "acknowledgements": said,
        **changes,
    }
    body, signature = sign_statement(speaker.signing, Statement(**members))
    return message(speaker, body, signature)


def message(system: RawSystem, body: bytes, signature: bytes) -> exchange_pb2.AcknowledgeRequest:
    """A batch as it is sent."""
    keys = signed_pb2.CertifiedKeys(
        body=system.keys.body, signature=system.keys.signature, department_key=system.keys.department_key
    )
    return exchange_pb2.AcknowledgeRequest(statement=body, signature=signature, keys=keys)


async def acknowledge(system: RawSystem, request: Message) -> exchange_pb2.AcknowledgeResponse:
    """Send it."""
    response: exchange_pb2.AcknowledgeResponse = await system.door.exchange.Acknowledge(request, timeout=TIMEOUT_S)
    return response


async def eventually(holds: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"it does not hold after {within_s} s")
        await asyncio.sleep(0.05)
