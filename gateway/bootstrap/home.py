"""Making a gateway's home folder: settings, root key, sealed keyring, database."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.secrets import new_keyring, open_secrets
from gateway.clock import SystemClock
from gateway.settings import FILE_NAME, BadSettings, Settings
from gateway.storage.database import open_database
from keys.passphrase import STANDARD, PassphraseCost

PASSPHRASE_FILE = "passphrase"  # noqa: S105 - a file's name

_TEMPLATE = """# Settings of this gateway. Every key is described in docs/operations.md.
trust_domain = "{trust_domain}"
{passphrase}
[listen]
systems = "{systems}"
people = "{people}"

# One table per issuer of people's OIDC tokens:
# [[issuers]]
# issuer = "https://id.example"
# jwks_file = "issuer.jwks.json"
# roles = {{ auditor = "auditor" }}
# default_role = "citizen"
"""


@dataclass(frozen=True, slots=True)
class Initialised:
    """What a new gateway publishes about itself."""

    ca_fingerprint: str
    ledger_key: str


def initialise(
    home: Path,
    trust_domain: str,
    passphrase_file: Path | None,
    systems: str,
    people: str,
    cost: PassphraseCost = STANDARD,
) -> Initialised:
    """Make a home folder. Nothing that exists is overwritten.

    Without a passphrase file and without a passphrase in the environment, a random one is written to a file of mode
    0600 in the home folder: good for a trial; a city keeps it elsewhere (docs/operations.md).

    Args:
        home: The folder; made if it is not there.
        trust_domain: SPIFFE trust domain of the exchange.
        passphrase_file: File with the root keys' passphrase, or None.
        systems: host:port of the door for nodes and systems.
        people: host:port of the door for people and enrolment.
        cost: What one guess of the passphrase shall cost.

    Returns:
        What the new gateway publishes about itself.

    Raises:
        BadSettings: The folder already holds a gateway, or a value breaks a rule.
        KeysError: The passphrase cannot be read.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / FILE_NAME
    if path.exists():
        raise BadSettings(f"{path}: a gateway lives here already")
    line = ""
    environment = Settings.model_fields["passphrase_environment"].default
    if passphrase_file is None and not os.environ.get(environment):
        passphrase_file = home / PASSPHRASE_FILE
        descriptor = os.open(passphrase_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        line = f'passphrase_file = "{PASSPHRASE_FILE}"\n'
    elif passphrase_file is not None:
        line = f'passphrase_file = "{passphrase_file.resolve()}"\n'
    text = _TEMPLATE.format(trust_domain=trust_domain, passphrase=line, systems=systems, people=people)
    path.write_text(text, encoding="utf-8")
    try:
        settings = Settings.load(home)
        keystore = Keystore(settings, cost)
        keystore.create(new_keyring(trust_domain, SystemClock().now_ms()))
        opened = open_secrets(settings, keystore)
        open_database(settings.database_url).dispose()
    except BaseException:
        path.unlink()
        raise
    return Initialised(opened.authority.fingerprint, opened.note_signer.vkey)
