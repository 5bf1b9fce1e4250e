"""Refusals as `google.rpc.Status`: ErrorInfo with the stable reason, BadRequest, LocalizedMessage in zh-CN and en.

Fails closed: what is not a `Refused` becomes INTERNAL with fixed text, because an uncaught exception's own text
would reach the caller and may carry a person's data.
"""

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from gateway.errors import Code, Refused, Status

DOMAIN = "oncegate"
_DETAILS_KEY = "grpc-status-details-bin"

GRPC_STATUS: dict[Status, grpc.StatusCode] = {status: getattr(grpc.StatusCode, status.value) for status in Status}


def status_proto(refusal: Refused) -> status_pb2.Status:
    """The refusal as a `google.rpc.Status` message."""
    public = refusal.public
    details = [
        error_details_pb2.ErrorInfo(reason=refusal.reason, domain=DOMAIN, metadata=dict(refusal.facts)),
        error_details_pb2.LocalizedMessage(locale="zh-CN", message=public.zh),
        error_details_pb2.LocalizedMessage(locale="en", message=public.en),
    ]
    if refusal.violations:
        violations = [
            error_details_pb2.BadRequest.FieldViolation(field=v.field, description=v.rule) for v in refusal.violations
        ]
        details.append(error_details_pb2.BadRequest(field_violations=violations))
    if refusal.retry_after_ms is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(refusal.retry_after_ms)
        details.append(error_details_pb2.RetryInfo(retry_delay=delay))
    packed = []
    for detail in details:
        item = any_pb2.Any()
        item.Pack(detail)
        packed.append(item)
    return status_pb2.Status(code=code_pb2.Code.Value(public.status.value), message=public.en, details=packed)


async def abort(context: grpc.aio.ServicerContext, refusal: Refused) -> None:  # type: ignore[type-arg]
    """End the call with this refusal; never returns normally.

    Raises:
        grpc.aio.AbortError: Always; that is how grpc ends the call.
    """
    message = status_proto(refusal)
    await context.abort(
        GRPC_STATUS[refusal.public.status],
        message.message,
        ((_DETAILS_KEY, message.SerializeToString()),),
    )


INTERNAL = Refused(Code.INTERNAL)
