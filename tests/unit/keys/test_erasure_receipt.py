"""Receipts of erasures: verified before they are read, and refused when one byte is another."""

import dataclasses

import pytest

from keys import canonical
from keys.erasure_receipt import ErasureReceipt, open_receipt, sign_receipt
from keys.errors import BadSignature
from keys.signing import AGREEMENT, ERASURE, SigningKey

KEY = SigningKey.generate()
RECEIPT = ErasureReceipt(b"e" * 16, "spiffe://gov.test/gateway", 1_800_000_000_000, ("email", "phone"), 2, 3, 4, 5, 6)


def test_a_receipt_is_read_as_it_was_written() -> None:
    body, signature = sign_receipt(KEY, RECEIPT)
    assert open_receipt(KEY.verify_key, body, signature) == RECEIPT


def test_every_changed_byte_and_every_other_key_or_purpose_is_refused() -> None:
    body, signature = sign_receipt(KEY, RECEIPT)
    for place in range(len(body)):
        changed = body[:place] + bytes((body[place] ^ 1,)) + body[place + 1 :]
        with pytest.raises(BadSignature):
            open_receipt(KEY.verify_key, changed, signature)
    with pytest.raises(BadSignature):
        open_receipt(SigningKey.generate().verify_key, body, signature)
    with pytest.raises(BadSignature):
        open_receipt(KEY.verify_key, body, KEY.sign(AGREEMENT, body))


@pytest.mark.parametrize(
    "change",
    [
        {"format": "oncegate.erasure-receipt/2"},
        {"erasure": canonical.to_text(b"short")},
        {"erasure": 7},
        {"fields": "phone"},
        {"gateway": None},
        {"entry": -1},
        {"entry": True},
        {"key_id": "1"},
        {"more": 1},
    ],
)
def test_signed_bytes_that_are_no_receipt_are_refused(change: dict[str, canonical.Json]) -> None:
    body = canonical.write(canonical.read(RECEIPT.to_bytes()) | change)
    with pytest.raises(BadSignature):
        open_receipt(KEY.verify_key, body, KEY.sign(ERASURE, body))


def test_signed_bytes_that_are_not_json_are_refused() -> None:
    for body in (b"", b"{", b'{"a": 1}', b"[]"):
        with pytest.raises(BadSignature):
            open_receipt(KEY.verify_key, body, KEY.sign(ERASURE, body))


def test_a_receipt_names_no_person() -> None:
    assert {field.name for field in dataclasses.fields(RECEIPT)} == {
        "erasure",
        "gateway",
        "erased_ms",
        "fields",
        "key_id",
        "kek_version",
        "complete_by_ms",
        "notices",
        "entry",
    }
