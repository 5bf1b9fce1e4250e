"""What a publication does to the catalogue, worked out before it is done: the steps that are announced and then taken.

Rules kept here: the steps follow from the stored rows and what is offered alone; a resource that another node holds is
refused. Pure: it reads no database.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import RowMapping

from gateway.catalog.description import from_text
from gateway.errors import Code, Refused, Violation
from policies.resource_diff import compare
from policies.resources import BadResource, ResourceDescription


class What(StrEnum):
    """What becomes of one resource."""

    PUBLISHED = "published"
    """It was never offered before."""
    CHANGED = "changed"
    """Its description is another one: a new version."""
    RETURNED = "returned"
    """It is offered again, or by another node, as it was."""
    WITHDRAWN = "withdrawn"
    """It is offered no more."""


@dataclass(frozen=True, slots=True)
class Step:
    """What becomes of one resource.

    Args:
        what: What happens.
        code: Resource code.
        version: Its version afterwards.
        fingerprint: Of that version.
        changes: Kinds of changes against the version before, sorted, each once; empty unless it changed.
        breaking: Whether one of them is breaking.
    """

    what: What
    code: str
    version: int
    fingerprint: str
    changes: tuple[str, ...] = ()
    breaking: bool = False


def planned(node: str, resources: Sequence[ResourceDescription], stored: Mapping[str, RowMapping]) -> tuple[Step, ...]:
    """The steps of a publication, ordered by code.

    Args:
        node: Who publishes.
        resources: Everything it offers; what is missing is withdrawn.
        stored: Rows of `catalog_resources` by code: the node's own and those of the codes offered.

    Raises:
        Refused: NODE_REFUSED for a resource that another node holds.
    """
    held = tuple(
        Violation(f"resources[{index}].code", "is held by another node; it must withdraw it first")
        for index, resource in enumerate(resources)
        if (row := stored.get(resource.code)) is not None and row["node"] != node and not row["withdrawn_ms"]
    )
    if held:
        raise Refused(Code.NODE_REFUSED, "a resource held by another node", violations=held)
    offered = {resource.code for resource in resources}
    steps = [step for resource in resources if (step := _step(node, resource, stored.get(resource.code))) is not None]
    steps += [
        Step(What.WITHDRAWN, code, int(row["version"]), str(row["fingerprint"]))
        for code, row in stored.items()
        if row["node"] == node and not row["withdrawn_ms"] and code not in offered
    ]
    return tuple(sorted(steps, key=lambda step: step.code))


def _step(node: str, resource: ResourceDescription, row: RowMapping | None) -> Step | None:
    if row is None:
        return Step(What.PUBLISHED, resource.code, 1, resource.fingerprint)
    version = int(row["version"])
    former = _former(row)
    if former is not None and former.fingerprint == resource.fingerprint == row["fingerprint"]:
        if row["withdrawn_ms"] or row["node"] != node:
            return Step(What.RETURNED, resource.code, version, resource.fingerprint)
        return None
    # A stored version that cannot be read or is not what was published is replaced by what the node says now.
    changes = compare(former, resource) if former is not None else ()
    return Step(
        What.CHANGED,
        resource.code,
        version + 1,
        resource.fingerprint,
        tuple(sorted({str(change.kind) for change in changes})),
        any(change.breaking for change in changes),
    )


def _former(row: RowMapping) -> ResourceDescription | None:
    try:
        return from_text(row["body"])
    except BadResource:
        return None
