"""Every primitive that keys/ relies on gives the published answers; each test prints how many vectors it ran.

Sources: the `cryptography-vectors` wheel, and six of the files of Wycheproof (`tests/conformance/wycheproof`), which has most of
the inputs that must be refused. There are no published vectors for HKDF-SM3 (RFC 5869 written out over HMAC-SM3 stands in:
`unit/keys/envelope` the layout of sm4 is the documented one) and none for X-Wing with AES-256-GCM (see `hpke_x_wing`).
What seals under keys and nonces that it makes itself (the suites of fields) cannot be given published ones: its layout
tests put the same bytes together from the primitives that are proved here.
"""

import ast
from collections.abc import Callable

import pytest

from tests.architecture.sources import modules, name, tree
from tests.conformance.vectors import asymmetric, symmetric
from tests.conformance.vectors.tally import Tally

# What is run, and how many there are: known answers, refused, through our modules.
VECTORS: dict[str, tuple[Callable[[], Tally], Tally]] = {
    "aes_gcm_siv": (symmetric.aes_gcm_siv, Tally(228, 158, 0)),
    "aes_kwp": (symmetric.aes_kwp, Tally(2906, 477, 1094)),
    "sm4_gcm": (symmetric.sm4_gcm, Tally(67, 105, 0)),
    "sm3": (symmetric.sm3, Tally(6, 0, 0)),
    "hmac_sm3": (symmetric.hmac_sm3, Tally(66, 108, 0)),
    "hmac_sha256": (symmetric.hmac_sha256, Tally(72, 108, 0)),
    "hkdf_sha256": (symmetric.hkdf_sha256, Tally(87, 3, 0)),
    "argon2id": (symmetric.argon2id, Tally(6, 0, 0)),
    "hpke_x25519": (asymmetric.hpke_x25519, Tally(6, 12, 0)),
    "hpke_x_wing": (asymmetric.hpke_x_wing, Tally(4, 8, 6)),
    "ml_kem_768": (asymmetric.ml_kem_768, Tally(1000, 0, 0)),
    "x25519_agreement": (asymmetric.x25519_agreement, Tally(3, 1, 0)),
    "ed25519_signatures": (asymmetric.ed25519_signatures, Tally(1024, 1024, 0)),
    "ecdsa_p256": (asymmetric.ecdsa_p256, Tally(3, 12, 0)),
}

# What keys/ imports from `cryptography`, and where it is proved. Certificates have tests of their own.
COVERED = {
    "aead.AESGCMSIV": "aes_gcm_siv",
    "keywrap.aes_key_wrap_with_padding": "aes_kwp",
    "keywrap.aes_key_unwrap_with_padding": "aes_kwp",
    "algorithms.SM4": "sm4_gcm",
    "modes.GCM": "sm4_gcm",
    "ciphers.Cipher": "sm4_gcm",
    "hashes.SM3": "sm3",
    "hashes.SHA256": "hmac_sha256",
    "hmac.HMAC": "hmac_sha256",
    "hkdf.HKDF": "hkdf_sha256",
    "argon2.Argon2id": "argon2id",
    "hpke.Suite": "hpke_x_wing",
    "asymmetric.mlkem": "ml_kem_768",
    "asymmetric.x25519": "x25519_agreement",
    "asymmetric.ed25519": "ed25519_signatures",
    "asymmetric.ec": "ecdsa_p256",
}


@pytest.mark.parametrize("primitive", VECTORS)
def test_a_primitive_gives_the_published_answers(primitive: str) -> None:
    run, expected = VECTORS[primitive]
    tally = run()
    print(f"{primitive:18} {tally}")
    assert tally.accepted > 0
    assert tally == expected


def test_every_primitive_that_is_used_has_vectors() -> None:
    imported = {
        f"{(node.module or '').rpartition('.')[2]}.{alias.name}"
        for path in modules("keys")
        if not name(path).startswith("keys/certificates/")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cryptography.hazmat.primitives")
        for alias in node.names
    }
    no_computation = {
        "hpke.AEAD", "hpke.KDF", "hpke.KEM", "hpke.MLKEM768X25519PrivateKey", "hpke.MLKEM768X25519PublicKey",
        "keywrap.InvalidUnwrap", "primitives.hashes", "primitives.serialization",
    }  # fmt: skip
    assert imported - no_computation - COVERED.keys() == set()
    assert set(COVERED.values()) <= VECTORS.keys()
