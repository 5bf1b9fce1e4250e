"""Verifying a copy: every entry against its hash, all hashes against every signed head, in one pass.

What a pass proves. Without an earlier checkpoint: these are the entries that the log's key signed. With one that the
verifier has kept from before: the log has also not changed since then, even if whoever holds the log's key signed
another history. The first bad entry is named exactly when the copy contradicts itself. When entries and hashes were
rewritten together, it is named as closely as signed heads tell: by those in the copy to one publication (half a
second of entries); by the verifier's own checkpoints when the log's key signed the rewriting; exactly, when the
verifier has kept an earlier copy.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from gateway.audit.verify import layout
from gateway.audit.verify.failures import Fault, VerificationFailed
from keys import canonical
from keys.errors import BadCheckpoint
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.frontier import Frontier
from keys.log.notes import NoteVerifier

_LONGEST_LINE: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Report:
    """What was verified.

    Attributes:
        origin: The log's name.
        size: Number of entries.
        root: RFC 6962 root, hex.
        heads: Number of signed heads that the entries fit.
        earlier_size: Size of the earlier checkpoint that the copy continues; None when none was given, and then
            nothing is known about what the log said before.
        first_ms: Time of the oldest entry, Unix ms; None when there is none.
        last_ms: Time of the newest entry.
        kinds: Number of entries of each kind.
        erased: Number of entries whose person part was erased.
    """

    origin: str
    size: int
    root: str
    heads: int
    earlier_size: int | None
    first_ms: int | None
    last_ms: int | None
    kinds: Mapping[str, int]
    erased: int


class _Head(NamedTuple):
    checkpoint: Checkpoint
    note: str
    held: bool
    """Whether the verifier brought it along, rather than finding it in the copy."""


@dataclass(slots=True)
class _Seen:
    kinds: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    erased: int = 0


@dataclass(slots=True)
class _Sound:
    """Up to which size the entries fit signed heads: any, and those that the verifier holds."""

    signed: int = 0
    held: int = 0


def verify_export(
    directory: Path,
    public_key: str,
    earlier_checkpoint: str | Sequence[str] | None = None,
    earlier_copy: Path | None = None,
) -> Report:
    """Verify an exported copy. Accepts by returning; fails closed.

    Args:
        directory: The copy, as written by an export.
        public_key: The log's verifier key (C2SP), from somewhere other than the copy.
        earlier_checkpoint: A checkpoint that the verifier has kept from before, or several.
        earlier_copy: A copy that the verifier has kept from before and verified then: its checkpoint counts as one
            kept, and if the log was forked, the first entry that differs is named.

    Returns:
        What was verified.

    Raises:
        VerificationFailed: Something is wrong; it names the first bad entry and carries the evidence.
        BadCheckpoint: `public_key` is no verifier key.
    """
    verifier = NoteVerifier(public_key)
    final = _open(_read_note(directory), verifier, Fault.CHECKPOINT_BAD)
    heads = [_Head(_open(note, verifier, Fault.CHECKPOINT_BAD), note, held=False) for note in _notes(directory)]
    heads.append(_Head(final, _read_note(directory), held=False))
    held = [earlier_checkpoint] if isinstance(earlier_checkpoint, str) else list(earlier_checkpoint or ())
    if earlier_copy is not None:
        held.append(_read_note(earlier_copy))
    heads.extend(_Head(_open(note, verifier, Fault.EARLIER_CHECKPOINT_BAD), note, held=True) for note in held)
    # What the verifier holds is compared first: it says more when it fails.
    by_size: dict[int, list[_Head]] = {}
    for head in sorted(heads, key=lambda one: not one.held):
        by_size.setdefault(head.checkpoint.size, []).append(head)
    earlier = max((head.checkpoint.size for head in heads if head.held), default=None)
    frontier, seen, sound = Frontier(), _Seen(), _Sound()
    try:
        for raw in _lines(directory):
            _check_entry(raw, frontier, seen, final.size)
            _check_heads(by_size.get(frontier.size, ()), frontier, sound)
        _check_length(frontier, final, earlier)
    except VerificationFailed as failure:
        if failure.fault is Fault.LOG_FORKED and earlier_copy is not None:
            raise _narrowed(failure, directory, earlier_copy) from None
        raise
    return Report(
        origin=final.origin,
        size=final.size,
        root=final.root.hex(),
        heads=len(by_size),
        earlier_size=earlier,
        first_ms=min(seen.times, default=None),
        last_ms=max(seen.times, default=None),
        kinds=dict(sorted(seen.kinds.items())),
        erased=seen.erased,
    )


def _check_entry(raw: bytes, frontier: Frontier, seen: _Seen, size: int) -> None:
    """One line against its place and its own hash; then the tree grows by it."""
    place = frontier.size
    if place >= size:
        raise VerificationFailed(Fault.ENTRY_BEYOND_CHECKPOINT, place, checkpoint_size=size)
    try:
        line = layout.read_line(raw)
        said = canonical.read(line.accountability)
        kind, time_ms = said["kind"], said["time_ms"]
    except (layout.NotALine, KeyError) as error:
        raise VerificationFailed(Fault.ENTRY_MALFORMED, place) from error
    if not isinstance(kind, str) or type(time_ms) is not int:
        raise VerificationFailed(Fault.ENTRY_MALFORMED, place)
    if line.index != place:
        fault = Fault.ENTRY_MISSING if line.index > place else Fault.ENTRY_OUT_OF_PLACE
        raise VerificationFailed(fault, place, found_index=line.index)
    computed = line.computed_leaf_hash()
    if computed != line.leaf_hash:
        raise VerificationFailed(
            Fault.ENTRY_CHANGED, place, claimed_leaf=line.leaf_hash.hex(), computed_leaf=computed.hex()
        )
    frontier.append(computed)
    seen.kinds[kind] += 1
    seen.times = [min([*seen.times[:1], time_ms]), max([*seen.times[-1:], time_ms])]
    seen.erased += bool(line.person_erased)


def _check_heads(heads: Sequence[_Head], frontier: Frontier, sound: _Sound) -> None:
    root = frontier.root() if heads else b""
    for head in heads:
        if head.checkpoint.root == root:
            sound.signed = frontier.size
            sound.held = frontier.size if head.held else sound.held
            continue
        # Against a head that the verifier holds, the other heads in the copy prove nothing: the same key signed them.
        raise VerificationFailed(
            Fault.LOG_FORKED if head.held else Fault.ENTRIES_REWRITTEN,
            sound.held if head.held else sound.signed,
            frontier.size - 1,
            size=frontier.size,
            signed_root=head.checkpoint.root.hex(),
            computed_root=root.hex(),
            signed_note=head.note,
        )


def _check_length(frontier: Frontier, final: Checkpoint, earlier: int | None) -> None:
    if earlier is not None and earlier > final.size:
        raise VerificationFailed(Fault.LOG_SHRANK, final.size, checkpoint_size=final.size, earlier_size=earlier)
    if frontier.size < final.size:
        raise VerificationFailed(Fault.ENTRY_MISSING, frontier.size, checkpoint_size=final.size)


def _narrowed(failure: VerificationFailed, directory: Path, earlier_copy: Path) -> VerificationFailed:
    """The same failure with the first entry named in which the two copies differ."""
    for place, (now, before) in enumerate(zip(_lines(directory), _lines(earlier_copy), strict=False)):
        try:
            same = layout.read_line(now).leaf_hash == layout.read_line(before).leaf_hash
        except layout.NotALine:
            return failure
        if not same:
            return VerificationFailed(failure.fault, place, place, **failure.evidence)
    return failure


def _open(note: str, verifier: NoteVerifier, fault: Fault) -> Checkpoint:
    try:
        # By convention (C2SP) a log's key is named like the log.
        return open_checkpoint(note, verifier, verifier.name)
    except BadCheckpoint as error:
        raise VerificationFailed(fault, note=note) from error


def _read_note(directory: Path) -> str:
    try:
        return (directory / layout.CHECKPOINT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINT) from error


def _notes(directory: Path) -> Iterator[str]:
    """The heads that were published while the log grew, one JSON text a line."""
    for raw in _file(directory, layout.CHECKPOINTS):
        try:
            note = json.loads(raw)
        except ValueError as error:
            raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINTS) from error
        if not isinstance(note, str):
            raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINTS)
        yield note


def _lines(directory: Path) -> Iterator[bytes]:
    return _file(directory, layout.ENTRIES)


def _file(directory: Path, name: str) -> Iterator[bytes]:
    """Lines without their newline. A last line without one is a cut file."""
    try:
        with (directory / name).open("rb") as file:
            while raw := file.readline(_LONGEST_LINE):
                if not raw.endswith(b"\n"):
                    raise VerificationFailed(Fault.COPY_MALFORMED, file=name)
                yield raw[:-1]
    except OSError as error:
        raise VerificationFailed(Fault.COPY_MALFORMED, file=name) from error
