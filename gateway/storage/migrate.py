"""The one Alembic history of all capabilities: bringing a database to its newest revision.

The gateway's tables are declared per capability in `gateway/<capability>/tables.py`; the revisions in
`migrations/versions/` are generated from them (`python -m gateway.storage.regenerate`) and a test proves both equal.
"""

import importlib
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlmodel import SQLModel

import gateway
from gateway.storage.errors import DatabaseRefused

MIGRATIONS = Path(__file__).parent / "migrations"


def configuration(connection: Connection | None = None, **attributes: Any) -> Config:
    """Alembic's configuration without an ini file.

    Args:
        connection: The connection that `migrations/env.py` is to use.
        attributes: Further values for `migrations/env.py`.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes.update(attributes, connection=connection)
    return config


def is_current(connection: Connection) -> bool:
    """Whether the schema is at the newest revision that this program knows."""
    scripts = ScriptDirectory.from_config(configuration())
    return MigrationContext.configure(connection).get_current_revision() == scripts.get_current_head()


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision inside the caller's transaction; does nothing when it is there already.

    Raises:
        DatabaseRefused: The database was made by a newer program. Fails closed: nothing is changed.
    """
    config = configuration(connection)
    scripts = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None and found not in {script.revision for script in scripts.walk_revisions()}:
        raise DatabaseRefused("the database's schema is newer than this program")
    command.upgrade(config, "head")


def declared_tables() -> MetaData:
    """The tables of every capability, found by name: `gateway.<capability>.tables`.

    Storage must not depend on the capabilities, so nothing here names one.
    """
    for folder in gateway.__path__:
        for path in sorted(Path(folder).glob("*/tables.py")):
            importlib.import_module(f"gateway.{path.parent.name}.tables")
    return SQLModel.metadata
