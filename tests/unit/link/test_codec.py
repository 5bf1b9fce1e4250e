"""Signed bodies as bytes: what is encoded can be parsed, and what is not right is a ValueError that tells nothing."""

import secrets

import pytest

from nodes.link.codec import ProtobufCodec
from nodes.provider.model import (
    AnswerContent,
    AnswerField,
    DisclosureContent,
    FieldOutcome,
    ItemOutcome,
    OrderedItem,
    ReceiptContent,
)
from oncegate.v1 import signed_pb2
from policies.vocabulary import Form, LegalBasis, Necessity

CODEC = ProtobufCodec()
DIGEST = bytes(range(32))


def ticket(**changes):
    plain = {
        "ticket_id": bytes(16),
        "node": "spiffe://gov.test/department/civil/node/registry",
        "session_id": bytes(range(16)),
        "resource": "civil.resident",
        "handle": bytes(16),
        "items": [signed_pb2.TicketItem(field="name", form=signed_pb2.FORM_MASKED)],
        "purpose": "school_enrolment",
        "legal_basis": signed_pb2.LEGAL_BASIS_CONSENT,
        "agreement_id": "a1",
        "agreement_revision": 3,
        "agreement_digest": DIGEST,
        "request_digest": DIGEST,
        "issued_unix_ms": 5,
        "expires_unix_ms": 6,
    }
    return signed_pb2.TicketBody(**(plain | changes)).SerializeToString()


def request(**changes):
    item = {"resource": "civil.resident", "field": "name", "form": signed_pb2.FORM_VALUE}
    plain = {
        "request_id": "r1",
        "trust_domain": "gov.test",
        "system": "spiffe://gov.test/department/education/system/counter",
        "subject_scheme": "cn.resident-id",
        "subject_commitment": DIGEST,
        "purpose": "school_enrolment",
        "legal_basis": signed_pb2.LEGAL_BASIS_MANDATE,
        "case_reference": "c1",
        "items": [signed_pb2.RequestItem(**item)],
        "created_unix_ms": 7,
        "deadline_ms": 8,
        "sealing_key_id": DIGEST,
    }
    return signed_pb2.RequestBody(**(plain | changes)).SerializeToString()


def test_a_ticket_is_parsed_whole():
    parsed = CODEC.parse_ticket(ticket())
    assert parsed.items == (OrderedItem("name", Form.MASKED),)
    assert (parsed.basis, parsed.agreement_revision) == (LegalBasis.CONSENT, 3)
    assert (parsed.issued_ms, parsed.expires_ms) == (5, 6)
    assert (parsed.session_id, parsed.request_digest) == (bytes(range(16)), DIGEST)


@pytest.mark.parametrize(
    "changes",
    [
        {"ticket_id": b"1"},
        {"session_id": b""},
        {"handle": bytes(17)},
        {"agreement_digest": bytes(31)},
        {"request_digest": b""},
        {"legal_basis": 0},
        {"legal_basis": 9},
        {"items": []},
        {"items": [signed_pb2.TicketItem(field="name")]},
        {"items": [signed_pb2.TicketItem(field="name", form=4)] * 65},
    ],
)
def test_a_ticket_that_breaks_a_rule_is_a_value_error(changes):
    with pytest.raises(ValueError):
        CODEC.parse_ticket(ticket(**changes))


def test_a_request_is_parsed_whole_and_an_unstated_necessity_is_required():
    parsed = CODEC.parse_request(request())
    assert (parsed.basis, parsed.case_reference, parsed.created_ms) == (LegalBasis.MANDATE, "c1", 7)
    assert [(item.form, item.necessity) for item in parsed.items] == [(Form.VALUE, Necessity.REQUIRED)]
    optional = signed_pb2.RequestItem(
        resource="civil.resident", field="name", form=signed_pb2.FORM_YEAR, necessity=signed_pb2.NECESSITY_OPTIONAL
    )
    assert CODEC.parse_request(request(items=[optional])).items[0].necessity is Necessity.OPTIONAL
    assert parsed.service == ""
    service = signed_pb2.ServiceReference(code="school-enrolment", version=1, digest=DIGEST)
    assert CODEC.parse_request(request(service=service)).service == "school-enrolment"


