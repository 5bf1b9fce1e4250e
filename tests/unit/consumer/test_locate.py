from typing import Any

import pytest

from nodes.consumer.answer import LocateAnswer
from nodes.consumer.distrust import Distrust, UntrustedAnswer
from nodes.consumer.items import record_items
from oncegate.v1 import exchange_pb2
from tests.unit.consumer.conftest import Asker


def locate(asker: Asker, *resources: str) -> LocateAnswer:
    prepared = asker.prepare(*(str(item) for item in record_items(resources)))
    message = exchange_pb2.LocateRequest()
    message.ParseFromString(asker.message(prepared).SerializeToString())
    return asker.verifier.located(prepared, asker.gateway.located(message))


def test_a_locate_names_each_resource_once_in_the_order_asked(asker: Asker) -> None:
    asker.gateway.withheld["land.parcel", "record"] = "NO_AGREEMENT"
    found = locate(asker, "tax.payer", "land.parcel", "health.card", "civil.resident").located
    assert [(entry.resource, entry.exists, entry.reason) for entry in found] == [
        ("tax.payer", True, ""),
        ("land.parcel", False, "NO_AGREEMENT"),
        ("health.card", False, ""),
        ("civil.resident", True, ""),
    ]
    assert found[0].updated_ms == asker.gateway.now_ms
    assert found[2].updated_ms is None


def _more(result: exchange_pb2.LocateResult) -> None:
    result.located.add(resource="land.parcel", exists=True)


def _twice(result: exchange_pb2.LocateResult) -> None:
    result.located.add(resource="tax.payer", exists=False)


def _fewer(result: exchange_pb2.LocateResult) -> None:
    del result.located[0]


@pytest.mark.parametrize(
    ("twist", "reason"), [(_more, Distrust.UNASKED), (_twice, Distrust.UNASKED), (_fewer, Distrust.MISSING)]
)
def test_a_locate_that_says_more_or_less_than_was_asked_is_refused(asker: Asker, twist: Any, reason: Distrust) -> None:
    asker.gateway.twists["located"] = twist
    with pytest.raises(UntrustedAnswer) as caught:
        locate(asker, "tax.payer")
    assert caught.value.reason is reason


def test_a_locate_that_does_not_parse_is_refused(asker: Asker) -> None:
    asker.gateway.twists["response"] = lambda response: setattr(response, "sealed", b"short")
    with pytest.raises(UntrustedAnswer) as caught:
        locate(asker, "tax.payer")
    assert caught.value.reason is Distrust.SEALED
