import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from keys.errors import BadSignature, KeyringCorrupt, KeyringLocked
from keys.passphrase import LOWEST
from keys.signing import REQUEST, TICKETS, SigningKey, VerifyKey, digest


def test_a_signature_is_accepted_by_its_own_key_in_its_own_context(signing_key):
    signing_key.verify_key.verify(REQUEST, b"body", signing_key.sign(REQUEST, b"body"))


def test_a_signature_of_one_context_is_refused_in_another(signing_key):
    with pytest.raises(BadSignature):
        signing_key.verify_key.verify(TICKETS, b"body", signing_key.sign(REQUEST, b"body"))


def test_context_and_body_cannot_run_into_each_other(signing_key):
    signature = signing_key.sign("ab", b"c")
    with pytest.raises(BadSignature):
        signing_key.verify_key.verify("a", b"bc", signature)


def test_another_key_and_another_body_are_refused(signing_key, department_key):
    signature = signing_key.sign(REQUEST, b"body")
    with pytest.raises(BadSignature):
        department_key.verify_key.verify(REQUEST, b"body", signature)
    with pytest.raises(BadSignature):
        signing_key.verify_key.verify(REQUEST, b"bodY", signature)


@pytest.mark.parametrize("signature", [b"", b"\x30", b"\x00" * 72, b"\x30" * 5000])
def test_a_malformed_signature_is_refused_and_not_crashed_on(signing_key, signature):
    with pytest.raises(BadSignature):
        signing_key.verify_key.verify(REQUEST, b"body", signature)


def test_the_signed_input_is_the_documented_one(signing_key):
    signature = signing_key.sign(REQUEST, b"body")
    public = serialization.load_der_public_key(signing_key.verify_key.der)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    signed = b"oncegate-signature-v1\x00" + len(REQUEST).to_bytes(2, "big") + REQUEST.encode() + b"body"
    public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))


def test_the_fingerprint_is_sha256_of_the_encoded_key(signing_key):
    assert signing_key.verify_key.fingerprint == "sha256:" + digest(signing_key.verify_key.der).hex()


def test_a_public_key_is_parsed_once(signing_key):
    der = signing_key.verify_key.der
    assert VerifyKey.from_der(der) is VerifyKey.from_der(bytes(bytearray(der)))
    assert VerifyKey.from_der(der) == signing_key.verify_key
    assert hash(VerifyKey.from_der(der)) == hash(signing_key.verify_key)
    assert VerifyKey.from_der(der) != der


def _spki(key, form=serialization.PublicFormat.SubjectPublicKeyInfo):
    return key.public_bytes(serialization.Encoding.DER, form)


@pytest.mark.parametrize(
    "der",
    [
        b"",
        b"\x30\x00",
        _spki(ed25519.Ed25519PrivateKey.generate().public_key()),
        _spki(ec.generate_private_key(ec.SECP384R1()).public_key()),
        _spki(ec.generate_private_key(ec.SECP256R1()).public_key()) + b"\x00",
    ],
    ids=["empty", "no key", "ed25519", "p384", "trailing byte"],
)
def test_only_p256_public_keys_in_canonical_form_are_admitted(der):
    with pytest.raises(BadSignature):
        VerifyKey.from_der(der)


def test_a_compressed_public_key_is_refused_because_it_would_have_a_second_fingerprint(signing_key):
    der = signing_key.verify_key.der
    compressed = bytes([2 + (der[-1] & 1)]) + der[-64:-32]
    algorithm = der[2:23]
    bits = b"\x03" + bytes([len(compressed) + 1]) + b"\x00" + compressed
    spki = b"\x30" + bytes([len(algorithm) + len(bits)]) + algorithm + bits
    serialization.load_der_public_key(spki)  # a valid key in another spelling
    with pytest.raises(BadSignature, match="canonical"):
        VerifyKey.from_der(spki)


@pytest.mark.parametrize("passphrase", [None, b"correct horse"])
def test_a_private_key_survives_being_written_and_read(signing_key, passphrase):
    pem = signing_key.to_pem(passphrase, LOWEST)
    assert (b"LOCKED" in pem) == (passphrase is not None)
    assert SigningKey.from_pem(pem, passphrase).verify_key == signing_key.verify_key


def test_a_locked_private_key_needs_its_passphrase(signing_key):
    pem = signing_key.to_pem(b"correct horse", LOWEST)
    with pytest.raises(KeyringLocked):
        SigningKey.from_pem(pem)
    with pytest.raises(KeyringLocked):
        SigningKey.from_pem(pem, b"wrong horse")
    with pytest.raises(KeyringLocked):
        signing_key.to_pem(b"")


def test_a_passphrase_for_an_open_key_is_refused_instead_of_ignored(signing_key):
    with pytest.raises(KeyringLocked):
        SigningKey.from_pem(signing_key.to_pem(), b"correct horse")


def test_a_key_encrypted_by_another_tool_can_be_read():
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"other")
    )
    assert SigningKey.from_pem(pem, b"other").verify_key.der == _spki(key.public_key())
    with pytest.raises(KeyringLocked):
        SigningKey.from_pem(pem)
    with pytest.raises(KeyringLocked):
        SigningKey.from_pem(pem, b"wrong")


def test_other_kinds_of_private_keys_and_rubbish_are_refused():
    other = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for pem in (other, b"", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"):
        with pytest.raises(KeyringCorrupt):
            SigningKey.from_pem(pem)


def test_a_private_key_does_not_show_itself(signing_key):
    assert repr(signing_key) == f"SigningKey({signing_key.verify_key.fingerprint})"
    assert repr(signing_key.verify_key) == f"VerifyKey({signing_key.verify_key.fingerprint})"
