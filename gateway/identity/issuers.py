"""Issuers: the OpenID Connect providers whose tokens count, and their public keys from a JWKS file.

Rules kept here: algorithms are named one by one, and only public-key signatures can be named. How a key file is read
is in `keys.jwks`: the node of a provider reads one in the same way.

It does not fetch anything over the network: the operator puts the file there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from joserfc.jwk import Key

from gateway.errors import Code, GatewayError, Refused
from keys.errors import UnusableKeys
from keys.jwks import ALGORITHMS, JwksFile


class Role(StrEnum):
    """What a person may be in the exchange."""

    CITIZEN = "citizen"
    OFFICER = "officer"
    STEWARD = "steward"
    AUDITOR = "auditor"
    OPERATOR = "operator"


class Binding(StrEnum):
    """By what an official's token is bound to the system that shows it."""

    ANY = "any"
    """By the system's name or by its certificate, or by both."""
    SYSTEM = "system"
    """By the system's name at least."""
    CERTIFICATE = "certificate"
    """By the certificate at least."""


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
        binding: How its officials' tokens must be bound to the system that shows them.
        relations_claim: Claim with the persons for whom the holder may act; empty when it vouches for none.
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
    binding: Binding = Binding.ANY
    relations_claim: str = ""

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
        self._file = JwksFile(path)

    def find(self, kid: object, algorithm: str) -> Key:
        """The key that a token names.

        Args:
            kid: The token's `kid` header; None is enough only when the issuer has a single key.
            algorithm: The token's algorithm, already found acceptable.

        Raises:
            Refused: BAD_TOKEN when there is no such key, it is not for this algorithm, or the file cannot be used.
        """
        try:
            return self._file.find(kid, algorithm)
        except UnusableKeys as error:
            raise Refused(Code.BAD_TOKEN, str(error)) from error

    def load(self) -> int:
        """Read the file now; how many keys it has.

        Raises:
            BadIssuer: The file cannot be used; the text names the rule.
        """
        try:
            return self._file.load()
        except UnusableKeys as error:
            raise BadIssuer(str(error)) from error
