"""Profile fields as they leave the vault: to their person, to a department, and what a department hands in."""

import dataclasses
from dataclasses import dataclass
from enum import StrEnum

from gateway.vault.contents import Dispute
from gateway.vault.fields import DESCRIPTIONS
from gateway.vault.provenance import FieldStatus, Source, Superseded, UnavailableReason
from gateway.vault.rows import Entry
from policies.vocabulary import Classification, DataType, FieldMark, Form


@dataclass(frozen=True, slots=True)
class ProfileField:
    """One version of a field as its person sees it. Times are Unix ms.

    Attributes:
        field: Field code.
        value: The value; None when there is none. Not part of the `repr`.
        source: Who stands behind it.
        collected_ms: When the field was first entered.
        updated_ms: When this version was made here.
        version: From 1; 0 for a field that was never set.
        last_updated_ms: When the source last changed it; None when unknown: then its age is unknown, not fresh.
        source_department: Which department verified it; empty when none did.
        source_record: That department's name for its record; not part of the `repr`.
        verified_ms: When it was verified; None when it was not.
        valid_until_ms: Last moment of its validity; None when it has no end.
        status: How it stands.
        unavailable: Why there is no value; None when there is one.
        dispute: The person's dispute; None without one.
        restricted_ms: Since when the person restricts it; None when not.
        superseded_ms: When another version took its place; None for the current one.
        superseded: Why; None for the current one.
    """

    field: str
    value: str | None = dataclasses.field(repr=False)
    source: Source
    collected_ms: int
    updated_ms: int
    version: int
    last_updated_ms: int | None = None
    source_department: str = ""
    source_record: str = dataclasses.field(default="", repr=False)
    verified_ms: int | None = None
    valid_until_ms: int | None = None
    status: FieldStatus = FieldStatus.ACTIVE
    unavailable: UnavailableReason | None = None
    dispute: Dispute | None = None
    restricted_ms: int | None = None
    superseded_ms: int | None = None
    superseded: Superseded | None = None

    @property
    def classification(self) -> Classification:
        """As the catalogue classifies the field."""
        return DESCRIPTIONS[self.field].classification

    @property
    def editable(self) -> bool:
        """Whether the person may change it here."""
        return self.superseded is None and self.source.editable


def profile_field(entry: Entry) -> ProfileField:
    """An entry as its person sees it."""
    held = entry.contents
    return ProfileField(
        field=entry.field,
        value=held.value,
        source=held.source,
        collected_ms=held.collected_ms,
        updated_ms=held.updated_ms,
        version=entry.version,
        last_updated_ms=held.last_updated_ms,
        source_department=held.source_department,
        source_record=held.source_record,
        verified_ms=held.verified_ms,
        valid_until_ms=held.valid_until_ms,
        status=held.status,
        unavailable=held.unavailable,
        dispute=held.dispute,
        restricted_ms=held.restricted_ms,
        superseded_ms=held.superseded_ms,
        superseded=held.superseded,
    )


def not_collected(field: str) -> ProfileField:
    """A field that was never set, or was removed."""
    return ProfileField(field, None, Source.USER_PROVIDED, 0, 0, 0, unavailable=UnavailableReason.NOT_COLLECTED)


@dataclass(frozen=True, slots=True)
class ReleasedField:
    """One field in the form decided, for a department.

    Attributes:
        field: Field code.
        form: The form.
        text: The text, or None when there is nothing to release; not part of the `repr`.
        data_type: Data type code.
        as_of_ms: When its source last changed it, Unix ms; 0 when unknown or when there is nothing.
        source: Where it comes from; empty when there is nothing.
        marks: What whoever gets the value has to know with it.
        outcome: For the ledger alone: released, no_value or withheld.
    """

    field: str
    form: Form
    text: str | None = dataclasses.field(repr=False)
    data_type: DataType
    as_of_ms: int
    source: str
    marks: tuple[FieldMark, ...] = ()
    outcome: str = "no_value"


@dataclass(frozen=True, slots=True)
class Verified:
    """What a department states about a field. Times are Unix ms.

    Attributes:
        value: The value as the department has it; None with a reason. Not part of the `repr`.
        department: Which department states it.
        record: Its own name for its record, opaque; not part of the `repr`.
        last_updated_ms: When it last changed its record; None when it does not say.
        valid_until_ms: Last moment of its validity; None when it has no end.
        unavailable: Why there is no value; None when there is one.
    """

    value: str | None = dataclasses.field(repr=False)
    department: str
    record: str = dataclasses.field(default="", repr=False)
    last_updated_ms: int | None = None
    valid_until_ms: int | None = None
    unavailable: UnavailableReason | None = None


class Arrival(StrEnum):
    """What became of what a department stated."""

    TAKEN = "taken"
    KEPT_STRONGER = "kept_stronger"
    """What stands is newer, of known age, or says more."""
