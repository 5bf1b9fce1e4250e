import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.backup_world import PASSPHRASE, World, new_world
from tests.support.postgres import PostgresServer, running_postgres

NewWorld = Callable[..., World]


@pytest.fixture(autouse=True)
def _passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCEGATE_PASSPHRASE", PASSPHRASE)


@pytest.fixture(scope="session")
def data_folder() -> Iterator[Path]:
    """Where the server keeps its files. Not under pytest's own folder, see tests/support/postgres.py."""
    with tempfile.TemporaryDirectory(prefix="oncegate-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "data"


@pytest.fixture(scope="session")
def server(data_folder: Path) -> Iterator[PostgresServer]:
    with running_postgres(data_folder) as running:
        yield running


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=[pytest.mark.postgres])])
def new_url(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Makes an empty database: gives a URL, or "" for SQLite in the home."""
    if request.param == "sqlite":
        return lambda: ""
    server: PostgresServer = request.getfixturevalue("server")
    return server.new_database


@pytest.fixture
def world(tmp_path: Path, new_url: Callable[[], str]) -> World:
    """A gateway on each database."""
    return new_world(tmp_path / "gateway", new_url())


@pytest.fixture
def small(tmp_path: Path) -> World:
    """A gateway on SQLite, for what does not depend on the database."""
    return new_world(tmp_path / "gateway")


@pytest.fixture
def settings_for(tmp_path: Path, new_url: Callable[[], str]) -> Callable[[World], Path]:
    """Settings of a restored gateway, with a database of its own."""

    def make(world: World) -> Path:
        text = (world.home / "gateway.toml").read_text(encoding="utf-8")
        kept = [line for line in text.splitlines() if not line.startswith("database =")]
        url = new_url()
        path = tmp_path / f"restored-{len(list(tmp_path.glob('restored-*.toml')))}.toml"
        path.write_text((f'database = "{url}"\n' if url else "") + "\n".join(kept) + "\n", encoding="utf-8")
        return path

    return make
