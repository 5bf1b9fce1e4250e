"""Whatever is killed, resent, duplicated, restored or rotated, the index ends equal to the nodes' records."""

import itertools
import shutil
import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Engine, event, text

from gateway.index import key_versions
from gateway.index.model import Ambiguous, BadSequence, BadSnapshot, Found, Missing
from gateway.index.pointer_index import PointerIndex
from gateway.index.rekey import PointerRekeying
from gateway.storage.database import open_database, write_transaction
from policies.identifiers import normalise
from tests.support.index_node import BROKEN, PEOPLE, SCHEME, FixedClock, IndexNode, State, rekey, tokens

RESOURCES = ("civil.resident", "civil.household")
TABLES = ("index_pointers", "index_lists", "index_nodes", "index_rejections", "index_keys")
_engines: list[Engine] = []


def shared_engine() -> Engine:
    """One database file for all examples: opening it costs more than an example."""
    if not _engines:
        folder = Path(tempfile.mkdtemp(prefix="oncegate-property-"))
        _engines.append(open_database(f"sqlite:///{folder / 'gateway.db'}"))
        event.listen(_engines[0], "close", lambda *_: shutil.rmtree(folder, ignore_errors=True))
    return _engines[0]


class PowerCutError(Exception):
    """The process died before its commit."""


