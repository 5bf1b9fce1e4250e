"""What names a service item in requests and in the access log: code, version and the hash of the text.

Rules kept here: fails closed; whoever makes or reads a reference looks at the shape of every part.

What it does not do: it does not know whether there is such a service item; whoever has the file can tell.
"""

import re
from dataclasses import dataclass
from typing import Final

SERVICE_PATTERN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
MAX_VERSION: Final = 2**31 - 1
DIGEST_BYTES: Final = 32


class BadReference(ValueError):
    """A reference breaks a rule.

    Args:
        field: Which part.
        rule: The rule that is broken; never the value.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True)
class ServiceReference:
    """Which service item, to the byte.

    Attributes:
        code: Its code.
        version: Its version, from 1.
        digest: SHA-256 of the file's exact bytes, 32 bytes.
    """

    code: str
    version: int
    digest: bytes


def checked_reference(code: str, version: int, digest: bytes) -> ServiceReference:
    """A reference, its shape checked.

    Args:
        code: Of the service item.
        version: From 1.
        digest: 32 bytes.

    Returns:
        The reference.

    Raises:
        BadReference: A part has another shape.
    """
    if not SERVICE_PATTERN.fullmatch(code):
        raise BadReference("code", "must be 1 to 64 characters of A-Z a-z 0-9 . _ -")
    if not 1 <= version <= MAX_VERSION:
        raise BadReference("version", f"must be 1 to {MAX_VERSION}")
    if len(digest) != DIGEST_BYTES:
        raise BadReference("digest", f"must be {DIGEST_BYTES} bytes")
    return ServiceReference(code, version, digest)
