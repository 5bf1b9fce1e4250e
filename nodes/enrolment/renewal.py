"""Renewal: a member's certificate is replaced well before it ends, without a restart and without an operator.

Due at two thirds of the certificate's life. A failed try is repeated with growing, jittered pauses. Once the
certificate has ended only a new enrolment helps; a loop that still runs notices one. Several processes may share a
home: a lock lets one renew and the others notice. Whoever holds a channel watches `Home.stamp` and opens another.

Which way it fails: whatever the gateway returns that does not fit is dropped and the old identity stays in force.
"""

import asyncio
import fcntl
import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import grpc
import structlog

from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.peer import PeerCertificate, peer_from_pem
from keys.errors import KeysError
from nodes.clock import Clock
from nodes.enrolment.channel import systems_channel
from nodes.enrolment.enrolment import certified_message, check_issued
from nodes.enrolment.errors import HomeInvalid, MemberCode
from nodes.enrolment.home import Home
from nodes.enrolment.refusals import refusal
from nodes.errors import NodeError
from oncegate.v1 import enrolment_pb2
from oncegate.v1.enrolment_pb2_grpc import EnrolmentServiceStub

TIMEOUT_S = 30.0
LONGEST_SLEEP_S = 60.0
"""The wall clock is read again at least this often: machines are suspended and clocks are set."""
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 300.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Validity:
    """When a certificate is valid and when it is due for renewal, Unix ms."""

    not_before_ms: int
    not_after_ms: int

    @property
    def due_ms(self) -> int:
        """Two thirds of the way from its beginning to its end."""
        return self.not_before_ms + (self.not_after_ms - self.not_before_ms) * 2 // 3


def validity(home: Home) -> Validity:
    """The validity of the home's certificate as it is on disk now.

    Args:
        home: An enrolled home.

    Returns:
        The validity.

    Raises:
        HomeInvalid: The home is not enrolled or its certificate is damaged.
    """
    certificate = _certificate(home)
    return Validity(certificate.not_before_ms, certificate.not_after_ms)


class Renewal:
    """Keeps one home's certificate fresh.

    Args:
        home: An enrolled home.
        clock: Tells the time.
        jitter: A number from 0 to 1, fresh each time, so that many members do not renew at the same moment.
        sleep: Waits; seconds.
    """

    def __init__(
        self,
        home: Home,
        clock: Clock,
        *,
        jitter: Callable[[], float],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._home = home
        self._clock = clock
        self._jitter = jitter
        self._sleep = sleep

    async def run(self) -> None:
        """Renews for ever; cancel it to stop. What goes wrong is logged and tried again, for it may be mended."""
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                wait_s = self._wait_s()
                if wait_s is None:
                    await self.renew_if_due()
                    # Also when it went well: a gateway whose certificates are due at once must not be hammered.
                    wait_s = FIRST_PAUSE_S
                pause_s = FIRST_PAUSE_S
            except NodeError as error:
                log.error("renewal_failed", code=str(error.code), reason=error.detail)  # noqa: TRY400
                wait_s = pause_s * (0.5 + self._jitter())
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            await self._sleep(min(wait_s, LONGEST_PAUSE_S))

    def _wait_s(self) -> float | None:
        """Seconds until the renewal is due, at most until the clock is to be read again; None when it is due."""
        current = validity(self._home)
        now_ms = self._clock.now_ms()
        if now_ms >= current.not_after_ms:
            raise HomeInvalid("identity.pem", "the certificate has ended; enrol again", MemberCode.NOT_ENROLLED)
        if now_ms >= current.due_ms:
            return None
        return min((current.due_ms - now_ms) / 1000 + self._jitter(), LONGEST_SLEEP_S)

    async def renew_if_due(self) -> bool:
        """Renews once if it is due and no other process is at it.

        Returns:
            Whether a new identity was stored.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
            EnrolmentUntrusted: The answer is not for this member or this key. Nothing was stored.
            HomeInvalid: The home is damaged.
        """
        with _only_one(self._home) as mine:
            if not mine:
                await self._sleep(1.0)
                return False
            if self._clock.now_ms() < validity(self._home).due_ms:
                return False
            await self.renew()
            return True

    async def renew(self) -> None:
        """Renews now.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: No answer.
            EnrolmentUntrusted: The answer is not for this member or this key. Nothing was stored.
            HomeInvalid: The home is damaged.
        """
        key_pem = new_tls_key()
        csr = make_csr(key_pem)
        request = enrolment_pb2.RenewRequest(csr=csr, keys=certified_message(self._home.certified()))
        async with systems_channel(self._home.addresses().systems, self._home.tls()) as channel:
            stub = EnrolmentServiceStub(channel)
            try:
                response = await stub.Renew(request, timeout=TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                raise refusal(error) from error
        trust = check_issued(self._home.spiffe(), csr, response.certificate_pem, response.trust)
        trust = self._home.trust().renewed(trust)
        # Trust first: while CAs change hands it lists both, so either identity works under it.
        self._home.write_trust(trust)
        self._home.write_identity(key_pem, response.certificate_pem)
        log.info("certificate_renewed", not_after_ms=validity(self._home).not_after_ms)


def _certificate(home: Home) -> PeerCertificate:
    try:
        return peer_from_pem(home.tls().certificate_pem)
    except KeysError as error:
        raise HomeInvalid("identity.pem", "the certificate is damaged") from error


@contextmanager
def _only_one(home: Home) -> Iterator[bool]:
    """Whether this process alone renews this home; the lock goes when the process dies."""
    descriptor = os.open(home.path / ".renewal.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(descriptor)
