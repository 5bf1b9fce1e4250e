"""SPIFFE ids: the only names that count in a certificate.

Three shapes exist: `spiffe://DOMAIN/department/ID/node/NAME`, `spiffe://DOMAIN/department/ID/system/NAME` and
`spiffe://DOMAIN/gateway/NAME`. Anything else is refused, so that two texts never mean the same peer.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, cast

from keys.errors import BadCertificate

Kind = Literal["node", "system", "gateway"]

_LONGEST: Final = 2048  # SPIFFE-ID standard, section 2.3
_DOMAIN: Final = r"[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?"
_DEPARTMENT: Final = r"[a-z][a-z0-9-]{0,62}"
_NAME: Final = r"[a-z0-9][a-z0-9._-]{0,62}"
_PATTERN: Final = re.compile(
    rf"spiffe://({_DOMAIN})/(?:department/({_DEPARTMENT})/(node|system)|(gateway))/({_NAME})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class SpiffeId:
    """A peer's name. Construction checks it like `parse` does.

    Attributes:
        trust_domain: The gateway's trust domain, lower case.
        department: Department id; empty for the gateway.
        kind: node, system or gateway.
        name: Name inside the department, `[a-z0-9][a-z0-9._-]{0,62}`.
    """

    trust_domain: str
    department: str
    kind: Kind
    name: str

    def __post_init__(self) -> None:
        """Refuses what would not read back as itself.

        Raises:
            BadCertificate: A part is malformed, or a gateway has a department.
        """
        if _PATTERN.fullmatch(str(self)) is None or (self.kind == "gateway") != (not self.department):
            raise BadCertificate("the SPIFFE id is malformed")

    @staticmethod
    def parse(text: str) -> "SpiffeId":
        """Reads a SPIFFE id; the newest thousands are kept parsed.

        Args:
            text: The id.

        Returns:
            Its parts.

        Raises:
            BadCertificate: It has none of the three shapes. Fails closed.
        """
        return _parse(text)

    def __str__(self) -> str:
        if self.kind == "gateway":
            return f"spiffe://{self.trust_domain}/gateway/{self.name}"
        return f"spiffe://{self.trust_domain}/department/{self.department}/{self.kind}/{self.name}"


@lru_cache(maxsize=8192)
def _parse(text: str) -> SpiffeId:
    """Parses; failures are not kept."""
    found = _PATTERN.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise BadCertificate("the SPIFFE id is malformed")
    domain, department, kind, gateway, name = found.groups()
    return SpiffeId(domain, department or "", cast("Kind", kind or gateway), name)
