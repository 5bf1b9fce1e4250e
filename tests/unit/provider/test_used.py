"""What is used up: tickets and the uses of a day."""

from nodes.provider.used import DAY_MS, DailyUses, UsedTickets

ONE, TWO = b"1" * 16, b"2" * 16


def test_a_ticket_is_taken_once() -> None:
    used = UsedTickets([])
    assert used.take(ONE, 100, 0)
    assert not used.take(ONE, 100, 50)
    assert used.take(TWO, 100, 50)


def test_a_ticket_used_before_this_start_is_not_taken() -> None:
    assert not UsedTickets([ONE]).take(ONE, 100, 0)


def test_a_ticket_is_remembered_until_it_would_be_refused_as_expired() -> None:
    used = UsedTickets([])
    assert used.take(ONE, 100, 0)
    assert not used.take(ONE, 100, 100)
    # From here on the check of its expiry refuses it, so it need not be remembered.
    assert used.take(ONE, 200, 101)


def test_uses_are_counted_per_agreement_and_day() -> None:
    uses = DailyUses(lambda _agreement, _since: 0)
    assert [uses.take("a", 2, 5) for _ in range(3)] == [True, True, False]
    assert uses.take("b", 2, 5)
    assert uses.take("a", 2, DAY_MS)


def test_uses_before_this_start_count_from_the_beginning_of_the_day() -> None:
    asked: list[tuple[str, int]] = []

    def before(agreement: str, since_ms: int) -> int:
        asked.append((agreement, since_ms))
        return 1

    uses = DailyUses(before)
    now = 3 * DAY_MS + 7
    assert [uses.take("a", 2, now) for _ in range(3)] == [True, False, False]
    assert asked == [("a", 3 * DAY_MS)]
