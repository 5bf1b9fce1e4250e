"""The one thread that writes the log: it commits what waits, signs what is durable and publishes checkpoints.

The order is the promise: rows and the tree hashes they complete are durable in one transaction; then one signature
covers the whole commit; then the callers are told. When the storage fails, everyone who waits is told so and nothing
is signed; the writer forgets what it believed and reads the log again before it writes on, because a failed commit
may or may not be on the disk. What it has promised it checks again on every such reading.

Counts and riders of an entry are carried out in its commit, one entry after the other, so that a refused one is not
written and a written one is counted (`counters.py`).

Drafts are encoded here and not by their callers: what a thread has just made it seals at half the price of what another
one made, and the event loop has the time for requests. One that cannot be encoded is told so and hurts nobody else.

It does not serve readers.
"""

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from gateway.audit.attempts import Behind, Done, Named, ride, taken
from gateway.audit.bodies import Bodies
from gateway.audit.checkpoints import Checkpoints
from gateway.audit.counters import Counters
from gateway.audit.entries import Encoded, Recorded
from gateway.audit.errors import AuditError, LedgerCorrupt, LedgerUnavailable
from gateway.audit.intake import Intake
from gateway.audit.orders import Order, carry_out
from gateway.audit.ports import Clock, PromiseEncoder
from gateway.audit.recover import Known, recover, require_whole
from gateway.audit.store import LARGEST_BATCH, Row, Store
from gateway.audit.tree import extend
from gateway.audit.waiting import Result, Waiting, deliver, encoded
from keys.batch import scope, sign_batch
from keys.log.frontier import Frontier
from keys.log.merkle import HASH_SIZE
from keys.signing import PROMISE, SigningKey

PUBLISH_AFTER_S: Final = 0.5
"""Longest wait from an append to its checkpoint; the promise to readers is one second."""

_TRIES: Final = 8
_SWEEP_EVERY_S: Final = 60.0
_SWEPT_AT_ONCE: Final = 256
_log: Final = logging.getLogger(__name__)


