"""Rewrites the first revision from the declared tables: `python -m gateway.storage.regenerate`.

A tool for developers, for as long as no database made by a release exists; after that, a change of tables is a new
revision. Two people who regenerate at once wait for each other.
"""

import contextlib
import fcntl
import io
import tempfile
from pathlib import Path

from alembic import command
from sqlalchemy import create_engine

from gateway.storage.migrate import MIGRATIONS, configuration, declared_tables

FIRST = MIGRATIONS / "versions" / "0001_first.py"


def first_revision() -> str:
    """The text of the first revision that creates every declared table in an empty database."""
    tables = declared_tables()
    engine = create_engine("sqlite://")
    with tempfile.TemporaryDirectory() as folder, engine.connect() as connection:
        config = configuration(connection, tables=tables)
        config.set_main_option("version_locations", folder)
        with contextlib.redirect_stdout(io.StringIO()):
            command.revision(config, message="The first schema", autogenerate=True, rev_id="0001", version_path=folder)
        (written,) = Path(folder).glob("*.py")
        text = written.read_text(encoding="utf-8")
    engine.dispose()
    lines = (line.rstrip() for line in text.splitlines() if "Alembic" not in line)
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write the revision under a lock."""
    with MIGRATIONS.joinpath("env.py").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        FIRST.write_text(first_revision(), encoding="utf-8")
    print(f"wrote {FIRST.name}: {len(declared_tables().tables)} tables")  # noqa: T201 - a tool for the terminal


if __name__ == "__main__":
    main()
