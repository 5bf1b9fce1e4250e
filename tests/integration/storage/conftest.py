import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def server() -> Iterator[PostgresServer]:
    # Not under pytest's own folder: another pytest session closes that folder to the server's user.
    with tempfile.TemporaryDirectory(prefix="oncegate-") as folder, running_postgres(Path(folder) / "data") as running:
        yield running
