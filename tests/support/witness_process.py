"""A real witness: its home made by the commands, its process started, and a raw HTTP client that can misbehave."""

import contextlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from keys.log.cosignatures import CosignatureVerifier
from nodes.witness.main import main

ROOT: Final = Path(__file__).resolve().parents[2]
ENVIRONMENT: Final = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'proto' / 'gen'}"}
TIMEOUT_S: Final = 20


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def command(home: Path, *words: str, environment: Mapping[str, str] | None = None) -> Done:
    """Runs `oncegate-witness` in this process: each command is short, and `serve` only where it refuses."""
    out, errors = io.StringIO(), io.StringIO()
    before = dict(os.environ)
    os.environ.update(environment or {})
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            code = main(["--home", str(home), *words])
    finally:
        os.environ.clear()
        os.environ.update(before)
    return Done(code, out.getvalue(), errors.getvalue())


class WitnessProcess:
    """A witness that serves.

    Args:
        home: Its home.
        module: What to run, for a witness that dies at a certain moment.
        port: Where it listens; 0 for any that is free.
    """

    def __init__(self, home: Path, module: str = "nodes.witness.main", port: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, "--home", str(home), "serve", "--listen", f"127.0.0.1:{port}"],
            stderr=subprocess.PIPE,
            text=True,
            env=ENVIRONMENT,
            cwd=ROOT,
        )
        assert self.process.stderr is not None
        line = self.process.stderr.readline()
        try:
            started = json.loads(line)
        except ValueError:
            raise AssertionError(f"the witness did not start: {line}{self.process.stderr.read()}") from None
        self.port = int(started["port"])
        self.verifier = CosignatureVerifier(started["witness"])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it and gives its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(TIMEOUT_S)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


@contextlib.contextmanager
def serving(home: Path) -> Iterator[WitnessProcess]:
    process = WitnessProcess(home)
    try:
        yield process
    finally:
        process.stop(signal.SIGKILL)


def make_home(home: Path, name: str, vkeys: Sequence[str]) -> str:
    """A home with an unencrypted key that follows logs; gives its verifier key."""
    made = command(home, "create", name, "--unencrypted")
    assert made.returncode == 0, made.stderr
    for vkey in vkeys:
        assert command(home, "add-log", vkey).returncode == 0
    return made.stdout.strip()


def exchange(port: int, raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Sends bytes on a fresh connection and reads one answer to its end."""
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(raw)
        return read_answer(connection)


def read_answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """One answer; status 0 when the connection was closed instead."""
    read = b""
    while b"\r\n\r\n" not in read:
        try:
            more = connection.recv(65536)
        except ConnectionError:
            more = b""
        if not more:
            return 0, {}, b""
        read += more
    head, _, content = read.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(content) < int(headers["content-length"]):
        content += connection.recv(65536)
    return int(first.split(" ")[1]), headers, content


def post(body: bytes, path: str = "/add-checkpoint", close: bool = True) -> bytes:
    """The bytes of a request."""
    end = "close" if close else "keep-alive"
    return (
        f"POST {path} HTTP/1.1\r\nHost: w\r\nContent-Length: {len(body)}\r\nConnection: {end}\r\n\r\n".encode() + body
    )
