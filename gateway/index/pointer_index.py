"""The pointer index: applies what nodes tell, and finds the one record of a subject.

Rules kept:

* Deltas and the acknowledged sequence become durable in one transaction, so a delta is acknowledged exactly when it
  survives a power cut. What was acknowledged before is ignored, what does not follow is refused: nothing is skipped.
* A snapshot fills a list beside the live one and replaces it in one transaction; readers see the old or the new list.
* A node may only touch the resources passed as `allowed`.
* At rest there is no identifier: tokens and opaque handles only.
* While the index key is rotated a subject is looked for under every version, and tokens are written under the newest;
  a process that lacks the version in force refuses (`gateway.index.key_versions`).

What it does not do: it does not know the catalogue, agreements or connections; it does not decide who may look up;
it pushes nothing. All methods block on the database and may be called from any thread.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import Engine

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.index import key_versions, lists, positions, rejections, snapshots
from gateway.index.deltas import write_deltas
from gateway.index.intake import Normalise, Token, Tokens, rejected_of, take
from gateway.index.model import (
    Ambiguous,
    Applied,
    BadSequence,
    BadSnapshot,
    Delta,
    Found,
    Lookup,
    Missing,
    OutboxState,
    Part,
    SnapshotApplied,
)
from gateway.index.statements import PointerLookup
from gateway.index.tables import ListState
from gateway.storage.database import write_transaction

CLEAR_AT_ONCE = 5_000
"""Pointers of replaced lists that one call of a node clears away, so that no other writer waits long for it."""


class PointerIndex:
    """The index in one database.

    Args:
        engine: From `gateway.storage.database.open_database`.
        tokens: Makes subject tokens under the current index key, and may learn newer versions at any time.
        clock: Guards against a node that claims to have compared its sources in the future.
        normalise: Folds and checks an identifier; raises BadIdentifier.
    """

    def __init__(self, engine: Engine, tokens: Tokens, clock: Clock, normalise: Normalise) -> None:
        self._engine = engine
        self._pointers = PointerLookup(engine)
        self._tokens = tokens
        self._clock = clock
        self._normalise = normalise
        self._synced: dict[str, int] = {}

    def find(self, resource: str, tokens: Sequence[Token]) -> Lookup:
        """The one record of a subject in one resource.

        Args:
            resource: Resource code.
            tokens: The subject's token under every index key in use.

        Returns:
            `Found` only when there is exactly one; `Ambiguous` and `Missing` otherwise.
        """
        return self.find_all((resource,), tokens)[resource]

    def find_all(self, resources: Iterable[str], tokens: Sequence[Token]) -> dict[str, Lookup]:
        """The records of one subject in several resources, by one look-up; its time does not depend on how many match.

        Args:
            resources: Resource codes.
            tokens: The subject's token under every index key in use. Versions learnt since they were made are added.

        Returns:
            What was found, for each resource.

        Raises:
            KeyMovedOn: Tokens are written under a version that this process does not have. Fails closed.
        """
        wanted = dict.fromkeys(resources)
        newest = max(tokens, key=lambda token: token.version)
        values = [token.value for token in tokens]
        while True:
            for token in self._tokens.newer(newest.version, newest.value):
                newest = token
                values.append(token.value)
            found: dict[str, Lookup] = dict.fromkeys(wanted, _MISSING)
            in_force = 0
            for resource, handle, version, updated_ms, node in self._pointers.find(values, newest.version):
                if resource is None:
                    in_force = version
                    continue
                before = found.get(resource)
                if before is _MISSING:
                    found[resource] = Found(bytes(handle), version, updated_ms, node)
                elif before is not None:
                    # Which of several is meant is never guessed.
                    found[resource] = _AMBIGUOUS
            if not in_force:
                return found
            if in_force > self._tokens.current:
                raise key_versions.KeyMovedOn

    def outbox(self, node: str) -> OutboxState | None:
        """How far the node's outbox is durable here; None when nothing of it is known."""
        with self._engine.connect() as connection:
            return positions.read(connection, node)

    def needs_snapshot(
        self, node: str, outbox_id: bytes, last_sequence: int, resources: Collection[str] | None = None
    ) -> bool:
        """Whether deltas alone cannot bring the node's pointers up to date; asked once, at the hello of a new stream.

        So it is when the node lost its state or went back in time, when the gateway lost its own, when a gap was
        seen. A rotation of the index key asks for none: it re-keys what is stored (`gateway.index.rekey`).
        A node that went back in time is visible only now, before it counts on: its position is moved back durably, or
        its next changes would be taken for repetitions. What an earlier stream left of a snapshot is discarded, and so
        are the pointers of a resource that the node offers no more or has made unlisted: nobody else would take them
        out, and that someone is in an unlisted resource must not be kept here.

        Args:
            node: SPIFFE id.
            outbox_id: As in the node's Hello.
            last_sequence: As in the node's Hello.
            resources: The listed resources that the node offers; one never heard of before needs a snapshot too. None
                when they are not known.

        Returns:
            True when the node must send a snapshot of every listed resource.
        """
        with self._engine.connect() as connection:
            state = positions.read(connection, node)
            live = lists.live_lists(connection, node)
            broken_off = lists.has_staged(connection, node)
        went_back = state is not None and state.outbox_id == outbox_id and last_sequence < state.acknowledged
        if broken_off or went_back:
            with write_transaction(self._engine) as connection:
                positions.lock(connection, node)
                lists.retire(connection, node, ListState.STAGED)
                if went_back:
                    lists.distrust(connection, node)
                    positions.move(connection, node, OutboxState(outbox_id, last_sequence))
        gone = [] if resources is None else sorted(set(live) - set(resources))
        if gone:
            with write_transaction(self._engine) as connection:
                lists.retire(connection, node, ListState.LIVE, gone)
            while self.clear():
                pass
        if state is None:
            return last_sequence > 0
        if state.outbox_id != outbox_id or went_back:
            return True
        if last_sequence > 0 and any(resource not in live for resource in resources or ()):
            return True
        kept = [row for resource, row in live.items() if resource not in gone]
        return any(row.outbox_id != outbox_id for row in kept)

    def apply(self, node: str, outbox_id: bytes, deltas: Sequence[Delta], *, allowed: Collection[str]) -> Applied:
        """Apply consecutive deltas; durable when it returns.

        Args:
            node: SPIFFE id.
            outbox_id: The outbox they come from. Another one than before starts again at sequence 1.
            deltas: Consecutive; those already acknowledged are ignored.
            allowed: Listed resource codes that the node may publish; deltas of others are rejected.

        Returns:
            How far the outbox is durable, and every delta of this call that is not indexed.

        Raises:
            BadSequence: There is a gap. Nothing was applied and the node's lists need snapshots.
            KeyMovedOn: Tokens are written under a version that this process does not have. Nothing was applied.
        """
        if deltas:
            _check_consecutive([delta.sequence for delta in deltas])
        oldest = self._tokens.current
        taken = take(deltas, self._tokens, self._normalise, allowed)
        with write_transaction(self._engine) as connection:
            outcomes = key_versions.in_force(connection, self._tokens, oldest, taken)
            state = positions.lock(connection, node)
            acknowledged = state.acknowledged if state is not None and state.outbox_id == outbox_id else 0
            gap = bool(deltas) and deltas[0].sequence > acknowledged + 1
            if gap:
                lists.distrust(connection, node)
            elif deltas and deltas[-1].sequence > acknowledged:
                fresh = slice(acknowledged + 1 - deltas[0].sequence, None)
                write_deltas(connection, node, outbox_id, deltas[fresh], outcomes[fresh])
                acknowledged = deltas[-1].sequence
                positions.move(connection, node, OutboxState(outbox_id, acknowledged))
                lists.clear_retired(connection, CLEAR_AT_ONCE)
        if gap:
            raise BadSequence(acknowledged + 1)
        return Applied(acknowledged, rejected_of(outcomes))

    def snapshot_part(
        self, node: str, outbox_id: bytes, part: Part, *, allowed: Collection[str]
    ) -> SnapshotApplied | None:
        """Stage one part of a snapshot; the last one brings all of it into force at once. Durable when it returns.

        Args:
            node: SPIFFE id.
            outbox_id: The outbox in whose sequence the snapshot is placed.
            part: Part 0 starts again; the others must follow each other.
            allowed: Listed resource codes that the node may publish.

        Returns:
            For the last part, what is now in force; None for the others.

        Raises:
            Refused: UNKNOWN_RESOURCE when the resource is not allowed.
            BadSnapshot: A part is missing, the number of entries is wrong, or deltas were acknowledged meanwhile that
                the snapshot does not contain. What was staged is discarded and the live list stays.
            KeyMovedOn: Tokens are written under a version that this process does not have. Nothing was staged.
        """
        if part.resource not in allowed:
            raise Refused(Code.UNKNOWN_RESOURCE, "a snapshot of a resource that the node may not publish")
        oldest = self._tokens.current
        taken = take(part.entries, self._tokens, self._normalise, (part.resource,))
        with write_transaction(self._engine) as connection:
            outcomes = key_versions.in_force(connection, self._tokens, oldest, taken)
            outcome = snapshots.take_part(connection, node, outbox_id, part, outcomes, allowed=allowed)
            lists.clear_retired(connection, CLEAR_AT_ONCE)
        if isinstance(outcome, str):
            raise BadSnapshot(outcome)
        return outcome

    def mark_synced(self, node: str, synced_ms: int) -> None:
        """Note when a node last compared its sources with what it published.

        Args:
            node: SPIFFE id.
            synced_ms: Unix ms by the node's clock; a time in the future counts as now, an older one is ignored.
        """
        synced_ms = min(synced_ms, self._clock.now_ms())
        if synced_ms <= self.synced(node):
            return
        with write_transaction(self._engine) as connection:
            positions.mark_synced(connection, node, synced_ms)
        self._synced[node] = synced_ms

    def synced(self, node: str) -> int:
        """When the node last compared its sources, Unix ms; 0 when never or unknown (then nothing counts as fresh)."""
        kept = self._synced.get(node)
        if kept is None:
            with self._engine.connect() as connection:
                kept = self._synced[node] = positions.synced(connection, node)
        return kept

    def pointers(self, node: str) -> int:
        """How many pointers of the node are in force. For the operator: it counts rows."""
        with self._engine.connect() as connection:
            return lists.count_pointers(connection, node)

    def rejected(self, node: str) -> dict[tuple[str, str], int]:
        """How many records of the node are not indexed, by resource and reason code. For the operator."""
        with self._engine.connect() as connection:
            return rejections.counted(connection, node)

    def oldest_key_version(self) -> int:
        """The oldest version of the index key among all pointers' tokens. For the operator: it reads them all."""
        with self._engine.connect() as connection:
            return key_versions.oldest_kept(connection) or self._tokens.current

    def remove_node(self, node: str) -> None:
        """Take all pointers of a node out of the index at once; `clear` deletes them.

        Args:
            node: SPIFFE id, for example of a node whose department was revoked.
        """
        with write_transaction(self._engine) as connection:
            for state in (ListState.LIVE, ListState.STAGED):
                lists.retire(connection, node, state)
            positions.forget(connection, node)
        self._synced.pop(node, None)

    def clear(self, limit: int = CLEAR_AT_ONCE) -> int:
        """Delete pointers that are no longer in force; call it until it returns 0.

        Args:
            limit: Most pointers to delete in one transaction.

        Returns:
            How many rows were deleted.
        """
        with write_transaction(self._engine) as connection:
            return lists.clear_retired(connection, limit)


def _check_consecutive(sequences: Sequence[int]) -> None:
    first = sequences[0]
    for expected, sequence in enumerate(sequences, start=max(first, 1)):
        if sequence != expected:
            raise BadSequence(expected)


_MISSING = Missing()
_AMBIGUOUS = Ambiguous()
