"""The SDK's client: prepare, send, verify.

`fetch` is `prepare` and `send` in one step; keep a `Prepared` request to send it again after a break without a second
release. A client keeps one channel, renews its certificate while it runs and is safe to use from many tasks of one
event loop.
"""

import asyncio
import contextlib
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from nodes.clock import Clock, SystemClock
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.acknowledging import Acknowledger, Got, Response
from nodes.consumer.answer import Answer, LocateAnswer
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.catalog_reader import CatalogReader
from nodes.consumer.consents import ConsentDesk
from nodes.consumer.following import verifier_for
from nodes.consumer.items import Item, record_items
from nodes.consumer.notices import Notice, read_notice
from nodes.consumer.questions import Asking, spelled_out
from nodes.consumer.request import Prepared, fetch_message, locate_message, prepare
from nodes.consumer.service_files import ServiceFiles
from nodes.consumer.services import ServiceDesk
from nodes.consumer.session import Session
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home
from nodes.enrolment.renewal import Renewal
from oncegate.v1 import exchange_pb2, notice_pb2
from policies.emergencies import Emergency
from policies.services import ServiceReference
from policies.vocabulary import LegalBasis

DEFAULT_TIMEOUT_S = 30.0
MARGIN_S = 3.0
"""How much longer than the request's own deadline the transport waits: the gateway answers in part at its deadline."""


