"""The ceremonies at a real terminal, as custodians see them: one share on the screen at a time, then a clear screen."""

import os
import pty
import re
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.custodians import ONCEGATE, unseal

CLEAR = "\x1b[2J\x1b[3J\x1b[H"


class Screen:
    """A pseudo terminal with `oncegate` on it."""

    def __init__(self, *words: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen((ONCEGATE, *words), stdin=slave, stdout=slave, stderr=slave)
        os.close(slave)
        self.shown = ""
        self._read = 0

    def until(self, text: str) -> str:
        """What is shown up to and with a text, since the last call."""
        end = time.monotonic() + 30
        while (at := self.shown.find(text, self._read)) < 0:
            assert time.monotonic() < end, self.shown
            self.shown += os.read(self._master, 65536).decode()
        found = self.shown[self._read : at + len(text)]
        self._read = at + len(text)
        return found

    def type(self, line: str) -> None:
        os.write(self._master, f"{line}\n".encode())

    def end(self) -> int:
        code = self.process.wait(30)
        os.close(self._master)
        return code


@pytest.mark.long
def test_each_share_is_alone_on_the_screen_and_gone_before_its_words_are_asked_for(home: Path) -> None:
    screen = Screen("key", "split", "--shares", "2", "--threshold", "2", "--home", str(home))
    screen.until("Go on?")
    screen.type("y")
    shares = []
    for number in (1, 2):
        shown = screen.until("抄写完毕后按回车")
        assert CLEAR in shown
        words = [word for _, word in sorted((int(n), w) for n, w in re.findall(r"(\d+)\. ([a-z]+)", shown))]
        assert len(words) == 33
        shares.append(" ".join(words))
        screen.type("")
        asked = screen.until(f"confirm {number}/2: words 第 ") + screen.until(":")
        assert CLEAR in asked
        assert not [word for word in words if f" {word} " in asked.rpartition(CLEAR)[2]]
        places = [int(place) for place in re.findall(r"\d+", asked.rpartition("第")[2])]
        screen.type(" ".join(words[place - 1] for place in places))
        screen.until("请下一位保管人就位后按回车")
        screen.type("")
    screen.until("新份额已生效")
    assert screen.end() == 0
    assert unseal(home, shares, "--dry-run").code == 0


def test_a_no_changes_nothing(home: Path) -> None:
    before = (home / "keyring.bin").read_bytes()
    screen = Screen("key", "rotate", "--what", "root", "--home", str(home))
    screen.until("Go on?")
    screen.type("n")
    screen.until("nothing was changed")
    assert screen.end() == 3
    assert (home / "keyring.bin").read_bytes() == before


@pytest.mark.long
def test_the_end_of_the_input_ends_a_ceremony_without_a_change(home: Path) -> None:
    before = (home / "keyring.bin").read_bytes()
    screen = Screen("key", "split", "--yes", "--home", str(home))
    screen.until("抄写完毕后按回车")
    screen.type("\x04")
    assert screen.end() != 0
    assert (home / "keyring.bin").read_bytes() == before
