"""The registered purposes: the reasons for which data may be asked for, with their public names.

Rules kept here: the vocabulary is data beside this file; it is read once, and one that is malformed stops the import
(fails closed: without purposes nothing is decided). A purpose that is not registered is not known.

What it does not do: it does not say which department may use which purpose; agreements do.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

FORMAT: Final = "oncegate.purposes/1"
PURPOSE_PATTERN: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")


class BadPurposes(ValueError):
    """The vocabulary of purposes is malformed."""


@dataclass(frozen=True, slots=True)
class Purpose:
    """One registered purpose and its public names."""

    code: str
    zh: str
    en: str


def parse_purposes(text: str) -> Mapping[str, Purpose]:
    """Read a vocabulary of purposes.

    Args:
        text: TOML: a `format` line and one table with `zh` and `en` for each code.

    Returns:
        Purpose by code, in the file's order.

    Raises:
        BadPurposes: If anything in it is not understood.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadPurposes(f"not TOML: {error}") from error
    if tables.pop("format", None) != FORMAT:
        raise BadPurposes(f"format must be {FORMAT}")
    if not tables:
        raise BadPurposes("no purpose is registered")
    purposes: dict[str, Purpose] = {}
    for code, names in tables.items():
        if not PURPOSE_PATTERN.fullmatch(code):
            raise BadPurposes(f"{code}: a code must match {PURPOSE_PATTERN.pattern}")
        if not isinstance(names, dict) or set(names) != {"zh", "en"}:
            raise BadPurposes(f"{code}: needs exactly zh and en")
        if not all(isinstance(name, str) and name.strip() for name in names.values()):
            raise BadPurposes(f"{code}: zh and en must be texts")
        purposes[code] = Purpose(code, names["zh"], names["en"])
    return MappingProxyType(purposes)


PURPOSES: Final = parse_purposes(Path(__file__).with_name("purposes.toml").read_text(encoding="utf-8"))
"""Every registered purpose by code."""


def known(code: str) -> bool:
    """Whether the purpose is registered; an unregistered one counts as an unknown term (fails closed)."""
    return code in PURPOSES
