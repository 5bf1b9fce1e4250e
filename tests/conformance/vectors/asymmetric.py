"""Known answers of key agreement, sealing and signatures: HPKE, X-Wing, ML-KEM-768, X25519, Ed25519, ECDSA P-256."""

import hmac
from hashlib import sha256, shake_256
from typing import Any

import cryptography_vectors
import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.bindings._rust import openssl as library
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, mlkem, x25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, Suite

from keys.errors import SealError
from keys.sealing import RecipientKey, SealingKey
from tests.conformance.vectors.files import hpke, records, unhex
from tests.conformance.vectors.tally import Tally

_X25519, _X_WING = 0x0020, 0x647A
_KDFS = {1: KDF.HKDF_SHA256, 2: KDF.HKDF_SHA384, 3: KDF.HKDF_SHA512, 0x10: KDF.SHAKE128, 0x11: KDF.SHAKE256}
_AEADS = {1: AEAD.AES_128_GCM, 2: AEAD.AES_256_GCM, 3: AEAD.CHACHA20_POLY1305}


def hpke_x25519() -> Tally:
    """RFC 9180 appendix A, base mode, first message of each context; changed ciphertexts are refused."""
    tally = Tally()
    for vector in hpke("test-vectors.json"):
        if vector["mode"] == 0 and vector["kem_id"] == _X25519 and vector["aead_id"] in _AEADS:
            key = x25519.X25519PrivateKey.from_private_bytes(bytes.fromhex(vector["skRm"]))
            suite = Suite(KEM.X25519, _KDFS[vector["kdf_id"]], _AEADS[vector["aead_id"]])
            _opened(tally, suite, key, vector)
    return tally


def hpke_x_wing() -> Tally:
    """The HPKE-PQ draft's X-Wing vectors, and their shared secrets in our suite through keys.sealing.

    None of the published vectors uses X-Wing with AES-256-GCM, which is our suite. So RFC 9180's key schedule, written
    out below, seals from a vector's own shared secret, and `SealingKey.open` has to open it.
    """
    tally = Tally()
    for vector in hpke("hpke-pq-test-vectors.json"):
        if vector["kem_id"] != _X_WING:
            continue
        seed, public, encapsulated, shared, info = unhex(vector, "skRm", "pkRm", "enc", "shared_secret", "info")
        expanded = shake_256(seed).digest(96)
        key = MLKEM768X25519PrivateKey(
            mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
        )
        suite = Suite(KEM.MLKEM768_X25519, _KDFS[vector["kdf_id"]], _AEADS[vector["aead_id"]])
        _opened(tally, suite, key, vector)
        ours = SealingKey(seed)
        assert ours.public == public
        assert RecipientKey.from_bytes(public).key_id == ours.key_id
        sealed = encapsulated + _seal_from_shared_secret(shared, info, b"Count-0")
        assert ours.open(sealed, info) == b"Count-0"
        with pytest.raises(SealError):
            ours.open(sealed, info + b"x")
        with pytest.raises(SealError):
            ours.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), info)
        tally.accepted += 1
        tally.refused += 2
        tally.ours += 3
    return tally


def _opened(tally: Tally, suite: Suite, key: Any, vector: dict[str, Any]) -> None:
    encapsulated, info = unhex(vector, "enc", "info")
    aad, ciphertext, plaintext = unhex(vector["encryptions"][0], "aad", "ct", "pt")
    # The public single-shot call takes no associated data, which every published vector has.
    decrypt = library.hpke._decrypt_with_aad
    assert decrypt(suite, encapsulated + ciphertext, key, info, aad) == plaintext
    tally.accepted += 1
    for wrong in (ciphertext[:-1] + bytes([ciphertext[-1] ^ 1]), ciphertext[:-1]):
        with pytest.raises(InvalidTag):
            decrypt(suite, encapsulated + wrong, key, info, aad)
        tally.refused += 1


def _seal_from_shared_secret(shared: bytes, info: bytes, plaintext: bytes) -> bytes:
    """RFC 9180 sections 4 and 5.1: base mode, KEM 0x647a, HKDF-SHA256, AES-256-GCM, first message, no AAD."""
    suite = b"HPKE" + bytes.fromhex("647a00010002")

    def extract(salt: bytes, label: bytes, secret: bytes) -> bytes:
        return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + secret, sha256)

    def expand(key: bytes, label: bytes, context: bytes, length: int) -> bytes:
        labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + context
        return hmac.digest(key, labelled + b"\x01", sha256)[:length]

    context = b"\x00" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    secret = extract(shared, b"secret", b"")
    return AESGCM(expand(secret, b"key", context, 32)).encrypt(
        expand(secret, b"base_nonce", context, 12), plaintext, None
    )


def ml_kem_768() -> Tally:
    """FIPS 203: key from its seed, and the shared secret out of a ciphertext."""
    tally = Tally()
    for record in records("asymmetric/MLKEM/kat_MLKEM_768.rsp", "count"):
        d, z, public, ciphertext, shared = unhex(record, "d", "z", "pk", "ct", "ss")
        key = mlkem.MLKEM768PrivateKey.from_seed_bytes(d + z)
        assert key.public_key().public_bytes_raw() == public
        assert key.decapsulate(ciphertext) == shared
        tally.accepted += 1
    return tally


def x25519_agreement() -> Tally:
    """RFC 7748 section 5.2; a point of low order is refused."""
    tally = Tally()
    for record in records("asymmetric/X25519/rfc7748.txt", "count"):
        scalar, point, output = unhex(record, "input_scalar", "input_u", "output_u")
        key = x25519.X25519PrivateKey.from_private_bytes(scalar)
        assert key.exchange(x25519.X25519PublicKey.from_public_bytes(point)) == output
        tally.accepted += 1
    with pytest.raises(ValueError):
        x25519.X25519PrivateKey.generate().exchange(x25519.X25519PublicKey.from_public_bytes(bytes(32)))
    tally.refused += 1
    return tally


def ed25519_signatures() -> Tally:
    """RFC 8032: signed again, verified, and refused for another message."""
    tally = Tally()
    with cryptography_vectors.open_vector_file("asymmetric/Ed25519/sign.input", "r") as lines:
        for line in lines:
            secret, public, message, signed = (bytes.fromhex(part) for part in line.strip().split(":")[:4])
            key = ed25519.Ed25519PrivateKey.from_private_bytes(secret[:32])
            assert key.public_key().public_bytes_raw() == public
            assert key.sign(message) == signed[:64]
            key.public_key().verify(signed[:64], message)
            tally.accepted += 1
            with pytest.raises(InvalidSignature):
                key.public_key().verify(signed[:64], message + b"\x00")
            tally.refused += 1
    return tally


def ecdsa_p256() -> Tally:
    """FIPS 186-3 signature verification, P-256 with SHA-256: what holds and what was changed."""
    tally = Tally()
    for record in records("asymmetric/ECDSA/FIPS_186-3/SigVer.rsp", "msg"):
        if record["section"] != "[P-256,SHA-256]":
            continue
        key = ec.EllipticCurvePublicNumbers(int(record["qx"], 16), int(record["qy"], 16), ec.SECP256R1()).public_key()
        signature = encode_dss_signature(int(record["r"], 16), int(record["s"], 16))
        (message,) = unhex(record, "msg")
        if record["result"].startswith("P"):
            key.verify(signature, message, ec.ECDSA(SHA256()))
            tally.accepted += 1
        else:
            with pytest.raises(InvalidSignature):
                key.verify(signature, message, ec.ECDSA(SHA256()))
            tally.refused += 1
    return tally
