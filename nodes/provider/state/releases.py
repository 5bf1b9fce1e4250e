"""Used tickets and the proofs of every release.

Rules kept here: a ticket, the use that it takes and the proof of its release are written in one transaction before the
answer leaves; a ticket that is there already makes that write fail. A proof holds exact bytes: the request and its
signature, the requester's certified keys, the ticket and the promise with their audit paths, the disclosure and the
node's own signed receipt.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, NamedTuple

from keys.batch import BatchItem
from keys.key_certificates import CertifiedKeys
from nodes.provider.state.database import State
from nodes.provider.used import Use
from policies.civil_time import civil_day

FORGET_MS: Final = 3_600_000
"""How long after its expiry a used ticket is still remembered: far more than clocks may differ."""
SWEEP_MS: Final = 60_000
"""How often expired tickets are forgotten."""
DAYS_KEPT: Final = 7
"""For how many days uses are still known: a clock may be set back."""
_COUNT: Final = (
    "INSERT INTO uses VALUES (?, ?, ?) ON CONFLICT (agreement, day) DO UPDATE SET taken = taken + excluded.taken"
)
_RATE: Final = (
    "INSERT INTO rates VALUES (?, ?) ON CONFLICT (agreement) DO UPDATE SET next_us = max(next_us, excluded.next_us)"
)
_COLUMNS: Final = (
    "ticket_digest, released_ms, resource, consumer, system, purpose, agreement, revision, session_id, request,"
    " request_signature, certified, ticket, ticket_proof, promise, promise_proof, disclosure, receipt, receipt_proof,"
    " consent, emergency"
)


@dataclass(frozen=True, slots=True, eq=False)
class KeptRelease:
    """Everything that is written about one release before it leaves.

    Args:
        ticket_id: From the ticket, 16 bytes.
        expires_ms: Until when the ticket must be remembered as used.
        ticket_digest: SHA-256 of the ticket.
        released_ms: When, Unix ms.
        resource: Resource code.
        consumer: Department that gets it.
        system: Name of its system.
        purpose: Purpose code.
        agreement: Agreement id.
        revision: Its revision.
        use: What it used of that agreement.
        session_id: The node's session.
        request: Exact RequestBody.
        request_signature: The consumer's signature.
        requester_keys: The consumer's certified keys.
        ticket: The ticket with its audit path.
        promise: The ledger's promise with its audit path.
        disclosure: Exact Disclosure.
        receipt: The node's receipt with its signature.
        consent: Exact text of the consent; empty with another basis.
        emergency: Reason of the declared emergency; empty when none was declared.
    """

    ticket_id: bytes
    expires_ms: int
    ticket_digest: bytes
    released_ms: int
    resource: str
    consumer: str
    system: str
    purpose: str
    agreement: str
    revision: int
    use: Use
    session_id: bytes
    request: bytes
    request_signature: bytes
    requester_keys: CertifiedKeys
    ticket: BatchItem
    promise: BatchItem
    disclosure: bytes
    receipt: BatchItem
    consent: bytes = b""
    emergency: str = ""


@dataclass(frozen=True, slots=True)
class KeptReceipt:
    """One release as the steward sees it.

    Args:
        number: Counts up by one per release of this node.
        released_ms: When, Unix ms.
        resource: Resource code.
        consumer: Department that got it.
        system: Name of its system.
        purpose: Purpose code.
        agreement: Agreement id.
        revision: Its revision.
        session_id: The node's session: part of the scope of ticket and receipt.
        request: Exact RequestBody.
        request_signature: The consumer's signature.
        requester_keys: The consumer's certified keys.
        ticket: The gateway's signed ticket.
        promise: The ledger's signed promise.
        disclosure: Exact Disclosure.
        receipt: The node's receipt with its signature.
        consent: SHA-256 of the consent; empty with another basis.
        emergency: Reason of the declared emergency; empty when none was declared.
    """

    number: int
    released_ms: int
    resource: str
    consumer: str
    system: str
    purpose: str
    agreement: str
    revision: int
    session_id: bytes
    request: bytes
    request_signature: bytes
    requester_keys: CertifiedKeys
    ticket: BatchItem
    promise: BatchItem
    disclosure: bytes
    receipt: BatchItem
    consent: bytes = b""
    emergency: str = ""


class Releases:
    """Reads and writes used tickets and receipts.

    Args:
        state: The open database.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._swept_ms = 0

    def used(self) -> set[bytes]:
        """Ids of used tickets: loaded once at start."""
        return {row[0] for row in self._state.reader().execute("SELECT ticket_id FROM tickets")}

    def keep(self, releases: Sequence[KeptRelease], now_ms: int) -> "Future[None]":
        """Writes used tickets and proofs, all or none.

        Args:
            releases: Those of one group of asks.
            now_ms: Now, Unix ms; tickets that have expired are forgotten.

        Returns:
            Done when durable. It fails when one of the tickets was used before, or when the database cannot write;
            then none of these may leave.
        """
        tickets = [(release.ticket_id, release.expires_ms) for release in releases]
        certified = {
            (digest := _digest(release.requester_keys)): (
                digest,
                release.requester_keys.body,
                release.requester_keys.signature,
                release.requester_keys.department_key,
            )
            for release in releases
        }
        rows = [_row(release) for release in releases]
        texts = {_consent(release): release.consent for release in releases if release.consent}
        counted = [
            (agreement, day, number)
            for (agreement, day), number in Counter((one.agreement, one.use.day) for one in releases).items()
        ]
        rates = [(one.agreement, one.use.next_us) for one in releases]

        def write(connection: sqlite3.Connection) -> None:
            if now_ms - self._swept_ms >= SWEEP_MS:
                self._swept_ms = now_ms
                connection.execute("DELETE FROM tickets WHERE expires_ms < ?", (now_ms - FORGET_MS,))
                connection.execute("DELETE FROM uses WHERE day < ?", (civil_day(now_ms) - DAYS_KEPT,))
            connection.executemany("INSERT INTO tickets VALUES (?, ?)", tickets)
            connection.executemany("INSERT OR IGNORE INTO certified VALUES (?, ?, ?, ?)", list(certified.values()))
            connection.executemany("INSERT OR IGNORE INTO consent_texts VALUES (?, ?)", list(texts.items()))
            marks = ",".join("?" * len(rows[0]))
            connection.executemany(_COUNT, counted)
            connection.executemany(_RATE, rates)
            connection.executemany(f"INSERT INTO receipts ({_COLUMNS}) VALUES ({marks})", rows)  # noqa: S608 - own constants

        return self._state.submit(write)

    def uses(self, agreement: str, day: int) -> tuple[int, int]:
        """Uses of an agreement that were kept.

        Args:
            agreement: Its id.
            day: Civil day.

        Returns:
            How many on that day; and the newest theoretical arrival time of its rate, Unix microseconds.
        """
        reader = self._state.reader()
        taken = reader.execute("SELECT taken FROM uses WHERE agreement = ? AND day = ?", (agreement, day)).fetchone()
        rate = reader.execute("SELECT next_us FROM rates WHERE agreement = ?", (agreement,)).fetchone()
        return (taken[0] if taken else 0), (rate[0] if rate else 0)

    def consent_uses_since(self, consent: bytes, since_ms: int) -> dict[tuple[bytes, str], int]:
        """How many releases under a consent there were since a moment, by SHA-256 of the request and resource."""
        statement = (
            "SELECT request, resource, COUNT(*) FROM receipts"
            " WHERE consent = ? AND consent <> x'' AND released_ms >= ? GROUP BY request, resource"
        )
        rows = self._state.reader().execute(statement, (consent, since_ms))
        return {(sha256(request).digest(), resource): count for request, resource, count in rows}


