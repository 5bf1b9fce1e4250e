"""The status file of a serving gateway: what an operator and a monitor look at, written anew every second.

Holds counts, times, addresses and names of machines; nothing about a person.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.bootstrap.offline import Offline
from gateway.bootstrap.sealed import write_status
from gateway.federation.federation import Federation
from gateway.index.pointer_index import PointerIndex


@dataclass(frozen=True, slots=True)
class Status:
    """Says how the gateway is.

    Args:
        offline: Its parts without doors.
        federation: Which nodes are connected.
        index: What they told.
        ports: Name and address as set of each door, and where to ask for the port that it got; None when it is shut.
        reports: Further lines; asked at each writing, later ones win.
    """

    offline: Offline
    federation: Federation
    index: PointerIndex
    ports: Sequence[tuple[str, str, Callable[[], int] | None]]
    reports: Sequence[Callable[[], Mapping[str, Any]]]

    async def write(self) -> None:
        """Put the status file in place.

        Raises:
            OSError: The home folder cannot be written.
        """
        settings = self.offline.settings
        document: dict[str, Any] = {
            "gateway": settings.gateway_id,
            "pid": os.getpid(),
            "written_unix_ms": self.offline.clock.now_ms(),
            **{door: _address(address, port) for door, address, port in self.ports},
            "ledger_size": self.offline.ledger.size(),
            "index_key_version": self.offline.secrets.subject_tokens.current,
        }
        for report in self.reports:
            document.update(report())
        write_status(settings.home, document | {"nodes": self._nodes()})

    def _nodes(self) -> list[dict[str, Any]]:
        """Every node that is connected or offers something."""
        connected = {status.node: status for status in self.federation.status()}
        own = self.offline.settings.gateway_id
        known = {entry.node for entry in self.offline.catalog.list() if entry.node != own}
        nodes = []
        for node in sorted(known | set(connected)):
            status = connected.get(node)
            nodes.append(
                {
                    "node": node,
                    "connected": status is not None and not status.draining,
                    "synced_unix_ms": self.index.synced(node),
                    "pointers": self.index.pointers(node),
                    "answered": 0 if status is None else status.answered,
                    "bad_answers": 0 if status is None else status.bad_answers,
                }
            )
        return nodes


def _address(address: str, port: Callable[[], int] | None) -> str:
    return "" if port is None else f"{address.rpartition(':')[0]}:{port()}"
