"""Whether the purposes of an agreement are registered and may rest on its legal basis.

It is a matter of the vocabulary that whoever reads the agreement has loaded, and of the moment: an agreement is read by
people and programs that know other purposes, so its format alone does not settle it. Fails closed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from policies.agreements import Agreement
from policies.purposes.vocabulary import Purposes
from policies.reasons import Reason


@dataclass(frozen=True, slots=True)
class Ungrounded:
    """A purpose of an agreement for which nothing may be released under it.

    Args:
        purpose: Its code.
        reason: UNKNOWN_TERM, PURPOSE_RETIRED or BASIS_NOT_FOR_PURPOSE.
        rule: The rule that is broken, for people.
    """

    purpose: str
    reason: Reason
    rule: str


RULES: Final[Mapping[Reason, str]] = MappingProxyType(
    {
        Reason.PURPOSE_MISSING: "must be a registered purpose",
        Reason.UNKNOWN_TERM: "must be a registered purpose",
        Reason.PURPOSE_RETIRED: "must not be retired",
        Reason.BASIS_NOT_FOR_PURPOSE: "must be a purpose that may rest on this legal basis",
    }
)
"""The rule that is broken, by each reason that `Purposes.fault` gives."""


def ungrounded(agreement: Agreement, purposes: Purposes, now_ms: int) -> tuple[Ungrounded, ...]:
    """What is wrong with the purposes of an agreement, ordered by code; empty when nothing is.

    Args:
        agreement: Parsed.
        purposes: The vocabulary that counts here.
        now_ms: The moment, Unix ms.
    """
    found = []
    for code in sorted(agreement.purposes):
        reason = purposes.fault(code, agreement.legal_basis, now_ms)
        if reason is not None:
            found.append(Ungrounded(code, reason, f"{code}: {RULES[reason]}"))
    return tuple(found)