class Convergence(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.engine = shared_engine()
        with write_transaction(self.engine) as connection:
            for table in TABLES:
                connection.execute(text(f"DELETE FROM {table}"))
        self.key = 1
        self.open()
        self.nodes = [IndexNode(f"spiffe://t/department/d{n}/node/n-{n}", RESOURCES) for n in range(2)]
        self.backups: dict[int, State] = {}
        self.gateway_backup: dict[str, list[Any]] | None = None
        self.staged: list[tuple[IndexNode, bytes, Any]] = []

    def open(self) -> None:
        self.index = PointerIndex(self.engine, tokens(self.key), FixedClock(), normalise)

    node_numbers = st.integers(0, 1)
    resources = st.sampled_from(RESOURCES)

    @rule(n=node_numbers, resource=resources, person=st.sampled_from((*PEOPLE[:5], BROKEN)))
    def a_record_appears(self, n: int, resource: str, person: str) -> None:
        self.nodes[n].put(resource, person)

    @rule(n=node_numbers, resource=resources, pick=st.integers(0, 9), person=st.sampled_from((*PEOPLE[:5], BROKEN)))
    def a_record_changes(self, n: int, resource: str, pick: int, person: str) -> None:
        handles = sorted(self.nodes[n].state.records[resource])
        if handles:
            self.nodes[n].put(resource, person, handles[pick % len(handles)])

    @rule(n=node_numbers, resource=resources, pick=st.integers(0, 9))
    def a_record_disappears(self, n: int, resource: str, pick: int) -> None:
        handles = sorted(self.nodes[n].state.records[resource])
        if handles:
            self.nodes[n].remove(resource, handles[pick % len(handles)])

    @rule(n=node_numbers, start=st.integers(0, 6), length=st.integers(1, 6), told=st.booleans(), cut=st.booleans())
    def some_deltas_are_sent(self, n: int, start: int, length: int, told: bool, cut: bool) -> None:
        """Any slice of the outbox, in or out of turn, with or without its acknowledgement, whole or killed half way."""
        node = self.nodes[n]
        frame = node.state.outbox[start : start + length]
        if not frame:
            return
        try:
            with self.power(cut):
                applied = self.index.apply(node.name, node.state.outbox_id, frame, allowed=node.allowed)
        except (BadSequence, PowerCutError):
            return
        if told:
            node.acknowledged(applied.through)

    @rule(n=node_numbers, resource=resources, size=st.integers(1, 4), upto=st.integers(0, 5), cut=st.booleans())
    def a_snapshot_is_begun(self, n: int, resource: str, size: int, upto: int, cut: bool) -> None:
        """A snapshot that may break off at any part; what is left of it may still come later."""
        node = self.nodes[n]
        parts = node.parts(resource, size)
        self.staged = [(node, node.state.outbox_id, part) for part in parts[upto:]]
        self.send_parts([(node, node.state.outbox_id, part) for part in parts[:upto]], cut=cut)

    @precondition(lambda self: self.staged)
    @rule(skip=st.integers(0, 2))
    def parts_of_a_broken_off_snapshot_arrive(self, skip: int) -> None:
        late, self.staged = self.staged[skip:], []
        # Only from a node that still lives in that outbox: parts never outlive the stream of a node that lost its state.
        self.send_parts([entry for entry in late if entry[0].state.outbox_id == entry[1]], cut=False)

    def send_parts(self, parts: list[tuple[IndexNode, bytes, Any]], *, cut: bool) -> None:
        for number, (node, outbox_id, part) in enumerate(parts):
            try:
                with self.power(cut and number == len(parts) - 1):
                    applied = self.index.snapshot_part(node.name, outbox_id, part, allowed=node.allowed)
            except (BadSnapshot, PowerCutError):
                return
            if applied is not None:
                node.acknowledged(applied.through)

    @rule(n=node_numbers)
    def a_node_connects(self, n: int) -> None:
        self.nodes[n].connect(self.index)

    @rule(n=node_numbers)
    def a_node_says_hello_and_goes_away(self, n: int) -> None:
        self.nodes[n].needs_snapshot(self.index)

    @rule(n=node_numbers)
    def a_node_loses_its_state(self, n: int) -> None:
        self.nodes[n].lose_state()
        self.backups.pop(n, None)

    @rule(n=node_numbers)
    def a_node_is_backed_up(self, n: int) -> None:
        self.backups[n] = self.nodes[n].backup()

    @rule(n=node_numbers)
    def a_node_is_restored(self, n: int) -> None:
        if n in self.backups:
            self.nodes[n].restore(self.backups[n])
            self.staged = []
            # A restored node greets before it counts on: a process start is always followed by a hello.
            self.nodes[n].needs_snapshot(self.index)

    @rule()
    def the_gateway_restarts(self) -> None:
        self.open()

    @precondition(lambda self: self.key < 3)
    @rule()
    def the_index_key_is_rotated(self) -> None:
        """A new version comes once the last one is everywhere; then rows are re-keyed, a few at a time."""
        rekey(self.engine, self.key)
        self.key += 1
        self.open()

    @rule(limit=st.integers(1, 4), steps=st.integers(0, 3))
    def some_pointers_are_rekeyed(self, limit: int, steps: int) -> None:
        with write_transaction(self.engine) as connection:
            key_versions.begin(connection, self.key)
        work, after = PointerRekeying(self.engine, tokens(self.key)), None
        for _ in range(steps):
            after = work.step(after, limit).after

    @rule()
    def the_gateway_is_backed_up(self) -> None:
        with self.engine.connect() as connection:
            self.gateway_backup = {
                table: [dict(row) for row in connection.execute(text(f"SELECT * FROM {table}")).mappings()]
                for table in TABLES
            }

    @precondition(lambda self: self.gateway_backup is not None)
    @rule()
    def the_gateway_is_restored(self) -> None:
        with write_transaction(self.engine) as connection:
            for table, rows in self.gateway_backup.items():
                connection.execute(text(f"DELETE FROM {table}"))
                for row in rows:
                    names = ", ".join(row)
                    values = ", ".join(f":{name}" for name in row)
                    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
        self.open()
        self.staged = []

    @rule(limit=st.integers(1, 4))
    def replaced_pointers_are_cleared(self, limit: int) -> None:
        self.index.clear(limit)

    @invariant()
    def at_most_one_list_is_in_force(self) -> None:
        with self.engine.connect() as connection:
            doubled = connection.execute(
                text(
                    "SELECT count(*) FROM index_lists WHERE state = 'live' GROUP BY node, resource HAVING count(*) > 1"
                )
            ).all()
        assert not doubled

    def teardown(self) -> None:
        for node in self.nodes:
            node.connect(self.index)
            # A gap seen on the way asks for snapshots at the next hello, never later.
            assert not node.needs_snapshot(self.index)
        while self.index.clear(100):
            pass
        rekey(self.engine, self.key)
        for resource, person in itertools.product(RESOURCES, PEOPLE[:5]):
            self.check(resource, person)
        with self.engine.connect() as connection:
            kept = connection.execute(text("SELECT count(*) FROM index_pointers")).scalar()
        assert kept == sum(node.countable() for node in self.nodes), "what is gone leaves no row behind"
        assert self.index.oldest_key_version() == self.key or not kept

    def check(self, resource: str, person: str) -> None:
        expected = [(node.name, *entry) for node in self.nodes for entry in node.expected(resource, person)]
        found = self.index.find(resource, (tokens(self.key).derive(SCHEME, person),))
        if len(expected) == 1:
            ((name, handle, version),) = expected
            assert found == Found(handle, version, version * 1000, name)
        else:
            assert found == (Ambiguous() if expected else Missing())

    def power(self, cut: bool) -> "PowerCut":
        return PowerCut(self.engine, armed=cut)


class PowerCut:
    """Dies at the next commit when armed."""

    def __init__(self, engine: Engine, *, armed: bool) -> None:
        self.engine = engine
        self.armed = armed

    def die(self, _connection: object) -> None:
        raise PowerCutError

    def __enter__(self) -> None:
        if self.armed:
            event.listen(self.engine, "commit", self.die)

    def __exit__(self, *_: object) -> None:
        if self.armed:
            event.remove(self.engine, "commit", self.die)


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
