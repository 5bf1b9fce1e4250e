"""The keys of an agreement that say what the consumer owes for what it gets.

How long it keeps it, that it passes nothing on, and on which impact assessment the sharing of sensitive fields rests.

Rules kept here: passing on is refused, whatever else a file says; texts have no characters that drive a terminal or
turn the writing direction. What it does not do: whether an assessment is needed depends on the resource
(`policies.agreements.floors`).
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from policies.plain import is_plain

KEYS: Final = frozenset({"retention_days", "impact_assessment", "onward_transfer"})
MAX_RETENTION_DAYS: Final = 36_600
MAX_ASSESSMENT: Final = 300


class Reader(Protocol):
    """Takes typed values out of the file and says where one is wrong."""

    @property
    def table(self) -> Mapping[str, Any]:
        """The keys."""

    def bad(self, key: str, rule: str) -> ValueError:
        """The error for one key."""

    def number(self, key: str, most: int) -> int:
        """A whole number from 1."""

    def flag(self, key: str) -> bool:
        """True or false."""


class Obligations(NamedTuple):
    """What the consumer owes.

    Attributes:
        retention_days: For how many days it may keep what it got; None when the agreement does not say.
        impact_assessment: Reference of the impact assessment; empty when there is none.
        onward_transfer: Whether it may pass on what it got; never.
    """

    retention_days: int | None
    impact_assessment: str
    onward_transfer: bool


def read_obligations(reader: Reader) -> Obligations:
    """Read these keys; each may be left out.

    Args:
        reader: Of the file's top level.

    Returns:
        The obligations.

    Raises:
        BadAgreement: A value breaks its rule.
    """
    retention = reader.number("retention_days", MAX_RETENTION_DAYS) if "retention_days" in reader.table else None
    if "onward_transfer" in reader.table and reader.flag("onward_transfer"):
        raise reader.bad("onward_transfer", "must be false: nothing is passed on")
    return Obligations(retention, _assessment(reader), onward_transfer=False)


def _assessment(reader: Reader) -> str:
    value = reader.table.get("impact_assessment")
    if value is None:
        return ""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_ASSESSMENT or not is_plain(value):
        raise reader.bad("impact_assessment", f"must be a reference of 1 to {MAX_ASSESSMENT} printable characters")
    return value
