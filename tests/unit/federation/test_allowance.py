"""A bucket that fills with time."""

from gateway.federation.allowance import Allowance


def test_a_burst_is_allowed_and_then_one_at_a_time():
    allowance = Allowance(3, 2.0, 100.0)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not allowance.take(100.4)
    assert allowance.take(100.5)
    assert not allowance.take(100.6)


def test_it_never_holds_more_than_a_burst():
    allowance = Allowance(2, 1.0, 0.0)
    assert [allowance.take(1000.0) for _ in range(3)] == [True, True, False]


def test_it_is_full_again_after_a_rest():
    allowance = Allowance(2, 1.0, 0.0)
    assert allowance.full(0.0)
    allowance.take(0.0)
    assert not allowance.full(0.5)
    assert allowance.full(1.0)
