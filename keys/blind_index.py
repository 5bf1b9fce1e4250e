"""Blind indexes: finding encrypted fields by value without decrypting all of them.

An index value is HMAC-SHA256(key, domain ‖ field ‖ 00 ‖ canonical value), cut to its first N bits. Values that share an
index value are candidates; whoever searches decrypts them and compares. The cut is the protection: a thief of the
database, and even of the index key, learns for a guess only that it may be there.

How long N is follows from two published rules, both of which a plan keeps:

1. CipherSweet (paragonie/ciphersweet, docs/SECURITY.md, "Blind Index Information Leaks"): with R rows of a record type
   and indexes of L_i bits over inputs of K_i bits, C = R / 2^Σmin(L_i, K_i), and "one should always aim for
   2 <= C < sqrt(R)"; its planner admits C = √R too, and so does this one. The sum is over **all** indexes of the record
   type, because a thief can combine them. By rule 2 an index is shorter than its input, so min(L_i, K_i) = L_i = N_i.
2. AWS Database Encryption SDK ("Choosing a beacon length"; specification/structured-encryption/beacons.md): for X
   distinct values "choose a beacon length N such that 2^N < X/2 to guarantee collisions", and "a reasonable lower
   bound" is "that 2^N is greater than the square root of X". Together √X < 2^N < X / 2.

A field of few distinct values cannot keep both and is refused: its index would be the value itself. What an index tells
in spite of this is in docs/keys.md. Pure: no database, no clock.
"""

import hmac
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from keys.errors import KeysError

KEY_SIZE: Final = 32
FEWEST_VALUES: Final = 64
"""Fewer distinct values than this are refused outright: whoever knows the vocabulary reads the field off its index."""
MOST_BITS: Final = 32

_DOMAIN: Final = b"oncegate-blind-index-v1\x00"


class NoPlan(KeysError):
    """No lengths keep both rules; the text says which field or sum is at fault, in numbers and field codes only."""

    code = "NO_BLIND_INDEX_PLAN"


@dataclass(frozen=True, slots=True)
class Plan:
    """Lengths of the blind indexes of one record type.

    Attributes:
        bits: Bits by field.
        rows: Rows that it was made for.
        coincidences: C of rule 1: rows that share all index values with a row, on average.
    """

    bits: Mapping[str, int]
    rows: int
    coincidences: float


def plan(rows: int, distinct: Mapping[str, int]) -> Plan:
    """Choose the shortest indexes that keep both rules, over a whole record type.

    Args:
        rows: Rows of the record type, R, as expected.
        distinct: Distinct values by field, X, as expected. Several columns of few values may be declared as one field
            that combines them.

    Returns:
        The plan; empty when no field is given.

    Raises:
        NoPlan: A field has too few values, or the fields together cannot keep both rules. Fails closed: nothing is
            indexed.
    """
    if not distinct:
        return Plan({}, rows, float(rows))
    bits: dict[str, int] = {}
    for field, values in sorted(distinct.items()):
        if not FEWEST_VALUES <= values <= rows:
            raise NoPlan(f"{field}: needs {FEWEST_VALUES} to {rows} distinct values, not {values}")
        bits[field] = _shortest(field, values)
    # Rule 1 from below: C ≤ √R asks for at least so many bits together. The field with most values gets them.
    while rows / 2 ** sum(bits.values()) > math.sqrt(rows):
        longest = max(distinct, key=lambda field: (distinct[field] / 2 ** bits[field], field))
        if 2 ** (bits[longest] + 1) * 2 >= distinct[longest] or bits[longest] == MOST_BITS:
            raise NoPlan(f"{', '.join(bits)}: too few distinct values for {rows} rows (C would exceed its square root)")
        bits[longest] += 1
    coincidences = rows / 2 ** sum(bits.values())
    if coincidences < 2:  # noqa: PLR2004 - the bound of rule 1
        raise NoPlan(
            f"{', '.join(bits)}: {sum(bits.values())} bits together tell too much of {rows} rows"
            f" (C = {coincidences:.2f}, at least 2 is needed): index fewer fields, or fields that fewer rows have"
        )
    return Plan(bits, rows, coincidences)


def _shortest(field: str, values: int) -> int:
    """The fewest bits with √X < 2^N < X / 2 (rule 2)."""
    for bits in range(1, MOST_BITS + 1):
        if 2**bits > math.sqrt(values):
            if 2**bits * 2 >= values:
                break
            return bits
    raise NoPlan(f"{field}: no length lies between the square root and the half of {values} distinct values")


class BlindIndex:
    """Index values of one field under one key.

    Args:
        key: 32 secret random bytes.
        field: Field code.
        bits: From a plan.

    Raises:
        NoPlan: The length is out of range.
        KeysError: The key is not 32 bytes.
    """

    __slots__ = ("_bits", "_mac")

    def __init__(self, key: bytes, field: str, bits: int) -> None:
        if len(key) != KEY_SIZE:
            raise KeysError("an index key is 32 bytes")
        if not 1 <= bits <= MOST_BITS:
            raise NoPlan(f"{field}: an index has 1 to {MOST_BITS} bits")
        self._bits = bits
        # Keyed once and copied per value. The field ends with a zero byte, which no field code holds.
        self._mac = hmac.new(key, _DOMAIN + field.encode() + b"\x00", "sha256")

    def value(self, canonical: str) -> int:
        """The index value of a canonical text: a number of N bits."""
        mac = self._mac.copy()
        mac.update(canonical.encode())
        return int.from_bytes(mac.digest()[:4], "big") >> (32 - self._bits)

    def __repr__(self) -> str:
        return f"BlindIndex({self._bits} bits)"
