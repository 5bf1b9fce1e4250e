"""Which source record a handle names, and what of it is published.

Rules kept here: a record and its index change are written in one transaction, so a crash loses neither; the version of
a handle only grows, also when a record goes and comes back; a record that is gone keeps no identifier here.
"""

import hmac
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from nodes.provider.config import Handles
from nodes.provider.model import HANDLE_BYTES, PointerDelta
from nodes.provider.state.database import State

PART: Final = 500
"""Records in one part of a snapshot, and in one transaction of a comparison."""

_FOUND: Final = (
    "r.handle, r.key, (SELECT COUNT(*) FROM records other INDEXED BY records_by_subject"
    " WHERE other.resource = r.resource AND other.identifier = r.identifier AND other.live = 1)"
)
"""What is read of a found record. The indices are named everywhere: SQLite, which has no statistics here, would take
the primary key instead and read every record of the resource."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a handle or identifier leads to.

    Args:
        key: Typed key of the source record.
        unique: Whether no other live record of the resource has the same subject.
    """

    key: str
    unique: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One good record as a scan saw it.

    Args:
        key: Typed source key.
        identifier: Canonical identifier of the subject.
        digest: Keyed digest of what is released from it (`Records.digest`).
        updated_ms: When the source changed it; 0 when unknown.
    """

    key: str
    identifier: str
    digest: bytes
    updated_ms: int


class Records:
    """Reads and writes the `records` table.

    Args:
        state: The open database.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def by_handle(self, resource: str, handles: Sequence[bytes]) -> dict[bytes, Found]:
        """Live records of a resource by handle; unknown handles are left out.

        Args:
            resource: Resource code.
            handles: At most 256, the size of a frame.

        Returns:
            What each leads to.
        """
        rows = self._state.reader().execute(
            f"SELECT {_FOUND} FROM records r INDEXED BY records_by_handle"  # noqa: S608 - a constant of ours and question marks are put in
            f" WHERE r.live = 1 AND r.resource = ? AND r.handle IN ({_marks(len(handles))})",
            (resource, *handles),
        )
        return {handle: Found(key, count == 1) for handle, key, count in rows}

    def by_identifier(self, resource: str, identifier: str) -> Found | None:
        """The live record about a subject: how an unlisted resource is searched.

        Args:
            resource: Resource code.
            identifier: Canonical identifier.

        Returns:
            None when there is none; not unique when there are several.
        """
        rows = (
            self._state.reader()
            .execute(
                "SELECT key FROM records INDEXED BY records_by_subject"
                " WHERE live = 1 AND resource = ? AND identifier = ? LIMIT 2",
                (resource, identifier),
            )
            .fetchall()
        )
        return Found(rows[0][0], len(rows) == 1) if rows else None

    def decoy(self, resource: str, near: bytes) -> str | None:
        """Key of some live record, read in the place of one that is not there, so that both take the same work.

        It is another one each time, since a record that is read again and again would soon be read faster than others,
        and finding it costs what finding a handle costs.

        Args:
            resource: Resource code.
            near: 16 random bytes; handles are random or keyed, so the next one after it is a random record's.

        Returns:
            None when the resource has no record at all.
        """
        reader = self._state.reader()
        query = (
            f"SELECT {_FOUND} FROM records r INDEXED BY records_by_handle"  # noqa: S608 - a constant of ours
            " WHERE r.resource = ? AND r.live = 1 AND r.handle >= ? ORDER BY r.handle LIMIT 1"
        )
        row = reader.execute(query, (resource, near)).fetchone() or reader.execute(query, (resource, b"")).fetchone()
        return row[1] if row else None

    def second(self, resource: str, identifier: str) -> str:
        """The name under which it is counted what was compared with a person; keyed, and no record's key.

        Args:
            resource: Resource code.
            identifier: Canonical identifier.
        """
        body = b"".join(_length_prefixed(part) for part in (resource, identifier))
        return "second:" + hmac.digest(self._state.key, b"second\x00" + body, "sha256")[:16].hex()

    def digest(self, resource: str, values: Sequence[str | None]) -> bytes:
        """Keyed digest by which a change of a record is noticed; without the node's secret it tells nothing.

        Args:
            resource: Resource code.
            values: Everything that is released or published of the record, in a fixed order.

        Returns:
            16 bytes: HMAC-SHA256 over length-prefixed values, cut.
        """
        body = b"".join(_length_prefixed(part) for part in (resource, *values))
        return hmac.digest(self._state.key, b"row\x00" + body, "sha256")[:16]

    def publish(self, resource: str, scheme: str, handles: Handles, seen: Sequence[Seen], *, listed: bool) -> int:
        """Compares records with what is published and writes what changed, with its index changes, in one transaction.

        Args:
            resource: Resource code.
            scheme: Scheme of the identifiers.
            handles: How new handles are made.
            seen: At most 500 records.
            listed: Whether the gateway's index gets them.

        Returns:
            How many were new or changed.

        Raises:
            StateUnusable: The database cannot write.
        """
        before = self._published(resource, [record.key for record in seen])
        changed = [record for record in seen if before.get(record.key, b"") != record.digest]
        if not changed:
            return 0

        def write(connection: sqlite3.Connection) -> int:
            for record in changed:
                fresh = self._new_handle(resource, record.key, handles)
                handle, version = connection.execute(
                    "INSERT INTO records VALUES (?, ?, ?, ?, ?, 1, ?, 1) ON CONFLICT (resource, key) DO UPDATE SET"
                    " identifier = excluded.identifier, digest = excluded.digest, version = version + 1,"
                    " updated_ms = excluded.updated_ms, live = 1 RETURNING handle, version",
                    (resource, record.key, fresh, record.identifier, record.digest, record.updated_ms),
                ).fetchone()
                if listed:
                    _append(
                        connection,
                        PointerDelta(
                            0, resource, handle, scheme, record.identifier, version, record.updated_ms, tombstone=False
                        ),
                    )
            return len(changed)

        return self._state.write(write)

    def withdraw(self, resource: str, keys: Sequence[str], *, listed: bool) -> None:
        """Marks records as gone, with their tombstones, in one transaction.

        Args:
            resource: Resource code.
            keys: At most 500 live records.
            listed: Whether the gateway's index has them.

        Raises:
            StateUnusable: The database cannot write.
        """

        def write(connection: sqlite3.Connection) -> None:
            for key in keys:
                row = connection.execute(
                    "UPDATE records SET live = 0, identifier = '', digest = x'', updated_ms = 0, version = version + 1"
                    " WHERE resource = ? AND key = ? AND live = 1 RETURNING handle, version",
                    (resource, key),
                ).fetchone()
                if row is not None and listed:
                    _append(connection, PointerDelta(0, resource, row[0], "", "", row[1], 0, tombstone=True))

        self._state.write(write)

    def live_keys(self, resource: str) -> Iterator[str]:
        """Keys of all live records; reads one consistent state."""
        for row in self._state.reader().execute("SELECT key FROM records WHERE resource = ? AND live = 1", (resource,)):
            yield row[0]

    def live_count(self, resource: str) -> int:
        """Number of live records."""
        count: int = (
            self._state.reader()
            .execute("SELECT COUNT(*) FROM records WHERE resource = ? AND live = 1", (resource,))
            .fetchone()[0]
        )
        return count

    def withdraw_other_resources(self, offered: Sequence[str]) -> int:
        """Withdraws the records of resources that the node does not offer any more.

        Args:
            offered: Codes of the offered resources.

        Returns:
            How many were withdrawn.
        """
        rows = (
            self._state.reader()
            .execute(
                f"SELECT resource, key FROM records WHERE live = 1 AND resource NOT IN ({_marks(len(offered))})",  # noqa: S608
                tuple(offered),
            )
            .fetchall()
        )
        for resource, key in rows:
            # Their tombstones would be refused by the gateway, which no longer takes that resource from this node.
            self.withdraw(resource, [key], listed=False)
        return len(rows)

    def _published(self, resource: str, keys: Sequence[str]) -> dict[str, bytes]:
        rows = self._state.reader().execute(
            f"SELECT key, digest FROM records WHERE live = 1 AND resource = ? AND key IN ({_marks(len(keys))})",  # noqa: S608
            (resource, *keys),
        )
        return dict(rows.fetchall())

    def _new_handle(self, resource: str, key: str, handles: Handles) -> bytes:
        if handles is Handles.RANDOM:
            return os.urandom(HANDLE_BYTES)
        name = resource.encode() + b"\x00" + key.encode(errors="surrogatepass")
        return hmac.digest(self._state.key, b"handle\x00" + name, sha256)[:HANDLE_BYTES]


def _length_prefixed(part: str | None) -> bytes:
    """So that no two different lists of values give the same bytes."""
    if part is None:
        return b"\x00"
    raw = part.encode(errors="surrogatepass")
    return b"\x01" + len(raw).to_bytes(4, "big") + raw


def _marks(count: int) -> str:
    return ",".join("?" * count)


def _append(connection: sqlite3.Connection, delta: PointerDelta) -> None:
    """Puts one change into the outbox, with the next sequence number, inside the caller's transaction.

    The gateway judges the record anew, so an earlier rejection is forgotten.
    """
    connection.execute("DELETE FROM rejected WHERE handle = ?", (delta.handle,))
    sequence = connection.execute(
        "UPDATE meta SET value = value + 1 WHERE name = 'last_sequence' RETURNING value"
    ).fetchone()[0]
    connection.execute(
        "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            sequence,
            delta.resource,
            delta.handle,
            delta.subject_scheme,
            delta.subject_identifier,
            delta.version,
            delta.updated_ms,
            int(delta.tombstone),
        ),
    )
