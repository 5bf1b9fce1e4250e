"""Peers: nodes and systems behind their TLS certificates, admitted once and checked at every call and frame.

Rules kept here: the name is the one SPIFFE id of the certificate, never its CN; a certificate that this gateway did not
issue and register is not admitted, whoever signed it; a change made by another process (the operator's command line)
counts from the very next call. Every guard fails closed.

It does not verify the certificate's chain (the TLS handshake did) and does not decide what a peer may do.
"""

from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy import Engine, select

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.identity.departments import DepartmentStatus, Standing
from gateway.identity.tables import CERTIFICATES
from gateway.storage.epochs import EpochCached
from keys.certificates.peer import PeerCertificate, peer_from_pem
from keys.certificates.spiffe import Kind, SpiffeId
from keys.errors import BadCertificate
from keys.signing import digest

_MAX_PEM_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True)
class Peer:
    """A node or system that was admitted.

    Args:
        spiffe: Its whole name.
        serial: Serial number of its certificate.
        not_after_ms: When the certificate expires.
        thumbprint: SHA-256 of the certificate's DER, by which a token can be bound to it (RFC 8705); empty for a peer
            without a certificate of its own, to which no token is bound.
    """

    spiffe: SpiffeId
    serial: int
    not_after_ms: int
    thumbprint: bytes = b""

    @property
    def department(self) -> str:
        """Id of the department it belongs to."""
        return self.spiffe.department

    @property
    def kind(self) -> Kind:
        """What it is."""
        return self.spiffe.kind

    @property
    def name(self) -> str:
        """Its name inside the department."""
        return self.spiffe.name


def serial_text(serial: int) -> str:
    """A serial number as it is stored: lower-case hex."""
    return f"{serial:x}"


class Peers:
    """Admits peers and keeps checking them.

    Args:
        engine: The database.
        clock: For expiry.
        standing: Departments and the deny list.
        trust_domain: The only domain whose peers are admitted.
        remember: How many admitted certificates are kept in memory.
    """

    def __init__(
        self, engine: Engine, clock: Clock, standing: EpochCached[Standing], trust_domain: str, remember: int = 4096
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._standing = standing
        self._trust_domain = trust_domain
        self._remember = remember
        self._known: OrderedDict[bytes, Peer] = OrderedDict()

    def admit(self, certificate_pem: bytes | None) -> Peer:
        """Who is at the other end, if it may be there.

        Args:
            certificate_pem: The leaf certificate that the TLS layer verified; None when the peer showed none.

        Raises:
            Refused: CERTIFICATE_MISSING, CERTIFICATE_UNKNOWN, CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED,
                DEPARTMENT_REVOKED.
        """
        if not certificate_pem:
            raise Refused(Code.CERTIFICATE_MISSING)
        peer = self._known.get(certificate_pem)
        if peer is None:
            peer = self._identify(certificate_pem)
            self._known[certificate_pem] = peer
            if len(self._known) > self._remember:
                self._known.popitem(last=False)
        self.check(peer)
        return peer

    def check(self, peer: Peer) -> None:
        """Check an admitted peer again: at every call and frame, about 10 µs.

        Raises:
            Refused: CERTIFICATE_EXPIRED, CERTIFICATE_REVOKED, CERTIFICATE_UNKNOWN, DEPARTMENT_REVOKED; INTERNAL when
                the deny list cannot be read (closed: nobody passes).
        """
        # Not after is the last valid moment (RFC 5280 section 4.1.2.5).
        if self._clock.now_ms() > peer.not_after_ms:
            raise Refused(Code.CERTIFICATE_EXPIRED)
        standing = self._standing.current()
        department = standing.departments.get(peer.department)
        if department is None:
            raise Refused(Code.CERTIFICATE_UNKNOWN, "no such department")
        if department.status is not DepartmentStatus.ACTIVE:
            raise Refused(Code.DEPARTMENT_REVOKED)
        if serial_text(peer.serial) in standing.denied_serials or str(peer.spiffe) in standing.denied_names:
            raise Refused(Code.CERTIFICATE_REVOKED)

    def _identify(self, certificate_pem: bytes) -> Peer:
        if len(certificate_pem) > _MAX_PEM_BYTES:
            raise Refused(Code.CERTIFICATE_UNKNOWN, "too large")
        try:
            certificate = peer_from_pem(certificate_pem)
        except BadCertificate as error:
            raise Refused(Code.CERTIFICATE_UNKNOWN, error.code) from error
        if certificate.spiffe.trust_domain != self._trust_domain:
            raise Refused(Code.CERTIFICATE_UNKNOWN, "another trust domain")
        if certificate.spiffe.kind not in {"node", "system"}:
            raise Refused(Code.CERTIFICATE_UNKNOWN, "neither a node nor a system")
        if self._clock.now_ms() < certificate.not_before_ms:
            raise Refused(Code.CERTIFICATE_UNKNOWN, "not yet valid")
        self._require_registered(certificate)
        return Peer(certificate.spiffe, certificate.serial, certificate.not_after_ms, certificate.thumbprint)

    def _require_registered(self, certificate: PeerCertificate) -> None:
        # The key is compared too: a serial number alone could be copied by whoever else holds a trusted CA's key.
        with self._engine.connect() as connection:
            row = connection.execute(
                select(CERTIFICATES.c.spiffe, CERTIFICATES.c.key_digest).where(
                    CERTIFICATES.c.serial == serial_text(certificate.serial)
                )
            ).first()
        if row is None or row.spiffe != str(certificate.spiffe):
            raise Refused(Code.CERTIFICATE_UNKNOWN, "not issued by this gateway")
        if bytes(row.key_digest) != digest(certificate.public_key_der):
            raise Refused(Code.CERTIFICATE_UNKNOWN, "another key than the one registered")
