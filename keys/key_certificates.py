"""Key certificates: a department says which signing and sealing keys its system or node holds.

A certificate counts only under the department key whose fingerprint the verifier has accepted beforehand. A gateway
taken over can therefore neither put its own sealing key in a consumer's place nor sign in a department's name.

The body is canonical JSON (`keys.canonical`) with exactly these keys: `department`, `format`
("oncegate.key-certificate/1"), `holder` (SPIFFE id), `not_after_ms`, `not_before_ms`, `sealing_key`, `signing_key`
(both base64url). The expensive part (signature, parsing) is remembered; fingerprint and validity are checked at every
call.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from keys import canonical
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate, BadKeyCertificate, BadSignature, SealError
from keys.sealing import RecipientKey
from keys.signing import KEY_CERTIFICATE, SigningKey, VerifyKey, fingerprint_of

FORMAT: Final = "oncegate.key-certificate/1"
LARGEST_BODY: Final = 8192
_TEXTS: Final = ("department", "format", "holder")
_TIMES: Final = ("not_before_ms", "not_after_ms")
_KEYS: Final = frozenset({*_TEXTS, *_TIMES, "signing_key", "sealing_key"})


@dataclass(frozen=True)
class KeyCertificate:
    """What a department certifies.

    Attributes:
        holder: SPIFFE id of the system or node.
        department: Department id; the one in `holder`.
        signing_key: DER SubjectPublicKeyInfo, P-256.
        sealing_key: 1 216 bytes.
        not_before_ms: First moment of validity, Unix ms.
        not_after_ms: Last moment of validity, Unix ms.
    """

    holder: str
    department: str
    signing_key: bytes
    sealing_key: bytes
    not_before_ms: int
    not_after_ms: int

    @property
    def sealing_key_id(self) -> bytes:
        """SHA-256 of the sealing key, 32 bytes."""
        return recipient_key(self).key_id


@dataclass(frozen=True, slots=True)
class CertifiedKeys:
    """A key certificate as it travels.

    Attributes:
        body: Canonical JSON, exact bytes.
        signature: The department's signature over it.
        department_key: DER SubjectPublicKeyInfo of the department's key.
    """

    body: bytes
    signature: bytes
    department_key: bytes


def certify(department_key: SigningKey, certificate: KeyCertificate) -> CertifiedKeys:
    """Signs a certificate with the department's own key.

    Args:
        department_key: The department's key.
        certificate: What to certify; checked like a certificate that is opened.

    Returns:
        What to hand to peers.

    Raises:
        BadKeyCertificate: The certificate would not be accepted by anyone.
    """
    _check(certificate)
    body = canonical.write(
        {
            "format": FORMAT,
            "holder": certificate.holder,
            "department": certificate.department,
            "signing_key": canonical.to_text(certificate.signing_key),
            "sealing_key": canonical.to_text(certificate.sealing_key),
            "not_before_ms": certificate.not_before_ms,
            "not_after_ms": certificate.not_after_ms,
        }
    )
    return CertifiedKeys(body, department_key.sign(KEY_CERTIFICATE, body), department_key.verify_key.der)


def open_certified(certified: CertifiedKeys, *, accepted_fingerprint: str, now_ms: int) -> KeyCertificate:
    """Verifies certified keys and gives what they say. Fails closed.

    Args:
        certified: As it travelled.
        accepted_fingerprint: Fingerprint of the department key that the caller accepted beforehand.
        now_ms: Now, Unix ms.

    Returns:
        The certificate. Compare `holder` with whom you are talking to: this function cannot know.

    Raises:
        BadKeyCertificate: Not signed by the accepted key, malformed, or not valid now.
    """
    # First, so that a stranger's certificates cost no signature check and never displace remembered ones.
    if fingerprint_of(certified.department_key) != accepted_fingerprint:
        raise BadKeyCertificate("the keys are certified by another department key than the accepted one")
    certificate = _verified(certified.body, certified.signature, certified.department_key)
    if not certificate.not_before_ms <= now_ms <= certificate.not_after_ms:
        raise BadKeyCertificate("the key certificate is not valid at this time")
    return certificate


def verify_key(certificate: KeyCertificate) -> VerifyKey:
    """The holder's signing key, parsed once.

    Raises:
        BadSignature: It is not a P-256 key; never for an opened certificate.
    """
    return VerifyKey.from_der(certificate.signing_key)


def recipient_key(certificate: KeyCertificate) -> RecipientKey:
    """The holder's sealing key, parsed once.

    Raises:
        SealError: It is not a sealing key; never for an opened certificate.
    """
    return RecipientKey.from_bytes(certificate.sealing_key)


@lru_cache(maxsize=4096)
def _verified(body: bytes, signature: bytes, department_key: bytes) -> KeyCertificate:
    """What a department key signed. Failures are not kept."""
    if len(body) > LARGEST_BODY:
        raise BadKeyCertificate("the key certificate is too large")
    try:
        VerifyKey.from_der(department_key).verify(KEY_CERTIFICATE, body, signature)
    except BadSignature:
        raise BadKeyCertificate("the key certificate is not signed by the key it names") from None
    return _parse(body)


def _parse(body: bytes) -> KeyCertificate:
    """Reads a body whose signature has been verified."""
    try:
        value = canonical.read(body)
        if value.keys() != _KEYS or value["format"] != FORMAT:
            raise BadKeyCertificate("the key certificate has other entries than it must")
        signing, sealing = canonical.from_text(value["signing_key"]), canonical.from_text(value["sealing_key"])
    except canonical.NotCanonical:
        raise BadKeyCertificate("the key certificate is not canonical JSON") from None
    holder, department = value["holder"], value["department"]
    not_before, not_after = value["not_before_ms"], value["not_after_ms"]
    if not isinstance(holder, str) or not isinstance(department, str):
        raise BadKeyCertificate("the key certificate has an entry of the wrong type")
    if type(not_before) is not int or type(not_after) is not int:
        raise BadKeyCertificate("the key certificate has an entry of the wrong type")
    certificate = KeyCertificate(holder, department, signing, sealing, not_before, not_after)
    _check(certificate)
    return certificate


def _check(certificate: KeyCertificate) -> None:
    """What must hold of every certificate: names agree, keys are usable, the time runs forward."""
    try:
        holder = SpiffeId.parse(certificate.holder)
        verify_key(certificate)
        recipient_key(certificate)
    except (BadCertificate, BadSignature, SealError):
        raise BadKeyCertificate("the key certificate names a malformed holder or key") from None
    if holder.kind == "gateway" or holder.department != certificate.department:
        raise BadKeyCertificate("the holder is not of the certifying department")
    if not 0 <= certificate.not_before_ms < certificate.not_after_ms:
        raise BadKeyCertificate("the key certificate's validity is empty")
