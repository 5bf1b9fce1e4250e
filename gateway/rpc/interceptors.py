"""Transport only: the access table's doors, correlation ids, limits, and unknown errors replaced by fixed text.

Identity, policy and audit live in `gateway.exchange`, because the CLI and later the portal are doors too.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, cast

import grpc
import structlog
from google.protobuf.message import DecodeError

from gateway.errors import Code, Refused, Violation
from gateway.rpc.access import LIBRARY_SERVICES, RULES, Door
from gateway.rpc.errors import INTERNAL, abort

_log = structlog.get_logger("oncegate.rpc")
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_UNREADABLE = object()


class DoorInterceptor(grpc.aio.ServerInterceptor):  # type: ignore[type-arg]  # generic only in the stubs
    """Serves on a door only what the access table names for it, and translates errors.

    Fails closed: a method without a rule for this door answers UNIMPLEMENTED; an exception that is not a `Refused`
    is logged under a correlation id by type only and answered with fixed text.
    """

    def __init__(self, door: Door) -> None:
        self._door = door
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(  # type: ignore[override]  # None is how grpc says "no such method"
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable["Handler | None"]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Wrap the handler of one call; handlers are wrapped once and kept."""
        method = handler_call_details.method
        known = self._wrapped.get(method)
        if known is not None:
            return known
        if method.startswith(LIBRARY_SERVICES):
            return await continuation(handler_call_details)
        rule = RULES.get(method)
        if rule is None or self._door not in rule.doors:
            return _unimplemented()
        handler = await continuation(handler_call_details)
        if handler is None:
            return _unimplemented()
        wrapped = _translate(handler)
        self._wrapped[method] = wrapped
        return wrapped


def _unimplemented() -> Handler:
    async def refuse(_request: Any, context: Any) -> None:
        await abort(context, Refused(Code.UNIMPLEMENTED))

    return grpc.unary_unary_rpc_method_handler(refuse)


async def _fail(context: Any, error: BaseException) -> None:
    """Answer an error: a refusal as it is, anything else as fixed text."""
    if isinstance(error, Refused):
        if error.detail:
            _log.info("refused", code=str(error.code), reason=error.reason, detail=error.detail)
        await abort(context, error)
    correlation = secrets.token_hex(8)
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else ""
    _log.error("internal error", correlation=correlation, error=type(error).__name__, where=where)
    await abort(context, INTERNAL)


def _translate(handler: Handler) -> Handler:  # noqa: C901 - three shapes of one thing, side by side
    """The same handler with errors translated."""
    inner: Any = handler.stream_stream or handler.unary_stream or handler.unary_unary
    if handler.request_streaming and handler.response_streaming:

        async def stream_stream(requests: Any, context: Any) -> None:
            try:
                await inner(requests, context)
            except (grpc.aio.AbortError, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - the last door: nothing unknown may pass
                await _fail(context, error)

        return grpc.stream_stream_rpc_method_handler(
            stream_stream, handler.request_deserializer, handler.response_serializer
        )
    if handler.response_streaming:

        async def unary_stream(request: Any, context: Any) -> None:
            try:
                async for message in inner(_read(request), context):
                    await context.write(message)
            except (grpc.aio.AbortError, asyncio.CancelledError):
                raise
            except Exception as error:  # noqa: BLE001 - the last door: nothing unknown may pass
                await _fail(context, error)

        return grpc.unary_stream_rpc_method_handler(unary_stream, _readable(handler), handler.response_serializer)

    async def unary_unary(request: Any, context: Any) -> Any:
        try:
            return await inner(_read(request), context)
        except (grpc.aio.AbortError, asyncio.CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - the last door: nothing unknown may pass
            await _fail(context, error)

    return grpc.unary_unary_rpc_method_handler(unary_unary, _readable(handler), handler.response_serializer)


def _readable(handler: Handler) -> Callable[[bytes], Any]:
    """The handler's deserialiser, which hands on what it cannot read.

    If it raised, grpc would tell the caller the exception's own text; what is handed on is refused by `_read`.
    """
    deserialise = cast("Callable[[bytes], Any]", handler.request_deserializer)

    def read(message: bytes) -> Any:
        try:
            return deserialise(message)
        except DecodeError:
            return _UNREADABLE

    return read


def _read(request: Any) -> Any:
    if request is _UNREADABLE:
        raise Refused(Code.BAD_REQUEST, violations=(Violation("message", "is not a message of this method"),))
    return request
