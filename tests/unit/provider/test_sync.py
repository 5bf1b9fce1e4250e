"""A comparison: differences reach the outbox, and a scan that cannot be believed removes nothing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from nodes.errors import SourceFailed
from nodes.provider.config import ProvidedResource, load_offer
from nodes.provider.connectors import BadRow, Row
from nodes.provider.state import Outbox, Records, Scans, State, open_state
from nodes.provider.state.records import PART
from nodes.provider.sync import Comparison, Stopped
from policies.identifiers import resident_id
from tests.support.provider_world import RESOURCE, RESOURCES_TOML, Clock


def person(number: int) -> str:
    return resident_id(f"1101011990{number // 1000 % 12 + 1:02d}01{number % 1000:03d}")


@dataclass
class Source:
    """A source in memory that can break off."""

    rows: dict[str, tuple[str, str]] = field(default_factory=dict)
    extra: list[Row | BadRow] = field(default_factory=list)
    fail_after: int | None = None
    gone: bool = False

    def probe(self) -> None:
        if self.gone:
            raise SourceFailed("people: cannot be read (X)")

    def scan(self) -> Iterator[Row | BadRow]:
        for number, (key, (identifier, name)) in enumerate(self.rows.items()):
            if number == self.fail_after:
                raise SourceFailed("people: cannot be read (Y)")
            yield row(key, identifier, name)
        yield from self.extra

    def read_many(self, keys: Sequence[str]) -> Mapping[str, Row]:
        raise NotImplementedError


def row(key: str, identifier: str, name: str = "张三") -> Row:
    values = {"id": key[2:], "id_no": identifier, "updated_at": "2026-01-02", "xm": name, "csrq": None, "xb": "1"}
    return Row(key, values)


@dataclass
class Kit:
    """A comparison and what it writes to."""

    source: Source
    state: State
    resource: ProvidedResource
    clock: Clock = field(default_factory=Clock)
    withheld: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.comparison = self.make()

    def make(self) -> Comparison:
        return Comparison(
            resource=self.resource,
            connector=self.source,
            records=Records(self.state),
            scans=Scans(self.state),
            withheld=self.withheld,
            clock=self.clock,
        )

    def fill(self, count: int) -> None:
        self.source.rows = {f"i:{number}": (person(number), "张三") for number in range(count)}

    def published(self) -> set[str]:
        return set(Records(self.state).live_keys(RESOURCE))

    def deltas(self) -> list[tuple[int, str, bool]]:
        return [(d.sequence, d.subject_identifier, d.tombstone) for d in Outbox(self.state).pending(0, 100_000)]

    def failure(self) -> str:
        return Scans(self.state).reports()[RESOURCE].failure


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    file = tmp_path / "resources.toml"
    file.write_text(RESOURCES_TOML)
    state = open_state(tmp_path / "node.sqlite")
    yield Kit(Source(), state, load_offer(file, "civil", {}).resources[RESOURCE])
    state.close()


def test_new_changed_and_removed_records_become_deltas(kit: Kit) -> None:
    kit.fill(3)
    assert kit.comparison.run()
    kit.source.rows["i:1"] = (person(1), "李四")
    del kit.source.rows["i:2"]
    kit.source.rows["i:7"] = (person(7), "王五")
    assert kit.comparison.run()
    assert kit.deltas() == [
        (1, person(0), False),
        (2, person(1), False),
        (3, person(2), False),
        (4, person(1), False),
        (5, person(7), False),
        (6, "", True),
    ]
    assert kit.comparison.run()
    assert len(kit.deltas()) == 6


def test_identifiers_are_published_in_canonical_form(kit: Kit) -> None:
    kit.source.rows = {"i:1": ("１１０１０５１９４９１２３１００２ｘ ", "张三")}
    assert kit.comparison.run()
    assert kit.deltas() == [(1, "11010519491231002X", False)]


def test_nothing_is_removed_when_the_source_breaks_off_and_what_was_new_stays_right(kit: Kit) -> None:
    kit.fill(2000)
    assert kit.comparison.run()
    kit.source.rows = {"i:9999": (person(9999), "新"), **kit.source.rows}
    del kit.source.rows["i:5"]
    kit.source.fail_after = 1500
    assert not kit.comparison.run()
    assert not any(tombstone for _, _, tombstone in kit.deltas())
    assert kit.published() >= {f"i:{number}" for number in range(2000)}
    assert kit.failure() == "people: cannot be read (Y)"
    kit.source.fail_after = None
    assert kit.comparison.run()
    assert kit.published() == set(kit.source.rows)
    assert kit.failure() == ""


def test_nothing_is_removed_when_the_source_is_gone(kit: Kit) -> None:
    kit.fill(3)
    kit.comparison.run()
    kit.clock.at_ms += 60_000
    kit.source.gone = True
    kit.source.rows = {}
    assert not kit.comparison.run()
    assert len(kit.published()) == 3
    report = Scans(kit.state).reports()[RESOURCE]
    assert (report.synced_ms, report.tried_ms) == (kit.clock.at_ms - 60_000, kit.clock.at_ms)


def test_a_source_that_is_suddenly_almost_empty_is_not_believed(kit: Kit) -> None:
    kit.fill(20)
    kit.comparison.run()
    kit.fill(9)
    assert not kit.comparison.run()
    assert len(kit.published()) == 20
    assert "11 of 20 records would go" in kit.failure()
    kit.fill(10)
    assert kit.comparison.run()
    kit.resource = replace(kit.resource, max_removed=1.0)
    kit.source.rows = {}
    assert kit.make().run()
    assert kit.published() == set()


def test_a_few_records_may_go_all_at_once(kit: Kit) -> None:
    kit.fill(9)
    kit.comparison.run()
    kit.source.rows = {}
    assert kit.comparison.run()
    assert kit.published() == set()


def test_a_source_with_too_many_bad_rows_is_not_believed(kit: Kit) -> None:
    kit.fill(3)
    kit.comparison.run()
    kit.fill(2)
    kit.source.extra = [BadRow(line, "is not utf-8") for line in range(3)]
    assert not kit.comparison.run()
    assert len(kit.published()) == 3
    assert "3 of 5 rows are bad" in kit.failure()


def test_bad_rows_are_counted_and_noted_and_good_ones_are_published(kit: Kit) -> None:
    kit.fill(3)
    kit.source.extra = [BadRow(9, "has 2 cells, expected 6"), row("i:50", "110101199003070012")]
    assert kit.comparison.run()
    report = Scans(kit.state).reports()[RESOURCE]
    assert (report.good, report.bad) == (3, 2)
    notes = Scans(kit.state).notes(RESOURCE)
    assert [note.line for note in notes] == [None, 9]
    assert "110101199003070012" not in notes[0].rule
    assert notes[0].rule.startswith("key column and subject column: cn.resident-id: ")


def test_a_record_whose_identifier_goes_bad_is_withdrawn(kit: Kit) -> None:
    kit.fill(3)
    kit.comparison.run()
    kit.source.rows["i:1"] = ("", "张三")
    assert kit.comparison.run()
    assert kit.published() == {"i:0", "i:2"}


def test_a_key_in_two_rows_is_withdrawn_once_and_comes_back_when_mended(kit: Kit) -> None:
    kit.fill(3)
    kit.comparison.run()
    kit.source.extra = [row("i:1", person(8))]
    for _ in range(3):
        assert kit.comparison.run()
        assert kit.published() == {"i:0", "i:2"}
    assert kit.deltas()[3:] == [(4, "", True)]
    kit.source.extra = []
    assert kit.comparison.run()
    assert kit.published() == {"i:0", "i:1", "i:2"}


def test_withheld_records_are_not_published_and_are_withdrawn(kit: Kit) -> None:
    kit.fill(3)
    kit.comparison.run()
    kit.withheld = frozenset({"1"})
    assert kit.make().run()
    assert kit.published() == {"i:0", "i:2"}


def test_two_records_of_one_subject_are_both_published(kit: Kit) -> None:
    kit.source.rows = {"i:1": (person(1), "张三"), "i:2": (person(1), "张三")}
    assert kit.comparison.run()
    assert [identifier for _, identifier, _ in kit.deltas()] == [person(1)] * 2


def test_an_unlisted_resource_is_known_to_the_node_but_not_to_the_outbox(kit: Kit) -> None:
    kit.resource = replace(kit.resource, description=replace(kit.resource.description, unlisted=True))
    kit.fill(3)
    assert kit.make().run()
    assert len(kit.published()) == 3
    assert kit.deltas() == []


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_comparison_that_is_stopped_can_be_taken_up_again(kit: Kit, after: int) -> None:
    kit.fill(3 * PART)
    kit.comparison.run()
    kit.source.rows = {f"i:{n}": (person(n), "李四") for n in range(2 * PART)}
    with pytest.raises(Stopped):
        kit.comparison.run(stopping=stops_after(after))
    assert kit.published() >= set(kit.source.rows)
    assert kit.comparison.run()
    assert kit.published() == set(kit.source.rows)
    sequences = [sequence for sequence, _, _ in kit.deltas()]
    assert sequences == list(range(1, 6 * PART + 1))


def stops_after(count: int) -> Callable[[], bool]:
    calls = iter(range(1000))
    return lambda: next(calls) >= count


def test_the_link_is_told_when_the_outbox_has_grown_and_only_then(kit: Kit) -> None:
    told: list[int] = []
    kit.fill(2)
    kit.comparison.run(changed=lambda: told.append(1))
    assert told == [1]
    kit.comparison.run(changed=lambda: told.append(1))
    assert told == [1]
