import hmac
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from keys.envelope import FieldCipher, Suite, key_id_of, open_field, seal_field, suite_of
from keys.errors import BadEnvelope
from keys.persons import new_data_key, unwrap_data_key, wrap_data_key

DATA_KEY = bytes(range(32))
PLACE = {"person_id": bytes(16), "field": "phone", "version": 3, "key_id": 7}
HEADER = 9
START = {Suite.AES: 9 + 12 + 32, Suite.SM4: 9 + 32 + 32}

# Written once and kept: what these bytes say must stay readable for ever. Person id 00..0f, data key 00..1f.
KEPT = [
    (
        "phone",
        3,
        7,
        "13800138000",
        (
            "4f474601010000000719c138b8f25887ef93f05383861ea5820406819f561d7dd0f32096da2822214506c61acab9948d6e9252c4398b51af1b"
            "2cce4157358153cfeac4a4537d1181a095a9d2cd63194c"
        ),
    ),
    (
        "email",
        0,
        0,
        "",
        (
            "4f4746010100000000ede83b9105a6feacce4567dfadf54b6c8d4c9192ab1623c87ff879865b5324667331c3e6ebbf21a470747435f65d7901"
            "5ea8ceba90496efaf93f3af1"
        ),
    ),
    (
        "mailing_address",
        2**64 - 1,
        2**32 - 1,
        "北京市朝阳区建国路88号",
        (
            "4f47460101ffffffffdd25ba76b34c2af2036027077cafda75d0a65d1e73f901400e30a7c3e8573476ff84140691745b263602394946db2576"
            "e1f7059accdb29f8ccc92a1cd2cb5b1042eddc864c81804c1eb28e28710c6db0c2ae4554a09328ff335da070"
        ),
    ),
    (
        "phone",
        3,
        7,
        "13800138000",
        (
            "4f474601020000000796922088a194b595d0b05d92df6fa031f5ead0230a7403af9a05e1ef1624fd41b42640bc728007f0b05dfaed533317a0"
            "5baa5a40eea5f566b14f5c85eb9bf3a6ab8ef3ea313533154d5b0526a1a298ef74eec01922a754334eaca8"
        ),
    ),
    (
        "email",
        0,
        0,
        "",
        (
            "4f47460102000000007cf7a99dd1e60a743e2806ab817ec4a06b45058f4831b3c544fca105a890122665c6cae5e8e9d939118d0615271da8eb"
            "2a810e8b6932c2c7296807fb6594562f640f0ce304038fd7e04d05dba0275ae9"
        ),
    ),
]


@pytest.fixture(scope="module", params=list(Suite), ids=lambda suite: suite.name)
def suite(request) -> Suite:
    return request.param


@pytest.fixture(scope="module")
def envelope(suite) -> bytes:
    return seal_field(DATA_KEY, plaintext=b"13800138000", suite=suite, **PLACE)


