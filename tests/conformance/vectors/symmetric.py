"""Known answers of ciphers, key wrapping, hashes and key derivation, each also through the module that wraps it."""

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.ciphers.modes import GCM
from cryptography.hazmat.primitives.hashes import SHA256, SM3, Hash, HashAlgorithm
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap_with_padding,
    aes_key_wrap_with_padding,
)

from keys.errors import BadEnvelope
from keys.persons import unwrap_data_key, wrap_data_key
from tests.conformance.vectors.files import records, unhex, wycheproof
from tests.conformance.vectors.tally import Tally


def aes_gcm_siv() -> Tally:
    """RFC 8452: encrypted and decrypted; every tag also with one bit turned."""
    tally = Tally()
    for name in ("openssl.txt", "aes-192-gcm-siv.txt"):
        for record in records(f"ciphers/AES/GCM-SIV/{name}", "count"):
            key, nonce, aad, plaintext, ciphertext, tag = unhex(
                record, "key", "iv", "aad", "plaintext", "ciphertext", "tag"
            )
            cipher = AESGCMSIV(key)
            assert cipher.encrypt(nonce, plaintext, aad) == ciphertext + tag
            assert cipher.decrypt(nonce, ciphertext + tag, aad) == plaintext
            tally.accepted += 1
            with pytest.raises(InvalidTag):
                cipher.decrypt(nonce, ciphertext + tag[:-1] + bytes([tag[-1] ^ 1]), aad)
            tally.refused += 1
    for _, test in wycheproof("aes_gcm_siv"):
        key, nonce, aad, plaintext, ciphertext, tag = unhex(test, "key", "iv", "aad", "msg", "ct", "tag")
        if test["result"] == "valid":
            assert AESGCMSIV(key).encrypt(nonce, plaintext, aad) == ciphertext + tag
            assert AESGCMSIV(key).decrypt(nonce, ciphertext + tag, aad) == plaintext
            tally.accepted += 1
        else:
            with pytest.raises((InvalidTag, ValueError)):
                AESGCMSIV(key).decrypt(nonce, ciphertext + tag, aad)
            tally.refused += 1
    return tally


def aes_kwp() -> Tally:
    """RFC 5649 / NIST SP 800-38F; keys.persons wraps and unwraps keys of 32 bytes and refuses every other length."""
    tally = Tally()
    for bits in (128, 192, 256):
        for record in records(f"keywrap/kwtestvectors/KWP_AE_{bits}.txt", "count"):
            key, plaintext, ciphertext = unhex(record, "k", "p", "c")
            _wrapped(tally, key, plaintext, ciphertext)
        for record in records(f"keywrap/kwtestvectors/KWP_AD_{bits}.txt", "count"):
            key, plaintext, ciphertext = unhex(record, "k", "p", "c")
            if "fail" in record:
                _not_wrapped(tally, key, ciphertext)
            else:
                _wrapped(tally, key, plaintext, ciphertext)
    for record in records("keywrap/kwp_botan.txt", "count"):
        _wrapped(tally, *unhex(record, "key", "input", "output"))
    for _, test in wycheproof("aes_kwp"):
        key, plaintext, ciphertext = unhex(test, "key", "msg", "ct")
        if test["result"] == "valid":
            _wrapped(tally, key, plaintext, ciphertext)
        else:
            _not_wrapped(tally, key, ciphertext)
    return tally


def _wrapped(tally: Tally, key: bytes, plaintext: bytes, ciphertext: bytes) -> None:
    assert aes_key_wrap_with_padding(key, plaintext) == ciphertext
    assert aes_key_unwrap_with_padding(key, ciphertext) == plaintext
    tally.accepted += 1
    if len(key) == 32:
        tally.ours += 1
        if len(plaintext) == 32:
            assert wrap_data_key(key, plaintext) == ciphertext
            assert unwrap_data_key(key, ciphertext) == plaintext
        else:
            with pytest.raises(BadEnvelope):
                wrap_data_key(key, plaintext)
            with pytest.raises(BadEnvelope):
                unwrap_data_key(key, ciphertext)


def _not_wrapped(tally: Tally, key: bytes, ciphertext: bytes) -> None:
    with pytest.raises(InvalidUnwrap):
        aes_key_unwrap_with_padding(key, ciphertext)
    tally.refused += 1
    if len(key) == 32:
        tally.ours += 1
        with pytest.raises(BadEnvelope):
            unwrap_data_key(key, ciphertext)


def sm4_gcm() -> Tally:
    """RFC 8998 appendix A.2 and Wycheproof; the library refuses initialisation vectors below 64 and above 1024 bits."""
    tally = Tally()
    for record in records("ciphers/SM4/rfc8998.txt", "count"):
        _sm4(tally, True, *unhex(record, "key", "iv", "aad", "plaintext", "ciphertext", "tag"))
    for _, test in wycheproof("sm4_gcm"):
        valid = test["result"] == "valid"
        _sm4(tally, valid, *unhex(test, "key", "iv", "aad", "msg", "ct", "tag"))
    return tally


