"""What is used up: tickets, the uses of a day, the rate of a minute."""

from dataclasses import replace

from nodes.provider.used import AgreementUses, Use, UsedTickets
from policies.agreements import Agreement
from policies.civil_time import day_begins_ms
from policies.reasons import Reason
from tests.support.policy_cases import agreement as policy_agreement

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


def agreement(uses: int = 2, rate: int = 600, name: str = "a") -> Agreement:
    return replace(policy_agreement(), id=name, uses_per_day=uses, rate_per_minute=rate)


def nothing_kept(_agreement: str, _day: int) -> tuple[int, int]:
    return 0, 0


def taken(uses: AgreementUses, of: Agreement, now_ms: int, tries: int) -> int:
    return sum(isinstance(uses.take(of, now_ms), Use) for _ in range(tries))


def test_uses_are_counted_per_agreement_and_civil_day() -> None:
    uses = AgreementUses(nothing_kept)
    now = day_begins_ms(100) + 5
    assert taken(uses, agreement(), now, 3) == 2
    assert uses.take(agreement(), now) is Reason.USES_EXHAUSTED
    assert taken(uses, agreement(name="b"), now, 1) == 1
    assert uses.take(agreement(), day_begins_ms(101) - 1) is Reason.USES_EXHAUSTED
    assert taken(uses, agreement(), day_begins_ms(101), 1) == 1


def test_uses_before_this_start_count() -> None:
    asked: list[tuple[str, int]] = []

    def kept(name: str, day: int) -> tuple[int, int]:
        asked.append((name, day))
        return 1, 0

    uses = AgreementUses(kept)
    assert taken(uses, agreement(), day_begins_ms(100) + 7, 3) == 1
    assert asked == [("a", 100)]


def test_the_rate_is_held_beside_the_uses_with_room_for_what_was_under_way() -> None:
    uses = AgreementUses(nothing_kept)
    now = day_begins_ms(100)
    # At 60 a minute ten may come at once, and ten more for the ten seconds that tickets may be under way.
    assert taken(uses, agreement(1000, 60), now, 30) == 20
    assert uses.take(agreement(1000, 60), now + 999) is Reason.RATE_EXCEEDED
    assert taken(uses, agreement(1000, 60), now + 1000, 2) == 1


def test_the_rate_goes_on_after_a_restart_and_over_midnight() -> None:
    now = day_begins_ms(100) + 5
    uses = AgreementUses(nothing_kept)
    last = [use for use in (uses.take(agreement(1000, 60), now) for _ in range(30)) if isinstance(use, Use)][-1]
    again = AgreementUses(lambda _name, _day: (20, last.next_us))
    assert again.take(agreement(1000, 60), now) is Reason.RATE_EXCEEDED
    late = day_begins_ms(101) - 1
    assert taken(uses, agreement(1000, 60), late, 30) == 20
    assert taken(uses, agreement(1000, 60), late + 1, 30) == 0


def test_the_departments_own_newest_limit_counts_at_once() -> None:
    uses = AgreementUses(nothing_kept)
    now = day_begins_ms(100)
    assert taken(uses, agreement(2), now, 5) == 2
    assert taken(uses, agreement(5), now, 9) == 3
    assert uses.take(agreement(4), now) is Reason.USES_EXHAUSTED
