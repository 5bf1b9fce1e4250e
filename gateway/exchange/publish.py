"""How the catalogue changes: what becomes of each resource is on the ledger before it is offered.

Rules kept: an entry says who changed what, to which version and fingerprint, and whether that may break an agreement or
a program; descriptions themselves stay out of it, the history keeps them. If the ledger cannot write, nothing changes
and the node is refused (fails closed).
"""

from collections.abc import Sequence
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.catalog.catalog import Catalog
from gateway.catalog.publication import Step
from gateway.errors import Code, Refused
from policies.resources import ResourceDescription

STEPS_OF_AN_ENTRY: Final = 100
"""One entry tells of at most so many resources, so that it stays far below the largest entry."""


class Publish:
    """Changes the catalogue.

    Args:
        catalog: What is offered.
        ledger: Where each change is recorded; blocking appends, because these are rare and run beside the event loop.
    """

    def __init__(self, catalog: Catalog, ledger: SqlLedger) -> None:
        self._catalog = catalog
        self._ledger = ledger

    def publish(self, node: str, department: str, resources: Sequence[ResourceDescription]) -> dict[str, int]:
        """Take what a node offers, replacing what it offered before.

        Args:
            node: SPIFFE id of the node.
            department: Its department.
            resources: Everything it offers.

        Returns:
            Version by resource code.

        Raises:
            Refused: A rule is broken, a resource is another's, or LEDGER_UNAVAILABLE. Then nothing is changed.
        """
        return self._catalog.publish(node, department, resources, lambda steps: self._record(node, department, steps))

    def _record(self, node: str, department: str, steps: Sequence[Step]) -> None:
        for start in range(0, len(steps), STEPS_OF_AN_ENTRY):
            part = steps[start : start + STEPS_OF_AN_ENTRY]
            draft = EntryDraft(
                kind=Kind.RESOURCE_CHANGED,
                accountability={"member": node, "department": department, "resources": [_plain(step) for step in part]},
            )
            try:
                self._ledger.append_blocking(draft)
            except LedgerUnavailable as error:
                raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None


def _plain(step: Step) -> dict[str, str | int | bool | list[str]]:
    plain: dict[str, str | int | bool | list[str]] = {
        "what": str(step.what),
        "resource": step.code,
        "version": step.version,
        "fingerprint": step.fingerprint,
    }
    if step.changes:
        plain |= {"changes": list(step.changes), "breaking": step.breaking}
    return plain
