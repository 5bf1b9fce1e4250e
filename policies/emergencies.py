"""Declared emergencies: the registered reasons, and what a declaration has to say.

Rules kept here: the vocabulary is data beside this file, read once, and one that is malformed stops the import (fails
closed). A declaration names one registered reason and states in at most 500 printable characters what happened; what
does not is none (`BadEmergency` names field and rule, never the text).

What it does not do: it does not say who may declare one; agreements do (`policies.agreements.emergency`). Whether the
statement is true is for the review.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from policies.plain import is_blank, is_plain
from policies.vocabulary import PURPOSE_PATTERN

FORMAT: Final = "oncegate.emergencies/1"
MAX_STATEMENT: Final = 500


class BadEmergencies(ValueError):
    """The vocabulary of reasons is malformed."""


class BadEmergency(ValueError):
    """A declaration breaks a rule.

    Args:
        field: `reason` or `statement`.
        rule: The rule; never what was declared.
    """

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


@dataclass(frozen=True, slots=True)
class EmergencyReason:
    """One registered reason and its public names."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Emergency:
    """A declared emergency. The statement may speak of people, so it is never part of the `repr`.

    Args:
        reason: Code of a registered reason.
        statement: What happened, in the official's words.
    """

    reason: str
    statement: str = field(repr=False)


def parse_reasons(text: str) -> Mapping[str, EmergencyReason]:
    """Read a vocabulary of reasons.

    Args:
        text: TOML: a `format` line and one table with `zh` and `en` for each code.

    Returns:
        Reason by code, in the file's order.

    Raises:
        BadEmergencies: If anything in it is not understood.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadEmergencies(f"not TOML: {error}") from error
    if tables.pop("format", None) != FORMAT:
        raise BadEmergencies(f"format must be {FORMAT}")
    if not tables:
        raise BadEmergencies("no reason is registered")
    reasons: dict[str, EmergencyReason] = {}
    for code, names in tables.items():
        if not PURPOSE_PATTERN.fullmatch(code):
            raise BadEmergencies(f"{code}: a code must match {PURPOSE_PATTERN.pattern}")
        if not isinstance(names, dict) or set(names) != {"zh", "en"}:
            raise BadEmergencies(f"{code}: needs exactly zh and en")
        if not all(isinstance(name, str) and name.strip() for name in names.values()):
            raise BadEmergencies(f"{code}: zh and en must be texts")
        reasons[code] = EmergencyReason(code, names["zh"], names["en"])
    return MappingProxyType(reasons)


REASONS: Final = parse_reasons(Path(__file__).with_name("emergencies.toml").read_text(encoding="utf-8"))
"""Every registered reason by code."""


def known(code: str) -> bool:
    """Whether a reason is registered."""
    return code in REASONS


def declared(reason: str, statement: str) -> Emergency:
    """Check a declaration.

    Args:
        reason: As declared.
        statement: As declared.

    Returns:
        The declaration.

    Raises:
        BadEmergency: The reason is not registered, or the statement is empty, too long or not printable.
    """
    if not known(reason):
        raise BadEmergency("reason", "must be a registered reason")
    if is_blank(statement) or len(statement) > MAX_STATEMENT:
        raise BadEmergency("statement", f"must have 1 to {MAX_STATEMENT} characters")
    if not is_plain(statement):
        raise BadEmergency("statement", "must be a text of printable characters on one line")
    return Emergency(reason, statement)