class Writer:
    """Owns the log's tree and its connection; everything here but `submit`, `start` and `stop` runs in its thread.

    Args:
        connect: Opens the storage.
        bodies: Seals parts.
        promise_key: Signs commits.
        origin: The log's name.
        clock: Tells the time.
        promise_encoder: Writes the body of a promise.
        checkpoints: Signs and keeps heads.
    """

    def __init__(
        self,
        connect: Callable[[], Store],
        bodies: Bodies,
        promise_key: SigningKey,
        origin: str,
        clock: Clock,
        promise_encoder: PromiseEncoder,
        checkpoints: Checkpoints,
    ) -> None:
        self._connect = connect
        self._bodies = bodies
        self._promise_key = promise_key
        self._scope = scope(origin)
        self._clock = clock
        self._encode_promise = promise_encoder
        self._checkpoints = checkpoints
        self._intake = Intake(LARGEST_BATCH)
        self._thread: threading.Thread | None = None
        self._store: Store | None = None
        self._tree: Frontier | None = None
        self._counters = Counters(bodies.counter)
        self._sweep_at = 0.0
        self._promised = _head(Frontier())
        self._publish_at: float | None = None
        self._broken: LedgerCorrupt | None = None
        self._accepting = False
        self._gate = threading.Lock()

    def start(self) -> None:
        """Read the log, check it and start the thread; does nothing when that was done.

        Raises:
            LedgerCorrupt: The stored log is not the one that was promised. Fails closed.
            LedgerUnavailable: The storage cannot be read.
        """
        with self._gate:
            if self._thread is None:
                self._open()

    def _open(self) -> None:
        try:
            require_whole(self._recover()[0])
            self._publish_now()
        except AuditError:
            self._forget()
            raise
        except Exception as error:
            self._forget()
            raise LedgerUnavailable("the log's storage cannot be read") from error
        self._accepting = True
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, publish, and end the thread. Appends from now on are refused."""
        with self._gate:
            was, self._accepting = self._accepting, False
            if was:
                self._intake.stop()
            thread = self._thread
        if thread is not None:
            thread.join()

    def submit(self, waiting: Waiting) -> None:
        """Queue an entry.

        Raises:
            LedgerUnavailable: The writer does not run.
        """
        with self._gate:
            if not self._accepting:
                raise LedgerUnavailable("the log is not open for writing")
            self._intake.put(waiting)

    def sign_again(self) -> None:
        """Read what other processes wrote, and have a new head published or cosigned, soon."""
        self._order(self._read_and_sign)

    def keep_cosigned(self, note: str) -> Future[None]:
        """Publish a head that the witnesses have cosigned; done when it is durable."""
        return self._order(partial(self._keep_cosigned, note))

    def condemn(self, error: LedgerCorrupt) -> None:
        """Take no entries from now on: there is evidence that this log is not the one that was promised.

        Not in turn with what waits, but at once: the writer looks before each commit.
        """
        self._break(error)

    def _order(self, act: Callable[[], None]) -> Future[None]:
        """Have something done in the writer's thread, after what waits."""
        order = Order(act, Future())
        with self._gate:
            if self._accepting:
                self._intake.order(order)
            else:
                order.give_up()
        return order.done

    def _run(self) -> None:
        try:
            stopping = False
            while not stopping:
                batch, stopping = self._intake.take(self._until_publication_s())
                if batch:
                    deliver(batch, self._commit(batch))
                if not carry_out(self._intake.orders()):
                    self._forget()
                if self._publish_at is not None and (stopping or self._clock.monotonic_s() >= self._publish_at):
                    self._publish_or_retry()
        finally:
            # Whatever ends this thread, nobody is left waiting for it.
            with self._gate:
                self._accepting = False
            self._forget()
            late: list[Waiting] = []
            self._intake.drain_into(late)
            deliver(late, [LedgerUnavailable("the log is not open for writing") for _ in late])

    def _until_publication_s(self) -> float | None:
        """How long may be waited for an entry before a checkpoint is due."""
        return None if self._publish_at is None else max(0.0, self._publish_at - self._clock.monotonic_s())

    def _commit(self, batch: list[Waiting]) -> Sequence[Result]:
        """Make a batch durable and sign it. Never raises: whatever goes wrong, everyone is told."""
        try:
            made = encoded(batch)
            good = [one for one in made if isinstance(one, Encoded)]
            written = self._append_and_sign(good) if good else ()
            if len(good) == len(made):
                return written
            told = iter(written)
            return [next(told) if isinstance(one, Encoded) else one for one in made]
        except LedgerCorrupt as error:
            self._break(error)
            why = "the stored log is not the one that was promised"
        except Exception as error:  # noqa: BLE001 - drivers raise what they like, and all of it means "not durable"
            # Only the kind of error: a driver's text can repeat the statement and its values.
            _log.error("the access log could not be written: %s", type(error).__name__)
            why = "the log could not be written"
        self._forget()
        self._intake.drain_into(batch)
        # One exception object each: they are raised in different tasks.
        return [LedgerUnavailable(why) for _ in batch]

    def _break(self, error: LedgerCorrupt) -> None:
        """From now on nothing is written: an operator has to look at the storage."""
        if self._broken is None:
            _log.critical("the access log is not the one that was promised and takes no entries: %s", error)
        self._broken = error

    def _append_and_sign(self, drafts: Sequence[Encoded]) -> Sequence[Result]:
        if self._broken is not None:
            raise self._broken
        named = [None if draft.unique is None else self._bodies.unique(*draft.unique) for draft in drafts]
        results: dict[int, Result] = {}
        while len(results) < len(drafts):
            # Of several drafts under one unique name the first goes ahead; the others will find it taken.
            ahead: dict[object, int] = {}
            for place, unique in enumerate(named):
                if place not in results:
                    ahead.setdefault(place if unique is None else unique[0], place)
            results.update(self._append([(place, drafts[place], named[place]) for place in ahead.values()]))
        return [results[place] for place in range(len(drafts))]

    def _append(self, drafts: list[Named]) -> dict[int, Result]:
        """Append drafts of which no two have the same unique name; results by place."""
        results: dict[int, Result] = {}
        for number in range(_TRIES):
            store, tree = self._recover()
            try:
                with contextlib.ExitStack() as transaction:
                    if number:
                        # Whoever was not first once holds the others off while it looks again: it is the next.
                        transaction.enter_context(store.transaction())
                        self._tree = None
                        store, tree = self._recover()
                    done = self._write(store, tree, drafts, transaction, inside=number > 0)
            except Behind:
                # Another process appended: its entries are part of the log now, ours go behind. Or a name is taken.
                self._tree = None
                self._counters.forget()
            else:
                return results | self._written(store, done)
            results.update(taken(store, drafts))
            drafts = [one for one in drafts if one[0] not in results]
            if not drafts:
                return results
        raise LedgerUnavailable("other writers were first too often")

    def _write(
        self, store: Store, tree: Frontier, drafts: list[Named], transaction: contextlib.ExitStack, *, inside: bool
    ) -> Done:
        """Append what its counts and riders let in. It counts when the transaction has ended, if there is one."""
        page = self._counters.open((draft for _, draft, _ in drafts), store.counters)
        done = Done(tree.copy(), [], [], {}, [])
        if not inside and any(draft.rides for _, draft, _ in drafts):
            transaction.enter_context(store.transaction())
            inside = True
        for one in drafts:
            place, draft, unique = one
            if draft.counts or draft.riders or draft.placed:
                why = page.take(draft, partial(ride, store, draft, done.tree.size))
                if why is not None:
                    done.refused[place] = (one, why)
                    continue
            done.rows.append(self._row(done.tree, draft, unique))
            done.drafts.append(one)
        done.changes.extend(page.changes())
        if done.rows and not store.append(done.rows, tree.size, done.changes):
            raise Behind
        return done

    def _written(self, store: Store, done: Done) -> dict[int, Result]:
        """What is durable is believed from now on, and promised."""
        self._counters.committed(done.changes)
        results: dict[int, Result] = {place: why for place, (_, why) in done.refused.items()}
        # Who asks again under a name that is taken is told that, and not that its first call took the last use.
        results.update(taken(store, [one for one, _ in done.refused.values()]))
        if not done.rows:
            return results
        if done.changes:
            self._forget_counters(store, done.rows[-1].time_ms)
        self._tree = done.tree
        if self._publish_at is None:
            self._publish_at = self._clock.monotonic_s() + PUBLISH_AFTER_S
        recorded = self._promise(done.rows, [draft.request_digest for _, draft, _ in done.drafts])
        self._promised = _head(done.tree)
        return results | {place: one for (place, _, _), one in zip(done.drafts, recorded, strict=True)}

    def _forget_counters(self, store: Store, now_ms: int) -> None:
        """Drop a few counters of days gone by, now and then; more often when there are many."""
        now_s = self._clock.monotonic_s()
        if now_s >= self._sweep_at:
            self._sweep_at = now_s + _SWEEP_EVERY_S
            # What was written is durable and is told so; a storage that fails here is met by the next append.
            with contextlib.suppress(SQLAlchemyError):
                if store.forget_counters(now_ms, _SWEPT_AT_ONCE) == _SWEPT_AT_ONCE:
                    self._sweep_at = now_s

    def _row(self, tree: Frontier, draft: Encoded, unique: tuple[bytes, bytes] | None) -> Row:
        index = tree.size
        leaf, accountability, person = self._bodies.seal(index, draft.accountability, draft.person)
        return Row(
            index,
            extend(tree, leaf),
            draft.time_ms,
            draft.kind,
            draft.department,
            draft.request,
            None if draft.about is None else self._bodies.token(draft.about),
            None if unique is None else unique[0],
            None if unique is None else unique[1],
            accountability,
            person,
        )

    def _promise(self, rows: Sequence[Row], digests: Sequence[bytes]) -> list[Recorded]:
        """Sign rows that are durable: one signature for all."""
        leaves = [row.hashes[:HASH_SIZE] for row in rows]
        bodies = [
            self._encode_promise(row.leaf_index, leaf, digest)
            for row, leaf, digest in zip(rows, leaves, digests, strict=True)
        ]
        promises = sign_batch(self._promise_key, PROMISE, self._scope, bodies)
        return [Recorded(row.leaf_index, leaf, item) for row, leaf, item in zip(rows, leaves, promises, strict=True)]

    def _recover(self) -> tuple[Store, Frontier]:
        """The connection and the tree, read and checked again if they were forgotten."""
        if self._store is None:
            self._store = self._connect()
            self._tree = None
        if self._tree is None:
            heads = [*self._checkpoints.known(self._store), self._promised]
            self._tree = recover(self._store, self._bodies, heads)
            # What was read and checked now is not read again after the next failure, only compared.
            self._promised = _head(self._tree)
        return self._store, self._tree

    def _publish_now(self) -> None:
        if self._broken is not None:
            raise self._broken
        store, tree = self._recover()
        self._checkpoints.publish(store, tree, self._clock.now_ms())
        self._publish_at = None

    def _read_and_sign(self) -> None:
        self._tree = None
        self._publish_at = self._clock.monotonic_s()

    def _keep_cosigned(self, note: str) -> None:
        self._checkpoints.keep_cosigned(self._recover()[0], note, self._clock.now_ms())

    def _publish_or_retry(self) -> None:
        """Publish; a failure takes nothing back and is tried again, for entries are durable without it."""
        try:
            self._publish_now()
        except LedgerCorrupt as error:
            self._break(error)
            self._publish_at = None
            self._forget()
        except Exception:  # noqa: BLE001 - as in _commit
            self._forget()
            self._publish_at = self._clock.monotonic_s() + PUBLISH_AFTER_S

    def _forget(self) -> None:
        """Throw away the connection and everything believed about the log."""
        store, self._store, self._tree = self._store, None, None
        self._counters.forget()
        if store is not None:
            with contextlib.suppress(Exception):  # A connection that cannot even be closed is gone.
                store.close()


def _head(tree: Frontier) -> Known:
    return Known("what this process has promised", tree.size, tree.root())