def list_receipts(
    reader: sqlite3.Connection, before: int | None, limit: int, *, emergencies: bool = False
) -> list[KeptReceipt]:
    """Releases, newest first.

    Args:
        reader: From `State.reader` or `open_reader`.
        before: Only those with a smaller number; None for the newest.
        limit: At most this many.
        emergencies: Only those under declared emergencies.

    Returns:
        One page.
    """
    only = " AND emergency <> ''" if emergencies else ""
    rows = reader.execute(
        f"SELECT id, {_COLUMNS}, body, signature, department_key FROM receipts JOIN certified ON digest = certified"  # noqa: S608 - own constants
        f" WHERE (? IS NULL OR id < ?){only} ORDER BY id DESC LIMIT ?",
        (before, before, limit),
    )
    return [_read(row) for row in rows]


class KeptPromise(NamedTuple):
    """The promise that came with one release.

    Attributes:
        number: Of the release, counting up.
        released_ms: When, Unix ms.
        promise: Exact body of the promise.
        ticket: Exact body of the ticket.
    """

    number: int
    released_ms: int
    promise: bytes
    ticket: bytes


def list_promises(reader: sqlite3.Connection, after: int, limit: int) -> list[KeptPromise]:
    """Promises of releases, oldest first.

    Args:
        reader: From `State.reader` or `open_reader`.
        after: Only those of releases with a larger number.
        limit: At most this many.
    """
    query = "SELECT id, released_ms, promise, ticket FROM receipts WHERE id > ? ORDER BY id LIMIT ?"
    return [KeptPromise(*row) for row in reader.execute(query, (after, limit))]