def hkdf_sm3(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 written out, over HMAC-SM3."""

    def mac(key: bytes, message: bytes) -> bytes:
        one = HMAC(key, hashes.SM3())
        one.update(message)
        return one.finalize()

    extracted, block, output = mac(salt, secret), b"", b""
    for count in range(1, -(-length // 32) + 1):
        block = mac(extracted, block + info + bytes([count]))
        output += block
    return output[:length]


@pytest.mark.parametrize(("field", "version", "key_id", "value", "raw"), KEPT)
def test_envelopes_of_earlier_days_open(field, version, key_id, value, raw):
    place = {"person_id": bytes(range(16)), "field": field, "version": version, "key_id": key_id}
    assert open_field(DATA_KEY, envelope=bytes.fromhex(raw), **place).decode() == value


def test_a_field_opens_in_its_own_place(envelope, suite):
    assert open_field(DATA_KEY, envelope=envelope, **PLACE) == b"13800138000"
    empty = seal_field(DATA_KEY, plaintext=b"", suite=suite, **PLACE)
    assert open_field(DATA_KEY, envelope=empty, **PLACE) == b""


def test_without_a_word_a_field_is_sealed_in_the_suite_aes():
    assert suite_of(seal_field(DATA_KEY, plaintext=b"x", **PLACE)) is Suite.AES
    assert (Suite.AES, Suite.SM4) == (1, 2)


def test_the_layout_of_aes_is_the_documented_one():
    envelope = seal_field(DATA_KEY, plaintext=b"13800138000", **PLACE)
    assert envelope[:9] == b"OGF\x01\x01" + (7).to_bytes(4, "big")
    key = HKDF(hashes.SHA256(), 32, None, b"oncegate-field-v1\x00\x01phone").derive(DATA_KEY)
    nonce, commitment, ciphertext = envelope[9:21], envelope[21:53], envelope[53:]
    assert commitment == hmac.digest(key, b"oncegate-field-commitment-v1\x00" + nonce, sha256)
    place = bytes(16) + (3).to_bytes(8, "big") + b"phone"
    assert AESGCMSIV(key).decrypt(nonce, ciphertext, envelope[:53] + place) == b"13800138000"


def test_the_layout_of_sm4_is_the_documented_one():
    envelope = seal_field(DATA_KEY, plaintext=b"13800138000", suite=Suite.SM4, **PLACE)
    assert envelope[:9] == b"OGF\x01\x02" + (7).to_bytes(4, "big")
    salt, commitment, ciphertext, tag = envelope[9:41], envelope[41:73], envelope[73:-16], envelope[-16:]
    derived = hkdf_sm3(DATA_KEY, salt, b"oncegate-field-v1\x00\x02phone", 60)
    mac = HMAC(derived[28:], hashes.SM3())
    mac.update(b"oncegate-field-commitment-v1\x00" + envelope[:41])
    assert commitment == mac.finalize()
    decryptor = Cipher(algorithms.SM4(derived[:16]), modes.GCM(derived[16:28], tag)).decryptor()
    decryptor.authenticate_additional_data(envelope[:73] + bytes(16) + (3).to_bytes(8, "big") + b"phone")
    assert decryptor.update(ciphertext) + decryptor.finalize() == b"13800138000"


def test_equal_values_give_different_envelopes_that_show_nothing(envelope, suite):
    other = seal_field(DATA_KEY, plaintext=b"13800138000", suite=suite, **PLACE)
    assert other[:HEADER] == envelope[:HEADER]
    assert other[HEADER:-27] != envelope[HEADER:-27]
    assert other[-27:-16] != envelope[-27:-16]
    assert b"13800138000" not in envelope


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
    # Person and version do not enter the key, so only the associated data can tell them apart.
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY, envelope=envelope, **{**PLACE, **change})


def test_another_persons_data_key_does_not_open_it(envelope):
    with pytest.raises(BadEnvelope):
        open_field(new_data_key(), envelope=envelope, **PLACE)


def test_a_key_that_fits_the_tag_but_not_the_commitment_is_refused():
    # Envelopes whose ciphertext is sound under its key, but which carry the commitment of another.
    place = bytes(16) + (3).to_bytes(8, "big") + b"phone"
    key = HKDF(hashes.SHA256(), 32, None, b"oncegate-field-v1\x00\x01phone").derive(DATA_KEY)
    start = b"OGF\x01\x01" + (7).to_bytes(4, "big") + bytes(12) + bytes(32)
    forged = start + AESGCMSIV(key).encrypt(bytes(12), b"13800138000", start + place)
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY, envelope=forged, **PLACE)
    derived = hkdf_sm3(DATA_KEY, bytes(32), b"oncegate-field-v1\x00\x02phone", 60)
    start = b"OGF\x01\x02" + (7).to_bytes(4, "big") + bytes(32) + bytes(32)
    encryptor = Cipher(algorithms.SM4(derived[:16]), modes.GCM(derived[16:28])).encryptor()
    encryptor.authenticate_additional_data(start + place)
    forged = start + encryptor.update(b"13800138000") + encryptor.finalize() + encryptor.tag
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY, envelope=forged, **PLACE)


@pytest.mark.parametrize(
    "change",
    [{"person_id": b""}, {"field": ""}, {"version": -1}, {"version": 1 << 64}, {"key_id": -1}, {"key_id": 1 << 32}],
)
def test_a_malformed_place_is_refused_before_anything_is_encrypted(change, suite):
    with pytest.raises(BadEnvelope):
        seal_field(DATA_KEY, plaintext=b"x", suite=suite, **{**PLACE, **change})


def test_a_short_data_key_is_refused(envelope):
    with pytest.raises(BadEnvelope):
        seal_field(DATA_KEY[:16], plaintext=b"x", **PLACE)
    with pytest.raises(BadEnvelope):
        open_field(DATA_KEY[:16], envelope=envelope, **PLACE)


def test_an_envelope_names_its_key_and_suite(envelope, suite):
    assert key_id_of(envelope) == 7
    assert suite_of(envelope) is suite


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "not an encrypted field"),
        (b"OGF\x01\x01", "not an encrypted field"),
        (bytes(100), "not an encrypted field"),
        (b"OGF\x01\x01\x00\x00\x00\x07" + bytes(12 + 32 + 15), "not an encrypted field"),
        (b"OGF\x01\x01\x00\x00\x00\x07" + bytes(12 + 32 + 16), "cannot be opened"),
        (b"OGF\x01\x02\x00\x00\x00\x07" + bytes(32 + 32 + 15), "not an encrypted field"),
        (b"OGF\x01\x02\x00\x00\x00\x07" + bytes(32 + 32 + 16), "cannot be opened"),
        (b"OGF\x02\x01" + bytes(100), "format that is not known"),
        (b"OGF\x00\x01" + bytes(100), "format that is not known"),
        (b"OGF\x01\x00" + bytes(100), "suite that is not known"),
        (b"OGF\x01\x03" + bytes(100), "suite that is not known"),
        (b"OGF\x01\x01" + bytes(100), "under another key"),
    ],
    ids=lambda part: part if isinstance(part, str) else f"{part[:5].hex()}+{len(part)}",
)
def test_what_is_wrong_with_a_header_is_said_clearly(raw, says):
    with pytest.raises(BadEnvelope, match=says):
        open_field(DATA_KEY, envelope=raw, **PLACE)


def test_a_suite_that_is_not_known_is_not_sealed_in():
    with pytest.raises(BadEnvelope):
        seal_field(DATA_KEY, plaintext=b"x", suite=3, **PLACE)


def test_one_cipher_of_a_person_serves_fields_of_both_suites_and_shows_nothing_of_itself():
    cipher = FieldCipher(DATA_KEY, person_id=bytes(16), key_id=7)
    sealed = {suite: cipher.seal("phone", 3, b"1", suite) for suite in (*Suite, *Suite)}
    for envelope in sealed.values():
        assert cipher.open("phone", 3, envelope) == b"1"
        assert open_field(DATA_KEY, envelope=envelope, **PLACE) == b"1"
    assert repr(cipher) == "FieldCipher(key_id=7)"


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
