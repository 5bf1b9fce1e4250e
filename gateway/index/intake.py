"""Turning what a node sent into rows: handle and resource checked, identifier normalised and replaced by its token.

Rules kept: an identifier goes no further than this module, neither into rows nor into errors; whatever cannot be
indexed becomes a `Rejection` (fails closed: a record with a bad identifier is taken out of the index, it never keeps an
older pointer). Pure: no database, no clock.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Code
from gateway.index.model import HANDLE_BYTES, Delta, Rejection
from policies.identifiers import BadIdentifier

Normalise = Callable[[str, str], str]
"""`policies.identifiers.normalise`: scheme and text to canonical text, or BadIdentifier."""


class Token(Protocol):
    """A subject token and the version of the index key that made it."""

    @property
    def version(self) -> int:
        """Version of the index key."""

    @property
    def value(self) -> bytes:
        """32 bytes."""


class Tokens(Protocol):
    """Makes subject tokens; `keys.subjects.SubjectTokens` does."""

    @property
    def current(self) -> int:
        """Version of the index key in use."""

    def derive(self, scheme: str, canonical: str) -> Token:
        """The token of a canonical identifier under the current key."""


@dataclass(slots=True)
class Taken:
    """One delta after intake: a token to point from, or a rejection, or neither (a tombstone)."""

    delta: Delta
    token: bytes | None
    rejection: Rejection | None


def take(deltas: Iterable[Delta], tokens: Tokens, normalise: Normalise, allowed: Collection[str]) -> list[Taken]:
    """Check each delta and replace its identifier by its token.

    Args:
        deltas: As the node sent them.
        tokens: Makes tokens under the current index key.
        normalise: Folds and checks an identifier.
        allowed: Resource codes that the node may publish.

    Returns:
        One for each delta, in order.
    """
    return [_take(delta, tokens, normalise, allowed) for delta in deltas]


def _take(delta: Delta, tokens: Tokens, normalise: Normalise, allowed: Collection[str]) -> Taken:
    if delta.resource not in allowed:
        return _rejected(delta, Code.UNKNOWN_RESOURCE)
    if len(delta.handle) != HANDLE_BYTES:
        return _rejected(delta, Code.BAD_FRAME)
    if delta.tombstone:
        return Taken(delta, None, None)
    try:
        canonical = normalise(delta.subject_scheme, delta.subject_identifier)
    except BadIdentifier:
        return _rejected(delta, Code.BAD_IDENTIFIER)
    return Taken(delta, tokens.derive(delta.subject_scheme, canonical).value, None)


def _rejected(delta: Delta, reason: Code) -> Taken:
    return Taken(delta, None, Rejection(delta.sequence, delta.handle, reason))
