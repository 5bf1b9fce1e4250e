import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from keys.certificates.csr import new_tls_key
from keys.certificates.peer import peer_from_pem
from keys.certificates.spiffe import SpiffeId
from nodes.clock import SystemClock
from nodes.consumer import AsyncClient
from nodes.enrolment.enrolment import enrol, prepare, read_token
from nodes.enrolment.errors import BadInput, EnrolmentUntrusted, GatewayUnreachable, RequestRefused
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import certify_home
from nodes.enrolment.renewal import Renewal, validity
from oncegate.v1 import enrolment_pb2
from tests.integration.consumer.server import Doors
from tests.support.exchange_gateway import DOMAIN, ExchangeGateway

CLOCK = SystemClock()


async def _enrol(doors: Doors, path: Path) -> Home:
    home = Home(path)
    token = read_token(doors.token(), CLOCK)
    prepare(home, token)
    certify_home(doors.gateway.consumer_key, home, now_ms=CLOCK.now_ms())
    await enrol(home, token, CLOCK)
    return home


async def test_a_token_becomes_a_home_that_can_ask(doors: Doors, tmp_path: Path) -> None:
    home = await _enrol(doors, tmp_path / "home")
    for side in doors.gateway.providers.values():
        doors.gateway.write_agreement(home.agreements, side)
    async with AsyncClient(home.path) as client:
        answer = await client.fetch(
            subject=("cn.resident-id", "11010519491231002X"),
            purpose="school_enrolment",
            basis="mandate",
            items=["civil.resident:name"],
        )
    assert answer["civil.resident:name"].value == "王小明"
    assert home.trust() == doors.gateway.trust()
    assert home.identity_file.stat().st_mode & 0o777 == 0o600


async def test_a_token_works_once(doors: Doors, tmp_path: Path) -> None:
    await _enrol(doors, tmp_path / "one")
    with pytest.raises(RequestRefused) as caught:
        await _enrol(doors, tmp_path / "two")
    assert caught.value.code == "BAD_TOKEN"
    assert not Home(tmp_path / "two").enrolled


async def test_an_expired_token_is_refused_before_anyone_is_asked(doors: Doors) -> None:
    with pytest.raises(BadInput):
        read_token(doors.token(minutes=-1), CLOCK)


async def test_keys_must_be_certified_before_the_token_is_spent(doors: Doors, tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    token = read_token(doors.token(), CLOCK)
    prepare(home, token)
    certify_home(doors.gateway.consumer_key, home, now_ms=CLOCK.now_ms() - 400 * 86_400_000)
    with pytest.raises(BadInput):
        await enrol(home, token, CLOCK)
    assert not doors.used_tokens


async def test_a_server_that_the_token_does_not_name_is_never_told_the_secret(doors: Doors, tmp_path: Path) -> None:
    stranger = Doors(ExchangeGateway.create(doors.gateway.now_ms))
    stranger.people, stranger.systems = doors.people, doors.systems
    home = Home(tmp_path / "home")
    token = read_token(stranger.token(), CLOCK)
    prepare(home, token)
    certify_home(doors.gateway.consumer_key, home, now_ms=CLOCK.now_ms())
    with pytest.raises(GatewayUnreachable):
        await enrol(home, token, CLOCK)
    assert not doors.used_tokens


def _bundle(**changes: object) -> Callable[[Doors], None]:
    def twist(doors: Doors) -> None:
        def change(bundle: enrolment_pb2.TrustBundle) -> None:
            for name, value in changes.items():
                setattr(bundle, name, value)

        doors.change_bundle = change

    return twist


def _another_name(doors: Doors) -> None:
    doors.issue_for = SpiffeId(DOMAIN, "school", "system", "other")


def _another_key(doors: Doors) -> None:
    doors.issue_key = new_tls_key()


@pytest.mark.parametrize(
    "twist",
    [
        _another_name,
        _another_key,
        _bundle(trust_domain="other.test"),
        _bundle(gateway="spiffe://other.test/gateway/main"),
        _bundle(gateway=f"spiffe://{DOMAIN}/department/civil/node/main"),
        _bundle(gateway="nonsense"),
        _bundle(ticket_key=b"nonsense"),
        _bundle(promise_key=b""),
        _bundle(ca_pem=b""),
    ],
)
async def test_an_identity_that_was_not_asked_for_is_not_stored(
    doors: Doors, tmp_path: Path, twist: Callable[[Doors], None]
) -> None:
    twist(doors)
    with pytest.raises(EnrolmentUntrusted):
        await _enrol(doors, tmp_path / "home")
    assert not Home(tmp_path / "home").enrolled


async def test_a_renewal_replaces_key_and_certificate_together(doors: Doors, home: Home) -> None:
    before = home.tls()
    await Renewal(home, CLOCK, jitter=lambda: 0.0).renew()
    after = home.tls()
    assert after.key_pem != before.key_pem
    assert peer_from_pem(after.certificate_pem).serial != peer_from_pem(before.certificate_pem).serial


async def test_a_renewal_that_brings_another_identity_leaves_the_old_one_in_force(doors: Doors, home: Home) -> None:
    before = home.tls()
    _another_name(doors)
    with pytest.raises(EnrolmentUntrusted):
        await Renewal(home, CLOCK, jitter=lambda: 0.0).renew()
    assert home.tls() == before


async def test_a_client_renews_by_itself_when_due_and_after_a_failure(doors: Doors, tmp_path: Path) -> None:
    doors.lifetime_s = 20
    home = await _enrol(doors, tmp_path / "home")
    # A certificate begins a minute early, so one of twenty seconds is past two thirds of its life at once.
    doors.lifetime_s = 3600
    first = home.identity_file.read_bytes()
    doors.failures.append(grpc.StatusCode.UNAVAILABLE)
    waits: list[float] = []
    done = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) > 2:
            done.set()
            await asyncio.Event().wait()

    running = asyncio.create_task(Renewal(home, CLOCK, jitter=lambda: 0.5, sleep=sleep).run())
    await asyncio.wait_for(done.wait(), 10)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert home.identity_file.read_bytes() != first
    assert waits[:2] == [5.0, 5.0]
    assert validity(home).due_ms > CLOCK.now_ms()
