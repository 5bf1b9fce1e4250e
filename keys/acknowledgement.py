"""What a system says it received: a batch of acknowledgements, signed with the system's certified signing key.

Canonical JSON (`keys.canonical`) with exactly these keys: `acknowledgements`, `format` ("oncegate.acknowledgement/1"),
`system` (SPIFFE id), `time_ms`, `trust_domain`. Each acknowledgement has exactly `entry` (index of the outcome in the
access log), `received` (digests, hexadecimal, sorted), `request` (digest of the request, hexadecimal) and `wrong`
(which check failed; empty when all of it was verified and opened).

A received digest is that of a node's receipt, which itself binds request, ticket and sealed answer; of a locate, which
has no receipt, that of the sealed answer. It is signed under `keys.signing.ACKNOWLEDGEMENT`. The batch says nothing
about a person or a value. Which way it fails: closed; what is not spelled exactly so is no acknowledgement.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from keys import canonical
from keys.signing import ACKNOWLEDGEMENT, SigningKey

FORMAT: Final = "oncegate.acknowledgement/1"
LARGEST_STATEMENT: Final = 64 * 1024
"""Bytes of one batch; it is written to the log as it is."""
MOST_ACKNOWLEDGEMENTS: Final = 256
MOST_RECEIVED: Final = 64
WRONG: Final = frozenset(
    {"UNKNOWN_PROVIDER", "NODE_KEYS", "RECEIPT", "PROMISE", "SEALED", "UNASKED", "MISSING", "MALFORMED"}
)
"""Which check of the receiving system failed; the same words as in the SDK (tested)."""

# The same text as `keys.canonical.write` (tested), without a walk in Python over what has checked types already.
_encode: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
_LARGEST_ENTRY: Final = (1 << 53) - 1
_DIGEST: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_KEYS: Final = frozenset({"acknowledgements", "format", "system", "time_ms", "trust_domain"})
_ITEM_KEYS: Final = frozenset({"entry", "received", "request", "wrong"})
_LONGEST_NAME: Final = 512


class BadAcknowledgement(ValueError):
    """The bytes are no such batch.

    Args:
        field: Path of the part that breaks a rule.
        rule: The rule, never the value.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What became of one answer at the system that received it.

    Attributes:
        entry: Index of the outcome entry in the access log, as the answer's promise names it.
        request: SHA-256 of the request, 32 bytes.
        received: Digests of what was received, 32 bytes each.
        wrong: Which check failed, one of `WRONG`; empty when everything held.
    """

    entry: int
    request: bytes
    received: tuple[bytes, ...]
    wrong: str = ""

    def to_json(self) -> dict[str, canonical.Json]:
        """As it stands in a batch."""
        return {
            "entry": self.entry,
            "received": [digest.hex() for digest in sorted(self.received)],
            "request": self.request.hex(),
            "wrong": self.wrong,
        }

    @property
    def said(self) -> bytes:
        """SHA-256 of what it says, for look-ups: two that say the same are the same."""
        received = sorted(self.received)
        head = self.entry.to_bytes(8, "big") + self.request + len(received).to_bytes(4, "big")
        return sha256(head + b"".join(received) + self.wrong.encode()).digest()


@dataclass(frozen=True, slots=True)
class Statement:
    """A batch.

    Attributes:
        system: SPIFFE id of the system that says so.
        trust_domain: Of the gateway for which it is meant.
        time_ms: When, by that system's clock, Unix ms.
        acknowledgements: 1 to 256.
    """

    system: str
    trust_domain: str
    time_ms: int
    acknowledgements: tuple[Acknowledgement, ...]

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        return _encode(
            {
                "format": FORMAT,
                "system": self.system,
                "trust_domain": self.trust_domain,
                "time_ms": self.time_ms,
                "acknowledgements": [one.to_json() for one in self.acknowledgements],
            }
        ).encode()


def sign_statement(key: SigningKey, statement: Statement) -> tuple[bytes, bytes]:
    """Write and sign a batch.

    Args:
        key: The system's certified signing key.
        statement: What it says.

    Returns:
        The exact bytes, and the signature over them (DER).
    """
    body = statement.to_bytes()
    return body, key.sign(ACKNOWLEDGEMENT, body)


def read_statement(body: bytes) -> Statement:
    """Read a batch whose signature was verified over these exact bytes. Fails closed.

    Args:
        body: The exact bytes.

    Returns:
        What it says.

    Raises:
        BadAcknowledgement: It is too large, written in another way, or breaks a rule.
    """
    if len(body) > LARGEST_STATEMENT:
        raise BadAcknowledgement("statement", f"must be at most {LARGEST_STATEMENT} bytes")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        raise BadAcknowledgement("statement", "must be canonical JSON") from None
    if not isinstance(said, dict) or set(said) != _KEYS or said["format"] != FORMAT:
        raise BadAcknowledgement("statement", f"must be of the format {FORMAT}")
    listed = said["acknowledgements"]
    if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_ACKNOWLEDGEMENTS:
        raise BadAcknowledgement("acknowledgements", f"must be 1 to {MOST_ACKNOWLEDGEMENTS}")
    statement = Statement(
        system=_name(said, "system"),
        trust_domain=_name(said, "trust_domain"),
        time_ms=_number(said["time_ms"], "time_ms"),
        acknowledgements=_all(listed),
    )
    # Written again rather than walked through twice: whatever has another spelling differs.
    if _written(statement) != body:
        raise BadAcknowledgement("statement", "must be canonical JSON")
    return statement


def _written(statement: Statement) -> bytes:
    try:
        return statement.to_bytes()
    except UnicodeEncodeError:
        return b""


def _all(listed: Sequence[canonical.Json]) -> tuple[Acknowledgement, ...]:
    found = tuple(_one(value, f"acknowledgements[{position}]") for position, value in enumerate(listed))
    if len({one.entry for one in found}) != len(found):
        raise BadAcknowledgement("acknowledgements", "must name each entry once")
    return found


def _one(value: canonical.Json, path: str) -> Acknowledgement:
    if not isinstance(value, dict) or set(value) != _ITEM_KEYS:
        raise BadAcknowledgement(path, "must have exactly entry, received, request and wrong")
    received, wrong = value["received"], value["wrong"]
    if not isinstance(received, list) or len(received) > MOST_RECEIVED:
        raise BadAcknowledgement(f"{path}.received", f"must be at most {MOST_RECEIVED} digests")
    digests = tuple(_digest(one, f"{path}.received") for one in received)
    if list(digests) != sorted(set(digests)):
        raise BadAcknowledgement(f"{path}.received", "must be sorted, each digest once")
    if not isinstance(wrong, str) or (wrong and wrong not in WRONG):
        raise BadAcknowledgement(f"{path}.wrong", "must be empty or the code of a check")
    entry = _number(value["entry"], f"{path}.entry")
    return Acknowledgement(entry, _digest(value["request"], f"{path}.request"), digests, wrong)


def _digest(value: canonical.Json, path: str) -> bytes:
    if not isinstance(value, str) or not _DIGEST.fullmatch(value):
        raise BadAcknowledgement(path, "must be SHA-256 in lower-case hexadecimal")
    return bytes.fromhex(value)


def _number(value: canonical.Json, path: str) -> int:
    if type(value) is not int or not 0 <= value <= _LARGEST_ENTRY:
        raise BadAcknowledgement(path, "must be a whole number from 0")
    return value


def _name(said: Mapping[str, canonical.Json], key: str) -> str:
    value = said[key]
    if not isinstance(value, str) or not 1 <= len(value) <= _LONGEST_NAME:
        raise BadAcknowledgement(key, f"must be text of 1 to {_LONGEST_NAME} characters")
    return value
