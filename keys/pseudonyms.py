"""Pseudonyms: what one department calls a person, underivable from what another department does.

pseudonym = HKDF-SHA256(person's data key, info = domain ‖ department ‖ 00 ‖ u32 generation), 20 bytes (RFC 5869, one
output block), written as 32 letters and digits of base32 (RFC 4648) in groups of four. It is the same at every request
and changes with the generation. It dies with the data key: nobody can compute it any more once the person is erased,
not even from a backup whose key-encryption keys are destroyed.

It does not keep which generation a department is at.
"""

import base64
import hmac
from typing import Final

from keys.errors import BadEnvelope

SIZE: Final = 20
MOST_GENERATIONS: Final = 1 << 32

_DOMAIN: Final = b"oncegate-pseudonym-v1\x00"
_NO_SALT: Final = bytes(32)
_KEY: Final = 32
_GROUP: Final = 4


def pseudonym(data_key: bytes, department: str, generation: int) -> str:
    """The pseudonym of one person for one department.

    Args:
        data_key: The person's data key, 32 bytes.
        department: Department id; holds no zero byte.
        generation: Which of the department's pseudonyms, from 1.

    Returns:
        Eight groups of four letters and digits, such as `ABCD-…`: 160 bits.

    Raises:
        BadEnvelope: An argument is malformed.
    """
    name = department.encode()
    if len(data_key) != _KEY or not name or b"\x00" in name or not 0 < generation < MOST_GENERATIONS:
        raise BadEnvelope("a pseudonym is of a data key, a department and a generation")
    info = _DOMAIN + name + b"\x00" + generation.to_bytes(4, "big")
    raw = hmac.digest(hmac.digest(_NO_SALT, data_key, "sha256"), info + b"\x01", "sha256")[:SIZE]
    text = base64.b32encode(raw).decode("ascii")
    return "-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP))
