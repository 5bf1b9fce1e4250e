"""What an acknowledgement is compared with: who got a release, about which request, and what left.

The newest releases of this process are remembered as they were written, so that acknowledgements, which come seconds
later, cost no reading and opening of entries. Whatever is not remembered is read from the log; both say the same.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.joining import named_receipts
from gateway.audit.kinds import Kind
from gateway.audit.views import LogEntry

REMEMBERED: Final = 16_384


@dataclass(frozen=True, slots=True)
class Release:
    """One release.

    Attributes:
        system: SPIFFE id of the system that got it.
        request: SHA-256 of the request, hexadecimal.
        receipts: Digests of what left, hexadecimal.
    """

    system: str
    request: str
    receipts: frozenset[str]


class RecentReleases:
    """Remembers the newest; older ones are forgotten first. For one event loop.

    Args:
        remembered: How many.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._held: OrderedDict[int, Release] = OrderedDict()

    def add(self, index: int, system: str, request: bytes, receipts: Sequence[Mapping[str, str]]) -> None:
        """Remember a release whose entry is durable.

        Args:
            index: Of the entry.
            system: Who got it.
            request: SHA-256 of the request.
            receipts: As in the entry.
        """
        named = frozenset(one.get("receipt") or one["sealed"] for one in receipts)
        self._held[index] = Release(system, request.hex(), named)
        if len(self._held) > self._remembered:
            self._held.popitem(last=False)

    def get(self, index: int) -> Release | None:
        """A release, if it is remembered."""
        return self._held.get(index)


def release_of(entry: LogEntry) -> Release | None:
    """What an entry of the log says; None when it is no release."""
    if entry.kind != Kind.RELEASED:
        return None
    said = entry.account
    return Release(str(said.get("system", "")), str(said.get("request_digest", "")), frozenset(named_receipts(entry)))
