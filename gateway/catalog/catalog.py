"""The catalogue: which resources are offered, in which version, and which node answers for each.

Rules kept here: a resource belongs to the department whose id its code begins with, and one node at a time answers for
it; a publication is taken whole or not at all; a version counts up exactly when the description changes; what a node
offers no more is withdrawn, not forgotten. Answers come from memory and are as new as the call, also when another
process published.

It does not know whether a node is connected, nor who may see what.
"""

import logging
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from gateway.catalog.description import from_text, to_text
from gateway.catalog.tables import EPOCH, RESOURCES
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.storage.database import write_transaction
from gateway.storage.epochs import EpochCached, advance
from keys.certificates.spiffe import SpiffeId
from policies.resources import BadResource, ResourceDescription, check_resource

MAX_RESOURCES_OF_A_NODE = 1000
OWN_PREFIX = "oncegate."
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One resource as it is offered.

    Args:
        resource: Its description.
        version: From 1, counted by the gateway.
        published_ms: When this version was first published.
        node: SPIFFE id of the node that answers for it; the gateway's own for what the vault holds.
    """

    resource: ResourceDescription
    version: int
    published_ms: int
    node: str


@dataclass(frozen=True, slots=True)
class _Shelf:
    entries: Mapping[str, CatalogEntry]
    codes: tuple[str, ...]


class Catalog:
    """The catalogue.

    Args:
        engine: The database.
        clock: Tells when a version was published.
    """

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock
        self._shelf = EpochCached(engine, EPOCH, _load)

    def publish(self, node: str, department: str, resources: Sequence[ResourceDescription]) -> dict[str, int]:
        """Take what a node offers: all of it, replacing what it offered before.

        The gateway itself publishes what it answers for, such as people's profiles, under its own SPIFFE id; exactly
        those codes begin with "oncegate.".

        Args:
            node: SPIFFE id of the node, from its certificate.
            department: The node's department, from its certificate.
            resources: Every resource the node offers; what is missing is withdrawn.

        Returns:
            Version by resource code.

        Raises:
            Refused: BAD_REQUEST with all violations for broken rules; NODE_REFUSED for a resource of another
                department, or one that another node holds. Then nothing is changed.
        """
        _check(resources)
        own = SpiffeId.parse(node).kind == "gateway"
        prefix = OWN_PREFIX if own else f"{department}."
        foreign = [
            Violation(f"resources[{index}].provider", "must be the node's own department")
            for index, resource in enumerate(resources)
            if resource.provider != department
        ]
        foreign += [
            Violation(f"resources[{index}].code", "must begin with the department's id and a dot")
            for index, resource in enumerate(resources)
            if not resource.code.startswith(prefix) or resource.code.startswith(OWN_PREFIX) != own
        ]
        if foreign:
            raise Refused(Code.NODE_REFUSED, "a resource of another department", violations=tuple(foreign))
        return self._replace(node, resources)

    def withdraw(self, node: str) -> tuple[str, ...]:
        """Take everything that a node offers out of the catalogue, so that another node may answer for it.

        Args:
            node: SPIFFE id of the node.

        Returns:
            The codes withdrawn.
        """
        held = tuple(code for code, entry in self._shelf.current().entries.items() if entry.node == node)
        self._replace(node, ())
        return held

    def get(self, code: str) -> CatalogEntry | None:
        """The resource with this code, or None when it is not offered."""
        return self._shelf.current().entries.get(code)

    def provider_of(self, code: str) -> str | None:
        """Department id of the resource's provider, or None when it is not offered."""
        entry = self.get(code)
        return None if entry is None else entry.resource.provider

    def described(self, code: str) -> ResourceDescription | None:
        """The description of a resource, or None when it is not offered."""
        entry = self.get(code)
        return None if entry is None else entry.resource

    def list(self, provider: str = "", after: str = "", limit: int | None = None) -> tuple[CatalogEntry, ...]:
        """Resources, ordered by code.

        Args:
            provider: Only this department's; empty for all.
            after: Only codes behind this one; empty to begin at the first.
            limit: At most this many; None for all.
        """
        shelf = self._shelf.current()
        following = (shelf.entries[code] for code in shelf.codes[bisect_right(shelf.codes, after) :])
        return tuple(islice((entry for entry in following if provider in {"", entry.resource.provider}), limit))

    def offered_by(self, node: str) -> frozenset[str]:
        """Codes of everything that one node offers: the resources whose index entries it may touch."""
        return frozenset(code for code, entry in self._shelf.current().entries.items() if entry.node == node)

    def _replace(self, node: str, resources: Sequence[ResourceDescription]) -> dict[str, int]:
        offered = {code: entry for code, entry in self._shelf.current().entries.items() if entry.node == node}
        if {code: entry.resource.fingerprint for code, entry in offered.items()} == {
            resource.code: resource.fingerprint for resource in resources
        }:
            # A node that reconnects offers what it offered before: nothing is written.
            return {code: entry.version for code, entry in offered.items()}
        with write_transaction(self._engine) as connection:
            # First, so that on PostgreSQL two nodes that publish the same code wait for each other.
            advance(connection, EPOCH)
            rows = connection.execute(
                select(RESOURCES).where(
                    (RESOURCES.c.node == node) | RESOURCES.c.code.in_([resource.code for resource in resources])
                )
            ).mappings()
            stored = {str(row["code"]): row for row in rows}
            _refuse_held_by_others(node, resources, stored)
            versions = {
                resource.code: self._put(connection, node, resource, stored.get(resource.code))
                for resource in resources
            }
            connection.execute(
                update(RESOURCES)
                .where(RESOURCES.c.node == node, RESOURCES.c.code.not_in(list(versions)), RESOURCES.c.withdrawn_ms == 0)
                .values(withdrawn_ms=self._clock.now_ms())
            )
        return versions

    def _put(self, connection: Connection, node: str, resource: ResourceDescription, stored: RowMapping | None) -> int:
        if stored is None:
            version, values = 1, {"code": resource.code, **self._written(node, resource, 1)}
            connection.execute(insert(RESOURCES).values(**values))
            return version
        version = int(stored["version"])
        values = {"node": node, "withdrawn_ms": 0}
        if stored["fingerprint"] != resource.fingerprint:
            version += 1
            values = self._written(node, resource, version)
        connection.execute(update(RESOURCES).where(RESOURCES.c.code == resource.code).values(**values))
        return version

    def _written(self, node: str, resource: ResourceDescription, version: int) -> dict[str, Any]:
        return {
            "provider": resource.provider,
            "node": node,
            "version": version,
            "published_ms": self._clock.now_ms(),
            "withdrawn_ms": 0,
            "body": to_text(resource),
            "fingerprint": resource.fingerprint,
        }


