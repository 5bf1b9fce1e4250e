"""An audit office for a city: its key at its own machine, and officials whose identities are sealed."""

import asyncio
import time
from pathlib import Path
from typing import Any, Final

from joserfc import jwt
from typer.testing import CliRunner

from gateway.bootstrap.identities import set_auditors_key
from gateway.cli.main import app
from keys.identities import write_public
from keys.passphrase import LOWEST
from keys.sealing import SealingKey
from tests.support.city import City

OFFICE: Final = "https://office.example"
PASSPHRASE: Final = "correct horse"


def officials(folder: Path) -> str:
    """Settings of an issuer whose tokens make officials of the education department."""
    return (
        f'[[issuers]]\nissuer = "{OFFICE}"\njwks_file = "{folder / "issuer.jwks.json"}"\n'
        'roles = { clerk = "officer" }\ndepartment = "education"\n'
    )


def official_token(city: City, subject: str = "clerk-7") -> str:
    """A token of an official of the education department for its school system."""
    now = int(time.time())
    claims = {
        "iss": OFFICE,
        "aud": "oncegate",
        "sub": subject,
        "iat": now,
        "exp": now + 300,
        "roles": ["clerk"],
        "oncegate_system": "spiffe://oncegate.test/department/education/system/school",
    }
    return jwt.encode({"alg": "ES256", "kid": "k1", "typ": "JWT"}, claims, city._issuer, algorithms=["ES256"])


class AuditOffice:
    """An auditor at the command line, with the office's key in files.

    Args:
        city: The exchange.
        folder: The office's own machine.
        name: The auditor.
    """

    def __init__(self, city: City, folder: Path, name: str = "auditor-1") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.city, self.folder = city, folder
        (folder / "ca.pem").write_bytes(city.parts.authority.certificate_pem)
        (folder / "auditor.jwt").write_text(city.token(name, roles=["auditor"]), encoding="ascii")
        self.environment = {
            "ONCEGATE_GATEWAY": city.people,
            "ONCEGATE_CA": str(folder / "ca.pem"),
            "ONCEGATE_TOKEN_FILE": str(folder / "auditor.jwt"),
            "ONCEGATE_IDENTITY_PASSPHRASE": PASSPHRASE,
        }

    def make_key(self, name: str = "identity.pem") -> SealingKey:
        """A key in a file of this name, under a passphrase that is quickly tried."""
        key = SealingKey.generate()
        path = self.folder / name
        path.write_bytes(key.to_pem(PASSPHRASE.encode(), LOWEST))
        path.chmod(0o600)
        path.with_suffix(".pub").write_bytes(write_public(key.recipient))
        return key

    def put_in_force(self, key: SealingKey | None) -> None:
        """Have identities sealed to a key from now on."""
        set_auditors_key(self.city.parts, None if key is None else key.recipient, "audit office")

    async def run(self, *words: str, code: int = 0, **more: Any) -> str:
        """`oncegate audit …`; what it printed."""
        environment = {**self.environment, **more}
        result = await asyncio.to_thread(CliRunner().invoke, app, ["audit", *words], env=environment)
        assert result.exit_code == code, result.output
        return result.stdout if code == 0 else result.output
