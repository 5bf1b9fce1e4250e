"""Promise 10 measured: over real sockets and under load, nothing is released later than a second after a withdrawal.

Each of many citizens grants a consent, a system asks under it without a pause, the citizen withdraws; from the moment
the citizen's call returned the clock runs, and the system goes on asking, anew and with the ids of answers that are
kept. Between them agreements and certificates are revoked by the operator's command line, a process of its own as far
as the gateway can tell. What is measured is printed: the latest answer with a value, and when the node knew.
"""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway.bootstrap.offline import open_offline
from oncegate.v1 import exchange_pb2, signed_pb2
from policies.reasons import Reason
from tests.support.city import ALICE, BO, CHEN, HOUSING_ITEMS, City, running_city
from tests.support.consents import Citizen, agree_on_consent, asking
from tests.support.doors import LOCATION, RawSystem, people_door, read_refusal

WITHDRAWALS = 1_008
AT_ONCE = 24
REVOCATIONS = 12
WATCHED_S = 1.25
LATEST_S = 1.0

pytestmark = [pytest.mark.alone, pytest.mark.long]


@dataclass
class Measured:
    """What came out, seconds after the call returned that ended it; negative is before."""

    latest: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    node_knew: list[float] = field(default_factory=list)
    releases: int = 0
    others: set[str] = field(default_factory=set)

    def tell(self, what: str) -> None:
        """Print the figures."""
        ordered = sorted(self.latest)
        known = f"; the node knew after at most {max(self.node_knew):.3f} s" if self.node_knew else ""
        print(
            f"{what}: {len(self.latest)} ended, {self.releases} releases before or on the way; last value "
            f"{ordered[len(ordered) // 2]:+.3f} s (median), {ordered[-1]:+.3f} s (latest) after the call returned{known}"
        )


async def ended(
    measured: Measured,
    ask: Callable[[], exchange_pb2.FetchRequest],
    raw: RawSystem,
    end: Callable[[], Awaitable[Any]],
    reasons: set[str],
) -> float:
    """Ask without a pause, end what it rests on, and go on asking; returns when the ending call returned."""
    values: list[float] = []
    answered: list[exchange_pb2.FetchRequest] = []
    stop = asyncio.Event()

    async def hammer(repeat: bool) -> None:
        while not stop.is_set():
            request = answered[-1] if repeat and answered else ask()
            try:
                response = await raw.fetch(request)
            except grpc.aio.AioRpcError as error:
                reason = read_refusal(error).reason
                at_s = time.monotonic()
                if reason in reasons:
                    measured.refused.append(at_s)
                else:
                    measured.others.add(reason)
                await asyncio.sleep(0.05)
                continue
            at_s = time.monotonic()
            body = None if response.answers[0].silence_reason else raw.opened(request, response.answers[0])
            if body is not None and body.fields[0].status == signed_pb2.FIELD_STATUS_RELEASED:
                values.append(at_s)
                answered.append(request)
                measured.releases += 1

    hammers = [asyncio.create_task(hammer(repeat)) for repeat in (False, False, True)]
    while not answered:  # noqa: ASYNC110 - a measurement, not a program
        await asyncio.sleep(0.01)
    await end()
    returned_s = time.monotonic()
    await asyncio.sleep(WATCHED_S)
    stop.set()
    await asyncio.gather(*hammers)
    measured.latest.append(max(values) - returned_s)
    return returned_s


async def withdrawals(city: City, raw: RawSystem, citizens: list[Citizen], measured: Measured) -> None:
    """A thousand and some, two dozen at a time."""
    left = iter(range(WITHDRAWALS))
    book = city.node("civil").provider._consents

    async def worker(number: int) -> None:
        person = citizens[number % len(citizens)]
        for _ in left:
            granted = await person.granted()

            async def end(person: Citizen = person, consent_id: bytes = granted.consent_id) -> None:
                await person.act("Withdraw", consent_id)

            async def knew(digest: bytes = granted.digest) -> float:
                while book.reason(digest) is not Reason.CONSENT_REVOKED:  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.005)
                return time.monotonic()

            watch = asyncio.create_task(knew())

            def ask(digest: bytes = granted.digest, who: str = person.resident) -> exchange_pb2.FetchRequest:
                return asking(raw, digest, who)

            returned_s = await ended(measured, ask, raw, end, {"CONSENT_REVOKED"})
            async with asyncio.timeout(LATEST_S):
                measured.node_knew.append(await watch - returned_s)

    await asyncio.gather(*(worker(number) for number in range(AT_ONCE)))


async def revocations(city: City, measured: Measured, numbers: "itertools.count[int]") -> None:
    """Agreements and certificates in turn, each of a system of its own."""

    async def operator(method: str, *args: str) -> None:
        def work() -> None:
            with open_offline(city.home) as offline:
                getattr(offline.membership, method)(*args)

        await asyncio.to_thread(work)

    for _ in range(REVOCATIONS):
        number = next(numbers)
        name, agreement = f"extra{number}", f"extra-{number}"
        await city.enrol("education", "system", name)
        await asyncio.to_thread(
            lambda name=name, agreement=agreement: city.agree(
                "housing", "housing.property", HOUSING_ITEMS, system=name, id=f'"{agreement}"'
            )
        )
        async with RawSystem(city, "education", name) as extra:
            certificate = number % 2

            def ask(extra: RawSystem = extra) -> exchange_pb2.FetchRequest:
                return extra.asking(ALICE, items=[LOCATION])

            async def end(certificate: int = certificate, extra: RawSystem = extra, agreement: str = agreement) -> None:
                if certificate:
                    await operator("revoke_certificate", extra.spiffe, "load")
                else:
                    await operator("revoke_agreement", agreement, "load")

            # The node takes its copy of the agreement within half a second.
            await asyncio.sleep(0.5)
            await ended(measured, ask, extra, end, {"CERTIFICATE_REVOKED", "NO_AGREEMENT", "AGREEMENT_SUSPENDED"})


@pytest.mark.timeout(1500)
async def test_nothing_is_released_later_than_a_second_after_a_withdrawal_under_load(tmp_path: Path) -> None:
    consents, revoked = Measured(), Measured()
    settings = "\n[limits]\nconcurrent_per_system = 256\n"
    async with running_city(tmp_path, settings=settings) as city:
        agree_on_consent(city)
        async with RawSystem(city) as raw, people_door(city) as people:
            citizens = [Citizen(city, people, who) for who in (ALICE, BO, CHEN)]
            began_s = time.monotonic()
            await asyncio.gather(
                withdrawals(city, raw, citizens, consents), revocations(city, revoked, itertools.count())
            )
            took_s = time.monotonic() - began_s
            with contextlib.suppress(grpc.aio.AioRpcError):
                await citizens[0].mine()
    consents.tell(f"\nconsents withdrawn in {took_s:.0f} s")
    revoked.tell("agreements and certificates revoked")
    assert len(consents.latest) >= 1_000
    assert len(revoked.latest) == REVOCATIONS
    assert consents.releases > WITHDRAWALS
    for measured in (consents, revoked):
        assert max(measured.latest) <= LATEST_S
        assert measured.refused, "what goes on asking is refused"
    assert max(consents.node_knew) <= LATEST_S
