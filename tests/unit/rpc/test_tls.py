"""The gateway's own certificate: renewed in time, and the old one serves on when that fails."""

from pathlib import Path

import pytest

from gateway.rpc.tls import ServerIdentity
from gateway.settings import Settings
from keys.certificates.authority import CertificateAuthority
from keys.errors import BadCertificate

DAY_MS = 86_400_000


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.now

    def monotonic_s(self) -> float:
        return self.now / 1000


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity(tmp_path: Path, clock: Clock) -> ServerIdentity:
    authority = CertificateAuthority.create("oncegate.example", clock.now)
    return ServerIdentity(authority, Settings(home=tmp_path), clock)


def test_the_certificate_is_renewed_after_two_thirds_of_its_life(identity: ServerIdentity, clock: Clock) -> None:
    first = identity.current()
    clock.now += 4 * DAY_MS
    assert identity.current() == first
    clock.now += DAY_MS
    second = identity.current()
    assert second[0] == first[0] + 1
    assert second[1:] != first[1:]
    assert identity.not_after_ms == clock.now + 7 * DAY_MS


def test_when_renewal_fails_the_certificate_in_force_serves_on(
    identity: ServerIdentity, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = identity.current()
    clock.now += 6 * DAY_MS

    def fail() -> None:
        raise BadCertificate("no")

    monkeypatch.setattr(identity, "_issue", fail)
    assert identity.current() == first
    assert identity.not_after_ms < clock.now + 2 * DAY_MS
    monkeypatch.undo()
    assert identity.current() != first


def test_both_doors_get_credentials(identity: ServerIdentity) -> None:
    assert identity.credentials(require_client=True)
    assert identity.credentials(require_client=False)
