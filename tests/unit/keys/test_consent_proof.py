"""Proofs of consents: bound to one text, one person and one time; sealed for whoever knows the identifier."""

import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

from keys.consent_proof import (
    BINDING_MS,
    LEEWAY_MS,
    ConsentProof,
    ProofKind,
    ProofVerifier,
    TokenIssuer,
    consent_nonce,
    key_nonce,
    open_proof,
    seal_proof,
)
from keys.errors import BadConsentProof, ProofFault, UnusableKeys
from keys.jwks import FixedKeys, JwksFile
from keys.signing import CONSENT, REQUEST, SigningKey

NOW_MS = int(time.time()) * 1000
TEXT = b'{"format":"oncegate.consent/1"}'
SALT = b"s" * 32
PERSON = "11010519491231002X"
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
ISSUER = TokenIssuer(
    "https://id.test", FixedKeys(KEY), "oncegate", ("ES256",), "cn.resident-id", "resident_id", "acts_for"
)


def token(key: Any = KEY, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token over the text."""
    said = {
        "iss": "https://id.test",
        "aud": "oncegate",
        "sub": "1",
        "iat": NOW_MS // 1000,
        "exp": NOW_MS // 1000 + 300,
        "resident_id": PERSON,
        "nonce": consent_nonce(sha256(TEXT).digest()),
        **claims,
    }
    head = {"alg": "ES256", "typ": "JWT", **(header or {})}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(head, kept, key, algorithms=[head["alg"]])


def verify(proof: ConsentProof, *, text: bytes = TEXT, now_ms: int = NOW_MS, created_ms: int = NOW_MS) -> Any:
    return ProofVerifier([ISSUER]).verify(
        proof, text, created_ms=created_ms, valid_until_ms=NOW_MS + 10**9, now_ms=now_ms
    )


def by_token(text: str) -> ConsentProof:
    return ConsentProof(ProofKind.TOKEN, SALT, text)


def fault(proof: ConsentProof, **changes: Any) -> ProofFault:
    with pytest.raises(BadConsentProof) as caught:
        verify(proof, **changes)
    assert PERSON not in str(caught.value)
    return caught.value.why


def test_a_token_over_the_text_says_who_gave_it_and_for_whom_they_may_act() -> None:
    whom = [{"relation": "guardian", "identifier": "X1"}, {"relation": 1}, "x"]
    proven = verify(by_token(token(acts_for=whom)))
    assert (proven.scheme, proven.identifier, proven.acts_for) == ("cn.resident-id", PERSON, (("guardian", "X1"),))
    assert PERSON not in repr(proven)
    assert SALT.hex() not in repr(by_token("x"))


def test_a_token_counts_long_after_it_expired_but_not_before_the_consent_or_from_the_future() -> None:
    assert verify(by_token(token()), now_ms=NOW_MS + 10**9).issued_ms == NOW_MS
    assert fault(by_token(token()), created_ms=NOW_MS + LEEWAY_MS + 1000, now_ms=NOW_MS + 10**6) is ProofFault.TIME
    assert fault(by_token(token()), now_ms=NOW_MS - LEEWAY_MS - 1000) is ProofFault.TIME
    assert verify(by_token(token()), now_ms=NOW_MS - LEEWAY_MS, created_ms=NOW_MS + LEEWAY_MS)


def test_a_token_over_another_text_is_no_proof() -> None:
    assert fault(by_token(token()), text=TEXT + b" ") is ProofFault.NONCE
    assert fault(by_token(token(nonce=None))) is ProofFault.NONCE
    assert fault(by_token(token(nonce=["x"]))) is ProofFault.NONCE


@pytest.mark.parametrize(
    "made",
    [
        lambda: "",
        lambda: "x" * 7000,
        lambda: "a.b.c",
        lambda: "é",
        lambda: token(ECKey.generate_key("P-256", {"kid": "k1"})),
        lambda: token(iss="https://other.test"),
        lambda: token(iss=None),
        lambda: token(aud="another"),
        lambda: token(aud=None),
        lambda: token(header={"typ": "other"}),
        lambda: token(header={"jwk": KEY.as_dict(private=False)}),
        lambda: token(OctKey.import_key(b"k" * 32), header={"alg": "HS256"}),
        lambda: token()[:-4] + "AAAA",
        # alg=none, by hand: no library makes one.
        lambda: "eyJhbGciOiJub25lIn0." + token().split(".")[1] + ".",
    ],
)
def test_a_forged_or_foreign_token_is_invalid(made: Any) -> None:
    assert fault(by_token(made())) is ProofFault.INVALID


@pytest.mark.parametrize(
    ("claims", "why"),
    [
        ({"iat": None}, ProofFault.TIME),
        ({"iat": "1"}, ProofFault.TIME),
        ({"exp": NOW_MS // 1000}, ProofFault.TIME),
        ({"resident_id": None}, ProofFault.PERSON),
        ({"resident_id": 7}, ProofFault.PERSON),
        ({"resident_id": "x" * 300}, ProofFault.PERSON),
    ],
)
def test_a_token_without_a_time_or_a_person_is_refused(claims: dict[str, Any], why: ProofFault) -> None:
    assert fault(by_token(token(**claims))) is why


def test_a_session_is_no_proof() -> None:
    assert fault(ConsentProof(ProofKind.SESSION, SALT)) is ProofFault.ABSENT


def test_a_persons_own_key_proves_what_a_token_bound_to_it() -> None:
    key = SigningKey.generate()
    bound = token(nonce=key_nonce(key.verify_key.der), iat=NOW_MS // 1000 - 1000)
    proof = ConsentProof(ProofKind.KEY, SALT, bound, key.verify_key.der, key.sign(CONSENT, TEXT))
    assert verify(proof).identifier == PERSON
    other = SigningKey.generate()
    assert fault(replace(proof, signature=other.sign(CONSENT, TEXT))) is ProofFault.INVALID
    assert fault(replace(proof, signature=key.sign(REQUEST, TEXT))) is ProofFault.INVALID
    swapped = replace(proof, key=other.verify_key.der, signature=other.sign(CONSENT, TEXT))
    assert fault(swapped) is ProofFault.NONCE
    # A token over the consent itself binds no key, and one that binds a key is no token over the consent.
    assert fault(replace(proof, token=token())) is ProofFault.NONCE
    assert fault(by_token(bound)) is ProofFault.NONCE
    assert fault(proof, created_ms=NOW_MS + BINDING_MS + 10**8, now_ms=NOW_MS + BINDING_MS + 10**8) is ProofFault.TIME


def sealed(proof: ConsentProof, **changes: Any) -> bytes:
    return seal_proof(proof, **(PLACE | changes))


PLACE: dict[str, Any] = {
    "nonce": b"n" * 32,
    "scheme": "cn.resident-id",
    "canonical_identifier": PERSON,
    "consent_digest": b"d" * 32,
}


def test_only_the_same_person_request_and_consent_open_a_sealed_proof() -> None:
    proof = by_token(token())
    box = sealed(proof)
    assert open_proof(box, **PLACE) == proof
    for change in (
        {"nonce": b"m" * 32},
        {"scheme": "cn.uscc"},
        {"canonical_identifier": "440524188001010014"},
        {"consent_digest": b"e" * 32},
    ):
        with pytest.raises(BadConsentProof) as caught:
            open_proof(box, **(PLACE | change))
        assert caught.value.why is ProofFault.PERSON
    for broken in (b"", box[:-1], box[:20], box[:-1] + bytes([box[-1] ^ 1])):
        with pytest.raises(BadConsentProof):
            open_proof(broken, **PLACE)


def test_a_sealed_proof_shows_its_length_in_a_few_steps_only() -> None:
    assert len(sealed(ConsentProof(ProofKind.SESSION, SALT))) == len(sealed(by_token("x" * 1500)))
    assert PERSON.encode() not in sealed(by_token(token()))
    with pytest.raises(BadConsentProof):
        sealed(replace(by_token("x"), signature=b"x" * 20_000))
    with pytest.raises(BadConsentProof):
        sealed(by_token("x"), scheme="a\0b")


@pytest.mark.parametrize(
    "raw", [b"", b"{}", b'{"kind":"token"}', b'{"kind":"x","key":"","salt":"","signature":"","token":""}']
)
def test_what_is_no_proof_is_not_read(raw: bytes) -> None:
    with pytest.raises(BadConsentProof):
        ConsentProof.read(raw)


def test_a_proof_with_a_short_salt_or_an_overlong_token_is_not_read() -> None:
    for broken in (ConsentProof(ProofKind.TOKEN, b"s", "t"), by_token("x" * 7000)):
        with pytest.raises(BadConsentProof):
            ConsentProof.read(broken.write())


def test_an_issuer_whose_key_file_is_gone_proves_nothing(tmp_path: Path) -> None:
    issuer = replace(ISSUER, keys=JwksFile(tmp_path / "none.json"))
    with pytest.raises(UnusableKeys):
        JwksFile(tmp_path / "none.json").load()
    with pytest.raises(BadConsentProof) as caught:
        ProofVerifier([issuer]).verify(
            by_token(token()), TEXT, created_ms=NOW_MS, valid_until_ms=NOW_MS + 10**9, now_ms=NOW_MS
        )
    assert caught.value.why is ProofFault.INVALID
