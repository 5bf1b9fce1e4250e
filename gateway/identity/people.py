"""People behind OpenID Connect tokens: citizens, officials, stewards, auditors, operators.

What is checked, in order: size and shape; the issuer is configured; the algorithm is one that is named for it; the key
is one of its keys; the signature; `iss`, `aud`, `exp`, `nbf`, `iat`, `sub`; age; then which roles the token gives, each
with the assurance (`acr`) that the role asks for. An official's token is short-lived and bound to one system
(ADR 0042). Everything fails closed, with one public reason; a token past its `exp` is told apart because the holder can
do something about it.

It keeps no sessions, asks no network and records nothing. Error texts never repeat a claim.
"""

import contextlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from joserfc import jwt
from joserfc.errors import ClaimError, ExpiredTokenError, JoseError

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.identity.issuers import BadIssuer, Issuer, IssuerKeys, Role
from gateway.identity.officials import check_official
from gateway.identity.peers import Peer
from keys.id_tokens import read_unverified
from policies.identifiers import BadIdentifier, normalise

__all__ = ["BadIssuer", "Issuer", "People", "Person", "Role"]

_LEEWAY_S = 30
_MAX_TOKEN = 8 * 1024
_MAX_CLAIM = 256
_MAX_RELATIONS = 32
_PREFIX = "bearer "


@dataclass(frozen=True, slots=True)
class Person:
    """Someone whom an issuer vouches for.

    Args:
        roles: What the person may be here; may be empty.
        issuer: Who vouches.
        subject_key: Keyed hash of issuer and subject, 64 hex digits: the person's name in records.
        scheme: Scheme of the identifier; empty without one.
        identifier: The person's identifier, canonical, or None. It is shown in no text of this object.
        department: Department whose official this is; empty for anyone else.
        acts_for: Relation, scheme and canonical identifier of the persons for whom the issuer says that the holder may
            act. They are shown in no text of this object.
        subject: The name that the issuer gives (`sub`). It is shown in no text of this object and goes on no record.
    """

    roles: frozenset[Role]
    issuer: str
    subject_key: str
    scheme: str
    identifier: str | None = field(repr=False)
    department: str
    acts_for: tuple[tuple[str, str, str], ...] = field(default=(), repr=False)
    subject: str = field(default="", repr=False)

    def require(self, role: Role) -> None:
        """Go on only with a role.

        Raises:
            Refused: NOT_ALLOWED.
        """
        if role not in self.roles:
            raise Refused(Code.NOT_ALLOWED, f"not a {role}")