def _row(release: KeptRelease) -> tuple[object, ...]:
    return (
        release.ticket_digest,
        release.released_ms,
        release.resource,
        release.consumer,
        release.system,
        release.purpose,
        release.agreement,
        release.revision,
        release.session_id,
        release.request,
        release.request_signature,
        _digest(release.requester_keys),
        release.ticket.body,
        _proof(release.ticket),
        release.promise.body,
        _proof(release.promise),
        release.disclosure,
        release.receipt.body,
        _proof(release.receipt),
        _consent(release),
        release.emergency,
    )


def _read(row: tuple[Any, ...]) -> KeptReceipt:
    return KeptReceipt(
        number=row[0],
        released_ms=row[2],
        resource=row[3],
        consumer=row[4],
        system=row[5],
        purpose=row[6],
        agreement=row[7],
        revision=row[8],
        session_id=row[9],
        request=row[10],
        request_signature=row[11],
        requester_keys=CertifiedKeys(row[22], row[23], row[24]),
        ticket=_item(row[13], row[14]),
        promise=_item(row[15], row[16]),
        disclosure=row[17],
        receipt=_item(row[18], row[19]),
        consent=row[20],
        emergency=row[21],
    )


def _consent(release: KeptRelease) -> bytes:
    return sha256(release.consent).digest() if release.consent else b""


def _digest(certified: CertifiedKeys) -> bytes:
    """Under which certified keys are kept once; all three parts count."""
    parts = (certified.body, certified.signature, certified.department_key)
    return sha256(b"".join(len(part).to_bytes(4, "big") + part for part in parts)).digest()


def _proof(item: BatchItem) -> bytes:
    """Signature, position and path of an item: everything but the body."""
    proof = {
        "signature": item.signature.hex(),
        "leaf_index": item.leaf_index,
        "leaf_count": item.leaf_count,
        "path": [part.hex() for part in item.path],
    }
    return json.dumps(proof, separators=(",", ":")).encode()


def _item(body: bytes, proof: bytes) -> BatchItem:
    read = json.loads(proof)
    path = tuple(bytes.fromhex(part) for part in read["path"])
    return BatchItem(body, bytes.fromhex(read["signature"]), read["leaf_index"], read["leaf_count"], path)
