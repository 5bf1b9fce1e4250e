"""A city whose gateway and nodes are processes of their own, so that they can be killed."""

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.support.city import City

SCRIPTS = Path(sys.executable).parent


class CityProcesses:
    """The processes of a city that has been set up and stopped.

    Args:
        city: Its folders and addresses.
        nodes: Departments whose nodes run.
        environment: Added to the processes' environment.
    """

    def __init__(self, city: City, nodes: tuple[str, ...], environment: Mapping[str, str] | None = None) -> None:
        self.city = city
        self._environment = {**os.environ, **(environment or {})}
        self._commands: dict[str, tuple[str, ...]] = {
            "gateway": (str(SCRIPTS / "oncegate"), "serve", "--home", str(city.home))
        }
        for department in nodes:
            home = str(city.member_home(department, "registry"))
            self._commands[department] = (str(SCRIPTS / "oncegate-node"), "serve", "--home", home)
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all processes: "gateway" and the departments of the nodes."""
        return tuple(self._commands)

    def start(self, name: str) -> None:
        """Start a process; its output goes to NAME.log."""
        with self.log(name).open("ab") as out:
            self._running[name] = subprocess.Popen(self._commands[name], stdout=out, stderr=out, env=self._environment)

    def replace(self, name: str, module: str, *arguments: str) -> None:
        """Run a module instead of the product's node from the next start on; it gets the home and the arguments."""
        self._commands[name] = (sys.executable, "-m", module, self._commands[name][-1], *arguments)

    def add(self, name: str, module: str, *arguments: str) -> None:
        """Let a module of its own be one more process."""
        self._commands[name] = (sys.executable, "-m", module, *arguments)

    def stop(self, name: str, within_s: float = 20.0) -> None:
        """End a process in order and wait until it is gone."""
        process = self._running.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(within_s)

    def kill(self, name: str) -> None:
        """Kill a process with SIGKILL and wait until it is gone."""
        process = self._running.pop(name)
        process.kill()
        process.wait()

    def alive(self, name: str) -> bool:
        """Whether a started process still runs."""
        return self._running[name].poll() is None

    def log(self, name: str) -> Path:
        """Where a process's output goes."""
        return self.city.folder / f"{name}.log"

    def end(self) -> None:
        """End all in order."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self._running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._running.clear()


def until(what: str, holds: Callable[[], bool], within_s: float) -> None:
    """Wait for something to hold.

    Raises:
        TimeoutError: It did not.
    """
    end = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.1)


def pointers(home: Path) -> int:
    """Live pointers in a gateway's index, read from its database."""
    with contextlib.closing(sqlite3.connect(f"file:{home / 'gateway.db'}?mode=ro", uri=True)) as base:
        (count,) = base.execute("select count(*) from index_pointers").fetchone()
    return int(count)
