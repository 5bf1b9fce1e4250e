"""Turns what gRPC says of a failed call into our typed errors.

The gateway answers a refusal as `google.rpc.Status` with ErrorInfo (the stable code, domain "oncegate"), BadRequest
(broken input rules), LocalizedMessage (zh-CN and en) and RetryInfo. Whatever lacks our ErrorInfo was not said by the
gateway's error table and becomes `GatewayUnreachable`. Texts are stripped of control characters and cut, so that a
hostile peer cannot drive a terminal.
"""

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from nodes.enrolment.errors import GatewayUnreachable, RequestRefused, Violation
from nodes.errors import NodeError

DOMAIN = "oncegate"
LONGEST_TEXT = 2000


def refusal(error: grpc.aio.AioRpcError) -> NodeError:
    """What a failed call means.

    Args:
        error: What grpc raised.

    Returns:
        `RequestRefused` when the gateway said why, else `GatewayUnreachable`. The caller raises it.
    """
    name = error.code().name
    try:
        status = rpc_status.from_call(error)  # type: ignore[arg-type]  # reads only code, details and trailing metadata
        details = [] if status is None else list(status.details)
        return _read(name, details)
    except (ValueError, DecodeError):
        return GatewayUnreachable(name)


def _read(status: str, details: list[object]) -> NodeError:
    code = ""
    texts: dict[str, str] = {}
    violations: list[Violation] = []
    retry_after_ms: int | None = None
    facts: dict[str, str] = {}
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    text = error_details_pb2.LocalizedMessage()
    retry = error_details_pb2.RetryInfo()
    for detail in details:
        if detail.Unpack(info):  # type: ignore[attr-defined]  # google.protobuf.any_pb2.Any
            if info.domain == DOMAIN:
                code = _plain(info.reason)
                facts = {_plain(key): _plain(value) for key, value in info.metadata.items()}
        elif detail.Unpack(bad):  # type: ignore[attr-defined]
            violations += [Violation(_plain(v.field), _plain(v.description)) for v in bad.field_violations]
        elif detail.Unpack(text):  # type: ignore[attr-defined]
            texts[text.locale] = _plain(text.message)
        elif detail.Unpack(retry):  # type: ignore[attr-defined]
            retry_after_ms = retry.retry_delay.ToMilliseconds()
    if not code:
        return GatewayUnreachable(status)
    return RequestRefused(
        code,
        status=status,
        zh=texts.get("zh-CN", code),
        en=texts.get("en", code),
        violations=tuple(violations),
        retry_after_ms=retry_after_ms,
        facts=facts,
    )


def _plain(text: str) -> str:
    return "".join(c for c in text[:LONGEST_TEXT] if c.isprintable())
