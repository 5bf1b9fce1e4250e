"""Turning what a node sent into rows: handle and resource checked, identifier normalised and replaced by its token.

Rules kept: an identifier goes no further than this module, neither into rows nor into errors; whatever cannot be
indexed becomes a `Rejection` (fails closed: a record with a bad identifier is taken out of the index, it never keeps an
older pointer). Pure: no database, no clock.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
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

    def renew(self, version: int, value: bytes) -> Token:
        """The same subject's token under the current key."""

    def newer(self, version: int, value: bytes) -> Sequence[Token]:
        """The same subject's tokens of every version after one, oldest first."""


Outcome = Token | Rejection | None
"""What a delta comes to: a token to point from, a rejection, or nothing (a tombstone)."""


def take(deltas: Iterable[Delta], tokens: Tokens, normalise: Normalise, allowed: Collection[str]) -> list[Outcome]:
    """Check each delta and replace its identifier by its token.

    Args:
        deltas: As the node sent them.
        tokens: Makes tokens under the current index key.
        normalise: Folds and checks an identifier.
        allowed: Resource codes that the node may publish.

    Returns:
        One outcome for each delta, in order.
    """
    derive = tokens.derive
    outcomes: list[Outcome] = []
    # One loop without helper calls: an ingesting node sends tens of thousands of these a second.
    for delta in deltas:
        if delta.resource not in allowed:
            outcomes.append(_rejected(delta, Code.UNKNOWN_RESOURCE))
        elif len(delta.handle) != HANDLE_BYTES:
            outcomes.append(_rejected(delta, Code.BAD_FRAME))
        elif delta.tombstone:
            outcomes.append(None)
        else:
            scheme = delta.subject_scheme
            try:
                outcomes.append(derive(scheme, normalise(scheme, delta.subject_identifier)))
            except BadIdentifier:
                outcomes.append(_rejected(delta, Code.BAD_IDENTIFIER))
    return outcomes


def rejected_of(outcomes: Iterable[Outcome]) -> tuple[Rejection, ...]:
    """The rejections among outcomes, in order."""
    return tuple(outcome for outcome in outcomes if isinstance(outcome, Rejection))


def _rejected(delta: Delta, reason: Code) -> Rejection:
    return Rejection(delta.sequence, delta.handle, reason)
