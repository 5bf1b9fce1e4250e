"""The promises that a node was given with its tickets, out of its own kept receipts."""

from pathlib import Path

from keys.signing import digest
from nodes.link.codec import ProtobufCodec
from nodes.provider.state import KeptReceipt, list_receipts, open_reader
from nodes.watch.lost import Promised

PAGE = 1000


def newest_promises(state: Path, count: int) -> list[Promised]:
    """The newest promises. Blocks on the node's database.

    Args:
        state: The node's database; a running node may be using it.
        count: At most this many.

    Returns:
        The promises, newest first.

    Raises:
        StateUnusable: There is no such state.
    """
    reader = open_reader(state)
    try:
        kept = list_receipts(reader, None, count)
    finally:
        reader.close()
    return [_promised(receipt) for receipt in kept]


def promises_since(state: Path, index: int) -> list[Promised]:
    """Every promise about an entry from an index on. Blocks on the node's database.

    Entries and releases grow together, so it looks from the newest release back until a whole page has none.

    Args:
        state: The node's database; a running node may be using it.
        index: The first entry that counts.

    Returns:
        The promises, newest first; none when there is no such state yet.

    Raises:
        StateUnusable: The state cannot be used.
    """
    if not state.exists():
        return []
    found, before = list[Promised](), None
    reader = open_reader(state)
    try:
        while page := list_receipts(reader, before, PAGE):
            promised = [_promised(receipt) for receipt in page]
            some = [one for one in promised if one.leaf_index >= index]
            if not some:
                break
            found += some
            before = page[-1].number
    finally:
        reader.close()
    return found


def read_promise(body: bytes, seen_ms: int, ticket: bytes) -> Promised:
    """A promise out of what was kept with a release.

    Args:
        body: Exact body of the promise.
        seen_ms: When it was acted on.
        ticket: Exact body of the ticket.
    """
    promise = ProtobufCodec().parse_promise(body)
    return Promised(promise.leaf_index, promise.leaf_hash, seen_ms, digest(ticket).hex())


def _promised(receipt: KeptReceipt) -> Promised:
    return read_promise(receipt.promise.body, receipt.released_ms, receipt.ticket.body)
