"""Wires detection: the turn that reads the log beside a serving gateway, the auditors' door, the operator's command."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.kinds import Kind
from gateway.bootstrap.identities import detection_tokens, stored_relations
from gateway.bootstrap.offline import Offline
from gateway.detection.alert_text import explain, piece_of
from gateway.detection.lists import Lists
from gateway.detection.stored_alerts import StoredAlerts
from gateway.detection.thresholds import Thresholds
from gateway.detection_settings import DetectionSettings
from gateway.exchange.alert_desk import AlertDesk
from gateway.exchange.detect import Detect
from gateway.exchange.identify import IdentifySubject
from gateway.exchange.record import Record
from gateway.identity.people import People
from gateway.rpc.services.detection import DetectionServicer
from gateway.settings import Settings
from oncegate.v1 import detection_pb2_grpc
from policies.agreements.due import Calendar

Turn = tuple[str, float, Callable[[], Awaitable[Any]]]
SHARE: Final = 0.1
"""Of the time, at most: requests come first."""
_EVERY_S: Final = 1.0
_AT_ONCE: Final = 2_000
_LEAST_PAUSE_S: Final = 0.02
_OWN: Final = frozenset({"enabled", "weights"})
"""Settings that are no thresholds of the engine, or are given to it in another form."""


@dataclass(frozen=True, slots=True)
class Detecting:
    """Detection in a gateway that serves.

    Args:
        servicer: The auditors' door.
        detect: Reads the log.
        offline: The gateway's parts.
    """

    servicer: DetectionServicer
    detect: Detect
    offline: Offline

    def register(self, server: Any) -> None:
        """Offer the service at a door for people."""
        detection_pb2_grpc.add_DetectionServiceServicer_to_server(self.servicer, server)

    def turns(self) -> tuple[Turn, ...]:
        """What is done again and again; nothing when detection is switched off."""
        if not self.offline.settings.detection.enabled:
            return ()
        return (("detection", _EVERY_S, self._read),)

    async def _read(self) -> None:
        """Look at everything that is durable now, and leave most of the time to others."""
        loop = asyncio.get_running_loop()
        left = 1
        while left > 0:
            began = loop.time()
            left = await asyncio.to_thread(self.detect.turn)
            if left > 0:
                await asyncio.sleep(max(_LEAST_PAUSE_S, (loop.time() - began) * (1 - SHARE) / SHARE))


def detecting(offline: Offline, people: People, subjects: IdentifySubject, record: Record) -> Detecting:
    """Wire it.

    Args:
        offline: The gateway's parts without doors.
        people: Who may come in by a token.
        subjects: Knows persons by identifier.
        record: Writes the log.
    """
    settings, tokens = offline.settings.detection, detection_tokens(offline)
    alerts, lists = StoredAlerts(offline.engine, tokens), Lists(offline.engine, tokens, offline.clock)
    desk = AlertDesk(people, subjects, record, offline.ledger, alerts, lists, offline.clock, settings.alerts_per_day)
    return Detecting(DetectionServicer(desk), detect_of(offline), offline)


def detect_of(offline: Offline) -> Detect:
    """What reads the log for detection; one for each process."""
    tokens = detection_tokens(offline)
    return Detect(
        offline.engine,
        offline.ledger,
        StoredAlerts(offline.engine, tokens),
        Lists(offline.engine, tokens, offline.clock),
        stored_relations(offline),
        thresholds_of(offline.settings),
    )


def thresholds_of(settings: Settings) -> Thresholds:
    """The thresholds that the settings come to."""
    chosen: DetectionSettings = settings.detection
    numbers = {name: value for name, value in chosen.model_dump().items() if name not in _OWN}
    calendar = Calendar(frozenset(settings.agreements.holidays), frozenset(settings.agreements.workdays))
    return Thresholds(**numbers, weights=MappingProxyType(dict(chosen.weights)), calendar=calendar)


def look_now(offline: Offline, detect: Detect) -> int:
    """Look at everything that is durable now, for the operator's command; blocking.

    Returns:
        How many entries were new.
    """
    before = StoredAlerts(offline.engine, detection_tokens(offline)).mark()
    while detect.turn(_AT_ONCE) > 0:
        pass
    return max(0, StoredAlerts(offline.engine, detection_tokens(offline)).mark() - before)


def look_over(offline: Offline, detect: Detect, from_ms: int, until_ms: int) -> list[dict[str, Any]]:
    """What would be found in a stretch of time; on the log before it is looked at.

    Args:
        offline: The gateway's parts.
        detect: Reads the log.
        from_ms: Unix ms.
        until_ms: Unix ms.
    """
    said: dict[str, Json] = {"what": "detection", "by": "operator", "from_ms": from_ms, "until_ms": until_ms}
    offline.ledger.append_blocking(EntryDraft(Kind.LOG_READ, said))
    return [
        {
            "severity": str(alert.severity),
            "points": alert.points,
            "department": alert.who.department,
            "system": alert.who.system,
            "official": alert.who.official,
            "raised_at": alert.raised_at,
            "evidence": [piece_of(one) for one in alert.pieces],
            "explanation": [text for one in alert.pieces for text in explain(one)],
        }
        for alert in detect.over(from_ms, until_ms)
    ]
