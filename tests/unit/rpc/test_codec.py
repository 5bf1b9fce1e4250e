"""The wire's signed bodies: shape checked with field and rule, padding to fixed steps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Code, Refused
from gateway.exchange.model import AnswerField
from gateway.rpc.codec import MAX_BODY, Codec
from oncegate.v1 import signed_pb2
from policies.vocabulary import FieldMark, Form, LegalBasis, Necessity


def body(**changes: object) -> signed_pb2.RequestBody:
    message = signed_pb2.RequestBody(
        request_id="r-1",
        trust_domain="oncegate.example",
        system="spiffe://oncegate.example/department/edu/system/school",
        subject_scheme="cn.resident-id",
        subject_commitment=bytes(32),
        purpose="school_enrolment",
        legal_basis=signed_pb2.LEGAL_BASIS_MANDATE,
        sealing_key_id=bytes(32),
        created_unix_ms=1,
    )
    message.items.add(resource="civil.resident", field="name", form=signed_pb2.FORM_VALUE)
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def test_a_request_is_parsed_into_plain_values() -> None:
    request = Codec().parse_request(body().SerializeToString())
    assert request.legal_basis is LegalBasis.MANDATE
    assert request.items[0].form is Form.VALUE
    assert request.items[0].necessity is Necessity.REQUIRED


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"request_id": ""}, "request_id"),
        ({"request_id": "a" * 65}, "request_id"),
        ({"request_id": "一二三"}, "request_id"),
        ({"request_id": "１２３"}, "request_id"),
        ({"subject_scheme": "CN ID"}, "subject_scheme"),
        ({"purpose": "Because!"}, "purpose"),
        ({"legal_basis": 0}, "legal_basis"),
        ({"legal_basis": 99}, "legal_basis"),
        ({"case_reference": "案" * 129}, "case_reference"),
        ({"subject_commitment": b"short"}, "subject_commitment"),
        ({"sealing_key_id": b""}, "sealing_key_id"),
    ],
)
def test_a_broken_field_is_named_with_its_rule(change: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as caught:
        Codec().parse_request(body(**change).SerializeToString())
    assert caught.value.code is Code.BAD_REQUEST
    assert [violation.field for violation in caught.value.violations] == [field]


def test_items_are_counted_and_named() -> None:
    none = body()
    del none.items[:]
    with pytest.raises(Refused, match="BAD_REQUEST"):
        Codec().parse_request(none.SerializeToString())
    many = body()
    for number in range(64):
        many.items.add(resource="civil.resident", field=f"f{number}", form=signed_pb2.FORM_VALUE)
    with pytest.raises(Refused) as caught:
        Codec().parse_request(many.SerializeToString())
    assert caught.value.violations[0].field == "items"
    twice = body()
    twice.items.add(resource="civil.resident", field="name", form=signed_pb2.FORM_MASKED)
    twice.items.add(resource="no dots", field="Name", form=9, necessity=9)
    with pytest.raises(Refused) as caught:
        Codec().parse_request(twice.SerializeToString())
    assert {v.field for v in caught.value.violations} == {
        "items[1]",
        "items[2].resource",
        "items[2].field",
        "items[2].form",
        "items[2].necessity",
    }


def test_what_is_no_request_is_refused() -> None:
    with pytest.raises(Refused, match="BAD_REQUEST"):
        Codec().parse_request(b"\xff\xff\xff")
    with pytest.raises(Refused, match="TOO_LARGE"):
        Codec().parse_request(bytes(MAX_BODY + 1))


@given(st.binary(max_size=300))
def test_garbage_never_raises_anything_but_a_refusal(garbage: bytes) -> None:
    try:
        Codec().parse_request(garbage)
    except Refused:
        return


@given(st.lists(st.text(max_size=700), min_size=1, max_size=8))
def test_answers_have_only_the_padded_sizes(texts: list[str]) -> None:
    fields = [AnswerField(f"f{n}", Form.VALUE, text, "string", 1, "user_provided") for n, text in enumerate(texts)]
    encoded = Codec().answer(bytes(32), "oncegate.profile", fields)
    assert len(encoded) in {1024, 4096, 16384, 65536}
    parsed = signed_pb2.AnswerBody.FromString(encoded)
    assert [field.text for field in parsed.fields] == texts


@pytest.mark.parametrize("length", range(100, 1200))
def test_padding_has_no_gap(length: int) -> None:
    field = AnswerField("f", Form.VALUE, "x" * length, "string", 0, "")
    assert len(Codec().answer(bytes(32), "r.s", [field])) in {1024, 4096}


def test_a_missing_value_has_the_size_of_a_present_one() -> None:
    present = AnswerField("phone", Form.VALUE, "13800000000", "string", 1, "user_provided")
    missing = AnswerField("phone", Form.VALUE, None, "string", 0, "")
    codec = Codec()
    assert len(codec.answer(bytes(32), "r.s", [present])) == len(codec.answer(bytes(32), "r.s", [missing]))


@pytest.mark.parametrize("count", range(1, 65))
def test_an_answer_of_yes_no_and_nothing_has_one_length(count: int) -> None:
    def answer(text: str | None, source: str) -> bytes:
        marks = (FieldMark.DISPUTED,) if text == "false" else ()
        fields = [
            AnswerField(f"f{number}", Form.PREDICATE, text, "string", 0 if text is None else 1 << 40, source, marks)
            for number in range(count)
        ]
        return Codec().answer(b"d" * 32, "oncegate.profile", fields)

    lengths = {len(answer(*said)) for said in ((None, ""), ("true", "user_provided"), ("false", "government_verified"))}
    assert len(lengths) == 1
