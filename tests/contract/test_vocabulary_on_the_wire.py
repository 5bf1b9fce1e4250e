"""The words of the policies and the enumerations on the wire are the same, in the same order."""

from enum import StrEnum

import pytest
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper

from oncegate.v1 import catalog_pb2, signed_pb2
from policies.vocabulary import Classification, FieldMark, Form, LegalBasis, Necessity, SharingType


@pytest.mark.parametrize(
    ("words", "on_wire", "prefix"),
    [
        (Form, signed_pb2.Form, "FORM"),
        (LegalBasis, signed_pb2.LegalBasis, "LEGAL_BASIS"),
        (Necessity, signed_pb2.Necessity, "NECESSITY"),
        (FieldMark, signed_pb2.FieldMark, "FIELD_MARK"),
        (Classification, catalog_pb2.Classification, "CLASSIFICATION"),
        (SharingType, catalog_pb2.SharingType, "SHARING_TYPE"),
    ],
)
def test_a_word_has_the_number_of_its_place(words: type[StrEnum], on_wire: EnumTypeWrapper, prefix: str) -> None:
    expected = {f"{prefix}_UNSPECIFIED": 0}
    expected |= {f"{prefix}_{word.name}": number for number, word in enumerate(words, start=1)}
    assert dict(on_wire.items()) == expected


@pytest.mark.parametrize("words", [Form, Classification])
def test_a_rank_is_the_number_on_the_wire(words: type[Form] | type[Classification]) -> None:
    assert [word.rank for word in words] == list(range(1, len(words) + 1))
