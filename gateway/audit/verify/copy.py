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
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from gateway.audit.verify import layout
from gateway.audit.verify.epochs import Epochs, Lost
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.files import open_file
from gateway.audit.verify.heads import Heads, first_difference
from gateway.audit.verify.pruned import Pruned
from keys import canonical
from keys.log.cosignatures import Quorum
from keys.log.frontier import Frontier
from keys.log.notes import LONGEST_NOTE

_LONGEST_LINE: Final = 4 << 20
_ERASURE: Final = "person_part_erased"


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
        pruned: Number of entries whose bodies are gone because their retention has ended, each named by an entry
            `log_pruned`.
        bodies_from: From this entry on every body is there; 0 when nothing was pruned.
        pruned_under: The entries `log_pruned`.
        lost: What the statements of the log's custodians name as lost, epoch by epoch.
        behind: Sizes of earlier checkpoints that were given and whose last entries are among those.
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
    pruned: int = 0
    bodies_from: int = 0
    pruned_under: Sequence[int] = ()
    lost: Sequence[Lost] = ()
    behind: Sequence[int] = ()


@dataclass(slots=True)
class _Seen:
    kinds: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    erased: int = 0
    unexplained: set[int] = field(default_factory=set)
    pruned: Pruned = field(default_factory=Pruned)


def verify_export(
    directory: Path,
    public_key: str,
    earlier_checkpoint: str | Sequence[str] | None = None,
    earlier_copy: Path | None = None,
    earlier_leaves: Iterable[bytes] | None = None,
    quorum: Quorum | None = None,
    epochs: Epochs | None = None,
) -> Report:
    """Verify an exported copy. Accepts by returning; fails closed.

    Args:
        directory: The copy, as written by an export.
        public_key: The log's verifier key (C2SP), from somewhere other than the copy.
        earlier_checkpoint: A checkpoint that the verifier has kept from before, or several.
        earlier_copy: A copy that the verifier has kept from before and verified then: its checkpoint counts as one
            kept, and if the log was forked, the first entry that differs is named. It also knows how old entries are
            that were pruned since: one that was younger than its pruning says is named.
        earlier_leaves: The same for leaf hashes that were kept in another form, whose checkpoint is among those given.
        quorum: The witnesses who must have cosigned the checkpoint; None for none.
        epochs: The log's epochs, where a checkpoint kept is of an ended one; None for the one of the key.

    Returns:
        What was verified.

    Raises:
        VerificationFailed: Something is wrong; it names the first bad entry and carries the evidence.
        BadCheckpoint: `public_key` is no verifier key.
    """
    epochs = epochs or Epochs(public_key)
    held = [earlier_checkpoint] if isinstance(earlier_checkpoint, str) else list(earlier_checkpoint or ())
    if earlier_copy is not None:
        held.append(read_note(earlier_copy))
        earlier_leaves = leaves_of(earlier_copy)
    heads = epochs.heads(read_note(directory), _notes(directory), held, quorum)
    final = heads.final
    seen = _Seen()
    try:
        frontier = _verify_entries(directory, heads, seen)
        if earlier_copy is not None and seen.pruned.missing:
            seen.pruned.check_ages(_ages(earlier_copy, directory))
    except VerificationFailed as failure:
        if failure.fault is Fault.LOG_FORKED and earlier_leaves is not None:
            failure = _narrowed(failure, directory, earlier_leaves)
        raise heads.with_proof(failure, lambda: leaves_of(directory)) from None
    return Report(
        origin=final.checkpoint.origin,
        size=final.checkpoint.size,
        root=frontier.root().hex(),
        heads=len(heads),
        earlier_size=heads.earlier_size,
        first_ms=min(seen.times, default=None),
        last_ms=max(seen.times, default=None),
        kinds=dict(sorted(seen.kinds.items())),
        erased=seen.erased,
        pruned=seen.pruned.entries,
        bodies_from=seen.pruned.missing[-1][1] if seen.pruned.missing else 0,
        pruned_under=[pruning.index for pruning in seen.pruned.prunings],
        lost=epochs.lost(),
        behind=epochs.behind,
    )


def leaves_of(directory: Path) -> Iterator[bytes]:
    """The leaf hashes that a copy claims, from the first entry on, without verifying them.

    Raises:
        VerificationFailed: A line is malformed.
    """
    for place, raw in enumerate(_lines(directory)):
        try:
            yield layout.read_line(raw).leaf_hash
        except layout.NotALine as error:
            raise VerificationFailed(Fault.ENTRY_MALFORMED, place) from error


def read_note(directory: Path) -> str:
    """The signed head of a copy or of a folder of tiles, not verified.

    Raises:
        VerificationFailed: There is none.
    """
    try:
        with open_file(directory / layout.CHECKPOINT) as file:
            # As it is, byte for byte: a note with other line ends is another note.
            return file.read(LONGEST_NOTE + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINT) from error


