"""Certificates made at run time: an authority, leafs for nodes, systems and the gateway, and gRPC credentials of them.

No key is ever written to a file. Everything is issued by the project's own authority, so the tests see the
certificates that the product makes, and `other_domain` gives what a stranger would show.
"""

import time
from dataclasses import dataclass

import grpc

from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import SpiffeId

DOMAIN = "gov.test"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class TlsLeaf:
    """A key with its certificate, PEM."""

    key: bytes
    certificate: bytes
    serial: int
    not_after_ms: int


class TlsWorld:
    """An authority and what it issues."""

    def __init__(self, domain: str = DOMAIN) -> None:
        self.domain = domain
        self.authority = CertificateAuthority.create(domain, now_ms())

    @property
    def ca(self) -> bytes:
        return self.authority.certificate_pem

    def leaf(self, spiffe: str, *, lifetime_s: int = 3600, server: bool = False) -> TlsLeaf:
        """A leaf of this authority; a server's also names localhost."""
        key = new_tls_key()
        issued = self.authority.issue(
            make_csr(key),
            SpiffeId.parse(spiffe),
            now_ms=now_ms(),
            lifetime_s=lifetime_s,
            dns_names=("localhost",) if server else (),
            ip_addresses=("127.0.0.1",) if server else (),
            server=server,
        )
        return TlsLeaf(key, issued.certificate_pem, issued.serial, issued.not_after_ms)

    def node(self, department: str = "civil", name: str = "registry", *, lifetime_s: int = 3600) -> TlsLeaf:
        return self.leaf(f"spiffe://{self.domain}/department/{department}/node/{name}", lifetime_s=lifetime_s)

    def system(self, department: str = "education", name: str = "counter", *, lifetime_s: int = 3600) -> TlsLeaf:
        return self.leaf(f"spiffe://{self.domain}/department/{department}/system/{name}", lifetime_s=lifetime_s)

    def server_credentials(self) -> grpc.ServerCredentials:
        """The systems' door: nobody without a certificate of this authority."""
        leaf = self.leaf(f"spiffe://{self.domain}/gateway/gateway", server=True)
        return grpc.ssl_server_credentials(
            [(leaf.key, leaf.certificate + self.ca)], root_certificates=self.ca, require_client_auth=True
        )

    def client_credentials(self, leaf: TlsLeaf) -> grpc.ChannelCredentials:
        return grpc.ssl_channel_credentials(self.ca, leaf.key, leaf.certificate)
