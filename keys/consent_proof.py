"""The person's own word for a consent: how it is made, sealed for a node, and verified without believing the gateway.

Two kinds. **token**: an OIDC token of an accepted issuer whose `nonce` is the base64url SHA-256 of the consent's exact
bytes; whoever logs in for it has that text in front of them. **key**: a signature over the consent by the person's own
P-256 key, and a token whose `nonce` binds that key. A third kind, **session**, is no proof: only the gateway says that
the person consented while logged in.

A proof holds the identifier, so it never lies in the clear. With it travels the salt, the key of the commitment in the
artefact. For a node both are sealed under a key derived from the request's subject nonce and the canonical identifier:
who has no record about the person cannot open it, and learns nothing that the request's own commitment does not tell.

Rules kept here: signature, issuer, audience and nonce are verified over the exact token; algorithms are named; times
are compared with the consent's, not with the clock alone, because a proof is verified long after the token has expired.
Everything raises, nothing returns a boolean.

It does not know what a canonical identifier looks like: callers normalise what the token says.
"""

import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwt
from joserfc.errors import JoseError

from keys import canonical
from keys.errors import BadConsentProof, BadSignature, ProofFault, UnusableKeys
from keys.id_tokens import read_unverified
from keys.jwks import PublicKeys
from keys.signing import CONSENT, VerifyKey

SALT_BYTES: Final = 32
MAX_TOKEN: Final = 6 * 1024
LEEWAY_MS: Final = 60_000
"""How far an issuer's clock may be from ours."""
DAY_MS: Final = 86_400_000
BINDING_MS: Final = 366 * DAY_MS
"""How long before a consent the token that binds a person's own key may have been made."""

_STEPS: Final = (2_048, 4_096, 8_192, 16_384)
_NONCE: Final = 12
_LENGTH: Final = 4
_DIGEST: Final = 32
_MAX_CLAIM: Final = 256
_MAX_RELATIONS: Final = 32
_INFO: Final = b"oncegate/v1/consent-proof\x00"
_KEY_DOMAIN: Final = b"oncegate-consent-key-v1\x00"
_MEMBERS: Final = frozenset({"kind", "salt", "token", "key", "signature"})


class ProofKind(StrEnum):
    """Whose word stands for a consent."""

    SESSION = "session"
    TOKEN = "token"  # noqa: S105 - a kind of proof
    KEY = "key"


@dataclass(frozen=True, slots=True)
class ConsentProof:
    """A proof with the salt of the commitment. Its `repr` shows nothing of them.

    Args:
        kind: Whose word.
        salt: Key of the commitments in the artefact, 32 bytes.
        token: The issuer's token; empty for a session.
        key: The person's own public key, DER; empty but for the kind `key`.
        signature: That key's signature over the artefact; empty but for the kind `key`.
    """

    kind: ProofKind
    salt: bytes = field(repr=False)
    token: str = field(default="", repr=False)
    key: bytes = field(default=b"", repr=False)
    signature: bytes = field(default=b"", repr=False)

    def write(self) -> bytes:
        """Canonical JSON, to be sealed."""
        return canonical.write(
            {
                "kind": str(self.kind),
                "salt": canonical.to_text(self.salt),
                "token": self.token,
                "key": canonical.to_text(self.key),
                "signature": canonical.to_text(self.signature),
            }
        )

    @classmethod
    def read(cls, raw: bytes) -> "ConsentProof":
        """Reads what `write` wrote.

        Raises:
            BadConsentProof: It is not such a text. Fails closed.
        """
        try:
            said = canonical.read(raw)
            if set(said) != _MEMBERS or not isinstance(said["token"], str) or len(said["token"]) > MAX_TOKEN:
                raise BadConsentProof(ProofFault.INVALID)
            salt = canonical.from_text(said["salt"])
            if len(salt) != SALT_BYTES:
                raise BadConsentProof(ProofFault.INVALID)
            key, signature = canonical.from_text(said["key"]), canonical.from_text(said["signature"])
            return cls(ProofKind(str(said["kind"])), salt, said["token"], key, signature)
        except (canonical.NotCanonical, ValueError):
            raise BadConsentProof(ProofFault.INVALID) from None


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """An issuer whose tokens count as people's own word.

    Args:
        issuer: The `iss` claim, exactly.
        keys: Its public keys; keys that signed a consent in force must stay in the file.
        audience: What `aud` must contain.
        algorithms: Accepted signature algorithms, among `keys.jwks.ALGORITHMS`.
        scheme: Scheme of the identifier.
        identifier_claim: Claim with the person's identifier.
        relations_claim: Claim with the persons for whom the holder may act; empty when it vouches for none.
    """

    issuer: str
    keys: PublicKeys
    audience: str
    algorithms: tuple[str, ...]
    scheme: str
    identifier_claim: str
    relations_claim: str = ""


