"""Header and claims of an issuer's token (JWT, RFC 7519) before its signature is verified.

Only what is needed to find out by whose keys a token is to be verified. Rules kept here: every name stands once in its
JSON object, at any depth, so that no two readers can take different values from one token (RFC 8725 section 2.4);
numbers are finite; what JOSE lets a token bring along to be verified by is refused and never followed; a token of
another type, or with extensions that must be understood, is refused.

It verifies nothing: whoever uses a claim of it verifies the same exact text afterwards.
"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_PARTS: Final = 3
_TYPES: Final = frozenset({None, "JWT", "at+jwt"})
_OWN_KEY_HEADERS: Final = frozenset({"jwk", "jku", "x5c", "x5u", "crit"})


class BadIdToken(ValueError):
    """Not a token whose header and claims can be read in exactly one way, or one that is not accepted."""


@dataclass(frozen=True, slots=True)
class Unverified:
    """What a token says of itself; nobody vouches for it yet.

    Args:
        header: Its protected header.
        claims: Its claims; never part of the `repr`.
    """

    header: dict[str, Any]
    claims: dict[str, Any] = field(repr=False)


def read_unverified(token: str) -> Unverified:
    """Reads a token without believing it. Fails closed.

    Args:
        token: The compact serialisation, three parts; the caller bounds its length.

    Raises:
        BadIdToken: It cannot be read in exactly one way, or its header is not accepted.
    """
    parts = token.split(".")
    if len(parts) != _PARTS or not token.isascii():
        raise BadIdToken("not three parts")
    header, claims = _object(parts[0]), _object(parts[1])
    if header.get("typ") not in _TYPES:
        raise BadIdToken("another type of token")
    if not _OWN_KEY_HEADERS.isdisjoint(header):
        raise BadIdToken("the token brings what it is to be verified by")
    return Unverified(header, claims)


def _object(part: str) -> dict[str, Any]:
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
        said = json.loads(raw.decode(), object_pairs_hook=_each_once, parse_constant=_not_finite)
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadIdToken("not base64url of JSON in which every name stands once") from error
    if not isinstance(said, dict):
        raise BadIdToken("not a JSON object")
    return said


def _each_once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    said = dict(pairs)
    if len(said) != len(pairs):
        raise BadIdToken("a name stands twice")
    return said


def _not_finite(_text: str) -> float:
    raise BadIdToken("a number is not finite")
