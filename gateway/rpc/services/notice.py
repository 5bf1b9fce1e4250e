"""NoticeService: what a department has to erase, and what changes for it."""

from typing import Any

from gateway.exchange.read_notices import ReadNotices
from gateway.rpc.callers import certificate
from gateway.vault.notices import CONSENT, EMERGENCY, ERASE, PSEUDONYMS
from oncegate.v1 import notice_pb2, notice_pb2_grpc

_KINDS = {
    ERASE: notice_pb2.NOTICE_KIND_ERASE,
    PSEUDONYMS: notice_pb2.NOTICE_KIND_PSEUDONYMS,
    CONSENT: notice_pb2.NOTICE_KIND_CONSENT,
    EMERGENCY: notice_pb2.NOTICE_KIND_EMERGENCY,
}


class NoticeServicer(notice_pb2_grpc.NoticeServiceServicer):
    """List and acknowledge.

    Args:
        notices: The use cases; they find the department in the certificate.
    """

    def __init__(self, notices: ReadNotices) -> None:
        self._notices = notices

    async def ListNotices(  # noqa: N802
        self, request: notice_pb2.ListNoticesRequest, context: Any
    ) -> notice_pb2.ListNoticesResponse:
        """See notice.proto."""
        response = notice_pb2.ListNoticesResponse()
        for notice, releases in await self._notices.open(certificate(context), request.page_size):
            message = response.notices.add(
                notice_id=notice.notice_id,
                kind=_KINDS[notice.kind],
                created_unix_ms=notice.created_ms,
                due_unix_ms=notice.due_ms,
            )
            if notice.kind == CONSENT and releases:
                message.consent = bytes.fromhex(releases[0].consent)
            for release in releases:
                message.releases.add(
                    system=release.system,
                    request_id=release.request_id,
                    purpose=release.purpose,
                    case_reference=release.case_reference,
                    fields=release.fields,
                    released_unix_ms=release.released_ms,
                    leaf_index=release.leaf_index,
                )
        return response

    async def AcknowledgeNotice(  # noqa: N802
        self, request: notice_pb2.AcknowledgeNoticeRequest, context: Any
    ) -> notice_pb2.AcknowledgeNoticeResponse:
        """See notice.proto."""
        notice = await self._notices.acknowledge(certificate(context), request.notice_id)
        return notice_pb2.AcknowledgeNoticeResponse(acknowledged_unix_ms=notice.acknowledged_ms)