@dataclass(frozen=True, slots=True)
class Proven:
    """Who gave a proof, as the issuer says. Identifiers are as typed there; no `repr` shows them.

    Args:
        scheme: Scheme of the identifiers.
        identifier: Whose token it is.
        issued_ms: When the token was made, Unix ms.
        expires_ms: When it expired or expires, Unix ms.
        acts_for: Relation and identifier of the persons for whom the holder may act.
    """

    scheme: str
    identifier: str = field(repr=False)
    issued_ms: int
    expires_ms: int
    acts_for: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def consent_nonce(consent_digest: bytes) -> str:
    """The `nonce` of a token that proves a consent: base64url of its SHA-256, without padding."""
    return canonical.to_text(consent_digest)


def key_nonce(key: bytes) -> str:
    """The `nonce` of a token that binds a person's own key: base64url of SHA-256(domain ‖ DER)."""
    return canonical.to_text(sha256(_KEY_DOMAIN + key).digest())


class ProofVerifier:
    """Verifies proofs. May be used from several threads.

    Args:
        issuers: Whose tokens count; with none, nobody's.
    """

    def __init__(self, issuers: Sequence[TokenIssuer]) -> None:
        self._issuers = {issuer.issuer: issuer for issuer in issuers}

    def verify(
        self, proof: ConsentProof, consent: bytes, *, created_ms: int, valid_until_ms: int, now_ms: int
    ) -> Proven:
        """Accepts by returning who gave the proof. Fails closed.

        Args:
            proof: The proof.
            consent: The artefact's exact bytes.
            created_ms: When the artefact was made.
            valid_until_ms: End of its validity.
            now_ms: Now.

        Returns:
            Who gave it. That this is the subject, or may act for the subject, is for the caller to compare.

        Raises:
            BadConsentProof: With what does not hold.
        """
        if proof.kind is ProofKind.SESSION:
            raise BadConsentProof(ProofFault.ABSENT)
        if proof.kind is ProofKind.KEY:
            try:
                VerifyKey.from_der(proof.key).verify(CONSENT, consent, proof.signature)
            except BadSignature:
                raise BadConsentProof(ProofFault.INVALID) from None
            nonce, earliest_ms = key_nonce(proof.key), created_ms - BINDING_MS
        else:
            nonce, earliest_ms = consent_nonce(sha256(consent).digest()), created_ms
        issuer, claims = self._opened(proof.token)
        said = claims.get("nonce")
        if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
            raise BadConsentProof(ProofFault.NONCE)
        proven = _proven(issuer, claims)
        latest_ms = min(valid_until_ms, now_ms) + LEEWAY_MS
        if not earliest_ms - LEEWAY_MS <= proven.issued_ms <= latest_ms:
            raise BadConsentProof(ProofFault.TIME)
        return proven

    def _opened(self, token: str) -> tuple[TokenIssuer, Mapping[str, Any]]:
        """The claims of a token whose signature, issuer and audience hold."""
        if not token or len(token) > MAX_TOKEN or not token.isascii():
            raise BadConsentProof(ProofFault.INVALID)
        try:
            return self._decoded(token)
        except (JoseError, UnusableKeys, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            # The library is not promised to stay inside its own errors for every malformed input.
            raise BadConsentProof(ProofFault.INVALID) from None

    def _decoded(self, token: str) -> tuple[TokenIssuer, Mapping[str, Any]]:
        unverified = read_unverified(token)
        # Not verified yet: the claim only chooses by whose keys the token is verified, and is checked again after.
        issuer = self._issuers.get(unverified.claims["iss"])
        algorithm = unverified.header["alg"]
        if issuer is None or algorithm not in issuer.algorithms:
            raise BadConsentProof(ProofFault.INVALID)
        key = issuer.keys.find(unverified.header.get("kid"), algorithm)
        claims: Mapping[str, Any] = jwt.decode(token, key, algorithms=list(issuer.algorithms)).claims
        audience = claims.get("aud")
        if claims.get("iss") != issuer.issuer or issuer.audience not in (
            audience if isinstance(audience, list) else [audience]
        ):
            raise BadConsentProof(ProofFault.INVALID)
        return issuer, claims


def _proven(issuer: TokenIssuer, claims: Mapping[str, Any]) -> Proven:
    issued, expires, identifier = claims.get("iat"), claims.get("exp"), claims.get(issuer.identifier_claim)
    if type(issued) is not int or type(expires) is not int or expires <= issued:
        raise BadConsentProof(ProofFault.TIME)
    if not isinstance(identifier, str) or not 0 < len(identifier) <= _MAX_CLAIM:
        raise BadConsentProof(ProofFault.PERSON)
    acts_for: list[tuple[str, str]] = []
    said = claims.get(issuer.relations_claim) if issuer.relations_claim else None
    for one in said[:_MAX_RELATIONS] if isinstance(said, list) else []:
        relation, whom = (one.get("relation"), one.get("identifier")) if isinstance(one, dict) else (None, None)
        if isinstance(relation, str) and isinstance(whom, str) and len(whom) <= _MAX_CLAIM:
            acts_for.append((relation, whom))
    return Proven(issuer.scheme, identifier, issued * 1000, expires * 1000, tuple(acts_for))


def seal_proof(
    proof: ConsentProof, *, nonce: bytes, scheme: str, canonical_identifier: str, consent_digest: bytes
) -> bytes:
    """Seals a proof for whoever knows the identifier.

    Args:
        proof: The proof.
        nonce: The request's subject nonce, 32 bytes.
        scheme: Kind of identifier.
        canonical_identifier: The subject's identifier.
        consent_digest: SHA-256 of the artefact.

    Returns:
        Nonce ‖ ciphertext; its length is one of a few steps.

    Raises:
        BadConsentProof: It is longer than the largest step.
    """
    plain = proof.write()
    size = next((step for step in _STEPS if step >= len(plain) + _LENGTH), 0)
    if not size:
        raise BadConsentProof(ProofFault.INVALID)
    padded = len(plain).to_bytes(_LENGTH, "big") + plain + bytes(size - _LENGTH - len(plain))
    fresh = os.urandom(_NONCE)
    key = _sealing_key(nonce, scheme, canonical_identifier, consent_digest)
    return fresh + AESGCMSIV(key).encrypt(fresh, padded, consent_digest)


def open_proof(
    sealed: bytes, *, nonce: bytes, scheme: str, canonical_identifier: str, consent_digest: bytes
) -> ConsentProof:
    """Opens what `seal_proof` sealed. Fails closed.

    Args:
        sealed: As it came.
        nonce: The request's subject nonce.
        scheme: Kind of identifier.
        canonical_identifier: The identifier in one's own record.
        consent_digest: SHA-256 of the artefact.

    Raises:
        BadConsentProof: It is about another person or consent, or was changed.
    """
    key = _sealing_key(nonce, scheme, canonical_identifier, consent_digest)
    try:
        padded = AESGCMSIV(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], consent_digest)
    except (InvalidTag, ValueError):
        raise BadConsentProof(ProofFault.PERSON) from None
    length = int.from_bytes(padded[:_LENGTH], "big")
    return ConsentProof.read(padded[_LENGTH : _LENGTH + length])


def _sealing_key(nonce: bytes, scheme: str, canonical_identifier: str, consent_digest: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) over nonce ‖ scheme ‖ 00 ‖ identifier, salted with the consent's digest."""
    if len(consent_digest) != _DIGEST or "\x00" in scheme:
        raise BadConsentProof(ProofFault.INVALID)
    secret = nonce + scheme.encode() + b"\x00" + canonical_identifier.encode()
    return HKDF(SHA256(), 32, consent_digest, _INFO).derive(secret)
