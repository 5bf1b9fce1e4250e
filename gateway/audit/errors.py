"""What can go wrong with the log. No message carries an identifier, a name or a value."""


class AuditError(Exception):
    """Base of everything the log raises on purpose."""


class LedgerUnavailable(AuditError):
    """The entry is not known to be durable, so nothing may be released on its account. Fails closed; may be retried.

    The entry may exist all the same, when the storage failed after writing it: then it is an `asked` without an
    outcome, or an outcome told twice, never a release without an entry.
    """


class LedgerCorrupt(AuditError):
    """What is stored is not the log that was promised. The log does not start, or stops for good.

    Args:
        rule: What does not hold.
        evidence: Sizes, indices and hashes that show it.
    """

    def __init__(self, rule: str, **evidence: str | int) -> None:
        told = ", ".join(f"{name}={value}" for name, value in evidence.items())
        super().__init__(f"{rule} ({told})" if told else rule)
        self.rule = rule
        self.evidence = evidence


class BadEntry(AuditError):
    """A draft that cannot become an entry: the program's fault, so nothing is written."""


class AlreadyRecorded(AuditError):
    """An entry with the draft's unique key is in the log; nothing was written.

    Args:
        leaf_index: Where that entry stands.
        same: Whether it came with the same digest: the same request again, not another one under its id.
    """

    def __init__(self, leaf_index: int, *, same: bool) -> None:
        super().__init__(f"entry {leaf_index} has this unique key")
        self.leaf_index = leaf_index
        self.same = same


class RiderRefused(AuditError):
    """Something that has to be committed with the entry does not allow it; neither was written.

    Args:
        reason: A stable reason code of whoever refused; opaque to the log.
        retry_after_ms: When trying again makes sense, milliseconds; None when never.
    """

    def __init__(self, reason: str, retry_after_ms: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_ms = retry_after_ms


class NoSuchEntry(AuditError, ValueError):
    """There is no entry, tree or page of that number."""


class EntryPruned(NoSuchEntry):
    """What the entry said is gone: its retention has ended. Its place and its hash are still in the log.

    Args:
        leaf_index: The entry.
        under: The entry `log_pruned` that says so.
    """

    def __init__(self, leaf_index: int, under: int) -> None:
        super().__init__(f"entry {leaf_index} was pruned under entry {under}")
        self.leaf_index = leaf_index
        self.under = under
