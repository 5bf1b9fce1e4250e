"""The history of resources: every version as it was published, by whom and when.

Rules kept here: a version is written once and never changed; what is read back must have the fingerprint under which it
was written, so that a history changed by hand is noticed and not shown (fails closed: that one version cannot be read,
the others can). A resource that is no longer offered keeps its history.

The access log holds the fingerprints too (`resource_changed`), where nobody can change them unseen.
"""

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, insert, select

from gateway.catalog.description import from_text, to_text
from gateway.catalog.tables import RESOURCES, VERSIONS
from gateway.errors import Code, Refused
from policies.resources import BadResource, ResourceDescription

MAX_VERSION = 2**31 - 1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class VersionLine:
    """One version without its content.

    Args:
        version: Counted from 1.
        published_ms: When.
        node: SPIFFE id of the node that published it; the gateway's own for what the vault holds.
        fingerprint: Of the description (policies/resources.py).
    """

    version: int
    published_ms: int
    node: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """One version with its content."""

    line: VersionLine
    resource: ResourceDescription


class Versions:
    """Reads the history.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, code: str, before: int = 0, limit: int = 50) -> tuple[VersionLine, ...]:
        """Versions of a resource, newest first; empty when there never was one.

        Args:
            code: Resource code.
            before: Only versions below this one; 0 to begin at the newest.
            limit: At most this many.
        """
        query = select(VERSIONS).where(VERSIONS.c.code == code).order_by(VERSIONS.c.version.desc()).limit(limit)
        if before and before <= MAX_VERSION:
            query = query.where(VERSIONS.c.version < before)
        with self._engine.connect() as connection:
            return tuple(_line(row) for row in connection.execute(query).mappings())

    def withdrawn_ms(self, code: str) -> int:
        """When a resource was withdrawn, Unix ms; 0 while it is offered.

        Raises:
            Refused: NOT_FOUND when there never was such a resource.
        """
        query = select(RESOURCES.c.withdrawn_ms).where(RESOURCES.c.code == code)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        if found is None:
            raise Refused(Code.NOT_FOUND, "resource")
        return int(found)

    def get(self, code: str, version: int = 0) -> ResourceVersion:
        """One version as it was published.

        Args:
            code: Resource code.
            version: Which; 0 for the newest.

        Raises:
            Refused: NOT_FOUND when there is no such version; INTERNAL when what is stored is not what was published.
        """
        if version > MAX_VERSION:
            raise Refused(Code.NOT_FOUND, "version of a resource")
        query = select(VERSIONS).where(VERSIONS.c.code == code).order_by(VERSIONS.c.version.desc()).limit(1)
        if version:
            query = query.where(VERSIONS.c.version == version)
        with self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise Refused(Code.NOT_FOUND, "version of a resource")
        return ResourceVersion(_line(row), opened(row, code))


def opened(row: Any, code: str) -> ResourceDescription:
    """The description in a row, checked.

    Args:
        row: Mapping with body, provider and fingerprint.
        code: The resource that it must be.

    Raises:
        Refused: INTERNAL when it cannot be read, breaks a rule, or is not what was published.
    """
    try:
        resource = from_text(row["body"])
    except BadResource as error:
        _log.exception("a stored version of a resource cannot be read", extra={"resource": code})
        raise Refused(Code.INTERNAL, "a stored description cannot be read") from error
    if (resource.code, resource.provider, resource.fingerprint) != (code, row["provider"], row["fingerprint"]):
        _log.error("a stored version of a resource is not what was published", extra={"resource": code})
        raise Refused(Code.INTERNAL, "a stored description is not what was published")
    return resource


def write_version(connection: Connection, node: str, resource: ResourceDescription, version: int, now_ms: int) -> None:
    """Keep a version for good.

    Args:
        connection: Inside the transaction that publishes it.
        node: Who publishes.
        resource: The description.
        version: Its number, unused so far.
        now_ms: Unix ms.
    """
    connection.execute(
        insert(VERSIONS).values(
            code=resource.code,
            version=version,
            provider=resource.provider,
            node=node,
            published_ms=now_ms,
            body=to_text(resource),
            fingerprint=resource.fingerprint,
        )
    )


def _line(row: Any) -> VersionLine:
    return VersionLine(int(row["version"]), int(row["published_ms"]), str(row["node"]), str(row["fingerprint"]))
