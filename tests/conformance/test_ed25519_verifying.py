"""The verifier's own Ed25519 accepts and refuses what is published, and what OpenSSL does."""

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from keys.errors import BadCheckpoint, BadSignature
from keys.log import ed25519
from keys.log.notes import NoteVerifier
from tests.conformance.vectors.files import wycheproof

_L = 2**252 + 27742317777372353535851937790883648493


def _accepts(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        ed25519.verify(public_key, signature, message)
    except BadSignature:
        return False
    return True


def _openssl_accepts(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def test_every_vector_of_wycheproof_comes_out_as_published_and_as_with_openssl():
    seen = {"valid": 0, "invalid": 0}
    for group, test in wycheproof("ed25519"):
        parts = [bytes.fromhex(one) for one in (group["publicKey"]["pk"], test["sig"], test["msg"])]
        assert _accepts(*parts) is _openssl_accepts(*parts) is (test["result"] == "valid"), test["tcId"]
        seen[test["result"]] += 1
    assert seen == {"valid": 88, "invalid": 63}


def test_the_published_signatures_of_rfc_8032_verify_and_refuse_another_message():
    with cryptography_vectors.open_vector_file("asymmetric/Ed25519/sign.input", "r") as lines:
        vectors = [[bytes.fromhex(part) for part in line.strip().split(":")[1:4]] for line in lines]
    for public_key, message, signed in vectors[::8]:
        assert _accepts(public_key, signed[:64], message)
        assert not _accepts(public_key, signed[:64], message + b"\0")


def test_every_changed_bit_of_a_signature_is_refused():
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public_key, signature = key.public_key().public_bytes_raw(), key.sign(b"text")
    for bit in range(512):
        changed = bytearray(signature)
        changed[bit // 8] ^= 1 << bit % 8
        assert not _accepts(public_key, bytes(changed), b"text")


def test_a_signature_with_the_group_order_added_is_refused():
    key = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    signature = key.sign(b"text")
    raised = int.from_bytes(signature[32:], "little") + _L
    assert not _accepts(key.public_key().public_bytes_raw(), signature[:32] + raised.to_bytes(32, "little"), b"text")


def _small_order() -> list[bytes]:
    """Encodings of the points whose order divides eight, the ones above the prime included (RFC 8032 section 5.1.3)."""
    p = 2**255 - 19
    of_order_eight = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
    numbers = [0, 1, p - 1, p, p + 1, of_order_eight, p - of_order_eight]
    return [(number | sign << 255).to_bytes(32, "little") for number in numbers for sign in (0, 1)]


@pytest.mark.parametrize("public_key", _small_order(), ids=bytes.hex)
def test_a_key_of_small_order_or_with_another_encoding_is_no_key(public_key: bytes):
    with pytest.raises(BadSignature):
        ed25519.check_key(public_key)
    # With such a key this "signature" would hold for many messages.
    assert not any(_accepts(public_key, b"\x01" + bytes(63), bytes([number])) for number in range(8))


def test_a_point_has_one_encoding():
    points = 0
    for number in range(2, 19):
        try:
            ed25519.check_key(number.to_bytes(32, "little"))
        except BadSignature:
            continue
        points += 1
        with pytest.raises(BadSignature):
            ed25519.check_key((2**255 - 19 + number).to_bytes(32, "little"))
    assert points > 5


def test_bytes_that_are_no_point_or_of_another_length_are_no_key():
    for raw in (b"", b"\0" * 31, b"\0" * 33, (2).to_bytes(32, "little")):
        with pytest.raises(BadSignature):
            ed25519.check_key(raw)
    with pytest.raises(BadCheckpoint):
        NoteVerifier("name+00000000+AQ==")
