"""What a system gets back: rows with a status each, the providers with their freshness, and the evidence.

Nothing here checks anything: `nodes.consumer.verify` builds these values after every check has passed. Identifiers of
the subject are never part of an answer; `repr` of a row leaves its value out, so that a log of it holds none.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field as column
from enum import StrEnum

from keys.batch import BatchItem
from nodes.consumer.items import Item
from nodes.consumer.values import Value
from nodes.errors import PublicText
from policies.vocabulary import FieldMark, Form, Necessity

NOTHING_TO_SAY = PublicText("", "")


class RowStatus(StrEnum):
    """What became of one item, as far as the asking system may know."""

    RELEASED = "released"
    NOT_AVAILABLE = "not_available"
    """No value. Whether there is a record, or why it is withheld, is not told."""
    WITHHELD = "withheld"
    """Policy withholds it; decided before anyone looked whether there is a record."""
    SILENT = "silent"
    """Its provider did not answer."""


@dataclass(frozen=True, slots=True)
class Row:
    """One item of the answer.

    Args:
        resource: Resource code.
        field: Field code.
        form: The form released, else the form asked for.
        necessity: As asked.
        status: What became of it.
        department: The provider; empty when withheld, since then nobody was asked.
        value: The typed value; None unless released.
        text: The same as text; None unless released.
        data_type: Data type code; empty unless released.
        source: government_verified, platform_verified or user_provided; empty unless released.
        as_of_ms: When the source last changed the record; None when unknown, which is not fresh.
        reason: Reason code when withheld or silent, else empty.
        reason_text: The reason in both languages.
        marks: What has to be shown and kept together with the value, such as that the person disputes it.
        asked: The form needed, or the predicate, such as `age_at_least(18)`. Where `form` is another one, that is the
            least revealing one that the agreement permits of those that the item accepts.
    """

    resource: str
    field: str
    form: Form
    necessity: Necessity
    status: RowStatus
    department: str = ""
    value: Value | None = column(default=None, repr=False)
    text: str | None = column(default=None, repr=False)
    data_type: str = ""
    source: str = ""
    as_of_ms: int | None = None
    reason: str = ""
    reason_text: PublicText = NOTHING_TO_SAY
    marks: tuple[FieldMark, ...] = ()
    asked: str = ""

    @property
    def released(self) -> bool:
        """Whether there is a value."""
        return self.status is RowStatus.RELEASED


@dataclass(frozen=True, slots=True)
class Promise:
    """The ledger's verified promise that an entry is durable.

    Args:
        leaf_index: Index of the entry in the log.
        leaf_hash: Its RFC 6962 leaf hash.
        item: The signed promise, to be kept as evidence.
        origin: The log's name under which it was verified.
    """

    leaf_index: int
    leaf_hash: bytes
    item: BatchItem = column(repr=False)
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A node's verified statement of what it released.

    Args:
        node: SPIFFE id of the node.
        session_id: Its session, part of the signed scope.
        ticket_digest: Which ticket it answered.
        released_ms: When.
        item: The signed receipt, to be kept as evidence.
    """

    node: str
    session_id: bytes
    ticket_digest: bytes
    released_ms: int
    item: BatchItem = column(repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """What one provider did for one resource.

    Args:
        department: Department id.
        resource: Resource code.
        synced_ms: When its node last confirmed its index entries; None when never. The gateway says so.
        stale: Whether that is older than the resource's update cycle allows.
        receipt: The verified receipt; None when silent.
        silence: Reason code when silent, else empty.
        silence_text: That reason in both languages.
    """

    department: str
    resource: str
    synced_ms: int | None
    stale: bool
    receipt: Receipt | None
    silence: str = ""
    silence_text: PublicText = NOTHING_TO_SAY

    @property
    def answered(self) -> bool:
        """Whether it answered."""
        return self.receipt is not None


@dataclass(frozen=True, slots=True)
class Answer:
    """A verified answer.

    Args:
        request_id: The idempotency key.
        complete: False when a required item is missing because its provider was silent.
        rows: One per requested item, in the order asked.
        providers: One per provider and resource that was asked.
        asked: The ledger's promise of the `asked` entry.
        outcome: The ledger's promise of the outcome entry.
        replayed: Whether this is the kept answer of an earlier call with the same request.
    """

    request_id: str
    complete: bool
    rows: tuple[Row, ...]
    providers: tuple[Provider, ...]
    asked: Promise
    outcome: Promise
    replayed: bool

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getitem__(self, item: str | Item) -> Row:
        """The row of an item.

        Args:
            item: The item, or `resource:field`, or that with `=` and the form released or what was asked.

        Returns:
            The row.

        Raises:
            KeyError: It was not asked for.
        """
        if isinstance(item, Item):
            return self[f"{item.resource}:{item.field}={item.asks}"]
        for row in self.rows:
            name = f"{row.resource}:{row.field}"
            if item in {name, f"{name}={row.form}", f"{name}={row.asked}"}:
                return row
        raise KeyError("this was not asked for")


@dataclass(frozen=True, slots=True)
class Located:
    """Whether one resource has exactly one record about the subject.

    Args:
        resource: Resource code.
        exists: Always False for an unlisted resource.
        updated_ms: When the record last changed; None when unknown or not there.
        reason: Reason code when policy withholds it, else empty; then `exists` says nothing.
        reason_text: That reason in both languages.
    """

    resource: str
    exists: bool
    updated_ms: int | None
    reason: str = ""
    reason_text: PublicText = NOTHING_TO_SAY


@dataclass(frozen=True, slots=True)
class LocateAnswer:
    """A verified answer to a locate request.

    Args:
        request_id: The idempotency key.
        located: One per resource, in the order asked.
        asked: The ledger's promise of the `asked` entry.
        outcome: The ledger's promise of the outcome entry.
    """

    request_id: str
    located: tuple[Located, ...]
    asked: Promise
    outcome: Promise