class People:
    """Authenticates people by their tokens.

    Args:
        issuers: Whose tokens count; with none, nobody's.
        clock: For the times in tokens.
        subject_key: Secret for the keyed hash of issuer and subject, at least 32 bytes.

    Raises:
        BadIssuer: Two issuers have one name, or a key file cannot be used.
    """

    def __init__(self, issuers: Sequence[Issuer], clock: Clock, subject_key: bytes) -> None:
        if len(subject_key) < sha256().digest_size:
            raise BadIssuer("the subject key must have at least 32 bytes")
        self._issuers: dict[str, tuple[Issuer, IssuerKeys]] = {}
        for issuer in issuers:
            if issuer.issuer in self._issuers:
                raise BadIssuer("two issuers have the same name")
            keys = IssuerKeys(issuer.jwks_file)
            keys.load()
            self._issuers[issuer.issuer] = (issuer, keys)
        self._clock = clock
        self._subject_key = subject_key

    def authenticate(self, bearer: str, *, audience: str | None = None) -> Person:
        """Who a token speaks for.

        Args:
            bearer: The `authorization` header's value ("Bearer …") or the token alone.
            audience: What `aud` must contain; None takes the issuer's configured one.

        Raises:
            Refused: UNAUTHENTICATED without a token, TOKEN_EXPIRED, BAD_TOKEN for everything else.
        """
        if not bearer.strip():
            raise Refused(Code.UNAUTHENTICATED)
        issuer, claims = self._verified(bearer, audience)
        return self._person(issuer, claims)

    def authenticate_official(self, token: str, *, peer: Peer) -> Person:
        """The official on whose behalf a system asks.

        The token must come from an issuer of the system's own department, be bound to this very system or its
        certificate, live at most five minutes and be at most five minutes old (`officials`).

        Args:
            token: The official's token.
            peer: The system, admitted.

        Raises:
            Refused: UNAUTHENTICATED, TOKEN_EXPIRED, BAD_TOKEN; NOT_ALLOWED when the token is good but its holder is no
                official with enough assurance.
        """
        if not token.strip():
            raise Refused(Code.UNAUTHENTICATED)
        issuer, claims = self._verified(token, None)
        check_official(issuer, claims, peer=peer, now_s=self._now_s())
        person = self._person(issuer, claims)
        person.require(Role.OFFICER)
        return person

    def _verified(self, bearer: str, audience: str | None) -> tuple[Issuer, dict[str, Any]]:
        token = bearer[len(_PREFIX) :] if bearer[: len(_PREFIX)].lower() == _PREFIX else bearer
        token = token.strip()
        if len(token) > _MAX_TOKEN or not token.isascii():
            raise Refused(Code.BAD_TOKEN, "malformed")
        try:
            return self._decode(token, audience)
        except ExpiredTokenError as error:
            raise Refused(Code.TOKEN_EXPIRED) from error
        except ClaimError as error:
            raise Refused(Code.BAD_TOKEN, f"a claim does not hold: {error.error}") from error
        except JoseError as error:
            raise Refused(Code.BAD_TOKEN, f"not verified: {error.error}") from error
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            # The library is not promised to stay inside its own errors for every malformed input.
            raise Refused(Code.BAD_TOKEN, "malformed") from error

    def _decode(self, token: str, audience: str | None) -> tuple[Issuer, dict[str, Any]]:
        unverified = read_unverified(token)
        issuer, keys = self._issuer_of(unverified.claims)
        algorithm = unverified.header.get("alg")
        if algorithm not in issuer.algorithms:
            raise Refused(Code.BAD_TOKEN, "the algorithm is not accepted")
        key = keys.find(unverified.header.get("kid"), algorithm)
        claims = jwt.decode(token, key, algorithms=list(issuer.algorithms)).claims
        now_s = self._now_s()
        jwt.JWTClaimsRegistry(
            now=now_s,
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": issuer.issuer},
            aud={"essential": True, "value": audience or issuer.audience},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
        ).validate(claims)
        if len(claims["sub"]) > _MAX_CLAIM:
            raise Refused(Code.BAD_TOKEN, "malformed")
        if now_s - claims["iat"] > issuer.max_age_s + _LEEWAY_S:
            raise Refused(Code.TOKEN_EXPIRED)
        return issuer, claims

    def _issuer_of(self, claims: dict[str, Any]) -> tuple[Issuer, IssuerKeys]:
        # Not verified yet: the claim only chooses by whose keys the token is verified, and is checked again after.
        name = claims.get("iss")
        known = self._issuers.get(name) if isinstance(name, str) else None
        if known is None:
            raise Refused(Code.BAD_TOKEN, "unknown issuer")
        return known

    def _person(self, issuer: Issuer, claims: dict[str, Any]) -> Person:
        identifier = self._identifier(issuer, claims)
        return Person(
            roles=_roles(issuer, claims, identifier),
            issuer=issuer.issuer,
            subject_key=self._name(issuer.issuer, claims["sub"]),
            scheme=issuer.scheme if identifier is not None else "",
            identifier=identifier,
            department=issuer.department,
            acts_for=self._acts_for(issuer, claims),
            subject=claims["sub"],
        )

    @staticmethod
    def _acts_for(issuer: Issuer, claims: dict[str, Any]) -> tuple[tuple[str, str, str], ...]:
        """Whom the issuer vouches for; an entry that is not understood vouches for nobody."""
        said = claims.get(issuer.relations_claim) if issuer.relations_claim else None
        found = []
        for one in said[:_MAX_RELATIONS] if isinstance(said, list) else []:
            relation, whom = (one.get("relation"), one.get("identifier")) if isinstance(one, dict) else (None, None)
            if isinstance(relation, str) and isinstance(whom, str) and 0 < len(whom) <= _MAX_CLAIM:
                with contextlib.suppress(BadIdentifier):
                    found.append((relation, issuer.scheme, normalise(issuer.scheme, whom)))
        return tuple(found)

    def _identifier(self, issuer: Issuer, claims: dict[str, Any]) -> str | None:
        value = claims.get(issuer.identifier_claim) if issuer.identifier_claim else None
        if value is None:
            return None
        if not isinstance(value, str) or not 0 < len(value) <= _MAX_CLAIM:
            raise Refused(Code.BAD_TOKEN, "the identifier claim is malformed")
        try:
            return normalise(issuer.scheme, value)
        except BadIdentifier:
            # Without the cause: its text is about the identifier.
            raise Refused(Code.BAD_TOKEN, "the identifier breaks its scheme's rule") from None

    def _name(self, issuer: str, subject: str) -> str:
        message = b"oncegate-person-name-v1\x00" + len(issuer.encode()).to_bytes(2, "big") + issuer.encode()
        return hmac.digest(self._subject_key, message + subject.encode(), "sha256").hex()

    def _now_s(self) -> int:
        return self._clock.now_ms() // 1000


def _roles(issuer: Issuer, claims: dict[str, Any], identifier: str | None) -> frozenset[Role]:
    named = claims.get(issuer.role_claim)
    names = [named] if isinstance(named, str) else named if isinstance(named, list) else []
    roles = {Role(issuer.roles[name]) for name in names if isinstance(name, str) and name in issuer.roles}
    if not roles and identifier is not None and issuer.default_role:
        roles = {Role(issuer.default_role)}
    if identifier is None:
        # A citizen's rights are over their own data; without an identifier there is nobody to have them.
        roles.discard(Role.CITIZEN)
    acr = claims.get("acr")
    return frozenset(role for role in roles if role not in issuer.minimum_acr or acr in issuer.minimum_acr[role])
