"""One signature for many bodies: an RFC 6962 tree over the bodies of a frame, whose root is signed.

Signed body = `u32(count) ‖ root ‖ scope`. The scope says for whom and in which session the frame was made, so a frame
cannot be moved to another peer or boot. Every item keeps its audit path and can be verified alone, long after the
frame. With one body the path is empty and the cost is that of a plain signature.

It does not parse bodies and does not remember failures.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from keys.errors import BadBatch, BadProof
from keys.log.merkle import leaf_hash, path_in, root_from_path, tree_levels
from keys.signing import SigningKey, VerifyKey

LARGEST_BATCH: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One body of a signed batch with what is needed to verify it alone.

    Attributes:
        body: The exact bytes.
        signature: DER signature over the batch's root.
        leaf_index: Position in the batch, from 0.
        leaf_count: Number of bodies in the batch.
        path: Audit path, leaf's sibling first, 32 bytes each.
    """

    body: bytes
    signature: bytes
    leaf_index: int
    leaf_count: int
    path: tuple[bytes, ...]


def scope(*parts: bytes | str) -> bytes:
    """Joins parts so that no two different lists give the same bytes: u32 length before each.

    Args:
        *parts: For example a SPIFFE id and a session id; text is taken as UTF-8.

    Returns:
        The scope to give to the functions below.
    """
    raw = [part.encode() if isinstance(part, str) else part for part in parts]
    return b"".join(len(part).to_bytes(4, "big") + part for part in raw)


def sign_batch(key: SigningKey, context: str, scope: bytes, bodies: Sequence[bytes]) -> list[BatchItem]:
    """Signs all bodies at once.

    Args:
        key: Whose signature.
        context: One of the contexts in `keys.signing`.
        scope: Made by `scope`.
        bodies: 1 to 1 048 576.

    Returns:
        One item per body, in order; all share one signature.

    Raises:
        BadBatch: There is no body, or there are too many.
    """
    levels = _levels(bodies)
    signature = key.sign(context, _signed_body(len(bodies), levels[-1][0], scope))
    return _items(bodies, levels, signature)


def verify_batch(
    key: VerifyKey, context: str, scope: bytes, bodies: Sequence[bytes], signature: bytes
) -> list[BatchItem]:
    """Verifies a whole frame by computing its root again. Fails closed.

    Args:
        key: Whose signature it should be.
        context: One of the contexts in `keys.signing`.
        scope: As the signer must have used it.
        bodies: All bodies of the frame, in order, exact bytes.
        signature: DER.

    Returns:
        One item per body, each verifiable alone.

    Raises:
        BadBatch: There is no body, or there are too many.
        BadSignature: The signature does not cover exactly these bodies in this order.
    """
    levels = _levels(bodies)
    key.verify(context, _signed_body(len(bodies), levels[-1][0], scope), signature)
    return _items(bodies, levels, signature)


class ItemVerifier:
    """Verifies items one by one, remembering the roots whose signature it has checked: a frame costs one ECDSA.

    Only what was verified is remembered, together with everything the signature covers and the signature itself.
    May be used from several threads.

    Args:
        key: Whose signatures.
        remember: How many roots to keep, oldest forgotten first.
    """

    __slots__ = ("_key", "_lock", "_remember", "_seen")

    def __init__(self, key: VerifyKey, remember: int = 4096) -> None:
        self._key = key
        self._remember = remember
        self._seen: dict[tuple[str, bytes, bytes], None] = {}
        self._lock = threading.Lock()

    @property
    def key(self) -> VerifyKey:
        """The key whose signatures are accepted."""
        return self._key

    def verify(self, context: str, scope: bytes, item: BatchItem) -> None:
        """Accepts by returning. Fails closed.

        Args:
            context: One of the contexts in `keys.signing`.
            scope: As the signer must have used it.
            item: The item.

        Raises:
            BadBatch: The item is malformed: its path cannot belong to its position.
            BadSignature: The signature does not cover this body at this position.
        """
        if item.leaf_count > LARGEST_BATCH:
            raise BadBatch("the batch is too large")
        try:
            root = root_from_path(leaf_hash(item.body), item.leaf_index, item.leaf_count, item.path)
        except BadProof:
            raise BadBatch("the item's path does not fit its position") from None
        signed = _signed_body(item.leaf_count, root, scope)
        seen = (context, signed, item.signature)
        if seen in self._seen:
            return
        self._key.verify(context, signed, item.signature)
        with self._lock:
            while len(self._seen) >= self._remember > 0:
                self._seen.pop(next(iter(self._seen)))
            if self._remember > 0:
                self._seen[seen] = None


def _levels(bodies: Sequence[bytes]) -> list[list[bytes]]:
    """The tree over the bodies, refusing empty and oversized batches."""
    if not 0 < len(bodies) <= LARGEST_BATCH:
        raise BadBatch("a batch has at least one body and not too many")
    return tree_levels([leaf_hash(body) for body in bodies])


def _items(bodies: Sequence[bytes], levels: list[list[bytes]], signature: bytes) -> list[BatchItem]:
    """The items of a batch whose tree is known."""
    count = len(bodies)
    return [BatchItem(body, signature, i, count, path_in(levels, i)) for i, body in enumerate(bodies)]


def _signed_body(count: int, root: bytes, scope: bytes) -> bytes:
    """What the batch's signature covers; the root has a fixed length, so the parts cannot run into each other."""
    return count.to_bytes(4, "big") + root + scope
