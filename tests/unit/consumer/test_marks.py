"""Marks of a value: said to be understood, carried into the row, and never dropped."""

from typing import Any

import pytest

from nodes.consumer.distrust import Distrust, UntrustedAnswer
from nodes.consumer.words import MARKS
from oncegate.v1 import signed_pb2
from policies.vocabulary import FieldMark
from tests.unit.consumer.conftest import Asker

NAME = "civil.resident:name=value"


def marked(asker: Asker, *marks: int) -> None:
    def put(body: Any) -> None:
        body.fields[0].marks.extend(marks)

    asker.gateway.twists["answer_body"] = put


def test_a_mark_is_in_the_row_once(asker: Asker) -> None:
    marked(asker, signed_pb2.FIELD_MARK_DISPUTED, signed_pb2.FIELD_MARK_DISPUTED)
    assert asker.fetch(NAME)["civil.resident:name"].marks == (FieldMark.DISPUTED,)
    assert MARKS.keys() == set(signed_pb2.FieldMark.values()) - {0}


def test_a_value_without_a_mark_has_none(asker: Asker) -> None:
    assert asker.fetch(NAME)["civil.resident:name"].marks == ()


@pytest.mark.parametrize("mark", [signed_pb2.FIELD_MARK_UNSPECIFIED, 99])
def test_a_value_with_a_mark_that_is_not_known_is_not_handed_out(asker: Asker, mark: int) -> None:
    marked(asker, signed_pb2.FIELD_MARK_DISPUTED, mark)
    with pytest.raises(UntrustedAnswer) as untrusted:
        asker.fetch(NAME)
    assert untrusted.value.reason is Distrust.UNASKED
