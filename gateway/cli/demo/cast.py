"""The demo's processes: started, watched, stopped.

A process that ends before the story does is named with its last words.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_LAST_WORDS = 12


class DemoFailed(Exception):
    """A step of the demo did not hold; the text says which process or step, and what it printed."""


def tool(name: str) -> str:
    """A console script of this installation."""
    found = Path(sys.executable).with_name(name)
    if not found.exists():
        raise DemoFailed(f"{name} is not installed beside {Path(sys.executable).name}; run make setup")
    return str(found)


class Cast:
    """All processes of one demo.

    Args:
        folder: Where their logs go.
        environment: Added to the processes' environment.
    """

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "140", **environment}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._dismissed: set[str] = set()
        self._watched: dict[str, Callable[[], bool]] = {}

    def watch(self, name: str, alive: Callable[[], bool]) -> None:
        """Watch a process that somebody else started."""
        self._watched[name] = alive

    def start(self, name: str, *command: str) -> None:
        """Start a process whose output goes to NAME.log."""
        log = self._log(name).open("ab")
        with log:
            self._running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self._environment, start_new_session=True
            )

    def pid(self, name: str) -> int:
        """Process id of a running part."""
        return self._running[name].pid

    def check(self) -> None:
        """Check that everyone who was started and not dismissed still runs.

        Raises:
            DemoFailed: Naming the first that ended.
        """
        for name, alive in self._watched.items():
            if not alive():
                raise DemoFailed(f"the {name} process ended")
        for name, process in self._running.items():
            code = process.poll()
            if code is not None and name not in self._dismissed:
                raise DemoFailed(f"the {name} process ended (exit status {code}); its last words:\n{self._words(name)}")

    def dismiss(self, name: str) -> None:
        """Stop one process on purpose."""
        self._dismissed.add(name)
        self._end(self._running[name])

    def stop(self) -> None:
        """Stop everyone, last started first."""
        for name in reversed(list(self._running)):
            self._dismissed.add(name)
            with contextlib.suppress(ProcessLookupError):
                self._running[name].send_signal(signal.SIGTERM)
        for process in reversed(list(self._running.values())):
            self._end(process)

    @staticmethod
    def _end(process: subprocess.Popen[bytes]) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)

    def run(self, *command: str, expect: Sequence[int] = (0,)) -> str:
        """Run a command to its end and return what it printed.

        Raises:
            DemoFailed: Its exit status is not one of the expected; or a process of the cast is gone.
        """
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=self._environment, stdin=subprocess.DEVNULL
        )
        if done.returncode not in expect:
            self.check()
            words = (done.stderr or done.stdout).strip()
            shown = " ".join([Path(command[0]).name, *command[1:]])
            raise DemoFailed(f"{shown}\nended with {done.returncode}:\n{words}")
        return done.stdout if done.returncode == 0 else done.stderr

    def run_json(self, *command: str) -> Any:
        """Run a command with --json and parse what it printed."""
        return json.loads(self.run(*command, "--json"))

    def until(self, what: str, holds: Callable[[], bool], within_s: float) -> None:
        """Wait for something to hold, watching the cast meanwhile.

        Raises:
            DemoFailed: It did not hold in time; or a process of the cast is gone.
        """
        end = time.monotonic() + within_s
        while not holds():
            self.check()
            if time.monotonic() > end:
                raise DemoFailed(f"waited {within_s:.0f} s in vain for: {what}")
            time.sleep(0.1)

    def _log(self, name: str) -> Path:
        return self._folder / f"{name}.log"

    def _words(self, name: str) -> str:
        lines = self._log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LAST_WORDS:])


def hold(condition: object, what: str, evidence: Any) -> None:
    """Check a step of the story.

    Raises:
        DemoFailed: It did not hold.
    """
    if not condition:
        shown = evidence if isinstance(evidence, str) else json.dumps(evidence, ensure_ascii=False, indent=1)
        raise DemoFailed(f"this did not hold: {what}\n{shown[:4000]}")