class AsyncClient:
    """Asks in the name of one system.

    Args:
        home: The system's home.
        clock: Tells the time.
        random_bytes: Source of randomness for request ids and nonces.
        jitter: A number from 0 to 1, fresh each time, for pauses.
        renew: Whether to renew the certificate while the client is open. Turn it off when something else does.
        acknowledge: Whether to tell the gateway, in the background, what was received (docs/audit.md).

    Raises:
        HomeInvalid: The home is missing or damaged.
    """

    def __init__(
        self,
        home: str | Path,
        *,
        clock: Clock | None = None,
        random_bytes: Callable[[int], bytes] = os.urandom,
        jitter: Callable[[], float] = random.random,
        renew: bool = True,
        acknowledge: bool = True,
    ) -> None:
        self._home = Home(Path(home))
        self._clock = clock or SystemClock()
        self._random_bytes = random_bytes
        self._jitter = jitter
        self._renew = renew
        me = self._home.spiffe()
        self._accepted = AcceptedProviders(self._home.agreements, me.department)
        self._session: Session | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self.acknowledger: Acknowledger | None = None
        if acknowledge:
            self.acknowledger = Acknowledger(self._home.path, self._current, self._clock, jitter)
        self.catalogue = CatalogReader(self._current)
        self.consents = ConsentDesk(self._current)
        files, who = ServiceFiles(self._home.path, me.department), (me.department, me.name)
        self.services = ServiceDesk(files, who, self._accepted, self._clock, self.prepare, self.send)

    async def __aenter__(self) -> Self:
        self._current()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def prepare(
        self,
        *,
        subject: tuple[str, str],
        purpose: str,
        basis: LegalBasis | str,
        items: Iterable[Item | str],
        case_reference: str = "",
        request_id: str | None = None,
        deadline_s: float | None = None,
        official_token: str = "",
        consent: str = "",
        explicit_request: str = "",
        emergency: Emergency | None = None,
        service: ServiceReference | None = None,
    ) -> Prepared:
        """Builds and signs a request without sending it.

        Args:
            subject: Scheme and identifier as typed, for example `("cn.resident-id", "…")`.
            purpose: Registered purpose code.
            basis: `mandate`, `explicit_request` or `consent`.
            items: 1 to 64 items, or their text such as `civil.resident:name=value`. Predicates' names are spelled out.
            case_reference: The system's own case number; required by some agreements.
            request_id: Idempotency key; None makes a random one.
            deadline_s: How long to wait for providers, seconds; None takes the gateway's default.
            official_token: OIDC token of the official on whose behalf the system asks; required by some agreements.
            consent: Digest of the person's consent, hexadecimal; needed with the basis `consent`.
            explicit_request: Digest of the person's explicit request, where there is one.
            emergency: The declared emergency; None for an ordinary request. See docs/emergencies.md.
            service: The service item for which the system asks, if it is one. See docs/services.md.

        Returns:
            The signed request. It is valid for five minutes.

        Raises:
            BadInput: Something breaks a rule; nothing was sent.
            HomeInvalid: The home is not enrolled or damaged.
        """
        now_ms, requester = self._clock.now_ms(), self._current().requester
        asking = Asking(requester.system, purpose, basis, emergency, now_ms)
        return prepare(
            requester,
            subject=subject,
            purpose=purpose,
            basis=basis,
            items=spelled_out(items, asking, self._accepted.agreements),
            now_ms=now_ms,
            random_bytes=self._random_bytes,
            case_reference=case_reference,
            request_id=request_id,
            deadline_s=deadline_s,
            official_token=official_token,
            consent=consent,
            explicit_request=explicit_request,
            emergency=emergency,
            service=service,
        )

    async def send(self, prepared: Prepared) -> Answer:
        """Sends a prepared request, verifies the answer and opens it. May be repeated: it releases once.

        Args:
            prepared: What `prepare` returned.

        Returns:
            The verified answer.

        Raises:
            RequestRefused: The gateway refused; `code`, `facts` and `violations` say why.
            GatewayUnreachable: It was not reached within the deadline.
            UntrustedAnswer: The answer does not verify; nothing of it is handed out.
        """
        session = self._current()
        message = fetch_message(prepared, session.keys)
        response: exchange_pb2.FetchResponse = await session.call(session.exchange.Fetch, message, _timeout_s(prepared))
        now_ms = self._clock.now_ms()
        verifier = await verifier_for(self._home, self._clock, session, self._current, prepared, response)
        return self._received(prepared, response, lambda: verifier.fetched(prepared, response, now_ms))

    async def fetch(
        self,
        *,
        subject: tuple[str, str],
        purpose: str,
        basis: LegalBasis | str,
        items: Iterable[Item | str],
        case_reference: str = "",
        request_id: str | None = None,
        deadline_s: float | None = None,
        official_token: str = "",
        consent: str = "",
        explicit_request: str = "",
        emergency: Emergency | None = None,
        service: ServiceReference | None = None,
    ) -> Answer:
        """Asks about one subject: prepares, sends, verifies and opens.

        Args:
            subject: Scheme and identifier as typed, for example `("cn.resident-id", "…")`.
            purpose: Registered purpose code.
            basis: `mandate`, `explicit_request` or `consent`.
            items: 1 to 64 items, or their text such as `civil.resident:name=value`.
            case_reference: The system's own case number; required by some agreements.
            request_id: Idempotency key; None makes a random one.
            deadline_s: How long to wait for providers, seconds; None takes the gateway's default.
            official_token: OIDC token of the official on whose behalf the system asks; required by some agreements.
            consent: Digest of the person's consent, hexadecimal; needed with the basis `consent`.
            explicit_request: Digest of the person's explicit request, where there is one.
            emergency: The declared emergency; None for an ordinary request. See docs/emergencies.md.
            service: The service item for which the system asks, if it is one. See docs/services.md.

        Returns:
            The verified answer.

        Raises:
            BadInput: Something breaks a rule; nothing was sent.
            RequestRefused: The gateway refused; `code`, `facts` and `violations` say why.
            GatewayUnreachable: It was not reached within the deadline.
            UntrustedAnswer: The answer does not verify; nothing of it is handed out.
            HomeInvalid: The home is not enrolled or damaged.
        """
        return await self.send(
            self.prepare(
                subject=subject,
                purpose=purpose,
                basis=basis,
                items=items,
                case_reference=case_reference,
                request_id=request_id,
                deadline_s=deadline_s,
                official_token=official_token,
                consent=consent,
                explicit_request=explicit_request,
                emergency=emergency,
                service=service,
            )
        )

    async def locate(
        self,
        *,
        subject: tuple[str, str],
        purpose: str,
        basis: LegalBasis | str,
        resources: Iterable[str],
        case_reference: str = "",
        request_id: str | None = None,
        official_token: str = "",
        consent: str = "",
        explicit_request: str = "",
    ) -> LocateAnswer:
        """Asks which resources hold a record about the subject. No node is asked.

        Args:
            subject: Scheme and identifier as typed.
            purpose: Registered purpose code.
            basis: `mandate`, `explicit_request` or `consent`.
            resources: Resource codes; each needs an agreement that allows `exists` on its field "record".
            case_reference: The system's own case number; required by some agreements.
            request_id: Idempotency key; None makes a random one.
            official_token: OIDC token of the official; required by some agreements.
            consent: Digest of the person's consent, hexadecimal; needed with the basis `consent`.
            explicit_request: Digest of the person's explicit request, where there is one.

        Returns:
            The verified answer.

        Raises:
            BadInput: Something breaks a rule; nothing was sent.
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
            UntrustedAnswer: The answer does not verify.
            HomeInvalid: The home is not enrolled or damaged.
        """
        prepared = self.prepare(
            subject=subject,
            purpose=purpose,
            basis=basis,
            items=record_items(resources),
            case_reference=case_reference,
            request_id=request_id,
            official_token=official_token,
            consent=consent,
            explicit_request=explicit_request,
        )
        session = self._current()
        message = locate_message(prepared, session.keys)
        response: exchange_pb2.LocateResponse = await session.call(
            session.exchange.Locate, message, _timeout_s(prepared)
        )
        verifier = await verifier_for(self._home, self._clock, session, self._current, prepared, response)
        return self._received(prepared, response, lambda: verifier.located(prepared, response))

    async def catalog(self, provider: str = "") -> tuple[CatalogResource, ...]:
        """Every resource in the catalogue, ordered by code.

        Args:
            provider: Only this department's; empty for all.

        Returns:
            The resources.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
        """
        return await self.catalogue.list(provider)

    async def resource(self, code: str) -> CatalogResource:
        """One resource of the catalogue.

        Args:
            code: Resource code.

        Returns:
            The resource.

        Raises:
            RequestRefused: NOT_FOUND when there is none.
            GatewayUnreachable: It was not reached in time.
        """
        return await self.catalogue.get(code)

    async def notices(self) -> tuple[Notice, ...]:
        """Open notices to this system's department, oldest first: at most 100; acknowledge them to see those behind.

        Returns:
            The notices.

        Raises:
            RequestRefused: The gateway refused.
            GatewayUnreachable: It was not reached in time.
        """
        session = self._current()
        response: notice_pb2.ListNoticesResponse = await session.call(
            session.notices.ListNotices, notice_pb2.ListNoticesRequest(), DEFAULT_TIMEOUT_S
        )
        return tuple(read_notice(notice) for notice in response.notices)

    async def acknowledge_notice(self, notice_id: str) -> int:
        """Says that the department has acted on a notice. It is on the access log; the first time counts.

        Args:
            notice_id: From the notice, hexadecimal.

        Returns:
            When it was first acknowledged, Unix ms.

        Raises:
            BadInput: The id is not hexadecimal; nothing was sent.
            RequestRefused: NOT_FOUND when the department has no such notice.
            GatewayUnreachable: It was not reached in time.
        """
        try:
            raw = bytes.fromhex(notice_id)
        except ValueError:
            raise BadInput("notice_id", "must be hexadecimal, as in the notice") from None
        session = self._current()
        response: notice_pb2.AcknowledgeNoticeResponse = await session.call(
            session.notices.AcknowledgeNotice, notice_pb2.AcknowledgeNoticeRequest(notice_id=raw), DEFAULT_TIMEOUT_S
        )
        return response.acknowledged_unix_ms

    async def close(self) -> None:
        """Acknowledges what was received, stops the renewal and closes the channel after the calls under way."""
        if self.acknowledger is not None:
            await self.acknowledger.close()
        if self._renewal is not None:
            self._renewal.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._renewal
            self._renewal = None
        session, self._session = self._session, None
        if session is not None:
            await session.close()
        await asyncio.gather(*self._closing)

    def _received(self, prepared: Prepared, response: Response, verify: Callable[[], Got]) -> Got:
        """Verifies an answer; whether it held is acknowledged later."""
        return verify() if self.acknowledger is None else self.acknowledger.watched(prepared, response, verify)

    def _current(self) -> Session:
        """The session for the home as it is now; two `stat` calls when nothing changed."""
        session = self._session
        if session is not None and session.stamp == self._home.stamp():
            return session
        fresh = Session(self._home, self._accepted, self._clock, self._jitter)
        self._session = fresh
        if session is not None:
            closing = asyncio.get_running_loop().create_task(session.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        if self._renew and self._renewal is None:
            renewal = Renewal(self._home, self._clock, jitter=self._jitter)
            self._renewal = asyncio.get_running_loop().create_task(renewal.run())
        return fresh


def _timeout_s(prepared: Prepared) -> float:
    return DEFAULT_TIMEOUT_S if prepared.deadline_s is None else prepared.deadline_s + MARGIN_S
