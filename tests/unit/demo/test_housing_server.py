"""Starting the demo's PostgreSQL server on a busy machine."""

import subprocess

import pytest

from gateway.cli.demo.housing_server import _start


class SlowServer:
    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.starts = 0

    def start(self) -> None:
        self.starts += 1
        if self.starts <= self.failures:
            raise subprocess.TimeoutExpired("pg_ctl", 10)


def test_a_server_that_is_slow_to_start_is_given_more_time() -> None:
    server = SlowServer(failures=2)
    _start(server, (0, 0))
    assert server.starts == 3


def test_a_server_that_does_not_start_is_an_error() -> None:
    server = SlowServer(failures=9)
    with pytest.raises(subprocess.TimeoutExpired):
        _start(server, (0, 0))
    assert server.starts == 3
