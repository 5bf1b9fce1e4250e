"""Access logs for tests: fixed keys, a clock that a test moves, and storage that fails on demand."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError

from gateway.audit.bodies import LedgerKeys
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.ledger import SqlLedger
from keys.batch import ItemVerifier, scope
from keys.log.notes import NoteSigner
from keys.signing import PROMISE, SigningKey

ORIGIN = "gov.example/log"
NOW_MS = 1_800_000_000_000
NOTE_KEY = NoteSigner(ORIGIN, b"n" * 32)
PROMISE_KEY = SigningKey.generate()
PERSON = b"p" * 16
OTHER_PERSON = b"q" * 16
DIGEST = b"d" * 32


class LedgerClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def monotonic_s(self) -> float:
        return self.at_ms / 1000


def ledger_keys(versions: int = 1) -> LedgerKeys:
    """Keys with so many versions of the body keys."""
    return LedgerKeys(
        accountability={version: bytes([version]) * 32 for version in range(1, versions + 1)},
        person={version: bytes([100 + version]) * 32 for version in range(1, versions + 1)},
        person_token=b"t" * 32,
        promise=PROMISE_KEY,
        note=NOTE_KEY,
    )


def encode_promise(leaf_index: int, leaf_hash: bytes, request_digest: bytes) -> bytes:
    """A promise's body as these tests write it."""
    return leaf_index.to_bytes(8, "big") + leaf_hash + request_digest


def make_ledger(
    engine: Engine, clock: LedgerClock | None = None, anchor: Path | None = None, keys: LedgerKeys | None = None
) -> SqlLedger:
    """A ledger that is not started yet."""
    return SqlLedger(engine, keys or ledger_keys(), ORIGIN, clock or LedgerClock(), encode_promise, anchor)


def asked(number: int = 0, **more: Json) -> EntryDraft:
    """A question about PERSON."""
    items = [{"resource": "civil.resident", "field": "name", "form": "value"}]
    body: dict[str, Json] = {"department": "civil-affairs", "purpose": "social.assistance", "items": items}
    return EntryDraft("asked", {**body, "number": number, **more}, {"scheme": "cn.resident-id"}, DIGEST, PERSON)


def released(request: int) -> EntryDraft:
    """The outcome of a question."""
    items = [{"resource": "civil.resident", "field": "name", "form": "value", "outcome": "released"}]
    body: dict[str, Json] = {"department": "civil-affairs", "request": request, "items": items}
    return EntryDraft("released", body, {"scheme": "cn.resident-id"}, DIGEST, PERSON)


def check_promise(recorded: Any, digest: bytes = DIGEST) -> None:
    """Raise unless the promise is the log's own, for exactly this leaf."""
    ItemVerifier(PROMISE_KEY.verify_key).verify(PROMISE, scope(ORIGIN), recorded.promise)
    assert recorded.promise.body == encode_promise(recorded.leaf_index, recorded.leaf_hash, digest)


class StorageFault:
    """Makes the database fail at statements that begin in a certain way.

    Args:
        engine: Where.
        prefix: How the statements begin.
    """

    def __init__(self, engine: Engine, prefix: str) -> None:
        self._prefix = prefix
        self.spared = 0
        """How many of the next statements are let through before any fails."""
        self.before = 0
        """How many of the next statements fail without being carried out."""
        self.after = 0
        """How many of the next ones are carried out and then told to have failed: a commit whose fate is unknown."""
        self.seen = 0
        self._engine = engine

    def _fail(self, statement: str) -> None:
        raise OperationalError(statement, None, OSError("disk I/O error"))

    def on_before(self, _c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
        if statement.startswith(self._prefix):
            self.seen += 1
            if self.spared:
                self.spared -= 1
            elif self.before:
                self.before -= 1
                self._fail(statement)

    def on_after(self, _c: Any, _cursor: Any, statement: str, _p: Any, _x: Any, _m: Any) -> None:
        if statement.startswith(self._prefix) and self.after:
            self.after -= 1
            self._fail(statement)


@contextmanager
def storage_fault(engine: Engine, prefix: str = "INSERT INTO audit_entries") -> Iterator[StorageFault]:
    """A fault that ends with the block."""
    fault = StorageFault(engine, prefix)
    event.listen(engine, "before_cursor_execute", fault.on_before)
    event.listen(engine, "after_cursor_execute", fault.on_after)
    try:
        yield fault
    finally:
        event.remove(engine, "before_cursor_execute", fault.on_before)
        event.remove(engine, "after_cursor_execute", fault.on_after)
