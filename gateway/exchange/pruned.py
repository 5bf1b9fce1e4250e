"""What whoever asks for an entry of the access log is told when its retention has ended."""

from gateway.audit.errors import EntryPruned
from gateway.errors import Code, Refused


def pruned(gone: EntryPruned) -> Refused:
    """The refusal: that the entry was there, and under which entry it was pruned."""
    facts = (("entry", str(gone.leaf_index)), ("pruned_under", str(gone.under)))
    return Refused(Code.ENTRY_PRUNED, f"entry {gone.leaf_index} under {gone.under}", facts=facts)
