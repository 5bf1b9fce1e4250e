"""The vault's certificates: its department signs the vault's public keys with the department key, like any member's.

There are two: one for the node `vault`, which answers with people's own fields, and one for the system `vault`, which
asks registers whether they have the same value. Both are over the same keys, whose signatures are kept apart by their
contexts; each part stays silent until its certificate is there (fails closed).
"""

import base64
import binascii
import json
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

from gateway.bootstrap.offline import Offline
from gateway.errors import Refused, bad_request
from gateway.exchange.compare import AskingIdentity
from gateway.exchange.contribute import VaultIdentity
from keys.certificates.spiffe import SpiffeId
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, open_certified

CERTIFICATE_FILE: Final = "vault-certificate.json"
ASKING_CERTIFICATE_FILE: Final = "vault-asking-certificate.json"
REQUEST_FORMAT: Final = "oncegate.key-request/1"
_MAX_FILE: Final = 64 * 1024
Part = Literal["node", "system"]
"""Which part of the vault: the one that answers, or the one that asks."""
_FILES: Final[dict[Part, str]] = {"node": CERTIFICATE_FILE, "system": ASKING_CERTIFICATE_FILE}


def holder(offline: Offline, part: Part = "node") -> str:
    """SPIFFE id under which a part of the vault answers or asks."""
    return str(_spiffe(offline, part))


def _spiffe(offline: Offline, part: Part) -> SpiffeId:
    settings = offline.settings
    return SpiffeId(settings.trust_domain, settings.vault.department, part, "vault")


def write_vault_request(offline: Offline, out: Path, part: Part = "node") -> str:
    """Write the public keys that the department is to certify.

    Returns:
        The holder named in the request.
    """
    name = holder(offline, part)
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
    """Check a certificate and put it into the home folder, for the part of the vault that it names.

    Returns:
        The holder.

    Raises:
        Refused: It is malformed, or certifies something else than this vault's keys.
        KeysError: It is not signed with the registered key of the vault's department.
    """
    certified = _read(path)
    opened = _opened(offline, certified)
    part: Part | None = next((part for part in _FILES if opened.holder == holder(offline, part)), None)
    if part is None:
        raise bad_request("certificate", "must certify this gateway's vault keys")
    target = offline.settings.home / _FILES[part]
    staged = target.with_suffix(".new")
    staged.write_bytes(path.read_bytes())
    staged.replace(target)
    return opened.holder


def _opened(offline: Offline, certified: CertifiedKeys) -> KeyCertificate:
    """What the department certified now, if it is this vault's keys."""
    fingerprint = offline.departments.fingerprint(offline.settings.vault.department)
    opened = open_certified(certified, accepted_fingerprint=fingerprint, now_ms=offline.clock.now_ms())
    secrets = offline.secrets
    mine = (secrets.vault_signing.verify_key.der, secrets.vault_sealing.public)
    if (opened.signing_key, opened.sealing_key) != mine:
        raise bad_request("certificate", "must certify this gateway's vault keys")
    return opened


def _installed(offline: Offline, part: Part) -> Callable[[], tuple[CertifiedKeys, KeyCertificate] | None]:
    """A source of a part's certificate that sees an installed or replaced one at the next request.

    None (fails closed) while there is no certificate that holds right now.
    """
    path, name = offline.settings.home / _FILES[part], holder(offline, part)
    seen: tuple[int, int] | None = None
    certified: CertifiedKeys | None = None

    def current() -> tuple[CertifiedKeys, KeyCertificate] | None:
        nonlocal seen, certified
        try:
            stat = path.stat()
            if seen != (stat.st_mtime_ns, stat.st_size):
                certified, seen = _read(path), (stat.st_mtime_ns, stat.st_size)
            opened = None if certified is None else _opened(offline, certified)
        except (OSError, KeysError, Refused):
            return None
        return None if certified is None or opened is None or opened.holder != name else (certified, opened)

    return current


def vault_identity(offline: Offline) -> Callable[[], VaultIdentity | None]:
    """Who answers for the vault; None (profile fields are silent) while no certificate for it holds."""
    installed = _installed(offline, "node")

    def current() -> VaultIdentity | None:
        found = installed()
        if found is None:
            return None
        certified, opened = found
        return VaultIdentity(opened.holder, opened.department, offline.secrets.vault_signing, certified)

    return current


def asking_identity(offline: Offline) -> Callable[[], AskingIdentity | None]:
    """Who asks registers for the vault; None (nothing is compared) while no certificate for it holds."""
    installed, system = _installed(offline, "system"), _spiffe(offline, "system")

    def current() -> AskingIdentity | None:
        found = installed()
        if found is None:
            return None
        secrets = offline.secrets
        return AskingIdentity(system, secrets.vault_signing, secrets.vault_sealing, *found)

    return current