def _sm4(
    tally: Tally, valid: bool, key: bytes, iv: bytes, aad: bytes, plaintext: bytes, ciphertext: bytes, tag: bytes
) -> None:
    if valid and 8 <= len(iv) <= 128:
        encryptor = Cipher(SM4(key), GCM(iv)).encryptor()
        encryptor.authenticate_additional_data(aad)
        assert encryptor.update(plaintext) + encryptor.finalize() + encryptor.tag == ciphertext + tag
        assert _sm4_opened(key, iv, aad, ciphertext, tag) == plaintext
        tally.accepted += 1
        tag = tag[:-1] + bytes([tag[-1] ^ 1])
    with pytest.raises((InvalidTag, ValueError)):
        _sm4_opened(key, iv, aad, ciphertext, tag)
    tally.refused += 1


def _sm4_opened(key: bytes, iv: bytes, aad: bytes, ciphertext: bytes, tag: bytes) -> bytes:
    decryptor = Cipher(SM4(key), GCM(iv, tag)).decryptor()
    decryptor.authenticate_additional_data(aad)
    return decryptor.update(ciphertext) + decryptor.finalize()


def sm3() -> Tally:
    """GB/T 32905 with the examples of its appendix A."""
    tally = Tally()
    for record in records("hashes/SM3/oscca.txt", "len"):
        message, digest = unhex(record, "msg", "md")
        one = Hash(SM3())
        one.update(message[: int(record["len"]) // 8])
        assert one.finalize() == digest
        tally.accepted += 1
    return tally


def hmac_sm3() -> Tally:
    """RFC 2104 over SM3; Wycheproof has the only published vectors."""
    return _mac("hmac_sm3", SM3())


def hmac_sha256() -> Tally:
    """RFC 4231 and Wycheproof."""
    tally = _mac("hmac_sha256", SHA256())
    for record in records("HMAC/rfc-4231-sha256.txt", "len"):
        key, message, tag = unhex(record, "key", "msg", "md")
        mac = HMAC(key, SHA256())
        mac.update(message)
        assert mac.finalize()[: len(tag)] == tag
        tally.accepted += 1
    return tally


def _mac(name: str, algorithm: HashAlgorithm) -> Tally:
    tally = Tally()
    for group, test in wycheproof(name):
        key, message, tag = unhex(test, "key", "msg", "tag")
        mac = HMAC(key, algorithm)
        mac.update(message)
        if test["result"] == "valid":
            # A shorter tag is the beginning of the whole one.
            assert mac.finalize()[: group["tagSize"] // 8] == tag
            tally.accepted += 1
        elif len(tag) == algorithm.digest_size:
            with pytest.raises(InvalidSignature):
                mac.verify(tag)
            tally.refused += 1
        else:
            assert mac.finalize()[: len(tag)] != tag
            tally.refused += 1
    return tally


def hkdf_sha256() -> Tally:
    """RFC 5869 appendix A, one long output, and Wycheproof; extract and expand also one by one, as keys.envelope does."""
    tally = Tally()
    for name in ("rfc-5869-HKDF-SHA256.txt", "hkdf-generated.txt"):
        for record in records(f"KDF/{name}", "count"):
            secret, salt, info, output, extracted = unhex(record, "ikm", "salt", "info", "okm", "prk")
            assert HKDF(SHA256(), int(record["l"]), salt, info).derive(secret) == output
            if extracted:
                assert HKDF.extract(SHA256(), salt, secret) == extracted
            _first_block(secret, salt, info, output)
            tally.accepted += 1
    for _, test in wycheproof("hkdf_sha256"):
        secret, salt, info, output = unhex(test, "ikm", "salt", "info", "okm")
        if test["result"] == "valid":
            assert HKDF(SHA256(), test["size"], salt, info).derive(secret) == output
            _first_block(secret, salt, info, output)
            tally.accepted += 1
        else:
            with pytest.raises(ValueError):
                HKDF(SHA256(), test["size"], salt, info)
            tally.refused += 1
    return tally


def _first_block(secret: bytes, salt: bytes, info: bytes, output: bytes) -> None:
    """The one block that `keys.envelope.aes` makes, in its way: HMAC keyed by what was extracted, and a copy of it."""
    expand = HMAC(HKDF.extract(SHA256(), salt or None, secret), SHA256()).copy()
    expand.update(info + b"\x01")
    assert expand.finalize()[: len(output)] == output[:32]


def argon2id() -> Tally:
    """RFC 9106 and the reference program, under the parameters that the library admits."""
    tally = Tally()
    for record in records("KDF/argon2id.txt", "count"):
        secret, password, salt, ad, output = unhex(record, "secret", "pass", "salt", "ad", "output")
        derived = Argon2id(
            salt=salt,
            length=int(record["length"]),
            iterations=int(record["iter"]),
            lanes=int(record["lanes"]),
            memory_cost=int(record["memcost"]),
            ad=ad or None,
            secret=secret or None,
        ).derive(password)
        assert derived == output
        tally.accepted += 1
    return tally
