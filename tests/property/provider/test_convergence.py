"""Whatever happens to a source and to the node, the index that is built from the outbox ends up equal to the source."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from nodes.provider.config import load_offer
from nodes.provider.state import Outbox, Records, Scans, open_state
from nodes.provider.sync import Comparison
from tests.support.provider_world import RESOURCE, RESOURCES_TOML, Clock
from tests.unit.provider.test_sync import Source, person

keys = st.integers(0, 7).map(lambda number: f"i:{number}")


class Convergence(RuleBasedStateMachine):
    """A source that is edited and fails, a node that restarts, a gateway that applies deltas late."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        path = Path(self.folder.name)
        (path / "resources.toml").write_text(RESOURCES_TOML)
        self.resource = load_offer(path / "resources.toml", "civil", {}).resources[RESOURCE]
        self.source = Source()
        self.acknowledged = 0
        self.index: dict[bytes, tuple[int, str]] = {}
        self.equal = True
        self.boot()

    def boot(self) -> None:
        """Opens the state anew."""
        self.state = open_state(Path(self.folder.name) / "node.sqlite")
        self.comparison = Comparison(
            resource=self.resource,
            connector=self.source,
            records=Records(self.state),
            scans=Scans(self.state),
            withheld=frozenset(),
            clock=Clock(),
        )

    @rule(key=keys, subject=st.integers(0, 9), name=st.sampled_from(["张", "李"]))
    def write(self, key: str, subject: int, name: str) -> None:
        self.source.rows[key] = (person(subject), name)
        self.equal = False

    @rule(key=keys)
    def delete(self, key: str) -> None:
        self.source.rows.pop(key, None)
        self.equal = False

    @rule(after=st.one_of(st.none(), st.integers(0, 7)))
    def compare(self, after: int | None) -> None:
        self.source.fail_after = after
        before = set(Records(self.state).live_keys(RESOURCE))
        if self.comparison.run():
            self.equal = True
        else:
            assert before <= set(Records(self.state).live_keys(RESOURCE))
            # What was published before it broke off may already be newer than the index of the last whole scan.
            self.equal = False

    @rule()
    def restart(self) -> None:
        self.state.close()
        self.boot()

    @rule(limit=st.integers(1, 5))
    @precondition(lambda self: self.acknowledged < Outbox(self.state).position().last_sequence)
    def deliver(self, limit: int) -> None:
        for delta in Outbox(self.state).pending(self.acknowledged, limit):
            assert delta.sequence == self.acknowledged + 1
            version, _ = self.index.get(delta.handle, (0, ""))
            assert delta.version > version
            self.index[delta.handle] = (delta.version, delta.subject_identifier)
            self.acknowledged = delta.sequence
        Outbox(self.state).acknowledge(self.acknowledged, [])

    @invariant()
    def a_delivered_outbox_equals_the_source(self) -> None:
        if self.equal and self.acknowledged == Outbox(self.state).position().last_sequence:
            live = sorted(identifier for _, identifier in self.index.values() if identifier)
            assert live == sorted(identifier for identifier, _ in self.source.rows.values())

    def teardown(self) -> None:
        self.state.close()
        self.folder.cleanup()


TestConvergence = Convergence.TestCase
TestConvergence.settings = settings(
    max_examples=12, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
