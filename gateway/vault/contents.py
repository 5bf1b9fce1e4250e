"""What is sealed for one field: its value together with everything that is said about it. Pure.

Rules kept: value and provenance travel in one envelope, so that none can be exchanged for another's; what is about the
person (a dispute, the source's record, a restriction) is nowhere else. The plaintext is filled up to steps of 512
bytes: that a field is disputed, or how long its value is, does not show in the length.

Format: a byte 01, canonical JSON, spaces up to the step. Before this format an envelope held the bare value, which
never begins with a control character: such a one is read as entered by the person. Fails closed: what is neither
is not read.
"""

import dataclasses
import json
from typing import Any, Final

from gateway.vault.provenance import Claim, FieldStatus, Source, Superseded, UnavailableReason
from keys import canonical
from keys.errors import BadEnvelope

STEP: Final = 512
"""Lengths of the plaintext are multiples of this, bytes."""
_FORMAT: Final = b"\x01"


@dataclasses.dataclass(frozen=True, slots=True)
class Dispute:
    """That the person says the field is wrong.

    Attributes:
        reason: The person's words; not part of the `repr`.
        since_ms: Unix ms.
    """

    reason: str = dataclasses.field(repr=False)
    since_ms: int


@dataclasses.dataclass(frozen=True, slots=True)
class Contents:
    """One version of a field. All times are Unix ms.

    Attributes:
        value: The value; None when there is none. Not part of the `repr`.
        source: Who stands behind it.
        collected_ms: When the field was first entered.
        updated_ms: When this version was made here.
        last_updated_ms: When the source last changed its record; None when unknown.
        source_department: Which department verified it; empty when none did.
        source_record: That department's own name for its record; not part of the `repr`.
        verified_ms: When it was verified; None when it was not.
        valid_until_ms: Last moment of its validity; None when it has no end.
        unavailable: Why there is no value; None when there is one.
        dispute: The person's dispute; None without one.
        restricted_ms: Since when the person restricts it; None when not.
        erased_ms: When the person removed it; None when not.
        superseded_ms: When another version took its place; None for the current one.
        superseded: Why; None for the current one.
    """

    value: str | None = dataclasses.field(repr=False)
    source: Source
    collected_ms: int
    updated_ms: int
    last_updated_ms: int | None = None
    source_department: str = ""
    source_record: str = dataclasses.field(default="", repr=False)
    verified_ms: int | None = None
    valid_until_ms: int | None = None
    unavailable: UnavailableReason | None = None
    dispute: Dispute | None = None
    restricted_ms: int | None = None
    erased_ms: int | None = None
    superseded_ms: int | None = None
    superseded: Superseded | None = None

    @property
    def status(self) -> FieldStatus:
        """How it stands. A restriction hides a dispute: what is not released needs no mark."""
        if self.erased_ms is not None:
            return FieldStatus.ERASED
        if self.superseded is not None:
            return FieldStatus.SUPERSEDED
        if self.restricted_ms is not None:
            return FieldStatus.RESTRICTED
        return FieldStatus.ACTIVE if self.dispute is None else FieldStatus.DISPUTED

    @property
    def claim(self) -> Claim:
        """What counts against another claim."""
        return Claim(self.source, self.last_updated_ms, self.unavailable)

    def expired(self, now_ms: int) -> bool:
        """Whether its validity has ended."""
        return self.valid_until_ms is not None and now_ms > self.valid_until_ms

    def but(self, **changes: Any) -> "Contents":
        """The same with some members changed."""
        return dataclasses.replace(self, **changes)


def write(contents: Contents) -> bytes:
    """The plaintext to seal.

    Args:
        contents: What to keep.

    Returns:
        A multiple of `STEP` bytes.
    """
    stated = {name: said for name, said in dataclasses.asdict(contents).items() if said not in (None, "")}
    raw = _FORMAT + canonical.write(stated)
    return raw.ljust(-(-len(raw) // STEP) * STEP)


def read(plaintext: bytes, *, collected_ms: int, updated_ms: int) -> Contents:
    """What was sealed.

    Args:
        plaintext: What was opened.
        collected_ms: The row's column, for an envelope from before this format.
        updated_ms: The same.

    Returns:
        The contents.

    Raises:
        BadEnvelope: The format is not known.
    """
    if plaintext[:1] >= b" ":
        return Contents(plaintext.decode(), Source.USER_PROVIDED, collected_ms, updated_ms, last_updated_ms=updated_ms)
    if plaintext[:1] != _FORMAT:
        raise BadEnvelope("the field's format is not known")
    try:
        # What was opened is authentic: that it is spelled canonically need not be proved again at every release.
        stated: dict[str, Any] = json.loads(plaintext[1:])
        for name, kind in _WORDS.items():
            if name in stated:
                stated[name] = kind(stated[name])
        if "dispute" in stated:
            stated["dispute"] = Dispute(**stated["dispute"])
        return Contents(**{"value": None, **stated})
    except (ValueError, TypeError) as error:
        raise BadEnvelope("the field's format is not known") from error


_WORDS: Final[dict[str, Any]] = {"source": Source, "unavailable": UnavailableReason, "superseded": Superseded}
