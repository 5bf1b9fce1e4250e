"""Verifying Ed25519 signatures in plain Python (RFC 8032 section 5.1.7): the verifier runs where nothing is installed.

An auditor checks the log on a machine of their own, with one file and a bare Python; a package from elsewhere would be
one more thing to trust, and often cannot be installed at all. So the arithmetic is here, for verification only: every
input is public, so that nothing has to be constant-time, and no secret ever comes near it. Where `cryptography` is
installed `keys.log.notes` uses that instead, which is much faster and gives the same answers (tested).

Strict: encodings are the only ones of their points, S is below the group order, and the equation is the one without
the cofactor, compared as bytes. A public key of small order is refused, because it would sign anything.
"""

from functools import lru_cache
from hashlib import sha512
from typing import Final

from keys.errors import BadSignature

KEY_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_P: Final = 2**255 - 19
_L: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE: Final = pow(2, (_P - 1) // 4, _P)
_SIGN: Final = 255
_MASK: Final = (1 << _SIGN) - 1

_Point = tuple[int, int, int, int]
"""Extended coordinates (X, Y, Z, T): x = X/Z, y = Y/Z, xy = T/Z."""

_NEUTRAL: Final[_Point] = (0, 1, 1, 0)


def check_key(public_key: bytes) -> None:
    """Accepts by returning that the bytes are a public key that can be trusted to tell signatures apart. Fails closed.

    Args:
        public_key: 32 bytes.

    Raises:
        BadSignature: They are not the encoding of a point, not its only one, or the point is of small order.
    """
    _key(public_key)


def verify(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Accepts by returning that the signature is the key's over the message. Fails closed.

    Args:
        public_key: 32 bytes.
        signature: 64 bytes, R ‖ S.
        message: What was signed.

    Raises:
        BadSignature: It is not, or key or signature are malformed.
    """
    minus_a = _negative(_key(public_key))
    s = int.from_bytes(signature[KEY_SIZE:], "little")
    if len(signature) != SIGNATURE_SIZE or s >= _L:
        raise BadSignature("the signature is malformed")
    k = int.from_bytes(sha512(signature[:KEY_SIZE] + public_key + message).digest(), "little") % _L
    if _encode(_sum_of_products(s, _BASE, k, minus_a)) != signature[:KEY_SIZE]:
        raise BadSignature("the signature does not verify")


@lru_cache(maxsize=64)
def _key(public_key: bytes) -> _Point:
    """The point of a key that was checked; remembered, because the same few keys verify everything."""
    point = _decode(public_key)
    eightfold = _double(_double(_double(point)))
    if _encode(eightfold) == _encode(_NEUTRAL):
        raise BadSignature("the public key is of small order")
    return point


def _decode(raw: bytes) -> _Point:
    """Section 5.1.3."""
    number = int.from_bytes(raw, "little")
    y, odd = number & _MASK, number >> _SIGN
    if len(raw) != KEY_SIZE or y >= _P:
        raise BadSignature("the public key is malformed")
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if x * x % _P != square or (x == 0 and odd):
        raise BadSignature("the public key is malformed")
    if x & 1 != odd:
        x = _P - x
    return x, y, 1, x * y % _P


def _encode(point: _Point) -> bytes:
    """Section 5.1.2."""
    x, y, z, _ = point
    inverse = pow(z, -1, _P)
    return ((y * inverse % _P) | ((x * inverse % _P) & 1) << _SIGN).to_bytes(KEY_SIZE, "little")


def _add(first: _Point, second: _Point) -> _Point:
    """Section 5.1.4; complete, so it also doubles and adds the neutral element."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a = (y1 - x1) * (y2 - x2) % _P
    b = (y1 + x1) * (y2 + x2) % _P
    c = 2 * t1 * t2 * _D % _P
    d = 2 * z1 * z2 % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _double(point: _Point) -> _Point:
    """Section 5.1.4."""
    x, y, z, _ = point
    a, b = x * x % _P, y * y % _P
    h = a + b
    e = h - (x + y) * (x + y) % _P
    g = a - b
    f = 2 * z * z % _P + g
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _negative(point: _Point) -> _Point:
    x, y, z, t = point
    return -x % _P, y, z, -t % _P


def _sum_of_products(first: int, one: _Point, second: int, other: _Point) -> _Point:
    """first·one + second·other, both at once from the highest bit down."""
    terms = (_NEUTRAL, one, other, _add(one, other))
    total = _NEUTRAL
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        total = _double(total)
        chosen = first >> bit & 1 | (second >> bit & 1) << 1
        if chosen:
            total = _add(total, terms[chosen])
    return total


_BASE: Final = _decode((4 * pow(5, -1, _P) % _P).to_bytes(KEY_SIZE, "little"))
