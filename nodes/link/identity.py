"""What a node shows the gateway: its TLS identity and its certified keys, which are renewed while the link runs.

Rules kept: one value holds everything that belongs together, so that a stream never mixes an old certificate with a
new key; a private key shows nothing of itself. It renews nothing: `nodes.enrolment.renewal` does.
"""

from dataclasses import dataclass, field
from typing import Protocol

from keys.key_certificates import CertifiedKeys
from keys.signing import SigningKey
from nodes.enrolment.home import Home


@dataclass(frozen=True, slots=True)
class LinkIdentity:
    """One identity of the node.

    Attributes:
        tls_key: Private key of the TLS certificate, PEM.
        tls_certificate: The certificate, PEM.
        ca: CA certificates that the gateway's certificate must chain to, PEM.
        certified: The node's certified keys.
        signing_key: Signs receipts; the private half of the certified signing key.
    """

    tls_key: bytes = field(repr=False)
    tls_certificate: bytes
    ca: bytes
    certified: CertifiedKeys
    signing_key: SigningKey


class Identities(Protocol):
    """Where the current identity comes from."""

    def stamp(self) -> object:
        """A value that changes when the identity does; cheap, may touch files."""

    def load(self) -> LinkIdentity:
        """The identity as it is now.

        Raises:
            Exception: It cannot be read. The link keeps the one it has and tries again.
        """


class HomeIdentities:
    """The identity in a member's home folder.

    Args:
        home: The enrolled home.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def stamp(self) -> object:
        """A value that changes when certificate or key certificate do."""
        return self._home.stamp()

    def load(self) -> LinkIdentity:
        """The identity as it is on disk now.

        Raises:
            HomeInvalid: The home is not enrolled or damaged.
        """
        tls = self._home.tls()
        return LinkIdentity(
            tls_key=tls.key_pem,
            tls_certificate=tls.certificate_pem,
            ca=tls.ca_pem,
            certified=self._home.certified(),
            signing_key=self._home.signing_key(),
        )
