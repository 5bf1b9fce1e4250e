"""Whatever happens to the bytes of an answer on the way, no wrong value is ever handed out."""

import atexit
import shutil
import tempfile
from pathlib import Path

from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from nodes.consumer.answer import Row
from nodes.consumer.distrust import UntrustedAnswer
from oncegate.v1 import exchange_pb2
from tests.support.exchange_gateway import ExchangeGateway
from tests.unit.consumer.conftest import Asker

_FOLDER = Path(tempfile.mkdtemp())
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
_GATEWAY = ExchangeGateway.create()
_ASKER = Asker(_GATEWAY, _GATEWAY.consumer_home(_FOLDER / "home"))
_REQUEST = _ASKER.prepare(
    "civil.resident:name=value", "civil.resident:birth_date=year", "civil.resident:phone?", "tax.payer:name=masked?"
)
_RESPONSE = _GATEWAY.fetched(_ASKER.message(_REQUEST)).SerializeToString()


def _released(rows: tuple[Row, ...]) -> set[tuple[object, ...]]:
    return {(r.resource, r.field, r.form, r.value, r.department, r.as_of_ms, r.source) for r in rows if r.released}


_GENUINE = _released(
    _ASKER.verifier.fetched(_REQUEST, exchange_pb2.FetchResponse.FromString(_RESPONSE), _GATEWAY.now_ms).rows
)


@settings(max_examples=300, deadline=None)
@given(
    position=st.integers(0, len(_RESPONSE) - 1),
    remove=st.integers(0, 3),
    insert=st.binary(max_size=3),
    again=st.integers(0, len(_RESPONSE) - 1),
    flip=st.integers(0, 255),
)
def test_changed_bytes_are_refused_or_change_no_released_value(
    position: int, remove: int, insert: bytes, again: int, flip: int
) -> None:
    data = bytearray(_RESPONSE[:position] + insert + _RESPONSE[position + remove :])
    if again < len(data):
        data[again] ^= flip
    response = exchange_pb2.FetchResponse()
    try:
        response.ParseFromString(bytes(data))
        answer = _ASKER.verifier.fetched(_REQUEST, response, _GATEWAY.now_ms)
    except (DecodeError, UntrustedAnswer):
        return
    assert _released(answer.rows) <= _GENUINE
