"""Issuers: the OpenID Connect providers whose tokens count, and their public keys from a JWKS file.

Rules kept here: algorithms are named one by one, and only public-key signatures can be named; a key file that holds a
private or symmetric key is not used; a key is picked by its id, never tried at random; the file is looked at again for
every token, so a key that is taken out counts no more from the next token on. A file that cannot be read closes the
issuer rather than falling back to what was read before.

It does not fetch anything over the network: the operator puts the file there.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from gateway.errors import Code, GatewayError, Refused

ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519"})
SHORTEST_RSA_BITS = 2048
_KEY_TYPES: Mapping[str, type[Key]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_MAX_FILE_BYTES = 1 << 20


class Role(StrEnum):
    """What a person may be in the exchange."""

    CITIZEN = "citizen"
    OFFICER = "officer"
    STEWARD = "steward"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class BadIssuer(GatewayError):
    """An issuer's configuration cannot be used; the text names the rule."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of people's tokens.

    Args:
        issuer: The `iss` claim, exactly.
        jwks_file: Its public keys.
        audience: The `aud` claim that means this gateway.
        algorithms: Accepted signature algorithms.
        scheme: Scheme of the identifier.
        identifier_claim: Claim with the person's identifier; empty when it vouches for none.
        role_claim: Claim with the issuer's role names: a text or a list of texts.
        roles: The issuer's role name to ours; a name that is not listed gives no role.
        default_role: Role of a person with an identifier and no mapped role; empty for none.
        max_age_s: Oldest accepted token, seconds since `iat`.
        minimum_acr: Role to the `acr` values that are good enough for it; a role that is not listed asks for none.
        department: Department whose officials it vouches for; empty for none.
    """

    issuer: str
    jwks_file: Path
    audience: str
    algorithms: tuple[str, ...]
    scheme: str = "cn.resident-id"
    identifier_claim: str = ""
    role_claim: str = "roles"
    roles: Mapping[str, str] = field(default_factory=dict)
    default_role: str = ""
    max_age_s: int = 3600
    minimum_acr: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    department: str = ""

    def __post_init__(self) -> None:
        """Refuse a configuration that would accept more than was meant.

        Raises:
            BadIssuer: With the rule that is broken.
        """
        if not self.issuer or not self.audience:
            raise BadIssuer("issuer and audience must not be empty")
        if not self.algorithms or not ALGORITHMS.issuperset(self.algorithms):
            # "none" and HMAC would let anyone who knows the public key, or nothing at all, make tokens.
            raise BadIssuer(f"algorithms must be among {', '.join(sorted(ALGORITHMS))}")
        if self.max_age_s <= 0:
            raise BadIssuer("max_age_s must be more than 0")
        for role in (*self.roles.values(), *self.minimum_acr, *filter(None, [self.default_role])):
            if role not in frozenset(Role):
                # A misspelt role would silently lose its assurance level or be given to nobody.
                raise BadIssuer(f"roles must be among {', '.join(Role)}")
        if any(not accepted for accepted in self.minimum_acr.values()):
            raise BadIssuer("minimum_acr must name at least one value for each role that it names")


class IssuerKeys:
    """The public keys of one issuer, as the file has them now.

    Args:
        path: The JWKS file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int, int] | None = None
        self._keys: Mapping[str, Key] = {}

    def find(self, kid: object, algorithm: str) -> Key:
        """The key that a token names.

        Args:
            kid: The token's `kid` header; None is enough only when the issuer has a single key.
            algorithm: The token's algorithm, already found acceptable.

        Raises:
            Refused: BAD_TOKEN when there is no such key, it is not for this algorithm, or the file cannot be used.
        """
        keys = self._current()
        if kid is None and len(keys) == 1:
            key = next(iter(keys.values()))
        else:
            found = keys.get(kid) if isinstance(kid, str) else None
            if found is None:
                raise Refused(Code.BAD_TOKEN, "unknown key id")
            key = found
        if key.get("alg") not in {None, algorithm}:
            raise Refused(Code.BAD_TOKEN, "the key is for another algorithm")
        return key

    def load(self) -> int:
        """Read the file now; how many keys it has.

        Raises:
            BadIssuer: The file cannot be used; the text names the rule.
        """
        self._keys = {}
        self._stamp = None
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stat.st_size > _MAX_FILE_BYTES:
                raise BadIssuer("the JWKS file is too large")
            content = json.loads(self._path.read_bytes())
        except (OSError, ValueError) as error:
            raise BadIssuer("the JWKS file cannot be read") from error
        entries = content.get("keys") if isinstance(content, dict) else None
        if not isinstance(entries, list):
            raise BadIssuer('the JWKS file must be an object with a list "keys"')
        self._keys = _parse(entries)
        self._stamp = stamp
        return len(self._keys)

    def _current(self) -> Mapping[str, Key]:
        try:
            stat = self._path.stat()
            if self._stamp != (stat.st_mtime_ns, stat.st_size, stat.st_ino):
                self.load()
        except (OSError, BadIssuer) as error:
            self._stamp = None
            raise Refused(Code.BAD_TOKEN, "the issuer's keys cannot be read") from error
        return self._keys


def _parse(entries: list[Any]) -> dict[str, Key]:
    keys: dict[str, Key] = {}
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise BadIssuer(f"keys[{number}] must be an object")
        key = _import(number, entry) if entry.get("use", "sig") == "sig" else None
        if key is None:
            continue
        kid = entry.get("kid", "")
        if not isinstance(kid, str) or kid in keys:
            raise BadIssuer(f"keys[{number}] repeats a key id")
        keys[kid] = key
    if not keys:
        raise BadIssuer("the JWKS file has no signature key")
    return keys


def _import(number: int, entry: dict[str, Any]) -> Key | None:
    if entry.get("kty") == "oct":
        raise BadIssuer(f"keys[{number}] is symmetric")
    key_type = _KEY_TYPES.get(str(entry.get("kty")))
    if key_type is None:
        # A kind we do not know is not ours to judge (RFC 7517 section 5): it verifies nothing here.
        return None
    try:
        key = key_type.import_key(entry)
        private = bool(key.is_private)
    except (JoseError, ValueError, TypeError) as error:
        raise BadIssuer(f"keys[{number}] cannot be read") from error
    if private:
        raise BadIssuer(f"keys[{number}] holds a private key")
    if isinstance(key, RSAKey) and key.raw_value.key_size < SHORTEST_RSA_BITS:
        raise BadIssuer(f"keys[{number}] is an RSA key with fewer than {SHORTEST_RSA_BITS} bits")
    return key
