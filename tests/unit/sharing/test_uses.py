import pytest
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from gateway.sharing.tables import USES
from gateway.sharing.uses import DAY_MS, Uses
from policies.agreements import Agreement, parse_agreement
from policies.reasons import Reason
from tests.support.parties import Department, Registry, agreement_text


@pytest.fixture
def uses(registry: Registry) -> Uses:
    return Uses(registry.engine, registry.clock)


def agreement(per_day: int, **changes: object) -> Agreement:
    raw = agreement_text(Department("civil"), Department("housing"), uses_per_day=per_day, **changes)
    return parse_agreement(raw)


def granted(uses: Uses, of: Agreement, tries: int) -> int:
    return [uses.take(of) for _ in range(tries)].count(None)


@pytest.mark.parametrize("per_day", [1, 2, 99, 250])
def test_exactly_the_agreed_number_of_uses_is_granted_a_day(uses: Uses, per_day: int):
    assert granted(uses, agreement(per_day), per_day + 5) == per_day


def test_a_use_that_is_not_granted_says_why(uses: Uses):
    single = agreement(1)
    uses.take(single)
    assert uses.take(single) is Reason.USES_EXHAUSTED


def test_uses_are_granted_again_when_the_civil_day_begins(uses: Uses, registry: Registry):
    single = agreement(1)
    assert granted(uses, single, 2) == 1
    registry.clock.advance(uses.next_day_ms() - 1)
    assert uses.take(single) is Reason.USES_EXHAUSTED
    registry.clock.advance(1)
    assert uses.take(single) is None


def test_the_day_begins_at_midnight_in_china(uses: Uses, registry: Registry):
    registry.clock.at_ms = 1_800_000_000_000  # 2027-01-15T08:00:00Z, 16:00 in China
    assert uses.next_day_ms() == 8 * 3_600_000


def test_agreements_are_counted_apart(uses: Uses):
    assert granted(uses, agreement(1, id="a"), 2) == 1
    assert granted(uses, agreement(1, id="b"), 2) == 1


def test_a_limit_holds_over_restarts_and_is_never_exceeded_by_several_processes(registry: Registry):
    shared = agreement(300)
    total = 0
    for _ in range(60):
        # Each starts, takes five and dies with the rest of its block.
        total += granted(Uses(registry.engine, registry.clock), shared, 5)
    assert 0 < total <= 300
    two = [Uses(registry.engine, registry.clock) for _ in range(2)]
    limited = agreement(150, id="both")
    assert sum(uses.take(limited) is None for _ in range(150) for uses in two) == 150


def test_a_raised_limit_counts_at_once_and_earlier_uses_still_count(uses: Uses):
    assert granted(uses, agreement(2), 3) == 2
    assert granted(uses, agreement(5, revision=2), 9) == 3


def test_exhausted_uses_cost_no_further_write(uses: Uses, registry: Registry):
    single = agreement(1)
    granted(uses, single, 2)
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sharing_uses")
    assert uses.take(single) is Reason.USES_EXHAUSTED


def test_nothing_is_granted_when_the_count_cannot_be_written(uses: Uses, registry: Registry):
    with registry.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sharing_uses")
    with pytest.raises(SQLAlchemyError):
        uses.take(agreement(10))


def test_counts_of_long_ago_are_forgotten(uses: Uses, registry: Registry):
    single = agreement(1)
    uses.take(single)
    registry.clock.advance(40 * DAY_MS)
    uses.take(single)
    with registry.engine.connect() as connection:
        assert len(connection.execute(select(USES)).all()) == 1
