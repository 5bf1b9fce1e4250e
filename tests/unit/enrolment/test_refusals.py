import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from nodes.enrolment.errors import GatewayUnreachable, RequestRefused
from nodes.enrolment.refusals import refusal


def call_error(code: grpc.StatusCode, trailing: bytes | None = None, message: str = "No") -> grpc.aio.AioRpcError:
    metadata = grpc.aio.Metadata(*([] if trailing is None else [("grpc-status-details-bin", trailing)]))
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details=message)


def status(code: int, *details: object, message: str = "No") -> bytes:
    packed = []
    for detail in details:
        item = any_pb2.Any()
        item.Pack(detail)  # type: ignore[arg-type]
        packed.append(item)
    return status_pb2.Status(code=code, message=message, details=packed).SerializeToString()


INFO = error_details_pb2.ErrorInfo(reason="NO_AGREEMENT", domain="oncegate")


def test_a_refusal_without_texts_shows_its_code() -> None:
    error = refusal(call_error(grpc.StatusCode.PERMISSION_DENIED, status(7, INFO)))
    assert isinstance(error, RequestRefused)
    assert (error.code, error.zh, error.en, error.retry_after_ms) == ("NO_AGREEMENT",) * 3 + (None,)


@pytest.mark.parametrize(
    "trailing",
    [
        None,
        b"\xff\xff",
        status(7),
        status(7, error_details_pb2.ErrorInfo(reason="X", domain="elsewhere")),
        status(5, INFO),
        status(7, INFO, message="another"),
    ],
)
def test_what_our_gateway_did_not_say_is_never_taken_as_a_refusal(trailing: bytes | None) -> None:
    error = refusal(call_error(grpc.StatusCode.PERMISSION_DENIED, trailing))
    assert isinstance(error, GatewayUnreachable)
    assert error.status == "PERMISSION_DENIED"


def test_a_hostile_text_cannot_drive_a_terminal_or_fill_the_screen() -> None:
    text = error_details_pb2.LocalizedMessage(locale="en", message="\x1b[2J" + "x" * 5000)
    error = refusal(call_error(grpc.StatusCode.PERMISSION_DENIED, status(7, INFO, text)))
    assert isinstance(error, RequestRefused)
    assert "\x1b" not in error.en
    assert len(error.en) <= 2000
