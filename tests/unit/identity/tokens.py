"""An OpenID Connect provider in memory: honest by default, and lying wherever a test says so."""

import base64
import hmac
import json
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from gateway.identity.issuers import Issuer
from gateway.identity.people import People
from tests.support.parties import ManualClock

ISSUER = "https://login.gov.test"
AUDIENCE = "oncegate"
RESIDENT = "11010519491231002X"
SUBJECT_KEY = b"s" * 32


class Provider:
    """Issues tokens.

    Args:
        folder: Where its JWKS file is.
        clock: For the times in tokens.
    """

    def __init__(self, folder: Path, clock: ManualClock) -> None:
        self.path = folder / "jwks.json"
        self.clock = clock
        self.key = ECKey.generate_key("P-256", {"kid": "one"})
        self.publish([self.key.as_dict(private=False)])

    def publish(self, keys: list[Any]) -> None:
        self.path.write_text(json.dumps({"keys": keys}), encoding="utf-8")

    def issuer(self, **changes: Any) -> Issuer:
        values: dict[str, Any] = {
            "issuer": ISSUER,
            "jwks_file": self.path,
            "audience": AUDIENCE,
            "algorithms": ("ES256",),
            "identifier_claim": "resident_id",
            "roles": {"gov-officer": "officer", "gov-auditor": "auditor", "person": "citizen"},
            "default_role": "citizen",
            "department": "civil",
        }
        return Issuer(**values | changes)

    def people(self, **changes: Any) -> People:
        return People([self.issuer(**changes)], self.clock, SUBJECT_KEY)

    def claims(self, **changes: Any) -> dict[str, Any]:
        now_s = self.clock.now_ms() // 1000
        values = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": "user-1",
            "iat": now_s,
            "exp": now_s + 300,
            "resident_id": RESIDENT,
        }
        return {name: value for name, value in (values | changes).items() if value is not None}

    def token(self, *, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        protected = {"alg": "ES256", "kid": "one"} | (header or {})
        protected = {name: value for name, value in protected.items() if value is not None}
        return jwt.encode(
            protected, self.claims(**claims), key or self.key, algorithms=["ES256", "HS256", "RS256", "ES384"]
        )


def confused(provider: Provider) -> str:
    """A token "signed" with the public key's own text as a shared secret: the classic confusion of algorithms."""
    parts = [{"alg": "HS256", "kid": "one", "typ": "JWT"}, provider.claims()]
    signed = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    mac = hmac.digest(provider.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"


def small_rsa() -> RSAKey:
    return RSAKey.generate_key(1024, {"kid": "small"})
