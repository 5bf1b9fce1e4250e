"""The files of an exported copy and the one way to write a line of it.

A line is canonical JSON (`keys.canonical`): `index`, `leaf_hash`, `accountability` (the canonical JSON that was
committed to, as text), `accountability_salt`, and either `person` with `person_salt`, or `person_erased` (the
commitment that stays), or none of these. A pruned entry has `accountability_pruned` (the commitment that stays) in
place of its accountability part, and at most `person_erased`. Bytes are base64url without padding. Any other spelling
is refused, so that no byte of a copy can change unseen.
"""

from dataclasses import dataclass
from typing import Final

from keys import canonical
from keys.log.leaves import SALT_SIZE, accountability_commitment, leaf_data, person_commitment
from keys.log.merkle import HASH_SIZE, leaf_hash

CHECKPOINT: Final = "checkpoint"
CHECKPOINTS: Final = "checkpoints.jsonl"
ENTRIES: Final = "entries.jsonl"
README: Final = "README.md"

_ALWAYS: Final = {"index", "leaf_hash", "accountability", "accountability_salt"}
_WITH_PERSON: Final = _ALWAYS | {"person", "person_salt"}
_ERASED: Final = _ALWAYS | {"person_erased"}
_CLOSED: Final = _ALWAYS | {"person_closed"}
_PRUNED: Final = {"index", "leaf_hash", "accountability_pruned"}
_SHAPES: Final = (_ALWAYS, _WITH_PERSON, _ERASED, _PRUNED, _PRUNED | {"person_erased"})


class NotALine(ValueError):
    """The bytes are not a line of a copy."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry of a copy.

    Attributes:
        index: Its position, from 0.
        leaf_hash: As claimed, 32 bytes.
        accountability: Canonical JSON, exact bytes; empty when the entry was pruned.
        accountability_salt: 32 bytes; empty when the entry was pruned.
        person: Canonical JSON, exact bytes; empty when there is none or it was erased.
        person_salt: 32 bytes; empty when there is none or it was erased.
        person_erased: Commitment of the erased part, 32 bytes; empty when nothing was erased.
        person_closed: Commitment to a person part that is there and is not shown, 32 bytes; only in a proof file.
        pruned: Commitment of the accountability part of a pruned entry, 32 bytes; empty when it was not pruned.
    """

    index: int
    leaf_hash: bytes
    accountability: bytes
    accountability_salt: bytes
    person: bytes = b""
    person_salt: bytes = b""
    person_erased: bytes = b""
    pruned: bytes = b""
    person_closed: bytes = b""

    def computed_leaf_hash(self) -> bytes:
        """The leaf hash of what the line says."""
        account = self.pruned or accountability_commitment(self.accountability_salt, self.accountability)
        if self.person_salt:
            return leaf_hash(leaf_data(account, person_commitment(self.person_salt, self.person)))
        commitment = self.person_erased or self.person_closed
        return leaf_hash(leaf_data(account, commitment) if commitment else leaf_data(account))


def write_line(line: Line) -> bytes:
    """The line's bytes, without the newline."""
    written: dict[str, canonical.Json] = {"index": line.index, "leaf_hash": canonical.to_text(line.leaf_hash)}
    if line.pruned:
        written["accountability_pruned"] = canonical.to_text(line.pruned)
    else:
        written["accountability"] = line.accountability.decode()
        written["accountability_salt"] = canonical.to_text(line.accountability_salt)
    if line.person_salt:
        written |= {"person": line.person.decode(), "person_salt": canonical.to_text(line.person_salt)}
    elif line.person_erased:
        written["person_erased"] = canonical.to_text(line.person_erased)
    elif line.person_closed:
        written["person_closed"] = canonical.to_text(line.person_closed)
    return canonical.write(written)


def read_line(raw: bytes, *, closed: bool = False) -> Line:
    """Read what `write_line` wrote and refuse any other spelling.

    Args:
        raw: The line.
        closed: Whether a person part may be there without being shown, as in a proof file that a person got. In a copy
            it may not: what is gone there has to be explained by the log.

    Raises:
        NotALine: It is not written that way, or a hash or salt has the wrong length. Fails closed.
    """
    try:
        said = canonical.read(raw)
        if set(said) not in _SHAPES and not (closed and set(said) == _CLOSED):
            raise NotALine("a line has other keys")
        index = said["index"]
        if type(index) is not int or index < 0:
            raise NotALine("an index is a whole number")
        line = Line(
            index=index,
            leaf_hash=_sized(said["leaf_hash"], HASH_SIZE),
            accountability=_body(said["accountability"]) if "accountability" in said else b"",
            accountability_salt=_sized(said["accountability_salt"], SALT_SIZE) if "accountability" in said else b"",
            person=_body(said["person"]) if "person" in said else b"",
            person_salt=_sized(said["person_salt"], SALT_SIZE) if "person" in said else b"",
            person_erased=_sized(said["person_erased"], HASH_SIZE) if "person_erased" in said else b"",
            person_closed=_sized(said["person_closed"], HASH_SIZE) if "person_closed" in said else b"",
            pruned=_sized(said["accountability_pruned"], HASH_SIZE) if "accountability_pruned" in said else b"",
        )
    except canonical.NotCanonical as error:
        raise NotALine("a line is canonical JSON") from error
    return line


def _sized(value: object, size: int) -> bytes:
    data = canonical.from_text(value)
    if len(data) != size:
        raise NotALine("a hash or salt has the wrong length")
    return data


def _body(value: object) -> bytes:
    if not isinstance(value, str):
        raise NotALine("a part is text")
    raw = value.encode()
    canonical.read(raw)
    return raw
