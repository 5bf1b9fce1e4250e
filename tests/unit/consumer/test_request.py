import pytest

from keys.signing import REQUEST
from keys.subjects import check_subject
from nodes.enrolment.errors import BadInput
from oncegate.v1 import signed_pb2
from tests.support.exchange_gateway import RESIDENT
from tests.unit.consumer.conftest import Asker


def test_a_request_is_signed_and_commits_to_the_normalised_subject_without_naming_it(asker: Asker) -> None:
    prepared = asker.prepare("civil.resident:name")
    asker.requester.signing_key.verify_key.verify(REQUEST, prepared.body, prepared.signature)
    body = signed_pb2.RequestBody.FromString(prepared.body)
    check_subject(prepared.nonce, "cn.resident-id", RESIDENT, body.subject_commitment)
    assert RESIDENT.encode() not in prepared.body
    assert RESIDENT not in repr(prepared)
    assert body.items[0].necessity == signed_pb2.NECESSITY_REQUIRED
    assert body.deadline_ms == 0


def test_full_width_digits_and_a_small_x_commit_to_the_same_subject(asker: Asker) -> None:
    from nodes.consumer.request import prepare

    typed = "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in RESIDENT.lower())
    prepared = prepare(
        asker.requester,
        subject=("cn.resident-id", typed),
        purpose="school_enrolment",
        basis="mandate",
        items=["a.b:c"],
        now_ms=1,
        random_bytes=bytes,
        deadline_s=1.5,
    )
    assert prepared.identifier == RESIDENT
    assert signed_pb2.RequestBody.FromString(prepared.body).deadline_ms == 1500


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": ("cn.resident-id", "110105194912310021")},
        {"subject": ("xx.unknown", RESIDENT)},
        {"basis": "because"},
        {"purpose": ""},
        {"request_id": "has space"},
        {"request_id": ""},
        {"case_reference": "x" * 129},
        {"deadline_s": 0.0},
        {"deadline_s": 121.0},
    ],
)
def test_what_breaks_a_rule_is_refused_before_anything_is_sent_and_without_the_identifier(
    asker: Asker, changes: dict[str, object]
) -> None:
    from nodes.consumer.request import prepare

    arguments = {
        "subject": ("cn.resident-id", RESIDENT),
        "purpose": "school_enrolment",
        "basis": "mandate",
        "items": ["a.b:c"],
        "now_ms": 1,
        "random_bytes": bytes,
        **changes,
    }
    with pytest.raises(BadInput) as caught:
        prepare(asker.requester, **arguments)  # type: ignore[arg-type]
    assert "110105" not in str(caught.value)
    assert caught.value.violations
