"""The promises that a node was given with its tickets, out of its own kept receipts."""

from pathlib import Path

from nodes.link.codec import ProtobufCodec
from nodes.provider.state import list_receipts, open_reader
from nodes.watch.watch import Promised


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
    codec = ProtobufCodec()
    reader = open_reader(state)
    try:
        kept = list_receipts(reader, None, count)
    finally:
        reader.close()
    found = []
    for receipt in kept:
        promise = codec.parse_promise(receipt.promise.body)
        found.append(Promised(promise.leaf_index, promise.leaf_hash, receipt.released_ms))
    return found
