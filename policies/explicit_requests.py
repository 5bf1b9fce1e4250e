"""Explicit requests: the click by which a person starts a public task that needs data of several departments.

It is **not** a consent: the law is the ground of the exchange, the person neither bounds it nor can end it by taking
the click back, and nothing here is read by the code of consents. It is the person's word that this task was asked for:
which department serves it, for which purpose, and whose resources it needs.

Rules kept here: an explicit request is its exact bytes, its digest names it; it names nobody, whose it is stands in the
gateway's row and the access log; what it authorises fails closed.

What it does not do: it does not replace an agreement, and a node does not look at it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.reasons import Reason
from policies.resources import DEPARTMENT_PATTERN, RESOURCE_PATTERN
from policies.vocabulary import PURPOSE_PATTERN

FORMAT: Final = "oncegate.explicit-request/1"
MAX_BYTES: Final = 8_192
MAX_RESOURCES: Final = 32
DAY_MS: Final = 86_400_000
LONGEST_MS: Final = 90 * DAY_MS
"""Longest time for which one counts: the task it starts has to begin by then."""
_ID: Final = re.compile(r"[0-9a-f]{32}")
_DOMAIN: Final = re.compile(r"[a-z0-9]([a-z0-9.-]{0,126}[a-z0-9])?")
_MEMBERS: Final = frozenset(
    {"format", "id", "domain", "consumer", "purpose", "resources", "created_ms", "valid_until_ms"}
)
_MAX_MS: Final = 1 << 53


class BadExplicitRequest(ValueError):
    """The bytes are no explicit request; the text names the rule, never a value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplicitRequest:
    """What a person asked for. Times are Unix milliseconds; `digest` is the SHA-256 of `raw`."""

    id: bytes
    domain: str
    consumer: str
    purpose: str
    resources: frozenset[str]
    created_ms: int
    valid_until_ms: int
    digest: bytes
    raw: bytes

    def authorises(self, *, consumer: str, purpose: str, resource: str, now_ms: int) -> Reason | None:
        """Check one resource of a request; the first condition that does not hold is told.

        Args:
            consumer: Department id of the asking system.
            purpose: Purpose code of the request.
            resource: Resource code.
            now_ms: Unix time in milliseconds.

        Returns:
            None if the click covers it, else the reason.
        """
        if consumer != self.consumer or purpose != self.purpose or resource not in self.resources:
            return Reason.EXPLICIT_REQUEST_NOT_COVERED
        return None if self.created_ms <= now_ms < self.valid_until_ms else Reason.EXPLICIT_REQUEST_EXPIRED


def write_explicit_request(
    *, request_id: bytes, domain: str, consumer: str, purpose: str, resources: frozenset[str], times: tuple[int, int]
) -> bytes:
    """The exact bytes of an explicit request.

    Args:
        request_id: Random, 16 bytes.
        domain: Trust domain of the exchange.
        consumer: Department that serves the task.
        purpose: Purpose code.
        resources: Resources that the task needs.
        times: When it was made, and until when it counts, Unix ms.
    """
    return _canonical(
        {
            "format": FORMAT,
            "id": request_id.hex(),
            "domain": domain,
            "consumer": consumer,
            "purpose": purpose,
            "resources": sorted(resources),
            "created_ms": times[0],
            "valid_until_ms": times[1],
        }
    )


def parse_explicit_request(raw: bytes) -> ExplicitRequest:
    """Read an explicit request.

    Raises:
        BadExplicitRequest: The bytes are not one. Fails closed.
    """
    try:
        said = json.loads(raw) if len(raw) <= MAX_BYTES else None
        same = isinstance(said, dict) and set(said) == _MEMBERS and _canonical(said) == raw
    except (ValueError, RecursionError):
        same = False
    if not same or said is None:
        raise BadExplicitRequest("must be canonical JSON with exactly its members")
    resources, times = said["resources"], (said["created_ms"], said["valid_until_ms"])
    checks = (
        (said["format"] == FORMAT, "format"),
        (_matches(_ID, said["id"]), "id"),
        (_matches(_DOMAIN, said["domain"]), "domain"),
        (_matches(DEPARTMENT_PATTERN, said["consumer"]), "consumer"),
        (_matches(PURPOSE_PATTERN, said["purpose"]), "purpose"),
        (isinstance(resources, list) and 1 <= len(resources) <= MAX_RESOURCES, "resources"),
        (isinstance(resources, list) and all(_matches(RESOURCE_PATTERN, one) for one in resources), "resources"),
        (isinstance(resources, list) and sorted(set(map(str, resources))) == resources, "resources"),
        (all(type(time) is int and 0 <= time < _MAX_MS for time in times), "times"),
        (all(type(time) is int for time in times) and 0 < times[1] - times[0] <= LONGEST_MS, "times"),
    )
    broken = next((member for holds, member in checks if not holds), "")
    if broken:
        raise BadExplicitRequest(f"{broken} breaks its rule")
    return ExplicitRequest(
        id=bytes.fromhex(said["id"]),
        domain=said["domain"],
        consumer=said["consumer"],
        purpose=said["purpose"],
        resources=frozenset(resources),
        created_ms=times[0],
        valid_until_ms=times[1],
        digest=hashlib.sha256(raw).digest(),
        raw=raw,
    )


def _matches(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _canonical(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
