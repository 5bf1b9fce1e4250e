"""The schemes that this build knows. Another country's or register's scheme is one more `Scheme` in the table."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from policies.identifiers import cn_resident_id, cn_uscc
from policies.identifiers.scheme import BadIdentifier, Scheme

_BIRTH_CERTIFICATE: Final = "cn.birth-certificate"
_BIRTH_CERTIFICATE_SHAPE: Final = re.compile(r"[A-Z][0-9]{9}")


def _check_birth_certificate(folded: str) -> None:
    if not _BIRTH_CERTIFICATE_SHAPE.fullmatch(folded):
        raise BadIdentifier(_BIRTH_CERTIFICATE, "must be a letter and 9 digits")


_LIST: Final = (
    cn_resident_id.SCHEME,
    cn_uscc.SCHEME,
    # The number of a medical birth certificate has no check character: a typing error is noticed only by its shape.
    Scheme(
        _BIRTH_CERTIFICATE,
        "出生医学证明编号",
        "medical birth certificate number",
        checksum=False,
        check=_check_birth_certificate,
    ),
)

SCHEMES: Final[Mapping[str, Scheme]] = MappingProxyType({scheme.code: scheme for scheme in _LIST})
"""Scheme by code."""


def known_schemes() -> frozenset[str]:
    """The codes of all known schemes."""
    return _CODES


def has_checksum(scheme: str) -> bool:
    """Whether the scheme notices one mistyped character.

    Args:
        scheme: Scheme code.

    Returns:
        True if it has a check character.

    Raises:
        BadIdentifier: If the scheme is unknown.
    """
    return _scheme(scheme).checksum


def normalise(scheme: str, text: str) -> str:
    """The canonical text of an identifier.

    Args:
        scheme: Scheme code.
        text: The identifier as typed.

    Returns:
        Full-width characters folded, spaces removed, upper case; shape and check character are right.

    Raises:
        BadIdentifier: If the scheme is unknown or a rule is broken; its text never holds the identifier.
    """
    return _scheme(scheme).normalise(text)


def _scheme(code: str) -> Scheme:
    scheme = SCHEMES.get(code)
    if scheme is None:
        # The code is the caller's text: it is not repeated.
        raise BadIdentifier("", "the scheme is unknown")
    return scheme


_CODES: Final = frozenset(SCHEMES)
