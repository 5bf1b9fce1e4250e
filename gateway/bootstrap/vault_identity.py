"""The vault's certificate: its department signs the vault's public keys with the department key, like any node's."""

import base64
import binascii
import json
from collections.abc import Callable
from pathlib import Path

from gateway.bootstrap.offline import Offline
from gateway.errors import Refused, bad_request
from gateway.exchange.contribute import VaultIdentity
from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, open_certified

CERTIFICATE_FILE = "vault-certificate.json"
REQUEST_FORMAT = "oncegate.key-request/1"
_MAX_FILE = 64 * 1024


def holder(offline: Offline) -> str:
    """SPIFFE id under which the vault answers."""
    settings = offline.settings
    return str(SpiffeId(settings.trust_domain, settings.vault.department, "node", "vault"))


def write_vault_request(offline: Offline, out: Path) -> str:
    """Write the public keys that the department is to certify.

    Returns:
        The holder named in the request.
    """
    name = holder(offline)
    request = {
        "format": REQUEST_FORMAT,
        "holder": name,
        "signing_key": base64.b64encode(offline.secrets.vault_signing.verify_key.der).decode(),
        "sealing_key": base64.b64encode(offline.secrets.vault_sealing.public).decode(),
    }
    out.write_text(json.dumps(request, indent=2) + "\n", encoding="utf-8")
    return name


def _read(path: Path) -> CertifiedKeys:
    try:
        content = json.loads(path.read_bytes()[:_MAX_FILE])
        parts = [base64.b64decode(content[key], validate=True) for key in ("body", "signature", "department_key")]
    except (ValueError, KeyError, TypeError, binascii.Error):
        rule = "must be JSON with body, signature and department_key in base64"
        raise bad_request("certificate", rule) from None
    return CertifiedKeys(*parts)


def install_vault_certificate(offline: Offline, path: Path) -> str:
    """Check a certificate and put it into the home folder.

    Returns:
        The holder.

    Raises:
        Refused: It is malformed, or certifies something else than this vault's keys.
        KeysError: It is not signed with the registered key of the vault's department.
    """
    certified = _read(path)
    identity = _identity(offline, certified)
    target = offline.settings.home / CERTIFICATE_FILE
    staged = target.with_suffix(".new")
    staged.write_bytes(path.read_bytes())
    staged.replace(target)
    return identity.holder


def _identity(offline: Offline, certified: CertifiedKeys) -> VaultIdentity:
    department = offline.settings.vault.department
    fingerprint = offline.departments.fingerprint(department)
    opened = open_certified(certified, accepted_fingerprint=fingerprint, now_ms=offline.clock.now_ms())
    secrets = offline.secrets
    if opened.holder != holder(offline) or opened.signing_key != secrets.vault_signing.verify_key.der:
        raise bad_request("certificate", "must certify this gateway's vault keys")
    return VaultIdentity(opened.holder, department, secrets.vault_signing, certified)


def vault_identity(offline: Offline) -> Callable[[], VaultIdentity | None]:
    """A source of the vault's identity that sees an installed or replaced certificate at the next request.

    None (fails closed: profile fields are silent) while there is no certificate that holds right now.
    """
    path = offline.settings.home / CERTIFICATE_FILE
    seen: tuple[int, int] | None = None
    certified: CertifiedKeys | None = None

    def current() -> VaultIdentity | None:
        nonlocal seen, certified
        try:
            stat = path.stat()
            if seen != (stat.st_mtime_ns, stat.st_size):
                certified, seen = _read(path), (stat.st_mtime_ns, stat.st_size)
            return None if certified is None else _identity(offline, certified)
        except (OSError, KeysError, Refused):
            return None

    return current
