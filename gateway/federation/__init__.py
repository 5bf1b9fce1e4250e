"""Federation: the gateway's end of the streams that nodes keep open, and the asking over them."""

from gateway.federation.model import Answer, LinkLimits, NodeStatus, Order, PointerChange, Silence, SnapshotPiece

__all__ = ["Answer", "LinkLimits", "NodeStatus", "Order", "PointerChange", "Silence", "SnapshotPiece"]
