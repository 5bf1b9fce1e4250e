import hmac
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.envelope import AES_256_GCM_SIV, key_id_of, open_field, seal_field
from keys.errors import BadEnvelope
from keys.persons import new_data_key, unwrap_data_key, wrap_data_key

DATA_KEY = bytes(range(32))
PLACE = {"person_id": bytes(16), "field": "phone", "version": 3, "key_id": 7}


@pytest.fixture(scope="module")
def envelope() -> bytes:
    return seal_field(DATA_KEY, plaintext=b"13800138000", **PLACE)


def test_a_field_opens_in_its_own_place(envelope):
    assert open_field(DATA_KEY, envelope=envelope, **PLACE) == b"13800138000"
    assert open_field(DATA_KEY, envelope=seal_field(DATA_KEY, plaintext=b"", **PLACE), **PLACE) == b""


def test_the_layout_is_the_documented_one(envelope):
    assert envelope[:9] == b"OGF\x01" + bytes([AES_256_GCM_SIV]) + (7).to_bytes(4, "big")
    info = b"oncegate-field-v1\x00" + bytes([AES_256_GCM_SIV]) + b"phone"
    key = HKDF(hashes.SHA256(), 32, None, info).derive(DATA_KEY)
    nonce, commitment, ciphertext = envelope[9:21], envelope[21:53], envelope[53:]
    assert commitment == hmac.digest(key, b"oncegate-field-commitment-v1\x00" + nonce, sha256)
    place = bytes(16) + (3).to_bytes(8, "big") + b"phone"
    assert AESGCMSIV(key).decrypt(nonce, ciphertext, envelope[:53] + place) == b"13800138000"


def test_equal_values_give_different_envelopes_that_show_nothing(envelope):
    other = seal_field(DATA_KEY, plaintext=b"13800138000", **PLACE)
    assert other[9:] != envelope[9:]
    assert other[21:53] != envelope[21:53]
    assert b"13800138000" not in envelope


def test_any_changed_byte_is_refused(envelope):
    for position in range(len(envelope)):
        for bit in (1, 0x80):
            changed = bytearray(envelope)
            changed[position] ^= bit
            with pytest.raises(BadEnvelope):
                open_field(DATA_KEY, envelope=bytes(changed), **PLACE)


def test_any_truncation_and_any_addition_is_refused(envelope):
    for wrong in (*(envelope[:length] for length in range(len(envelope))), envelope + b"\x00"):
        with pytest.raises(BadEnvelope):
            open_field(DATA_KEY, envelope=wrong, **PLACE)


@pytest.mark.parametrize(
    "change",
    [{"person_id": bytes([1] * 16)}, {"field": "email"}, {"version": 2}, {"key_id": 8}],
    ids=["person", "field", "version", "key id"],
)
def test_a_field_moved_to_another_place_is_refused(envelope, change):
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY, envelope=envelope, **{**PLACE, **change})


def test_another_persons_data_key_does_not_open_it(envelope):
    with pytest.raises(BadEnvelope):
        open_field(new_data_key(), envelope=envelope, **PLACE)


def test_the_place_is_authenticated_and_not_only_part_of_the_key():
    # Person and version do not enter the key, so only the associated data can tell them apart.
    one = seal_field(DATA_KEY, plaintext=b"x", **PLACE)
    for change in ({"person_id": bytes([1] * 16)}, {"version": 4}):
        with pytest.raises(BadEnvelope):
            open_field(DATA_KEY, envelope=one, **{**PLACE, **change})


def test_a_key_that_fits_the_tag_but_not_the_commitment_is_refused(envelope):
    # An envelope whose ciphertext is sound under its key, but which carries the commitment of another.
    info = b"oncegate-field-v1\x00" + bytes([AES_256_GCM_SIV]) + b"phone"
    key = HKDF(hashes.SHA256(), 32, None, info).derive(DATA_KEY)
    start = envelope[:21] + bytes(32)
    place = bytes(16) + (3).to_bytes(8, "big") + b"phone"
    forged = start + AESGCMSIV(key).encrypt(envelope[9:21], b"13800138000", start + place)
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY, envelope=forged, **PLACE)


@pytest.mark.parametrize(
    "change",
    [{"person_id": b""}, {"field": ""}, {"version": -1}, {"version": 1 << 64}, {"key_id": -1}, {"key_id": 1 << 32}],
)
def test_a_malformed_place_is_refused_before_anything_is_encrypted(change):
    with pytest.raises(BadEnvelope):
        seal_field(DATA_KEY, plaintext=b"x", **{**PLACE, **change})


def test_a_short_data_key_is_refused(envelope):
    with pytest.raises(BadEnvelope):
        seal_field(DATA_KEY[:16], plaintext=b"x", **PLACE)
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY[:16], envelope=envelope, **PLACE)


def test_an_envelope_names_its_key(envelope):
    assert key_id_of(envelope) == 7
    for rubbish in (b"", bytes(100), b"OGF\x01\x02" + bytes(100)):
        with pytest.raises(BadEnvelope):
            key_id_of(rubbish)


def test_a_data_key_survives_being_wrapped():
    kek, data_key = new_data_key(), new_data_key()
    wrapped = wrap_data_key(kek, data_key)
    assert len(wrapped) == 40
    assert unwrap_data_key(kek, wrapped) == data_key


def test_any_changed_byte_of_a_wrapped_key_and_any_other_kek_is_refused():
    kek, data_key = new_data_key(), new_data_key()
    wrapped = wrap_data_key(kek, data_key)
    for position in range(len(wrapped)):
        changed = bytearray(wrapped)
        changed[position] ^= 1
        with pytest.raises(BadEnvelope):
            unwrap_data_key(kek, bytes(changed))
    for key, box in ((new_data_key(), wrapped), (kek[:16], wrapped), (kek, wrapped[:-8]), (kek, b"")):
        with pytest.raises(BadEnvelope):
            unwrap_data_key(key, box)


def test_only_keys_of_32_bytes_are_wrapped_and_unwrapped():
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap_with_padding

    kek = new_data_key()
    for key, data_key in ((kek[:31], kek), (kek, kek[:16])):
        with pytest.raises(BadEnvelope):
            wrap_data_key(key, data_key)
    with pytest.raises(BadEnvelope):
        unwrap_data_key(kek, aes_key_wrap_with_padding(kek, bytes(16)))
