"""Reading a peer's certificate after TLS has verified its chain: who it is and until when.

The only name read is the one SPIFFE id among the subject alternative names. A certificate with none or several is
refused; the common name is never looked at. The chain, the clock and revocation are the caller's to check.
"""

from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from keys.certificates.csr import spki_of
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """What a leaf certificate says.

    Attributes:
        spiffe: Who the peer is.
        serial: Serial number.
        not_before_ms: First moment of validity, Unix ms.
        not_after_ms: Last moment of validity, Unix ms.
        public_key_der: DER SubjectPublicKeyInfo.
        thumbprint: SHA-256 of the whole certificate's DER.
    """

    spiffe: SpiffeId
    serial: int
    not_before_ms: int
    not_after_ms: int
    public_key_der: bytes
    thumbprint: bytes


def peer_from_pem(certificate_pem: bytes) -> PeerCertificate:
    """Reads a leaf certificate; the newest thousands are kept parsed, by their exact bytes.

    Args:
        certificate_pem: One certificate, as the TLS library hands it over.

    Returns:
        What it says.

    Raises:
        BadCertificate: It is malformed, is an authority's, has no or several URI names, a name that is no SPIFFE id of
            ours, or a key that is not P-256. Fails closed.
    """
    return _peer(certificate_pem)


@lru_cache(maxsize=4096)
def _peer(certificate_pem: bytes) -> PeerCertificate:
    """Parses; failures are not kept."""
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        key = certificate.public_key()
        extensions = certificate.extensions
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension):
        raise BadCertificate("the certificate is malformed") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCertificate("the certificate's key is not a P-256 key")
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            raise BadCertificate("the certificate is an authority's")
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        raise BadCertificate("the certificate lacks an extension that ours have") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if len(uris) != 1:
        raise BadCertificate("the certificate does not have exactly one URI name")
    return PeerCertificate(
        spiffe=SpiffeId.parse(uris[0]),
        serial=certificate.serial_number,
        not_before_ms=int(certificate.not_valid_before_utc.timestamp()) * 1000,
        not_after_ms=int(certificate.not_valid_after_utc.timestamp()) * 1000,
        public_key_der=spki_of(key),
        thumbprint=certificate.fingerprint(SHA256()),
    )
