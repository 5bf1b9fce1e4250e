"""The gateway's certificate authority: issues short-lived P-256 leaves that carry exactly one SPIFFE id.

Rules kept here: names in a signing request are ignored; a leaf never outlives its authority; a leaf is never an
authority; one authority issues for one trust domain, which its own certificate names (SPIFFE X.509-SVID, section
3.1). Serials are random. Leaves begin one minute early, for peers whose clocks are behind.

It keeps no list of what it issued and revokes nothing: `gateway.identity` does.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Self

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keys.certificates.csr import open_csr, p256_private, spki_of
from keys.certificates.spiffe import SpiffeId
from keys.errors import BadCertificate
from keys.signing import fingerprint_of

BACKDATE_S: Final = 60
_SCHEME: Final = "spiffe://"


@dataclass(frozen=True, slots=True)
class Leaf:
    """An issued certificate.

    Attributes:
        certificate_pem: PEM.
        serial: Serial number.
        not_before_ms: First moment of validity, Unix ms, whole seconds.
        not_after_ms: Last moment of validity, Unix ms, whole seconds.
    """

    certificate_pem: bytes
    serial: int
    not_before_ms: int
    not_after_ms: int


class CertificateAuthority:
    """An authority of one trust domain. It shows nothing of its key in `repr`.

    Attributes:
        key_pem: Private key, plain PKCS#8 PEM: for the keyring only.
        certificate_pem: Its certificate, PEM.
        fingerprint: "sha256:" and 64 hex digits over the certificate's DER bytes.
        trust_domain: The domain it issues for.
    """

    __slots__ = ("_certificate", "_key", "certificate_pem", "fingerprint", "key_pem", "trust_domain")

    def __init__(self, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        """Checks that key and certificate are an authority of ours.

        Raises:
            BadCertificate: They do not belong together, or the certificate is no authority's or names no trust domain.
        """
        if _spki(certificate) != spki_of(key.public_key()):
            raise BadCertificate("the authority's key and certificate do not belong together")
        self._key = key
        self._certificate = certificate
        self.trust_domain = _trust_domain(certificate)
        self.key_pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self.certificate_pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.fingerprint = fingerprint_of(certificate.public_bytes(serialization.Encoding.DER))

    @classmethod
    def create(cls, trust_domain: str, now_ms: int, lifetime_days: int = 3650) -> Self:
        """A new authority with a fresh key.

        Args:
            trust_domain: For example "gov.example".
            now_ms: Now, Unix ms.
            lifetime_days: How long it may issue, days.

        Returns:
            The authority.

        Raises:
            BadCertificate: The trust domain is malformed or the lifetime is not positive.
        """
        SpiffeId(trust_domain, "", "gateway", "probe")  # refuses a malformed trust domain
        if lifetime_days <= 0:
            raise BadCertificate("an authority's lifetime is positive")
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, "oncegate certificate authority")])
        start = _moment(now_ms) - timedelta(seconds=BACKDATE_S)
        identity = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(_SCHEME + trust_domain)])
        certificate = (
            x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + timedelta(days=lifetime_days))
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(authority=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(identity, critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(key, certificate)

    @classmethod
    def from_pem(cls, key_pem: bytes, certificate_pem: bytes) -> Self:
        """Reads an authority.

        Args:
            key_pem: Plain PKCS#8 PEM, P-256.
            certificate_pem: PEM.

        Returns:
            The authority.

        Raises:
            BadCertificate: Something is malformed or does not belong together.
        """
        try:
            certificate = x509.load_pem_x509_certificate(certificate_pem)
        except ValueError:
            raise BadCertificate("the authority's certificate is malformed") from None
        return cls(p256_private(key_pem), certificate)

    def issue(
        self,
        csr_der: bytes,
        spiffe: SpiffeId,
        *,
        now_ms: int,
        lifetime_s: int,
        dns_names: Sequence[str] = (),
        ip_addresses: Sequence[str] = (),
        server: bool = False,
    ) -> Leaf:
        """Issues a leaf for the key in a signing request. Fails closed.

        Args:
            csr_der: PKCS#10, DER, P-256, signed by its own key. Names in it are ignored.
            spiffe: Who the holder is; of this authority's trust domain.
            now_ms: Now, Unix ms.
            lifetime_s: Validity from now, seconds; cut to the authority's own.
            dns_names: Host names of a server.
            ip_addresses: Addresses of a server, as text.
            server: Whether the leaf may serve TLS; every leaf may be a client.

        Returns:
            The leaf.

        Raises:
            BadCertificate: The request, a name or the lifetime is malformed, the trust domain is another's, or the
                authority itself is not valid now.
        """
        key = open_csr(csr_der)
        if spiffe.trust_domain != self.trust_domain:
            raise BadCertificate("the authority issues for another trust domain")
        now = _moment(now_ms)
        last = self._certificate.not_valid_after_utc
        if lifetime_s <= 0 or not self._certificate.not_valid_before_utc <= now < last:
            raise BadCertificate("nothing can be issued for this time")
        start = max(now - timedelta(seconds=BACKDATE_S), self._certificate.not_valid_before_utc)
        end = min(now + timedelta(seconds=lifetime_s), last)
        serial = x509.random_serial_number()
        uses = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])
        authority_key = x509.SubjectKeyIdentifier.from_public_key(self._key.public_key())
        certificate = (
            x509.CertificateBuilder(issuer_name=self._certificate.subject, subject_name=x509.Name([]), public_key=key)
            .serial_number(serial)
            .not_valid_before(start)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_key), critical=False
            )
            # Critical, because the subject is empty (RFC 5280 section 4.2.1.6).
            .add_extension(_names(spiffe, dns_names, ip_addresses), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        return Leaf(pem, serial, int(start.timestamp()) * 1000, int(end.timestamp()) * 1000)

    def __repr__(self) -> str:
        return f"CertificateAuthority({self.fingerprint})"


def certificate_fingerprint(certificate_pem: bytes) -> str:
    """How people compare certificates.

    Args:
        certificate_pem: One certificate, PEM.

    Returns:
        "sha256:" and 64 hex digits over its DER bytes.

    Raises:
        BadCertificate: It is not one certificate.
    """
    try:
        (certificate,) = x509.load_pem_x509_certificates(certificate_pem)
    except ValueError:
        raise BadCertificate("this is not one certificate") from None
    return fingerprint_of(certificate.public_bytes(serialization.Encoding.DER))


def _names(spiffe: SpiffeId, dns_names: Sequence[str], ip_addresses: Sequence[str]) -> x509.SubjectAlternativeName:
    """The subject alternative names of a leaf: one SPIFFE id, then a server's host names and addresses."""
    try:
        return x509.SubjectAlternativeName(
            [
                x509.UniformResourceIdentifier(str(spiffe)),
                *(x509.DNSName(name) for name in dns_names),
                *(x509.IPAddress(ipaddress.ip_address(address)) for address in ip_addresses),
            ]
        )
    except ValueError:
        raise BadCertificate("a host name or address is malformed") from None


def _usage(*, authority: bool) -> x509.KeyUsage:
    """Signatures for a leaf; certificates and revocation lists for an authority."""
    return x509.KeyUsage(
        digital_signature=not authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=authority,
        crl_sign=authority,
        encipher_only=False,
        decipher_only=False,
    )


def _spki(certificate: x509.Certificate) -> bytes:
    """The certificate's public key, DER."""
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        raise BadCertificate("the authority's key is of an unknown kind") from None
    return key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _trust_domain(certificate: x509.Certificate) -> str:
    """The trust domain that an authority's certificate names."""
    try:
        extensions = certificate.extensions
        authority = extensions.get_extension_for_class(x509.BasicConstraints).value.ca
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        raise BadCertificate("the authority's certificate lacks an extension") from None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not authority or len(uris) != 1 or not uris[0].startswith(_SCHEME):
        raise BadCertificate("the certificate is not an authority's of one trust domain")
    domain = uris[0].removeprefix(_SCHEME)
    SpiffeId(domain, "", "gateway", "probe")
    return domain


def _moment(now_ms: int) -> datetime:
    """Unix ms as the whole second that X.509 can hold."""
    return datetime.fromtimestamp(now_ms // 1000, UTC)
