import pytest

from nodes.cli.output import complain, moment, say, table


def test_what_is_printed_for_people_cannot_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2Jb\nc")
    table("T", ["h"], [["[red]x\x9b31m\x07"]])
    complain("d\x1b]0;e")
    shown = capsys.readouterr()
    assert "a[2Jb\nc" in shown.out
    assert "[red]x31m" in shown.out
    assert "d]0;e" in shown.err
    assert not {"\x1b", "\x9b", "\x07"} & set(shown.out + shown.err)


@pytest.mark.parametrize("time_ms", [None, 0, 2**63 - 1, -(2**63)])
def test_a_time_that_no_calendar_has_is_unknown(time_ms: int | None) -> None:
    assert moment(time_ms) == "unknown"


def test_a_time_is_shown_in_utc_to_the_second() -> None:
    assert moment(1_800_000_000_123) == "2027-01-15 08:00:00 UTC"
