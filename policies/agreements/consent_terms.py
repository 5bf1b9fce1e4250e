"""The table `[consent]` of an agreement: what a person can consent to under it, and the notice that they read first.

Rules kept here: an agreement on the basis of consent has the table and no other has it; every bound is stated, there is
no "unlimited". The notice is part of the signed file, so that provider, consumer and person mean the same text.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar

from policies.consent_words import (
    MAX_DATA_LIFE_DAYS,
    MAX_REPEATS,
    MAX_VALUE,
    RELATION_PATTERN,
    Fetch,
    Frequency,
    Mode,
    Proof,
    Unit,
)
from policies.plain import is_blank, is_plain

MAX_NOTICE: Final = 4000
MAX_DAYS: Final = 3 * 366
_KEYS: Final = frozenset({"notice_zh", "notice_en", "mode", "fetch", "max_days", "data_life_days"})
_OPTIONAL: Final = frozenset({"proof", "frequency", "relations"})
_Word = TypeVar("_Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class ConsentTerms:
    """What a consent under an agreement may say at most."""

    notice_zh: str
    notice_en: str
    mode: Mode
    fetch: Fetch
    frequency: Frequency | None
    max_days: int
    data_life_days: int
    proof: Proof
    relations: frozenset[str]


class Reader(Protocol):
    """Takes typed values out of a table and says where one is wrong; `parse` has it."""

    @property
    def table(self) -> Any:
        """The table."""

    def only(self, required: Collection[str], optional: Collection[str]) -> None:
        """Refuse unknown and missing keys."""

    def bad(self, key: str, rule: str) -> Exception:
        """The refusal of a key."""

    def number(self, key: str, most: int) -> int:
        """A whole number from 1."""

    def word(self, key: str, words: type[_Word]) -> _Word:
        """One of a closed list."""

    def listed(self, key: str, what: str, accepted: Callable[[str], bool]) -> frozenset[str]:
        """A list of texts, at least one."""

    def inner(self, key: str) -> "Reader":
        """A table inside this one."""


def read_terms(reader: Reader) -> ConsentTerms:
    """Read the table.

    Args:
        reader: Of the table.

    Returns:
        The terms.

    Raises:
        BadAgreement: With the line, key and rule of the first thing that is not right.
    """
    reader.only(_KEYS, _OPTIONAL)
    fetch = reader.word("fetch", Fetch)
    frequency = None
    if fetch is Fetch.PERIODIC:
        if "frequency" not in reader.table:
            raise reader.bad("frequency", "is missing: what is fetched again and again has a bound")
        inner = reader.inner("frequency")
        inner.only({"unit", "value", "repeats"}, ())
        frequency = Frequency(
            inner.word("unit", Unit), inner.number("value", MAX_VALUE), inner.number("repeats", MAX_REPEATS)
        )
    elif "frequency" in reader.table:
        raise reader.bad("frequency", "is for periodic fetches only")
    relations: frozenset[str] = frozenset()
    if "relations" in reader.table:
        relations = reader.listed("relations", "relations", lambda word: bool(RELATION_PATTERN.fullmatch(word)))
    return ConsentTerms(
        notice_zh=_notice(reader, "notice_zh"),
        notice_en=_notice(reader, "notice_en"),
        mode=reader.word("mode", Mode),
        fetch=fetch,
        frequency=frequency,
        max_days=reader.number("max_days", MAX_DAYS),
        data_life_days=reader.number("data_life_days", MAX_DATA_LIFE_DAYS),
        proof=reader.word("proof", Proof) if "proof" in reader.table else Proof.REQUIRED,
        relations=relations,
    )


def _notice(reader: Reader, key: str) -> str:
    value = reader.table[key]
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_NOTICE:
        raise reader.bad(key, f"must be a text of 1 to {MAX_NOTICE} characters")
    # People decide by what they see of it, so nothing in it may be hidden or turn the writing.
    if is_blank(value) or not is_plain(value.replace("\n", "")):
        raise reader.bad(key, "must hold only printable characters and line ends")
    return value