@pytest.mark.parametrize(
    "changes",
    [
        {"subject_commitment": b""},
        {"sealing_key_id": bytes(33)},
        {"legal_basis": 0},
        {"items": []},
        {"items": [signed_pb2.RequestItem(field="name", form=77)]},
        {"items": [signed_pb2.RequestItem(field="name", form=4, necessity=77)]},
        {"service": signed_pb2.ServiceReference()},
        {"service": signed_pb2.ServiceReference(code="a b", version=1, digest=DIGEST)},
        {"service": signed_pb2.ServiceReference(code="a", version=2**31, digest=DIGEST)},
        {"service": signed_pb2.ServiceReference(code="a", version=1, digest=bytes(33))},
    ],
)
def test_a_request_that_breaks_a_rule_is_a_value_error(changes):
    with pytest.raises(ValueError):
        CODEC.parse_request(request(**changes))


def test_a_promise_is_parsed_and_its_digests_checked():
    body = signed_pb2.PromiseBody(leaf_index=3, leaf_hash=DIGEST, request_digest=DIGEST).SerializeToString()
    assert CODEC.parse_promise(body).leaf_index == 3
    assert CODEC.parse_promise(signed_pb2.PromiseBody(leaf_hash=DIGEST).SerializeToString()).request_digest == b""
    for bad in ({"leaf_hash": b"x"}, {"leaf_hash": DIGEST, "request_digest": b"x"}):
        with pytest.raises(ValueError):
            CODEC.parse_promise(signed_pb2.PromiseBody(**bad).SerializeToString())


@pytest.mark.parametrize("parse", [CODEC.parse_ticket, CODEC.parse_request, CODEC.parse_promise])
def test_garbage_is_a_value_error_that_does_not_quote_it(parse):
    garbage = b"\xff\xff" + "张三".encode()
    with pytest.raises(ValueError) as raised:
        parse(garbage)
    assert raised.value.__cause__ is None
    assert "张三" not in str(raised.value)


def content(length=0):
    return AnswerContent(
        request_digest=DIGEST,
        resource="civil.resident",
        fields=(
            AnswerField("name", Form.VALUE, "张三" + "x" * length, "string", 11, "government_verified"),
            AnswerField("address", Form.VALUE, None, "string", 0, "government_verified"),
        ),
    )


def test_an_answer_is_padded_to_exactly_the_length_asked_for():
    for target in (256, 257, 258, 259, 300, 1024, 4096, 16_384, 20_000, 65_536, 131_072):
        body = CODEC.encode_answer(content(), target)
        assert len(body) == target
        parsed = signed_pb2.AnswerBody.FromString(body)
        assert not any(parsed.padding)
        assert [(field.status, field.text) for field in parsed.fields] == [(1, "张三"), (2, "")]
        assert (parsed.fields[0].as_of_unix_ms, parsed.fields[0].source) == (11, "government_verified")


def test_every_gap_but_a_single_byte_can_be_filled():
    bare = next(length for length in range(1024) if _fits(length))
    for gap in (*range(2, 400), *range(16_380, 16_400)):
        body = CODEC.encode_answer(content(), bare + gap)
        assert len(body) == bare + gap
        assert signed_pb2.AnswerBody.FromString(body).resource == "civil.resident"
    with pytest.raises(ValueError):
        CODEC.encode_answer(content(), bare + 1)


def _fits(length):
    try:
        CODEC.encode_answer(content(), length)
    except ValueError:
        return False
    return True


def test_an_answer_that_does_not_fit_is_a_value_error():
    with pytest.raises(ValueError):
        CODEC.encode_answer(content(2000), 1024)


def test_receipt_and_disclosure_say_what_they_were_given():
    receipt = signed_pb2.ReceiptBody.FromString(
        CODEC.encode_receipt(ReceiptContent(DIGEST, bytes(32), "n", "r", b"\1" * 32, b"\2" * 32, 9))
    )
    assert (receipt.ticket_digest, receipt.request_digest, receipt.released_unix_ms) == (DIGEST, bytes(32), 9)
    assert (receipt.ciphertext_digest, receipt.disclosure_digest) == (b"\1" * 32, b"\2" * 32)
    salt = secrets.token_bytes(16)
    outcomes = tuple(FieldOutcome("name", Form.VALUE, outcome) for outcome in ItemOutcome)
    disclosure = signed_pb2.Disclosure.FromString(CODEC.encode_disclosure(DisclosureContent(salt, outcomes)))
    assert disclosure.salt == salt
    names = [signed_pb2.ItemOutcome.Name(item.outcome) for item in disclosure.outcomes]
    assert names == [f"ITEM_OUTCOME_{outcome.name}" for outcome in ItemOutcome]
