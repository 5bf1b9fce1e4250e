"""Enrolment tokens: everything a new node or system needs to reach the gateway for the first time, in one line of text.

The token carries the authority's certificate itself and its fingerprint, so that not even the first connection is
made unverified. It is a secret until it is used or has expired. Text form: "oge1." and base64url of canonical JSON.

The token says where to connect and who the newcomer is; only the gateway decides whether its secret is still good.
"""

import re
import secrets
from dataclasses import dataclass, field
from typing import Final, cast

from keys import canonical
from keys.certificates.authority import certificate_fingerprint
from keys.certificates.spiffe import Kind, SpiffeId
from keys.errors import BadCertificate, BadToken

PREFIX: Final = "oge1."
LONGEST: Final = 16384
_TEXTS: Final = (
    "secret",
    "gateway",
    "systems",
    "trust_domain",
    "department",
    "kind",
    "name",
    "ca_pem",
    "ca_fingerprint",
)
_KEYS: Final = frozenset({*_TEXTS, "not_after_ms"})
_ADDRESS: Final = re.compile(r"(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]):([0-9]{1,5})", re.ASCII)
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{22,128}", re.ASCII)
_LAST_PORT: Final = 65535


def new_secret() -> str:
    """A fresh token secret: 32 random bytes as 43 characters."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class EnrolmentToken:
    """A one-time invitation. Its secret does not appear in `repr`.

    Attributes:
        secret: What the gateway compares by hash; 22 to 128 characters of base64url.
        gateway: host:port of the people's door, where to enrol.
        systems: host:port of the systems' door, where to work afterwards.
        trust_domain: The gateway's trust domain.
        department: Department id.
        kind: node or system.
        name: Name inside the department.
        not_after_ms: Last moment at which the gateway accepts it, Unix ms.
        ca_pem: The authority's certificate, PEM.
    """

    secret: str = field(repr=False)
    gateway: str
    systems: str
    trust_domain: str
    department: str
    kind: Kind
    name: str
    not_after_ms: int
    ca_pem: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuses a token that could not be used.

        Raises:
            BadToken: A part is malformed.
        """
        if not _SECRET.fullmatch(self.secret) or self.kind == "gateway" or self.not_after_ms <= 0:
            raise BadToken("the token is malformed")
        for address in (self.gateway, self.systems):
            found = _ADDRESS.fullmatch(address)
            if found is None or not 0 < int(found[1]) <= _LAST_PORT:
                raise BadToken("the token names a malformed address")
        try:
            SpiffeId(self.trust_domain, self.department, self.kind, self.name)
            certificate_fingerprint(self.ca_pem)
        except BadCertificate:
            raise BadToken("the token names a malformed holder or authority") from None

    @property
    def spiffe(self) -> SpiffeId:
        """Who the newcomer will be."""
        return SpiffeId(self.trust_domain, self.department, self.kind, self.name)

    def encode(self) -> str:
        """The token as one line of text, to be handed over confidentially."""
        value: dict[str, canonical.Json] = {
            "secret": self.secret,
            "gateway": self.gateway,
            "systems": self.systems,
            "trust_domain": self.trust_domain,
            "department": self.department,
            "kind": self.kind,
            "name": self.name,
            "not_after_ms": self.not_after_ms,
            "ca_pem": self.ca_pem.decode("ascii"),
            "ca_fingerprint": certificate_fingerprint(self.ca_pem),
        }
        return PREFIX + canonical.to_text(canonical.write(value))

    @staticmethod
    def decode(text: str) -> "EnrolmentToken":
        """Reads a token; white space around and inside, as mail programs add it, is ignored. Fails closed.

        Args:
            text: As made by `encode`.

        Returns:
            The token.

        Raises:
            BadToken: It is damaged, incomplete, or its certificate is not the one that its fingerprint names.
        """
        joined = "".join(text.split())
        if len(joined) > LONGEST or not joined.startswith(PREFIX):
            raise BadToken("this is not an enrolment token")
        try:
            value = canonical.read(canonical.from_text(joined.removeprefix(PREFIX)))
        except canonical.NotCanonical:
            raise BadToken("the token is damaged") from None
        if value.keys() != _KEYS or type(value["not_after_ms"]) is not int:
            raise BadToken("the token has other entries than it must")
        texts = {name: _text(value[name]) for name in _TEXTS}
        if texts["kind"] not in ("node", "system") or not texts["ca_pem"].isascii():
            raise BadToken("the token is malformed")
        token = EnrolmentToken(
            secret=texts["secret"],
            gateway=texts["gateway"],
            systems=texts["systems"],
            trust_domain=texts["trust_domain"],
            department=texts["department"],
            kind=cast("Kind", texts["kind"]),
            name=texts["name"],
            not_after_ms=value["not_after_ms"],
            ca_pem=texts["ca_pem"].encode("ascii"),
        )
        if certificate_fingerprint(token.ca_pem) != texts["ca_fingerprint"]:
            raise BadToken("the token's certificate is not the one that it pins")
        return token


def _text(value: canonical.Json) -> str:
    """Admits text only."""
    if not isinstance(value, str):
        raise BadToken("the token has an entry of the wrong type")
    return value
