from hashlib import sha256

import pytest

from keys.errors import KeyringCorrupt, KeyringLocked, SealError
from keys.passphrase import LOWEST
from keys.sealing import OVERHEAD, PUBLIC_SIZE, RecipientKey, SealingKey, answer_info, padded_length

INFO = answer_info(bytes(32), bytes([1] * 32), "civil.resident")


def test_what_is_sealed_can_be_opened_by_its_recipient_only(sealing_key):
    sealed = RecipientKey.from_bytes(sealing_key.public).seal(b"answer", INFO)
    assert len(sealed) == len(b"answer") + OVERHEAD
    assert sealing_key.open(sealed, INFO) == b"answer"
    with pytest.raises(SealError):
        SealingKey.generate().open(sealed, INFO)


@pytest.mark.parametrize(
    "info",
    [
        answer_info(bytes([9] * 32), bytes([1] * 32), "civil.resident"),
        answer_info(bytes(32), bytes([9] * 32), "civil.resident"),
        answer_info(bytes(32), bytes([1] * 32), "civil.residents"),
        b"",
    ],
    ids=["another request", "another ticket", "another resource", "no context"],
)
def test_an_answer_does_not_open_in_another_context(sealing_key, info):
    with pytest.raises(SealError):
        sealing_key.open(sealing_key.recipient.seal(b"answer", INFO), info)


def test_any_changed_byte_of_a_sealed_answer_is_refused(sealing_key):
    sealed = sealing_key.recipient.seal(b"answer", INFO)
    for position in (*range(0, 1120, 37), *range(1120, len(sealed))):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SealError):
            sealing_key.open(bytes(changed), INFO)


@pytest.mark.parametrize("length", [0, 1, 1119, 1120, 1135, 1141])
def test_a_truncated_answer_is_refused(sealing_key, length):
    with pytest.raises(SealError):
        sealing_key.open(sealing_key.recipient.seal(b"answer", INFO)[:length], INFO)


def test_the_public_key_is_the_one_of_the_x_wing_draft():
    # First test vector of draft-connolly-cfrg-xwing-kem, and skRm/pkRm of the HPKE-PQ vectors for KEM 0x647a.
    for seed, start, expected in (
        (
            "7f9c2ba4e88f827d616045507605853ed73b8093f6efbc88eb1a6eacfa66ef26",
            "e2236b35a8c24b39b10aa1323a96a919a2ced88400633a7b07131713fc14b2b5",
            "2e816deebcd76c5c80d0cd2d174478871658e8e2ff42bc9d4a6e486372e856bb",
        ),
        (
            "3ec47fa82dd5689d27c6190e724c74ec8f608df3331ce331929e37b829676630",
            "",
            "ad8aaf3f00d8a39bfeec2947a7d5dde68be08bba19bd301a348a45dc5fcc8341",
        ),
    ):
        key = SealingKey(bytes.fromhex(seed))
        assert key.public.hex().startswith(start)
        assert sha256(key.public).hexdigest() == expected
        assert key.key_id.hex() == expected


def test_a_public_key_is_parsed_once(sealing_key):
    recipient = RecipientKey.from_bytes(sealing_key.public)
    assert recipient is RecipientKey.from_bytes(bytes(bytearray(sealing_key.public)))
    assert recipient.public == sealing_key.public
    assert recipient.key_id == sealing_key.key_id == sha256(sealing_key.public).digest()


@pytest.mark.parametrize("public", [b"", bytes(PUBLIC_SIZE - 1), bytes(PUBLIC_SIZE + 1), b"\xff" * PUBLIC_SIZE])
def test_a_malformed_public_key_is_refused(public):
    with pytest.raises(SealError):
        RecipientKey.from_bytes(public)


def test_nothing_is_sealed_to_a_key_with_which_no_secret_can_be_agreed(sealing_key):
    low_order = RecipientKey.from_bytes(sealing_key.public[:1184] + bytes(32))
    with pytest.raises(SealError):
        low_order.seal(b"answer", INFO)


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_sealing_key_survives_being_written_and_read(sealing_key, passphrase):
    assert SealingKey.from_pem(sealing_key.to_pem(passphrase, LOWEST), passphrase).public == sealing_key.public


def test_a_locked_sealing_key_needs_its_passphrase_and_an_open_one_none(sealing_key):
    locked = sealing_key.to_pem(b"correct horse", LOWEST)
    for pem, passphrase in ((locked, None), (locked, b"wrong"), (sealing_key.to_pem(), b"superfluous")):
        with pytest.raises(KeyringLocked):
            SealingKey.from_pem(pem, passphrase)


@pytest.mark.parametrize(
    "pem", [b"", b"-----BEGIN ONCEGATE SEALING KEY-----\nAAAA\n-----END ONCEGATE SEALING KEY-----\n"]
)
def test_rubbish_is_not_a_sealing_key(pem):
    with pytest.raises(KeyringCorrupt):
        SealingKey.from_pem(pem)


def test_a_sealing_key_does_not_show_itself(sealing_key):
    assert repr(sealing_key) == f"SealingKey({sealing_key.key_id.hex()})"
    assert repr(sealing_key.recipient) == f"RecipientKey({sealing_key.key_id.hex()})"


def test_the_context_of_an_answer_has_digests_of_fixed_length():
    for request, ticket in ((b"", bytes(32)), (bytes(32), bytes(33))):
        with pytest.raises(SealError):
            answer_info(request, ticket, "civil.resident")


@pytest.mark.parametrize(
    ("length", "padded"),
    [
        (0, 1024),
        (1024, 1024),
        (1025, 4096),
        (4097, 16384),
        (16385, 65536),
        (65536, 65536),
        (65537, 131072),
        (131073, 196608),
    ],
)
def test_lengths_grow_in_few_steps(length, padded):
    assert padded_length(length) == padded
