"""The catalogue: which resources are offered, in which version, and which node answers for each.

Rules kept here: a resource belongs to the department whose id its code begins with, and one node at a time answers for
it; a publication is taken whole or not at all, and after it was announced exactly as it is taken; a version counts up
exactly when the description changes and is kept for good; what a node offers no more is withdrawn, not forgotten; a
stored description that is not the one that was published is not offered. Answers come from memory and are as new as the
call, also when another process published.

It does not know whether a node is connected, nor who may see what.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from gateway.catalog.description import to_text
from gateway.catalog.publication import Step, What, planned
from gateway.catalog.search import forget_resources, index_resource
from gateway.catalog.tables import EPOCH, RESOURCES
from gateway.catalog.versions import opened, write_version
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.storage.database import write_transaction
from gateway.storage.epochs import EpochCached, advance
from keys.certificates.spiffe import SpiffeId
from policies.resources import BadResource, ResourceDescription, check_resource

MAX_RESOURCES_OF_A_NODE = 1000
OWN_PREFIX = "oncegate."
_PART = 500
_TRIES = 5


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
class CatalogProblem:
    """A stored resource that is not offered because what is stored is not what was published.

    Args:
        code: Its code.
        rule: What does not hold.
    """

    code: str
    rule: str


Announce = Callable[[Sequence[Step]], None]
"""Told what a publication does, before it is done; raises to prevent it."""


def _nobody(_steps: Sequence[Step]) -> None:
    """Announces to nobody."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    entries: Mapping[str, CatalogEntry]
    codes: tuple[str, ...]
    problems: tuple[CatalogProblem, ...]


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

    def publish(
        self, node: str, department: str, resources: Sequence[ResourceDescription], announce: Announce = _nobody
    ) -> dict[str, int]:
        """Take what a node offers: all of it, replacing what it offered before.

        The gateway itself publishes what it answers for, such as people's profiles, under its own SPIFFE id; exactly
        those codes begin with "oncegate.".

        Args:
            node: SPIFFE id of the node, from its certificate.
            department: The node's department, from its certificate.
            resources: Every resource the node offers; what is missing is withdrawn.
            announce: Told the steps before they are taken, and again when they turn out to be others.

        Returns:
            Version by resource code.

        Raises:
            Refused: BAD_REQUEST with all violations for broken rules; NODE_REFUSED for a resource of another
                department, or one that another node holds; what `announce` raises. Then nothing is changed.
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
        return self._replace(node, resources, announce)

    def withdraw(self, node: str, announce: Announce = _nobody) -> tuple[str, ...]:
        """Take everything that a node offers out of the catalogue, so that another node may answer for it.

        Args:
            node: SPIFFE id of the node.
            announce: Told the steps before they are taken.

        Returns:
            The codes withdrawn.
        """
        held = tuple(code for code, entry in self._shelf.current().entries.items() if entry.node == node)
        self._replace(node, (), announce)
        return held

    def problems(self) -> tuple[CatalogProblem, ...]:
        """Stored resources that are not offered because what is stored is not what was published."""
        return self._shelf.current().problems

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

    def _replace(self, node: str, resources: Sequence[ResourceDescription], announce: Announce) -> dict[str, int]:
        shelf = self._shelf.current()
        offered = {code: entry for code, entry in shelf.entries.items() if entry.node == node}
        fingerprints = {code: entry.resource.fingerprint for code, entry in offered.items()}
        if not shelf.problems and fingerprints == {resource.code: resource.fingerprint for resource in resources}:
            # A node that reconnects offers what it offered before: nothing is written.
            return {code: entry.version for code, entry in offered.items()}
        announced: tuple[Step, ...] | None = None
        for _ in range(_TRIES):
            with self._engine.connect() as connection:
                stored = _stored(connection, node, resources)
            steps = planned(node, resources, stored)
            if not steps:
                return {resource.code: int(stored[resource.code]["version"]) for resource in resources}
            if steps != announced:
                # Outside the transaction: whoever is told may have to write to the same database.
                announce(steps)
                announced = steps
            with write_transaction(self._engine) as connection:
                # First, so that on PostgreSQL two nodes that publish the same code wait for each other.
                advance(connection, EPOCH)
                stored = _stored(connection, node, resources)
                if planned(node, resources, stored) == announced:
                    self._take(connection, node, {resource.code: resource for resource in resources}, announced)
                    versions = {code: int(row["version"]) for code, row in stored.items()}
                    versions |= {step.code: step.version for step in announced}
                    return {resource.code: versions[resource.code] for resource in resources}
        raise Refused(Code.OVERLOADED, "the catalogue changes too fast")

    def _take(
        self,
        connection: Connection,
        node: str,
        resources: Mapping[str, ResourceDescription],
        steps: Sequence[Step],
    ) -> None:
        now_ms = self._clock.now_ms()
        for step in steps:
            mine = RESOURCES.c.code == step.code
            if step.what is What.WITHDRAWN:
                connection.execute(update(RESOURCES).where(mine).values(withdrawn_ms=now_ms))
                forget_resources(connection, (step.code,))
                continue
            resource = resources[step.code]
            if step.what is What.RETURNED:
                connection.execute(update(RESOURCES).where(mine).values(node=node, withdrawn_ms=0))
            else:
                values = _written(node, resource, step.version, now_ms)
                if step.what is What.PUBLISHED:
                    connection.execute(insert(RESOURCES).values(code=step.code, **values))
                else:
                    connection.execute(update(RESOURCES).where(mine).values(**values))
                write_version(connection, node, resource, step.version, now_ms)
            index_resource(connection, resource)


def _stored(connection: Connection, node: str, resources: Sequence[ResourceDescription]) -> dict[str, RowMapping]:
    rows = connection.execute(select(RESOURCES).where(RESOURCES.c.node == node)).mappings().all()
    found = {str(row["code"]): row for row in rows}
    missing = [resource.code for resource in resources if resource.code not in found]
    for start in range(0, len(missing), _PART):
        query = select(RESOURCES).where(RESOURCES.c.code.in_(missing[start : start + _PART]))
        found |= {str(row["code"]): row for row in connection.execute(query).mappings()}
    return found


def _written(node: str, resource: ResourceDescription, version: int, now_ms: int) -> dict[str, Any]:
    return {
        "provider": resource.provider,
        "node": node,
        "version": version,
        "published_ms": now_ms,
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


def _load(connection: Connection, former: _Shelf | None) -> _Shelf:
    """The catalogue as stored; a description that was read and checked before is not read again."""
    known = {} if former is None else former.entries
    lines = select(*(column for column in RESOURCES.c if column is not RESOURCES.c.body)).where(
        RESOURCES.c.withdrawn_ms == 0
    )
    rows = {str(row["code"]): row for row in connection.execute(lines).mappings()}
    fresh = [code for code, row in rows.items() if not _same(known.get(code), row)]
    bodies: dict[str, str] = {}
    for start in range(0, len(fresh), _PART):
        query = select(RESOURCES.c.code, RESOURCES.c.body).where(RESOURCES.c.code.in_(fresh[start : start + _PART]))
        bodies |= {str(row.code): row.body for row in connection.execute(query)}
    entries: dict[str, CatalogEntry] = {}
    problems: list[CatalogProblem] = []
    for code, row in rows.items():
        if code not in bodies:
            entries[code] = replace(known[code], published_ms=int(row["published_ms"]), node=str(row["node"]))
            continue
        try:
            resource = opened({**row, "body": bodies[code]}, code)
        except Refused as error:
            # Fails closed for this one resource: it is not offered, and nothing else suffers.
            problems.append(CatalogProblem(code, error.detail))
            continue
        entries[code] = CatalogEntry(resource, int(row["version"]), int(row["published_ms"]), str(row["node"]))
    return _Shelf(entries, tuple(sorted(entries)), tuple(problems))


def _same(entry: CatalogEntry | None, row: RowMapping) -> bool:
    """Whether the description that was read is still the stored one, as far as its row says."""
    return entry is not None and (entry.version, entry.resource.fingerprint, entry.resource.provider) == (
        row["version"],
        row["fingerprint"],
        row["provider"],
    )
