"""The words of the policies and the enumerations on the wire are the same, in the same order."""

from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from gateway.federation import wire
from gateway.rpc import codec as gateway_codec
from nodes.consumer import words
from nodes.link import codec as node_codec
from oncegate.v1 import catalog_pb2, signed_pb2
from policies.predicates import Operator
from policies.vocabulary import Classification, FieldMark, Form, LegalBasis, Mode, Necessity, SharingType


@pytest.mark.parametrize(
    ("listed", "on_wire", "prefix"),
    [
        (LegalBasis, signed_pb2.LegalBasis, "LEGAL_BASIS"),
        (Necessity, signed_pb2.Necessity, "NECESSITY"),
        (FieldMark, signed_pb2.FieldMark, "FIELD_MARK"),
        (Classification, catalog_pb2.Classification, "CLASSIFICATION"),
        (SharingType, catalog_pb2.SharingType, "SHARING_TYPE"),
        (Mode, catalog_pb2.Mode, "MODE"),
    ],
)
def test_a_word_has_the_number_of_its_place(listed: type[StrEnum], on_wire: EnumTypeWrapper, prefix: str) -> None:
    expected = {f"{prefix}_UNSPECIFIED": 0}
    expected |= {f"{prefix}_{word.name}": number for number, word in enumerate(listed, start=1)}
    assert dict(on_wire.items()) == expected


def test_every_form_and_operator_has_its_own_number_on_the_wire() -> None:
    """The number says nothing of how revealing a form is: what came later has a later number."""
    assert {f"FORM_{form.name}" for form in Form} | {"FORM_UNSPECIFIED"} == set(signed_pb2.Form.keys())
    words = {f"PREDICATE_OPERATOR_{operator.name}" for operator in Operator}
    assert words | {"PREDICATE_OPERATOR_UNSPECIFIED"} == set(signed_pb2.PredicateOperator.keys())


def test_both_ends_read_a_form_and_an_operator_alike() -> None:
    for forms in (gateway_codec.FORMS, wire.FORMS, words.FORMS, {n: f for f, n in node_codec.FORM_NUMBERS.items()}):
        assert {number: form.name for number, form in forms.items()} == {
            signed_pb2.Form.Value(f"FORM_{form.name}"): form.name for form in Form
        }
    for operators in (gateway_codec.OPERATORS, node_codec.OPERATORS, words.OPERATORS):
        assert {number: operator.name for number, operator in operators.items()} == {
            signed_pb2.PredicateOperator.Value(f"PREDICATE_OPERATOR_{operator.name}"): operator.name
            for operator in Operator
        }


def test_a_classifications_rank_is_the_number_on_the_wire() -> None:
    assert [word.rank for word in Classification] == list(range(1, len(Classification) + 1))
