"""Kinds of subject identifiers: how each is folded to one canonical text and checked before any look-up.

Rules kept here: two spellings of one identifier have one canonical text; an identifier that breaks its scheme's rule
is refused (fails closed) with the rule and never with the identifier itself; a scheme without a checksum says so.

What it does not do: it does not ask whether the person or company exists, and it knows no keys or tokens.
"""

from policies.identifiers.cn_resident_id import resident_id
from policies.identifiers.cn_uscc import uscc
from policies.identifiers.scheme import BadIdentifier, Scheme
from policies.identifiers.schemes import (
    SCHEMES,
    has_checksum,
    known_schemes,
    normalise,
)

__all__ = [
    "SCHEMES",
    "BadIdentifier",
    "Scheme",
    "has_checksum",
    "known_schemes",
    "normalise",
    "resident_id",
    "uscc",
]