def _ages(kept: Path, directory: Path) -> Iterator[tuple[int, int]]:
    """Position and time of the entries that a kept copy still holds and that are the same in the copy at hand."""
    for place, (raw, leaf) in enumerate(zip(_lines(kept), leaves_of(directory), strict=False)):
        try:
            line = layout.read_line(raw)
            time_ms = canonical.read(line.accountability)["time_ms"] if line.accountability else None
        except (layout.NotALine, canonical.NotCanonical, KeyError) as error:
            raise VerificationFailed(Fault.ENTRY_MALFORMED, place) from error
        if isinstance(time_ms, int) and line.computed_leaf_hash() == leaf:
            yield place, time_ms


def _verify_entries(directory: Path, heads: Heads, seen: _Seen) -> Frontier:
    frontier = Frontier()
    heads.check(frontier)
    for raw in _lines(directory):
        _check_entry(raw, frontier, seen, heads.final.checkpoint.size)
        heads.check(frontier)
    heads.check_length(frontier.size)
    heads.check_cosigned()
    if seen.unexplained:
        # Erasing is itself an entry, written first: a part that is gone without one was taken away.
        raise VerificationFailed(Fault.ERASURE_UNEXPLAINED, min(seen.unexplained), entries=len(seen.unexplained))
    seen.pruned.check()
    if seen.pruned.prunings:
        seen.pruned.check_roots(leaves_of(directory))
    return frontier


def _check_entry(raw: bytes, frontier: Frontier, seen: _Seen, size: int) -> None:
    """One line against its place and its own hash; then the tree grows by it."""
    place = frontier.size
    if place >= size:
        raise VerificationFailed(Fault.ENTRY_BEYOND_CHECKPOINT, place, checkpoint_size=size)
    try:
        line = layout.read_line(raw)
    except layout.NotALine as error:
        raise VerificationFailed(Fault.ENTRY_MALFORMED, place) from error
    if line.index != place:
        fault = Fault.ENTRY_MISSING if line.index > place else Fault.ENTRY_OUT_OF_PLACE
        raise VerificationFailed(fault, place, found_index=line.index)
    computed = line.computed_leaf_hash()
    if computed != line.leaf_hash:
        raise VerificationFailed(
            Fault.ENTRY_CHANGED, place, claimed_leaf=line.leaf_hash.hex(), computed_leaf=computed.hex()
        )
    frontier.append(computed)
    if line.pruned:
        seen.pruned.body_missing(place)
        return
    _note(line, place, seen)


def _note(line: layout.Line, place: int, seen: _Seen) -> None:
    """What an entry says, as far as it bears on the whole."""
    try:
        said = canonical.read(line.accountability)
        kind, time_ms = said["kind"], said["time_ms"]
    except KeyError as error:
        raise VerificationFailed(Fault.ENTRY_MALFORMED, place) from error
    if not isinstance(kind, str) or type(time_ms) is not int:
        raise VerificationFailed(Fault.ENTRY_MALFORMED, place)
    seen.pruned.read(place, kind, said)
    seen.kinds[kind] += 1
    seen.times = [min([*seen.times[:1], time_ms]), max([*seen.times[-1:], time_ms])]
    if line.person_erased:
        seen.erased += 1
        seen.unexplained.add(place)
    if kind == _ERASURE and isinstance(erased := said.get("erased"), int):
        # Only a later entry explains: what stands before the part was written cannot name it.
        seen.unexplained.discard(erased)


def _narrowed(failure: VerificationFailed, directory: Path, earlier: Iterable[bytes]) -> VerificationFailed:
    """The same failure with the first entry named in which the log differs from what was kept."""
    try:
        place = first_difference(leaves_of(directory), earlier)
    except VerificationFailed:
        return failure
    return failure.at(place)


def _notes(directory: Path) -> Iterator[str]:
    """The heads that were published while the log grew, one JSON text a line."""
    for raw in _file(directory, layout.CHECKPOINTS):
        try:
            note = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINTS) from error
        if not isinstance(note, str):
            raise VerificationFailed(Fault.COPY_MALFORMED, file=layout.CHECKPOINTS)
        yield note


def _lines(directory: Path) -> Iterator[bytes]:
    return _file(directory, layout.ENTRIES)


def _file(directory: Path, name: str) -> Iterator[bytes]:
    """Lines without their newline. A last line without one is a cut file."""
    try:
        with open_file(directory / name) as file:
            while raw := file.readline(_LONGEST_LINE):
                if not raw.endswith(b"\n"):
                    raise VerificationFailed(Fault.COPY_MALFORMED, file=name)
                yield raw[:-1]
    except OSError as error:
        raise VerificationFailed(Fault.COPY_MALFORMED, file=name) from error
