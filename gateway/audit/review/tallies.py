"""What is counted for statistics: per civil day, department and dimension, what became of it. Pure.

Rules kept here: requests are counted once, as their outcome; a field is counted with what became of that field, and
everything else with what became of the request; what auditors do is counted by auditor. A count names no person.
"""

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple

from gateway.audit.kinds import Kind
from gateway.audit.review.facets import Facet, Pair, field_name, folded, items_of, system_name

DAY_MS: Final = 86_400_000
CIVIL_OFFSET_MS: Final = 8 * 3_600_000
"""The civil day is that of China Standard Time, UTC+8, as in `policies.civil_time` (tested)."""
COUNTED: Final = frozenset({Kind.RELEASED, Kind.REFUSED, Kind.ABANDONED, Kind.REPLAYED})
"""The kinds of entries that statistics count: what became of requests."""
AUDITED: Final = frozenset({Kind.LOG_READ, Kind.PERSON_SEARCHED, Kind.IDENTITY_OPENED})
"""The kinds that count as an auditor's doing, by auditor and nothing else."""


class Dimension(StrEnum):
    """By what is counted."""

    DEPARTMENT = "department"
    SYSTEM = "system"
    OFFICIAL = "official"
    PURPOSE = "purpose"
    FIELD = "field"
    OUTCOME = "outcome"
    REASON = "reason"
    EMERGENCY = "emergency"
    AGREEMENT = "agreement"
    RULE = "rule"
    AUDITOR = "auditor"
    """What an auditor did with the log; no request."""
    RECEIVED = "received"
    """A field that a system received: `department/name resource.field`."""


_NUMBERS: Final = {
    Dimension.DEPARTMENT: 1,
    Dimension.SYSTEM: 2,
    Dimension.OFFICIAL: 3,
    Dimension.PURPOSE: 4,
    Dimension.FIELD: 5,
    Dimension.OUTCOME: 6,
    Dimension.REASON: 7,
    Dimension.EMERGENCY: 8,
    Dimension.AGREEMENT: 9,
    Dimension.RULE: 10,
    Dimension.RECEIVED: 11,
    Dimension.AUDITOR: 12,
}
_BY_FACET: Final = {
    Facet(str(dimension)): dimension
    for dimension in Dimension
    if dimension not in {Dimension.FIELD, Dimension.EMERGENCY, Dimension.RECEIVED, Dimension.AUDITOR}
}


class Label(NamedTuple):
    """What is counted: of one department, one value of a dimension with one outcome."""

    department: str
    dimension: Dimension
    value: str
    outcome: str

    def text(self) -> str:
        """In one spelling."""
        return json.dumps([self.department, str(self.dimension), self.value, self.outcome], ensure_ascii=False)


def read_label(text: str) -> Label:
    """A label out of its spelling."""
    department, dimension, value, outcome = json.loads(text)
    return Label(department, Dimension(dimension), value, outcome)


def number_of(dimension: Dimension) -> int:
    """The number under which a dimension is stored."""
    return _NUMBERS[dimension]


def civil_day(time_ms: int) -> int:
    """Days since 1970-01-01 in civil time."""
    return (time_ms + CIVIL_OFFSET_MS) // DAY_MS


def labels_of(said: Mapping[str, Any], facets: frozenset[Pair]) -> Iterator[Label]:
    """As what an entry is counted, each once; nothing for one that is neither a request's outcome nor an auditor's act.

    Args:
        said: Its accountability part.
        facets: By what it is found, together with the question that it closes.
    """
    kind = str(said.get("kind", ""))
    if kind in AUDITED and isinstance(said.get("auditor"), str):
        yield Label("", Dimension.AUDITOR, folded(said["auditor"]), kind)
    if kind not in COUNTED:
        return
    department = folded(str(said.get("department", "")))
    system = folded(system_name(str(said.get("system", ""))))
    for facet, value in facets:
        dimension = _BY_FACET.get(facet)
        if dimension is not None:
            yield Label(department, dimension, value, kind)
        elif facet is Facet.EMERGENCY and value:
            yield Label(department, Dimension.EMERGENCY, value, kind)
        elif facet is Facet.GIVEN:
            yield Label(department, Dimension.RECEIVED, f"{system} {value}", kind)
    fields = {(folded(field_name(item)), folded(str(item.get("outcome") or kind))) for item in items_of(said)}
    yield from (Label(department, Dimension.FIELD, field, outcome) for field, outcome in fields)
