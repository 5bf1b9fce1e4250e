"""The same client for programs without an event loop: a private loop in a thread of its own.

Calls may come from many threads; each waits for its own answer while the loop serves all of them on one channel.
"""

import asyncio
import threading
from collections.abc import Coroutine, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from nodes.clock import Clock
from nodes.consumer.answer import Answer, LocateAnswer
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.catalog_reader import CatalogDiff, CatalogHits, CatalogVersion
from nodes.consumer.client import AsyncClient
from nodes.consumer.consents import ConsentState
from nodes.consumer.items import Item
from nodes.consumer.notices import Notice
from nodes.consumer.request import Prepared
from nodes.consumer.services import Application
from policies.emergencies import Emergency
from policies.services import ServiceReference
from policies.vocabulary import LegalBasis

Result = TypeVar("Result")


class Client:
    """Asks in the name of one system, from ordinary blocking code. Use it as a context manager or call `close`.

    Args:
        home: The system's home.
        clock: Tells the time.
        renew: Whether to renew the certificate while the client is open.
        acknowledge: Whether to tell the gateway, in the background, what was received.

    Raises:
        HomeInvalid: The home is missing or damaged.
    """

    def __init__(
        self, home: str | Path, *, clock: Clock | None = None, renew: bool = True, acknowledge: bool = True
    ) -> None:
        self._client = AsyncClient(home, clock=clock, renew=renew, acknowledge=acknowledge)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="oncegate-client", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

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
        """As `AsyncClient.prepare`."""

        async def build() -> Prepared:
            return self._client.prepare(
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

        return self._run(build())

    def send(self, prepared: Prepared) -> Answer:
        """As `AsyncClient.send`."""
        return self._run(self._client.send(prepared))

    def fetch(
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
        """As `AsyncClient.fetch`."""
        return self._run(
            self._client.fetch(
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

    def locate(
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
        """As `AsyncClient.locate`."""
        return self._run(
            self._client.locate(
                subject=subject,
                purpose=purpose,
                basis=basis,
                resources=resources,
                case_reference=case_reference,
                request_id=request_id,
                official_token=official_token,
                consent=consent,
                explicit_request=explicit_request,
            )
        )

    def catalog(self, provider: str = "") -> tuple[CatalogResource, ...]:
        """As `AsyncClient.catalog`."""
        return self._run(self._client.catalog(provider))

    def resource(self, code: str) -> CatalogResource:
        """As `AsyncClient.resource`."""
        return self._run(self._client.resource(code))

    def search_catalog(self, query: str, provider: str = "", page: str = "", limit: int = 20) -> CatalogHits:
        """As `CatalogReader.search`."""
        return self._run(self._client.catalogue.search(query, provider, page, limit))

    def resource_version(self, code: str, version: int) -> CatalogResource:
        """As `CatalogReader.get` with a version."""
        return self._run(self._client.catalogue.get(code, version))

    def resource_history(self, code: str) -> tuple[CatalogVersion, ...]:
        """As `CatalogReader.history`."""
        return self._run(self._client.catalogue.history(code))

    def resource_diff(self, code: str, before: int = 0, after: int = 0) -> CatalogDiff:
        """As `CatalogReader.diff`."""
        return self._run(self._client.catalogue.diff(code, before, after))

    def notices(self) -> tuple[Notice, ...]:
        """As `AsyncClient.notices`."""
        return self._run(self._client.notices())

    def acknowledge_notice(self, notice_id: str) -> int:
        """As `AsyncClient.acknowledge_notice`."""
        return self._run(self._client.acknowledge_notice(notice_id))

    def request_consent(self, **wish: Any) -> str:
        """As `ConsentDesk.request`."""
        return self._run(self._client.consents.request(**wish))

    def consent_status(self, consent_id: str) -> ConsentState:
        """As `ConsentDesk.status`."""
        return self._run(self._client.consents.status(consent_id))

    def gather(self, code: str, **wish: Any) -> Application:
        """As `ServiceDesk.gather`."""
        return self._run(self._client.services.gather(code, **wish))

    def close(self) -> None:
        """Closes the channel and ends the thread; a second call does nothing."""
        if self._loop.is_closed():
            return
        self._run(self._client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
