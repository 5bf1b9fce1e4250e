"""What the operator's commands print: texts of others never drive the terminal of whoever reads them."""

import pytest
import typer

from gateway.cli.output import fail, say, table


def test_what_is_printed_for_people_cannot_drive_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    say("a\x1b[2Jb\nc\u202ed")
    table("T", ["h"], [["[red]x\x9b31m\x07王\ue123"]])
    with pytest.raises(typer.Exit):
        fail("e\x1b]0;f", 3)
    shown = capsys.readouterr()
    assert "a[2Jb\ncd" in shown.out
    assert "[red]x31m王\ue123" in shown.out
    assert "e]0;f" in shown.err
    assert not {"\x1b", "\x9b", "\x07", "\u202e"} & set(shown.out + shown.err)
