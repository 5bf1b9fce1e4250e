"""Server credentials of the two doors, renewed without a restart.

The gateway's own certificate comes from its own authority. grpc asks the fetcher for a newer configuration at each
handshake; if the fetcher raised, the old certificate would keep serving, so it never raises: it logs and keeps the
newest configuration, and `status` shows when that one ends.
"""

import ipaddress
import threading
from collections.abc import Callable
from typing import cast

import grpc
import structlog

from gateway.clock import Clock
from gateway.settings import Settings
from keys.certificates.authority import CertificateAuthority
from keys.certificates.csr import make_csr, new_tls_key
from keys.certificates.spiffe import SpiffeId

_log = structlog.get_logger("oncegate.tls")


class ServerIdentity:
    """The gateway's TLS certificate: issued at start and again after two thirds of its life.

    Args:
        authority: Issues the certificate.
        settings: Names and lifetime.
        clock: Decides when to renew.
    """

    def __init__(self, authority: CertificateAuthority, settings: Settings, clock: Clock) -> None:
        self._authority = authority
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._issue()

    @property
    def not_after_ms(self) -> int:
        """End of the current certificate."""
        return self._not_after_ms

    def _issue(self) -> None:
        now = self._clock.now_ms()
        key_pem = new_tls_key()
        life_s = self._settings.certificates.server_s
        leaf = self._authority.issue(
            make_csr(key_pem),
            SpiffeId.parse(self._settings.gateway_id),
            now_ms=now,
            lifetime_s=life_s,
            dns_names=self._settings.listen.dns_names,
            ip_addresses=tuple(str(ipaddress.ip_address(ip)) for ip in self._settings.listen.ip_addresses),
            server=True,
        )
        self._pair = (key_pem, leaf.certificate_pem)
        self._not_after_ms = leaf.not_after_ms
        self._renew_at_ms = now + life_s * 667
        self._version = getattr(self, "_version", 0) + 1

    def current(self) -> tuple[int, bytes, bytes]:
        """Version, private key and certificate (PEM) in force, renewed when it is time."""
        with self._lock:
            if self._clock.now_ms() >= self._renew_at_ms:
                try:
                    self._issue()
                except Exception as error:  # noqa: BLE001 - the old certificate serves on; status shows its end
                    _log.error("server certificate not renewed", error=type(error).__name__)
            key, certificate = self._pair
            return self._version, key, certificate

    def credentials(self, *, require_client: bool) -> grpc.ServerCredentials:
        """Credentials for one door.

        Args:
            require_client: True on the systems' door: no handshake without a certificate of our authority.
        """
        roots = self._authority.certificate_pem
        served = 0

        def configuration() -> grpc.ServerCertificateConfiguration:
            _, key, certificate = self.current()
            return grpc.ssl_server_certificate_configuration(
                [(key, certificate + roots)], root_certificates=roots if require_client else None
            )

        initial = configuration()
        served = self._version

        def fetch() -> grpc.ServerCertificateConfiguration | None:
            nonlocal served
            version, _, _ = self.current()
            if version == served:
                return None
            served = version
            return configuration()

        # None means "no change" (grpc.dynamic_ssl_server_credentials); the stubs do not know it.
        fetcher = cast("Callable[[], grpc.ServerCertificateConfiguration]", fetch)
        return grpc.dynamic_ssl_server_credentials(initial, fetcher, require_client_authentication=require_client)
