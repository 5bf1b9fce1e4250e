"""What a recorded decision was made from: the description and the agreement of that time, by the digests recorded then.

Rules kept here: what is handed out has exactly the fingerprint or digest that the access log names; anything else, and
what is not kept, is None and never guessed. A bounded number is remembered, since a simulation asks for the same few.
"""

from typing import Any, Final

from gateway.catalog.catalog import CatalogEntry
from gateway.catalog.versions import Versions
from gateway.errors import Refused
from gateway.exchange.recorded import RecordedResource
from gateway.sharing.history import AgreementHistory
from policies.agreements import Agreement

_KEPT: Final = 1024


class Past:
    """Looks back.

    Args:
        versions: Descriptions as they were published.
        history: Agreements as they were signed.
    """

    def __init__(self, versions: Versions, history: AgreementHistory) -> None:
        self._versions = versions
        self._history = history
        self._entries: dict[tuple[str, int, str], CatalogEntry | None] = {}
        self._agreements: dict[tuple[str, int, str], Agreement | None] = {}

    def entry(self, said: RecordedResource) -> CatalogEntry | None:
        """The resource as it was offered then."""
        key = (said.code, said.version, said.fingerprint)
        if key not in self._entries:
            _bound(self._entries)
            self._entries[key] = self._version(*key)
        return self._entries[key]

    def agreement(self, said: RecordedResource) -> Agreement | None:
        """The agreement that was looked at then."""
        if said.agreement is None:
            return None
        if said.agreement not in self._agreements:
            _bound(self._agreements)
            self._agreements[said.agreement] = self._history.revision(*said.agreement)
        return self._agreements[said.agreement]

    def _version(self, code: str, version: int, fingerprint: str) -> CatalogEntry | None:
        try:
            found = self._versions.get(code, version)
        except Refused:
            return None
        if found.line.fingerprint != fingerprint:
            return None
        return CatalogEntry(found.resource, found.line.version, found.line.published_ms, found.line.node)


def _bound(kept: dict[tuple[str, int, str], Any]) -> None:
    if len(kept) >= _KEPT:
        kept.clear()
