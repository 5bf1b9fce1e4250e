"""What makes a person's token an official's: whose department, which system, how long.

Rules kept here, each failing closed with the one public reason of a bad token: the issuer is registered for the asking
system's own department; the token is bound to that system by the claim `oncegate_system`, its SPIFFE id, or to the very
certificate of the call by `cnf` with `x5t#S256` (RFC 8705 section 3.1), as the issuer's settings demand, and whatever
binding it carries holds; a confirmation of another kind is none that is understood, so the token is refused. It lives
five minutes at most and is five minutes old at most; here the clocks' leeway forgives nothing.

Signature, audience and the registered claims were verified before (`people`); roles are looked at after.
"""

import hmac
from collections.abc import Mapping
from typing import Any, Final

from gateway.errors import Code, Refused
from gateway.identity.issuers import Binding, Issuer
from gateway.identity.peers import Peer
from keys.canonical import to_text

OFFICIAL_LIFE_S: Final = 300
SYSTEM_CLAIM: Final = "oncegate_system"
CONFIRMATION_CLAIM: Final = "cnf"
THUMBPRINT: Final = "x5t#S256"


def check_official(issuer: Issuer, claims: Mapping[str, Any], *, peer: Peer, now_s: int) -> None:
    """Check a verified token as an official's.

    Args:
        issuer: Whose token it is.
        claims: Its claims; `iat` and `exp` are whole numbers.
        peer: The system that shows it, admitted.
        now_s: Now, Unix seconds.

    Raises:
        Refused: BAD_TOKEN or TOKEN_EXPIRED.
    """
    if not issuer.department or issuer.department != peer.department:
        raise Refused(Code.BAD_TOKEN, "the issuer does not vouch for this department")
    bound = _bound(claims, peer)
    if not bound or (issuer.binding is not Binding.ANY and issuer.binding not in bound):
        raise Refused(Code.BAD_TOKEN, "the token is not bound to this system")
    if claims["exp"] - claims["iat"] > OFFICIAL_LIFE_S:
        raise Refused(Code.BAD_TOKEN, "an official's token lives too long")
    if now_s - claims["iat"] > OFFICIAL_LIFE_S:
        raise Refused(Code.TOKEN_EXPIRED)


def _bound(claims: Mapping[str, Any], peer: Peer) -> frozenset[Binding]:
    """Every way in which the token is bound to the peer.

    Raises:
        Refused: BAD_TOKEN when it is bound to something else.
    """
    ways = set()
    system, confirmation = claims.get(SYSTEM_CLAIM), claims.get(CONFIRMATION_CLAIM)
    if system is not None:
        if system != str(peer.spiffe):
            raise Refused(Code.BAD_TOKEN, "the token is bound to another system")
        ways.add(Binding.SYSTEM)
    if confirmation is not None:
        said = confirmation.get(THUMBPRINT) if isinstance(confirmation, dict) and len(confirmation) == 1 else None
        if not isinstance(said, str) or not peer.thumbprint:
            raise Refused(Code.BAD_TOKEN, "the token is bound in a way that is not understood")
        if not hmac.compare_digest(said.encode(), to_text(peer.thumbprint).encode()):
            raise Refused(Code.BAD_TOKEN, "the token is bound to another certificate")
        ways.add(Binding.CERTIFICATE)
    return frozenset(ways)
