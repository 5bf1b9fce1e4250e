"""Reads a vocabulary of purposes (format `oncegate.purposes/1`, described in docs/policies.md).

Rules kept here: fails closed. The vocabulary of the package is read once, and one that is malformed stops the import:
without purposes nothing is decided. A file of an exchange adds purposes and retires registered ones; it changes none,
so that a code means the same everywhere, and a purpose that was retired does not come back. An error names the line,
the key and the rule, never the value.

What it does not do: it does not watch a file; gateway and nodes read theirs when they start.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from policies.agreements.locate import key_lines, shown
from policies.agreements.toml_text import MAX_BYTES, BadToml, read_toml
from policies.purposes.vocabulary import Purpose, Purposes
from policies.vocabulary import PURPOSE_PATTERN, LegalBasis

FORMAT: Final = "oncegate.purposes/1"
MAX_TEXT: Final = 300
_TEXTS: Final = ("zh", "en", "law_zh", "law_en")
_KEYS: Final = frozenset({*_TEXTS, "bases", "retired"})
_CHINESE: Final = re.compile(r"[\u4e00-\u9fff]")
_CITATION: Final = re.compile(r"《[^《》]+》")


class BadPurposes(ValueError):
    """A vocabulary of purposes is refused.

    Args:
        line: Line, from 1; None where there is none to point at.
        key: The key, such as `school_enrolment.bases`; empty for the file as a whole.
        rule: The rule that is broken; never the value.
    """

    def __init__(self, line: int | None, key: str, rule: str) -> None:
        place = ": ".join(part for part in (f"line {line}" if line else "", key) if part)
        super().__init__(f"{place}: {rule}" if place else rule)
        self.line = line
        self.key = key
        self.rule = rule


def parse_purposes(raw: bytes, registered: Purposes | None = None) -> Purposes:
    """Read a vocabulary of purposes.

    Args:
        raw: UTF-8 TOML: a `format` line and for each code a table with names, bases and law, and perhaps `retired`.
        registered: What is registered already; the file adds to it. A table of a registered code may have `retired` and
            nothing else.

    Returns:
        The vocabulary: what was registered, then the file's, in its order.

    Raises:
        BadPurposes: With the first thing that is wrong.
    """
    return _Reader(raw, Purposes({}) if registered is None else registered).read()


def extended_by(registered: Purposes, file: Path | None) -> Purposes:
    """A vocabulary with what a file adds to it and retires of it.

    Args:
        registered: The vocabulary.
        file: The file; without one the vocabulary stays as it is.

    Returns:
        The vocabulary that counts.

    Raises:
        BadPurposes: As `parse_purposes`, or the file cannot be read.
    """
    if file is None:
        return registered
    try:
        with file.open("rb") as stream:
            raw = stream.read(MAX_BYTES + 1)
    except OSError:
        raise BadPurposes(None, "", "the file cannot be read") from None
    return parse_purposes(raw, registered)


class _Reader:
    """One file."""

    def __init__(self, raw: bytes, registered: Purposes) -> None:
        try:
            self._content, text = read_toml(raw)
        except BadToml as error:
            raise BadPurposes(error.line, "", error.rule) from None
        self._lines = key_lines(text)
        self._merged = dict(registered)
        self._names = {name for one in registered.values() for name in (one.zh, one.en)}

    def read(self) -> Purposes:
        if self._content.pop("format", None) != FORMAT:
            raise self._bad("format", f"must be {FORMAT}")
        if not self._content:
            raise BadPurposes(None, "", "must register or retire at least one purpose")
        for code, table in self._content.items():
            self._take(code, table)
        return Purposes(self._merged)

    def _take(self, code: str, table: object) -> None:
        if not PURPOSE_PATTERN.fullmatch(code):
            raise self._bad(code, f"a code must match {PURPOSE_PATTERN.pattern}")
        if not isinstance(table, dict):
            raise self._bad(code, "must be a table")
        before = self._merged.get(code)
        if before is None:
            self._merged[code] = self._purpose(code, table)
            return
        if set(table) != {"retired"}:
            raise self._bad(code, "is registered already: its table may have retired and nothing else")
        retired = self._day(code, table)
        # The earlier day counts: a purpose does not come back.
        self._merged[code] = replace(before, retired=min(before.retired or retired, retired))

    def _purpose(self, code: str, table: Mapping[str, Any]) -> Purpose:
        for key in sorted(set(table) - _KEYS):
            raise self._bad(f"{code}.{key}", "is not a key of a purpose")
        for key in (*_TEXTS, "bases"):
            if key not in table:
                raise self._bad(code, f"needs the key {key}")
        zh, en, law_zh, law_en = (self._text(code, table, key) for key in _TEXTS)
        for key, name in (("zh", zh), ("en", en)):
            if name in self._names:
                raise self._bad(f"{code}.{key}", "must not be the name of another purpose")
        self._names |= {zh, en}
        if not _CITATION.search(law_zh):
            raise self._bad(f"{code}.law_zh", "must name a law between 《 and 》")
        retired = self._day(code, table) if "retired" in table else None
        return Purpose(code, zh, en, self._bases(code, table["bases"]), law_zh, law_en, retired)

    def _text(self, code: str, table: Mapping[str, Any], key: str) -> str:
        value = table[key]
        if not isinstance(value, str) or not value.isprintable() or not 1 <= len(value.strip()) <= MAX_TEXT:
            raise self._bad(f"{code}.{key}", f"must be a text of 1 to {MAX_TEXT} printable characters")
        if key.endswith("zh") is not bool(_CHINESE.search(value)):
            raise self._bad(f"{code}.{key}", "must be Chinese" if key.endswith("zh") else "must not be Chinese")
        return value.strip()

    def _bases(self, code: str, value: object) -> frozenset[LegalBasis]:
        words = list(LegalBasis)
        if not isinstance(value, list) or not value or not all(one in words for one in value):
            raise self._bad(f"{code}.bases", f"must list at least one of {', '.join(words)}, and nothing else")
        if len(set(value)) != len(value):
            raise self._bad(f"{code}.bases", "must not repeat an entry")
        return frozenset(map(LegalBasis, value))

    def _day(self, code: str, table: Mapping[str, Any]) -> date:
        value = table["retired"]
        # A date and time would be a date as well, by inheritance; the day is one of civil time, and has no offset.
        if not isinstance(value, date) or isinstance(value, datetime):
            raise self._bad(f"{code}.retired", "must be a date such as 2027-01-01, without a time")
        return value

    def _bad(self, key: str, rule: str) -> BadPurposes:
        return BadPurposes(self._lines.get(key), ".".join(map(shown, key.split(".", 1))), rule)


PURPOSES: Final = parse_purposes(Path(__file__).with_name("registered.toml").read_bytes())
"""The purposes that come with the package."""
