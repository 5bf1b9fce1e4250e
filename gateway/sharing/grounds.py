"""How a purpose that does not count is refused where something is to be kept: an agreement, a consent, a click.

What it does not do: whether a purpose counts is the vocabulary's matter (`policies.purposes`), and at every release the
engine's and the node's again.
"""

from collections.abc import Sequence

from gateway.errors import Code, Refused, Violation
from policies.purposes import Purposes
from policies.purposes.grounds import RULES
from policies.reasons import TEXT, Reason
from policies.vocabulary import LegalBasis

_MOST_TOLD = 16


def require_ground(purposes: Purposes, purpose: str, basis: LegalBasis, now_ms: int, field: str) -> None:
    """Refuse a purpose that is not registered, is retired, or may not rest on a legal basis.

    Args:
        purposes: The vocabulary.
        purpose: Its code.
        basis: The legal basis.
        now_ms: Unix time in milliseconds.
        field: Path of the purpose in the message.

    Raises:
        Refused: As `ungrounded_refusal`.
    """
    fault = purposes.fault(purpose, basis, now_ms)
    if fault is not None:
        raise ungrounded_refusal(fault, (Violation(field, RULES[fault]),))


def ungrounded_refusal(reason: Reason, violations: Sequence[Violation]) -> Refused:
    """The refusal of a purpose that does not count.

    Args:
        reason: Why, as the vocabulary says.
        violations: Where, and the rules.

    Returns:
        UNKNOWN_PURPOSE for one that is not registered; else BAD_REQUEST with a reason of its own.
    """
    told = tuple(violations[:_MOST_TOLD])
    if reason not in {Reason.PURPOSE_RETIRED, Reason.BASIS_NOT_FOR_PURPOSE}:
        return Refused(Code.UNKNOWN_PURPOSE, "purposes", violations=told)
    text = TEXT[reason]
    return Refused(
        Code.BAD_REQUEST, "a purpose does not count", violations=told, reason=str(reason), texts=(text.zh, text.en)
    )
