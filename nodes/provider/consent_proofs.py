"""Whether a consent is the word of the very person whom a record is about, checked without believing the gateway.

The proof came sealed under a key made of the request's nonce and the subject's identifier. It is opened with the
identifier in the node's own record, so a record about another person opens nothing. Then: the record's person is the
one whom the consent's text commits to, and, where the department or its agreement asks for it, an issuer whom this
department accepts vouches that this person, or one who may act for them, gave this very consent.

Rules kept here: fails closed; whichever part does not hold, the same work is done, so that neither time nor size tells
a record that is not there from one whose person did not consent. Which it was is told to nobody.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from keys.consent_proof import (
    SALT_BYTES,
    ConsentProof,
    ProofKind,
    ProofVerifier,
    Proven,
    TokenIssuer,
    consent_nonce,
    open_proof,
)
from keys.errors import BadConsentProof, BadSignature, ProofFault
from keys.jwks import FixedKeys
from keys.signing import CONSENT, SigningKey
from keys.subjects import check_subject
from nodes.provider.model import IncomingAsk
from policies.agreements import Agreement
from policies.consent_words import Proof
from policies.consents import Consent
from policies.identifiers import BadIdentifier, normalise

_NOBODY: Final = "0"


class ConsentProofs:
    """Checks proofs for one node. May be used from several threads.

    Args:
        issuers: Whose tokens the department accepts.
        proof: What the department asks for; an agreement may ask for more, never for less.
    """

    def __init__(self, issuers: Sequence[TokenIssuer], proof: Proof) -> None:
        self._proof = proof
        self._verifier = ProofVerifier(issuers)
        self._decoy = _Decoy(issuers[0].algorithms[0] if issuers else "ES256")

    def holds(self, ask: IncomingAsk, consent: Consent, agreement: Agreement, identifier: str, now_ms: int) -> bool:
        """Whether the consent is the word of the person with this identifier. Fails closed; never raises.

        Args:
            ask: As it came in.
            consent: Its consent, whose text fits the request.
            agreement: The department's own copy.
            identifier: Canonical, from the record; anything for a record that is not there.
            now_ms: Now, Unix ms.
        """
        proof = self._opened(ask, consent, identifier)
        terms = agreement.consent
        needed = self._proof is Proof.REQUIRED or terms is None or terms.proof is Proof.REQUIRED
        # Always one token and one signature, so that whatever the proof is, it takes the same work.
        if proof is None or proof.kind is not ProofKind.KEY:
            self._decoy.signature(consent)
        if proof is None or proof.kind is ProofKind.SESSION:
            self._decoy.token(consent)
            return proof is not None and not needed
        try:
            proven = self._verifier.verify(
                proof,
                consent.raw,
                created_ms=consent.created_ms,
                valid_until_ms=consent.valid_until_ms,
                now_ms=now_ms,
            )
            return _is_person(proven, proof, consent, identifier)
        except BadConsentProof as error:
            if error.why is ProofFault.INVALID:
                # It may have been refused before any signature was looked at, as one of an unknown issuer is.
                self._decoy.token(consent)
            return False
        except (BadIdentifier, BadSignature):
            return False

    @staticmethod
    def _opened(ask: IncomingAsk, consent: Consent, identifier: str) -> ConsentProof | None:
        """The proof, if it is about the person with this identifier and the text commits to that person."""
        try:
            proof = open_proof(
                ask.consent_proof,
                nonce=ask.subject_nonce,
                scheme=consent.scheme,
                canonical_identifier=identifier,
                consent_digest=consent.digest,
            )
            check_subject(proof.salt, consent.scheme, identifier, consent.commitment)
        except (BadConsentProof, BadSignature):
            return None
        return proof


def _is_person(proven: Proven, proof: ConsentProof, consent: Consent, identifier: str) -> bool:
    """Whether the token is the subject's own, or the delegate's whom the text names and the issuer vouches for.

    Raises:
        BadIdentifier: The token's identifier breaks its scheme's rule.
        BadSignature: The text commits to another delegate.
    """
    who = normalise(proven.scheme, proven.identifier)
    if consent.delegate is None:
        return (proven.scheme, who) == (consent.scheme, identifier)
    check_subject(proof.salt, proven.scheme, who, consent.delegate.commitment)
    return any(
        relation == consent.delegate.relation
        and (proven.scheme, normalise(proven.scheme, whom)) == (consent.scheme, identifier)
        for relation, whom in proven.acts_for
    )


class _Decoy:
    """A token of nobody, verified where there is none, under a key of its own that is accepted nowhere else.

    Args:
        algorithm: Of the issuer whose tokens are usual here.
    """

    def __init__(self, algorithm: str) -> None:
        key = _key(algorithm)
        issuer = TokenIssuer(_NOBODY, FixedKeys(key), _NOBODY, (algorithm,), _NOBODY, "sub")
        self._verifier = ProofVerifier([issuer])
        signer = SigningKey.generate()
        self._signer, self._signature = signer.verify_key, signer.sign(CONSENT, b"")
        # The nonce is nobody's either; it is compared last but for the times.
        claims = {"iss": _NOBODY, "aud": _NOBODY, "sub": _NOBODY, "iat": 1, "exp": 2, "nonce": consent_nonce(bytes(32))}
        self._token = jwt.encode({"alg": algorithm, "typ": "JWT"}, claims, key, algorithms=[algorithm])

    def signature(self, consent: Consent) -> None:
        """Verify a signature of nobody's key over something else."""
        with suppress(BadSignature):
            self._signer.verify(CONSENT, consent.raw, self._signature)

    def token(self, consent: Consent) -> None:
        """Do the work of verifying a token and throw the result away."""
        proof = ConsentProof(ProofKind.TOKEN, bytes(SALT_BYTES), self._token)
        with suppress(BadConsentProof):
            self._verifier.verify(
                proof, consent.raw, created_ms=consent.created_ms, valid_until_ms=consent.valid_until_ms, now_ms=0
            )


def _key(algorithm: str) -> Key:
    if algorithm == "Ed25519":
        return OKPKey.generate_key("Ed25519", auto_kid=True)
    if algorithm.startswith("ES"):
        curve = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm]
        return ECKey.generate_key(curve, auto_kid=True)
    return RSAKey.generate_key(2048, auto_kid=True)
