"""One purpose, and a vocabulary of them with the check that gateway and node make of every request.

Rules kept here: a code never changes its meaning, so a vocabulary is only added to, and a purpose that is over is
retired and stays; `fault` fails closed. A day of retirement begins at midnight of the exchange's civil time.

What it does not do: it reads no file and knows no clock.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from policies.civil_time import civil_day
from policies.reasons import Reason
from policies.vocabulary import LegalBasis

_FIRST_DAY: Final = date(1970, 1, 1)


class Status(StrEnum):
    """How a purpose stands at a moment."""

    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class Purpose:
    """One registered purpose.

    Args:
        code: Its code.
        zh: Its public name, Chinese.
        en: Its public name, English.
        bases: The legal bases on which a release for it may rest; exactly one of them each time.
        law_zh: The law that the task behind it rests on, Chinese.
        law_en: The same, English.
        retired: The first civil day on which nothing is released for it any more; None when no end is set.
    """

    code: str
    zh: str
    en: str
    bases: frozenset[LegalBasis]
    law_zh: str
    law_en: str
    retired: date | None = None

    def status(self, now_ms: int) -> Status:
        """How it stands at a moment.

        Args:
            now_ms: Unix time in milliseconds, UTC.
        """
        if self.retired is None or civil_day(now_ms) < (self.retired - _FIRST_DAY).days:
            return Status.ACTIVE
        return Status.RETIRED


class Purposes(Mapping[str, Purpose]):
    """A vocabulary: purpose by code, in order. It never changes.

    Args:
        purposes: What is registered.
    """

    __slots__ = ("_by_code",)

    def __init__(self, purposes: Mapping[str, Purpose]) -> None:
        self._by_code = MappingProxyType(dict(purposes))

    def __getitem__(self, code: str) -> Purpose:
        """The purpose of a code."""
        return self._by_code[code]

    def __iter__(self) -> Iterator[str]:
        """All codes."""
        return iter(self._by_code)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._by_code)

    def __hash__(self) -> int:
        """By content: it never changes."""
        return hash(tuple(self._by_code.values()))

    def fault(self, code: str, basis: LegalBasis, now_ms: int) -> Reason | None:
        """Why nothing may be released for a purpose on a legal basis; fails closed.

        Args:
            code: The purpose; empty when none was stated.
            basis: The one legal basis.
            now_ms: Unix time in milliseconds, UTC.

        Returns:
            PURPOSE_MISSING, UNKNOWN_TERM, PURPOSE_RETIRED or BASIS_NOT_FOR_PURPOSE; None when it may.
        """
        purpose = self._by_code.get(code)
        if purpose is None:
            return Reason.UNKNOWN_TERM if code else Reason.PURPOSE_MISSING
        if purpose.status(now_ms) is Status.RETIRED:
            return Reason.PURPOSE_RETIRED
        return None if basis in purpose.bases else Reason.BASIS_NOT_FOR_PURPOSE
