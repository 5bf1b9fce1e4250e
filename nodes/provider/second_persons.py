"""Second persons: whose record a value is compared with under `same_as`, found by the identifier that is the operand.

Rules kept here: the identifier that counts is the one in the record as it is read now; a record that is not there, is
not unique, is withheld or cannot be read gives values that are the same as none, and the comparison is made all the
same; what is compared with a person is counted under a keyed name of the identifier, so that what is exhausted does not
tell whether there is a record.

It keeps no identifier and reads no source: `release` does.
"""

import hmac
from collections.abc import Mapping, Sequence

from nodes.provider.checks import CheckedTicket
from nodes.provider.config import ProvidedField, ProvidedResource
from nodes.provider.connectors import Row
from nodes.provider.state import Records
from nodes.provider.state.records import Found
from policies.equality import same_value
from policies.identifiers import BadIdentifier, normalise
from policies.predicates import Operator


class SecondPersons:
    """Second persons of one resource.

    Args:
        resource: What is released.
        records: Maps identifiers to records.
    """

    def __init__(self, resource: ProvidedResource, records: Records) -> None:
        self._resource = resource
        self._records = records

    def find(self, operand: str) -> Found | None:
        """The record of the person whose identifier an operand is; None when there is none."""
        return self._records.by_identifier(self._resource.code, self._identifier(operand))

    def rows(
        self, tickets: Sequence[CheckedTicket], keys: Mapping[tuple[int, str], str | None], read: Mapping[str, Row]
    ) -> list[dict[str, Row | None]]:
        """Second persons' records as they are now.

        Args:
            tickets: As `operands_of` took them.
            keys: Key of the record by ticket and field; None where there is none to compare.
            read: Records by key; decoys too.

        Returns:
            For each ticket, by field; None where there is none.
        """
        found: list[dict[str, Row | None]] = [{} for _ in tickets]
        for (number, field), key in keys.items():
            row = None if key is None else read.get(key)
            about = self._is_about(row, tickets[number].asking[field].operand)
            found[number][field] = row if about else None
        return found

    def _is_about(self, row: Row | None, operand: str) -> bool:
        """Whether a record, as it is now, is about the person whose identifier an operand is. Fails closed."""
        whom = self._identifier(operand)
        held = self._identifier((row.values.get(self._resource.subject_column) or "") if row is not None else "")
        return hmac.compare_digest(held.encode(), whom.encode()) and bool(whom)

    def counted_as(self, operand: str) -> str:
        """The name under which it is counted what is compared with that person."""
        return self._records.second(self._resource.code, self._identifier(operand))

    def _identifier(self, raw: str) -> str:
        """The canonical identifier; empty when it is none, which no record has."""
        try:
            return normalise(self._resource.subject_scheme, raw)
        except BadIdentifier:
            return ""


def operands_of(tickets: Sequence[CheckedTicket]) -> Mapping[tuple[int, str], str]:
    """The identifiers of second persons, by ticket and field."""
    return {
        (number, field): asking.operand
        for number, checked in enumerate(tickets)
        for field, asking in checked.asking.items()
        if asking.predicate.operator is Operator.SAME_AS
    }


def compared(field: ProvidedField, row: Row, other: Row | None) -> str:
    """The answer of `same_as` about a field of two records.

    Args:
        field: The field.
        row: The subject's record.
        other: The second person's; None when there is none.
    """
    described = field.description
    return same_value(described.data_type, described.mask, _meant(field, row), _meant(field, other))


def _meant(field: ProvidedField, row: Row | None) -> str | None:
    """The value that a record's field stands for; None when there is none, or it cannot be read."""
    raw = None if row is None else row.values.get(field.column)
    return field.values.get(raw.strip()) if raw is not None and field.values else raw
