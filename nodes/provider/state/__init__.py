"""The node's own durable memory: handles, what is published, the outbox, used tickets, receipts."""

from nodes.provider.state.consents import ConsentState
from nodes.provider.state.database import State, open_reader, open_state
from nodes.provider.state.guesses import Guesses
from nodes.provider.state.outbox import Outbox
from nodes.provider.state.records import Records
from nodes.provider.state.releases import KeptPromise, KeptReceipt, KeptRelease, Releases, list_promises, list_receipts
from nodes.provider.state.scans import ScanReport, Scans

__all__ = [
    "ConsentState",
    "Guesses",
    "KeptPromise",
    "KeptReceipt",
    "KeptRelease",
    "Outbox",
    "Records",
    "Releases",
    "ScanReport",
    "Scans",
    "State",
    "list_promises",
    "list_receipts",
    "open_reader",
    "open_state",
]
