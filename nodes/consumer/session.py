"""One generation of a client: keys, certificate and channel as the home had them at one moment.

A renewal, or a new key certificate, changes `Home.stamp`; the client then opens the next generation and lets this one
finish its calls. Calls that the transport broke off are repeated with the same bytes, which the gateway carries out
once; whatever the gateway itself said is never repeated here.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from nodes.clock import Clock
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.request import Requester
from nodes.consumer.verify import AnswerVerifier
from nodes.enrolment.channel import systems_channel
from nodes.enrolment.enrolment import certified_message
from nodes.enrolment.errors import GatewayUnreachable, HomeInvalid
from nodes.enrolment.home import Home
from nodes.enrolment.member_keys import open_own
from nodes.enrolment.refusals import refusal
from nodes.errors import NodeError
from oncegate.v1.catalog_pb2_grpc import CatalogServiceStub
from oncegate.v1.consent_pb2_grpc import ConsentRequestServiceStub
from oncegate.v1.exchange_pb2_grpc import ExchangeServiceStub
from oncegate.v1.notice_pb2_grpc import NoticeServiceStub

TRIES = 3
FIRST_PAUSE_S = 0.1
SHORTEST_TRY_S = 0.05
GRACE_S = 30.0

Got = TypeVar("Got")


class Session:
    """One generation of a client.

    Args:
        home: An enrolled home of a system.
        accepted: Which provider keys count.
        clock: Tells the time.
        jitter: A number from 0 to 1, fresh each time.

    Raises:
        HomeInvalid: The home is not a system's, not enrolled, or damaged.
        BadInput: The key certificate is not valid now or not for these keys.
    """

    def __init__(self, home: Home, accepted: AcceptedProviders, clock: Clock, jitter: Callable[[], float]) -> None:
        self.stamp = home.stamp()
        system = home.spiffe()
        if system.kind != "system":
            raise HomeInvalid("home.json", "only a system asks; this is a node")
        certified = home.certified()
        certificate = open_own(home, certified, now_ms=clock.now_ms())
        self.requester = Requester(system, home.signing_key(), certificate.sealing_key_id)
        self.keys = certified_message(certified)
        self.verifier = AnswerVerifier(home.trust(), accepted, home.sealing_key())
        self._clock = clock
        self._jitter = jitter
        self._channel = systems_channel(home.addresses().systems, home.tls())
        self.exchange = ExchangeServiceStub(self._channel)
        self.catalog = CatalogServiceStub(self._channel)
        self.consents = ConsentRequestServiceStub(self._channel)
        self.notices = NoticeServiceStub(self._channel)

    async def call(self, method: Callable[..., Awaitable[Got]], message: Message, timeout_s: float) -> Got:
        """Calls the gateway, repeating what the transport broke off.

        Args:
            method: A method of a stub.
            message: The same bytes each time.
            timeout_s: For all tries together, seconds.

        Returns:
            The response.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached within the time.
        """
        end_s = self._clock.monotonic_s() + timeout_s
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(TRIES)):
            try:
                return await method(message, timeout=max(end_s - self._clock.monotonic_s(), SHORTEST_TRY_S))
            except grpc.aio.AioRpcError as error:
                problem = refusal(error)
                again_s = pause_s * (0.5 + self._jitter())
                if not left or not _again(problem) or self._clock.monotonic_s() + again_s >= end_s:
                    raise problem from error
            await asyncio.sleep(again_s)
            pause_s *= 4
        raise GatewayUnreachable("UNAVAILABLE")  # pragma: no cover - the last try returns or raises

    async def close(self) -> None:
        """Lets calls under way finish, then closes the channel."""
        await self._channel.close(GRACE_S)


def _again(problem: NodeError) -> bool:
    """Whether the same bytes may be sent once more: the transport broke; the gateway itself said nothing."""
    return isinstance(problem, GatewayUnreachable) and problem.status == "UNAVAILABLE"