def _check(resources: Sequence[ResourceDescription]) -> None:
    if len(resources) > MAX_RESOURCES_OF_A_NODE:
        raise bad_request("resources", f"must be at most {MAX_RESOURCES_OF_A_NODE}")
    violations: list[Violation] = []
    seen: set[str] = set()
    for index, resource in enumerate(resources):
        if resource.code in seen:
            violations.append(Violation(f"resources[{index}].code", "must not repeat a resource"))
        seen.add(resource.code)
        try:
            check_resource(resource)
        except BadResource as error:
            violations.append(Violation(f"resources[{index}].{error.path}", error.rule))
    if violations:
        raise Refused(Code.BAD_REQUEST, "a description breaks a rule", violations=tuple(violations))


def _refuse_held_by_others(
    node: str, resources: Sequence[ResourceDescription], stored: Mapping[str, RowMapping]
) -> None:
    held = tuple(
        Violation(f"resources[{index}].code", "is held by another node; it must withdraw it first")
        for index, resource in enumerate(resources)
        if (row := stored.get(resource.code)) is not None and row["node"] != node and not row["withdrawn_ms"]
    )
    if held:
        raise Refused(Code.NODE_REFUSED, "a resource held by another node", violations=held)


def _load(connection: Connection, _former: _Shelf | None) -> _Shelf:
    entries: dict[str, CatalogEntry] = {}
    query = select(RESOURCES).where(RESOURCES.c.withdrawn_ms == 0)
    for row in connection.execute(query).mappings():
        try:
            resource = from_text(row["body"])
        except BadResource:
            # Fails closed for this one resource: it is not offered, and nothing else suffers.
            _log.exception("a stored resource description cannot be read and is not offered")
            continue
        if (resource.code, resource.provider) != (row["code"], row["provider"]):
            _log.error("a stored resource description does not fit its row and is not offered")
            continue
        entries[resource.code] = CatalogEntry(resource, row["version"], row["published_ms"], row["node"])
    return _Shelf(entries, tuple(sorted(entries)))
