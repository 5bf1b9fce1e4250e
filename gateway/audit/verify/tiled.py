"""Verifying a log in tiles (C2SP tlog-tiles), from a folder or an address: it holds hashes only.

Every entry of a bundle against its leaf hash, every leaf hash against every signed head, every tile of hashes against
what is below it; so that whoever takes proofs from these tiles later gets proofs of the same tree. What entries say is
not in the tiles: a copy of the log tells that (`copy.py`), and has the same leaf hashes.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.audit.verify.epochs import Epochs, Lost
from gateway.audit.verify.failures import Fault, VerificationFailed
from gateway.audit.verify.heads import Heads, first_difference, open_head
from gateway.audit.verify.places import TiledLog, malformed
from keys.errors import BadProof
from keys.log.cosignatures import Quorum
from keys.log.frontier import Frontier
from keys.log.merkle import hashes_of, leaf_hash, root_of, subtree_root
from keys.log.notes import NoteVerifier
from keys.log.tiles import (
    TILE_HEIGHT,
    WIDTH,
    Tile,
    bundles_of,
    split_entries,
    split_tile,
    tiles_of,
)


@dataclass(frozen=True, slots=True)
class TiledReport:
    """What was verified.

    Attributes:
        origin: The log's name.
        size: Number of entries.
        root: RFC 6962 root, hex.
        tiles: Number of tiles of hashes that fit.
        heads: Number of signed heads that the entries fit.
        earlier_size: Size of the earlier checkpoint that the log continues; None when none was given.
        checkpoint: The newest head, as signed: worth keeping.
        lost: What the statements of the log's custodians name as lost, epoch by epoch.
        behind: Sizes of earlier checkpoints that were given and whose last entries are among those.
    """

    origin: str
    size: int
    root: str
    tiles: int
    heads: int
    earlier_size: int | None
    checkpoint: str
    lost: Sequence[Lost]
    behind: Sequence[int]


def verify_tiles(
    where: str | Path,
    public_key: str,
    earlier_checkpoints: Sequence[str] = (),
    earlier_leaves: Iterable[bytes] | None = None,
    quorum: Quorum | None = None,
    epochs: Epochs | None = None,
) -> TiledReport:
    """Verify a log in tiles. Accepts by returning; fails closed.

    Args:
        where: A folder, or an http or https address.
        public_key: The log's verifier key (C2SP), from somewhere else.
        earlier_checkpoints: Checkpoints that the verifier has kept from before.
        earlier_leaves: The leaf hashes of a copy or of tiles that the verifier has kept from before; if the log was
            forked, the first entry that differs is named.
        quorum: The witnesses who must have cosigned the newest head; None for none.
        epochs: The log's epochs, where a checkpoint kept is of an ended one; None for the one of the key.

    Returns:
        What was verified.

    Raises:
        VerificationFailed: Something is wrong; it names the first bad entry and carries the evidence.
        BadCheckpoint: `public_key` is no verifier key.
    """
    epochs = epochs or Epochs(public_key)
    with TiledLog.at(where) as log:
        heads = epochs.heads(log.checkpoint(), (), earlier_checkpoints, quorum)
        final = heads.final
        log.size = final.checkpoint.size
        try:
            frontier, tiles = _verify(log, heads)
            heads.check_cosigned()
        except VerificationFailed as failure:
            if failure.fault is Fault.ENTRIES_REWRITTEN:
                failure = _narrowed_by_tiles(failure, log, final.checkpoint.root)
            if failure.fault is Fault.LOG_FORKED and earlier_leaves is not None:
                failure = _narrowed_by_leaves(failure, log, earlier_leaves)
            raise heads.with_proof(failure, lambda: _leaves(log)) from None
    return TiledReport(
        origin=final.checkpoint.origin,
        size=final.checkpoint.size,
        root=frontier.root().hex(),
        tiles=tiles,
        heads=len(heads),
        earlier_size=heads.earlier_size,
        checkpoint=final.note,
        lost=epochs.lost(),
        behind=epochs.behind,
    )


def leaves_at(where: str | Path, public_key: str) -> Iterator[bytes]:
    """The leaf hashes of a log in tiles, without verifying more than its head.

    Raises:
        VerificationFailed: A tile is missing or malformed, or the head is not signed by the key.
    """
    with TiledLog.at(where) as log:
        log.size = open_head(log.checkpoint(), NoteVerifier(public_key), held=True).checkpoint.size
        yield from _leaves(log)


def _verify(log: TiledLog, heads: Heads) -> tuple[Frontier, int]:
    frontier = Frontier()
    heads.check(frontier)
    # A log that is too short is told before its tiles are read: they are not needed to see it.
    heads.check_length(log.size)
    above: dict[tuple[int, int], bytes] = {}
    for bundle in bundles_of(log.size):
        for hashed in _bundle(log, bundle):
            for finished in frontier.append(hashed):
                if finished.level and finished.level % TILE_HEIGHT == 0:
                    above[finished.level // TILE_HEIGHT, finished.position] = finished.hash
            heads.check(frontier)
    return frontier, _check_above(log, above)


def _bundle(log: TiledLog, bundle: Tile) -> list[bytes]:
    """The leaf hashes of one bundle, each checked against what the leaf stands for."""
    tile = Tile(0, bundle.index, bundle.width)
    hashes = _split(log, tile)
    try:
        entries = split_entries(bundle, log.tile(bundle))
    except BadProof as error:
        raise malformed(bundle) from error
    for place, (entry, claimed) in enumerate(zip(entries, hashes, strict=True), bundle.first_leaf):
        computed = leaf_hash(entry)
        if computed != claimed:
            raise VerificationFailed(
                Fault.ENTRY_CHANGED, place, claimed_leaf=claimed.hex(), computed_leaf=computed.hex(), file=bundle.path
            )
    return hashes


def _check_above(log: TiledLog, above: dict[tuple[int, int], bytes]) -> int:
    """Every tile above the leaves against the hashes that the leaves gave."""
    count = 0
    for tile in tiles_of(log.size):
        count += 1
        if tile.level == 0:
            continue
        for place, found in enumerate(_split(log, tile), tile.index * WIDTH):
            if found != above[tile.level, place]:
                span = 1 << TILE_HEIGHT * tile.level
                raise VerificationFailed(
                    Fault.TILE_CONTRADICTS, place * span, (place + 1) * span - 1, file=tile.path,
                    claimed_hash=found.hex(), computed_hash=above[tile.level, place].hex(),
                )  # fmt: skip
    return count


def _split(log: TiledLog, tile: Tile) -> list[bytes]:
    try:
        return split_tile(tile, log.tile(tile))
    except BadProof as error:
        raise malformed(tile) from error


def _leaves(log: TiledLog) -> Iterator[bytes]:
    for bundle in bundles_of(log.size):
        yield from _split(log, Tile(0, bundle.index, bundle.width))


def _narrowed_by_tiles(failure: VerificationFailed, log: TiledLog, root: bytes) -> VerificationFailed:
    """The same failure, narrowed to 256 entries if the tiles above the leaves still lead to the signed root."""
    try:
        blocks = [one for tile in tiles_of(log.size) if tile.level == 1 for one in _split(log, tile)]
        rest = log.size % WIDTH
        edge = hashes_of(_split(log, Tile(0, len(blocks), rest)) if rest else [])
        upper = hashes_of(blocks)

        def get(level: int, index: int) -> bytes:
            if level >= TILE_HEIGHT:
                return upper(level - TILE_HEIGHT, index)
            return edge(level, index - (len(blocks) << TILE_HEIGHT - level))

        if subtree_root(get, 0, log.size) != root:
            return failure
        for place, signed in enumerate(blocks):
            if root_of(_split(log, Tile(0, place))) != signed:
                return VerificationFailed(failure.fault, place * WIDTH, (place + 1) * WIDTH - 1, **failure.evidence)
    except VerificationFailed:
        pass
    return failure


def _narrowed_by_leaves(failure: VerificationFailed, log: TiledLog, earlier: Iterable[bytes]) -> VerificationFailed:
    """The same failure with the first entry named in which the log differs from what was kept."""
    try:
        place = first_difference(_leaves(log), earlier)
    except VerificationFailed:
        return failure
    return failure.at(place)
