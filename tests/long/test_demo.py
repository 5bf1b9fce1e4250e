"""The demo as a newcomer runs it: it ends 0 when everything holds, and says what failed when any process is stopped."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent
TWO_MINUTES_S = 120

pytestmark = pytest.mark.long


def start(folder: Path, *options: str) -> "subprocess.Popen[str]":
    command = [str(SCRIPTS / "oncegate"), "demo", "--once", "--folder", str(folder), *options]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def process_of(folder: Path, *words: str) -> int:
    """Id of the running process of this demo whose command line has all these words."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            line = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        text = [part.decode(errors="replace") for part in line]
        if any(str(folder) in part for part in text) and all(any(word in part for part in text) for word in words):
            return int(entry.name)
    raise LookupError(words)


def wait_for(folder: Path, demo: "subprocess.Popen[str]", *words: str) -> int:
    end = time.monotonic() + 90
    while time.monotonic() < end and demo.poll() is None:
        try:
            return process_of(folder, *words)
        except LookupError:
            time.sleep(0.1)
    pytest.fail(f"no process with {words}: {demo.communicate()[0][-3000:]}")


@pytest.mark.timeout(400)
def test_the_story_holds_from_an_empty_folder_within_two_minutes(tmp_path: Path) -> None:
    began = time.monotonic()
    demo = start(tmp_path / "d")
    assert demo.stdout is not None
    first = demo.stdout.readline() or demo.stdout.readline()
    first_s = time.monotonic() - began
    told, _ = demo.communicate(timeout=300)
    assert demo.returncode == 0, told[-4000:]
    assert "The story held" in told
    assert first.strip() or told
    assert first_s < 10
    assert time.monotonic() - began < TWO_MINUTES_S


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("serve", "/gateway"), "gateway"),
        (("serve", "nodes/civil"), "civil"),
        (("serve", "nodes/market"), "market"),
    ],
)
def test_a_stopped_process_ends_the_story_with_its_name(tmp_path: Path, words: tuple[str, ...], named: str) -> None:
    folder = tmp_path / "d"
    demo = start(folder, "--people", "1000")
    try:
        wait_for(folder, demo, "serve", "nodes/social")
        os.kill(wait_for(folder, demo, *words), signal.SIGKILL)
        told, _ = demo.communicate(timeout=300)
    finally:
        demo.terminate()
        demo.communicate()
    assert demo.returncode == 1, told[-4000:]
    assert named in told[told.rindex("oncegate:") :], told[-4000:]
