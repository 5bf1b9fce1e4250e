"""The demo's own OIDC issuer: stands in for a city's identity provider, so that the gateway itself needs no passwords.

It makes a key, publishes it as a JWKS file and signs tokens for the demo's citizen and auditor. Nothing else in
oncegate issues tokens for people.
"""

import json
import time
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

ISSUER = "https://id.demo.example"
AUDIENCE = "oncegate"
TOKEN_LIFE_S = 3600


class DemoIssuer:
    """Signs ES256 tokens.

    Args:
        folder: Where the JWKS file goes; the private key stays in memory.
    """

    def __init__(self, folder: Path) -> None:
        self._key = ECKey.generate_key("P-256", {"kid": "demo-1", "use": "sig", "alg": "ES256"})
        self.jwks_file = folder / "issuer.jwks.json"
        public = KeySet([self._key]).as_dict(private=False)
        self.jwks_file.write_text(json.dumps(public), encoding="utf-8")

    def token(self, path: Path, subject: str, **claims: Any) -> Path:
        """Write a token to a file of mode 0600.

        Args:
            path: Where.
            subject: The `sub` claim.
            claims: Further claims, such as resident_id or roles.
        """
        now = int(time.time())
        body = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": now, "exp": now + TOKEN_LIFE_S, **claims}
        text = jwt.encode({"alg": "ES256", "kid": "demo-1", "typ": "JWT"}, body, self._key, algorithms=["ES256"])
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
        return path

    def node_settings(self) -> str:
        """A node's settings by which this issuer's tokens are a person's own word, TOML."""
        return f'\n[consent]\n[[consent.issuers]]\nissuer = "{ISSUER}"\njwks_file = "{self.jwks_file}"\n'

    def settings(self) -> str:
        """The gateway's settings for this issuer, TOML."""
        return (
            "[[issuers]]\n"
            f'issuer = "{ISSUER}"\n'
            f'jwks_file = "{self.jwks_file}"\n'
            f'audience = "{AUDIENCE}"\n'
            'algorithms = ["ES256"]\n'
            'identifier_claim = "resident_id"\n'
            'scheme = "cn.resident-id"\n'
            'role_claim = "roles"\n'
            'roles = { auditor = "auditor" }\n'
            'default_role = "citizen"\n'
        )
