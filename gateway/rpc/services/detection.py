"""DetectionService: alerts and lists for auditors."""

from typing import Any

from gateway.detection.alert_text import explain
from gateway.detection.lists import ListedPerson
from gateway.detection.rules import Evidence
from gateway.detection.stored_alerts import KeptAlert
from gateway.exchange.alert_desk import AlertDesk
from gateway.rpc.callers import bearer
from oncegate.v1 import detection_pb2, detection_pb2_grpc


class DetectionServicer(detection_pb2_grpc.DetectionServiceServicer):
    """Serves alerts.

    Args:
        desk: What auditors do with them.
    """

    def __init__(self, desk: AlertDesk) -> None:
        self._desk = desk

    async def ListAlerts(  # noqa: N802
        self, request: detection_pb2.ListAlertsRequest, context: Any
    ) -> detection_pb2.ListAlertsResponse:
        """See detection.proto."""
        page = await self._desk.list(
            bearer(context),
            request.states,
            (request.from_unix_ms, request.until_unix_ms),
            request.page_token,
            request.page_size,
            all_=request.all,
        )
        return detection_pb2.ListAlertsResponse(
            alerts=[_alert(one) for one in page.alerts],
            behind=page.behind,
            alerts_per_day=page.alerts_per_day,
            next_page_token=page.next_cursor,
            looked_below=page.looked_below,
        )

    async def GetAlert(  # noqa: N802
        self, request: detection_pb2.GetAlertRequest, context: Any
    ) -> detection_pb2.GetAlertResponse:
        """See detection.proto."""
        found, entry = await self._desk.show(bearer(context), request.alert_id)
        return detection_pb2.GetAlertResponse(alert=_alert(found, entry))

    async def JudgeAlert(  # noqa: N802
        self, request: detection_pb2.JudgeAlertRequest, context: Any
    ) -> detection_pb2.JudgeAlertResponse:
        """See detection.proto."""
        judged, entry = await self._desk.judge(bearer(context), request.alert_id, request.state, request.why)
        return detection_pb2.JudgeAlertResponse(alert=_alert(judged, entry))

    async def ListListed(  # noqa: N802
        self, request: detection_pb2.ListListedRequest, context: Any
    ) -> detection_pb2.ListListedResponse:
        """See detection.proto."""
        found = await self._desk.listed(bearer(context), request.list)
        return detection_pb2.ListListedResponse(persons=[_listed(one) for one in found])

    async def AddListed(  # noqa: N802
        self, request: detection_pb2.AddListedRequest, context: Any
    ) -> detection_pb2.AddListedResponse:
        """See detection.proto."""
        named = (request.scheme, request.identifier)
        added = await self._desk.add(bearer(context), request.list, named, request.until_unix_ms, request.why)
        return detection_pb2.AddListedResponse(person=_listed(added))

    async def RemoveListed(  # noqa: N802
        self, request: detection_pb2.RemoveListedRequest, context: Any
    ) -> detection_pb2.RemoveListedResponse:
        """See detection.proto."""
        named = (request.scheme, request.identifier)
        entry = await self._desk.remove(bearer(context), request.list, request.token, named, request.why)
        return detection_pb2.RemoveListedResponse(entry=entry)


def _alert(kept: KeptAlert, recorded: int = 0) -> detection_pb2.Alert:
    alert = kept.alert
    return detection_pb2.Alert(
        alert_id=alert.id,
        state=str(kept.state),
        severity=str(alert.severity),
        points=alert.points,
        department=alert.who.department,
        system=alert.who.system,
        official=alert.who.official,
        raised_unix_ms=alert.raised_ms,
        trigger_entry=alert.raised_at,
        grown_unix_ms=alert.grown_ms,
        place=kept.place,
        raised_entry=kept.raised_entry,
        judged_entry=kept.judged_entry,
        evidence=[_evidence(one) for one in alert.pieces],
        recorded_entry=recorded,
    )


def _evidence(one: Evidence) -> detection_pb2.AlertEvidence:
    zh, en = explain(one)
    return detection_pb2.AlertEvidence(
        rule=str(one.rule),
        points=one.points,
        count=one.count,
        first=one.first,
        last=one.last,
        entries=one.entries,
        observed=one.observed,
        own=one.own,
        own_days=one.own_days,
        peers=one.peers,
        peers_days=one.peers_days,
        threshold=one.threshold,
        person_id=one.person,
        detail=one.detail,
        text_zh=zh,
        text_en=en,
    )


def _listed(one: ListedPerson) -> detection_pb2.ListedPerson:
    return detection_pb2.ListedPerson(
        token=one.token, added_unix_ms=one.added_ms, until_unix_ms=one.until_ms, entry=one.entry
    )
