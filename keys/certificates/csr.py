"""Keys and signing requests of TLS peers: P-256, PKCS#10.

A signing request only carries a public key and proves possession of its private half. Names in it mean nothing: who a
peer is follows from its enrolment token or its present certificate.
"""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from keys.errors import BadCertificate


def new_tls_key() -> bytes:
    """A fresh P-256 private key.

    Returns:
        Plain PKCS#8 PEM, because the TLS library reads nothing else; keep it in a file of mode 0600.
    """
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def make_csr(key_pem: bytes) -> bytes:
    """A signing request without names.

    Args:
        key_pem: As made by `new_tls_key`.

    Returns:
        PKCS#10, DER.

    Raises:
        BadCertificate: This is not a plain P-256 private key.
    """
    key = p256_private(key_pem)
    request = x509.CertificateSigningRequestBuilder(subject_name=x509.Name([])).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.DER)


def open_csr(csr_der: bytes) -> ec.EllipticCurvePublicKey:
    """The public key in a signing request whose own signature holds. Fails closed.

    Args:
        csr_der: PKCS#10, DER.

    Returns:
        A P-256 public key.

    Raises:
        BadCertificate: The request is malformed, is not signed by its own key, or holds another kind of key.
    """
    try:
        request = x509.load_der_x509_csr(csr_der)
        valid = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate("the signing request is malformed") from None
    if not valid:
        raise BadCertificate("the signing request is not signed by its own key")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCertificate("the signing request's key is not a P-256 key")
    return key


def csr_public_key(csr_der: bytes) -> bytes:
    """The public key of a signing request, to compare it with the one in use.

    Args:
        csr_der: PKCS#10, DER.

    Returns:
        DER SubjectPublicKeyInfo.

    Raises:
        BadCertificate: As `open_csr`.
    """
    return spki_of(open_csr(csr_der))


def spki_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """DER SubjectPublicKeyInfo of a public key."""
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def p256_private(key_pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Reads a plain P-256 private key.

    Args:
        key_pem: PKCS#8 PEM.

    Returns:
        The key.

    Raises:
        BadCertificate: It is encrypted, damaged or of another kind.
    """
    try:
        key = serialization.load_pem_private_key(key_pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadCertificate("this is not a plain private key") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise BadCertificate("the private key is not a P-256 key")
    return key
