"""Where records come from: the `[sources.NAME]` tables.

Rules kept here: a password is never needed in the file (`url_env` names an environment variable); relative paths are
taken from the folder of the file; table and column names are plain identifiers, because they become part of SQL.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from nodes.provider.config.reader import Table

SOURCE_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,62}")
TABLE_NAME: Final = re.compile(r"\w+(\.\w+)?")
_SQLITE_FILE: Final = "sqlite:///"


class Encoding(StrEnum):
    """How the bytes of a CSV file are text. A byte-order mark is allowed in UTF-8."""

    UTF_8 = "utf-8"
    GB18030 = "gb18030"


class SourceKind(StrEnum):
    """What a source is."""

    SQL = "sql"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Pool:
    """How much work a source may have at once.

    Args:
        workers: Threads, and for SQL connections, that read it.
        waiting: Asks that may wait for a thread; more are answered NODE_BUSY.
        timeout_s: How long connecting to an SQL source may take.
    """

    workers: int = 4
    waiting: int = 1024
    timeout_s: int = 10


@dataclass(frozen=True, slots=True)
class SqlSource:
    """A table or query of any database that SQLAlchemy speaks to.

    Args:
        name: The source's name.
        url: SQLAlchemy URL; not shown in `repr`, since it may hold a password.
        table: Table or view, with its schema if needed; or
        query: a SELECT of one's own.
        pool: How much at once.
    """

    name: str
    url: str = field(repr=False)
    table: str
    query: str
    pool: Pool


@dataclass(frozen=True, slots=True)
class CsvSource:
    """A CSV file with a header line.

    Args:
        name: The source's name.
        path: The file.
        encoding: Of the file.
        delimiter: One character between cells.
        pool: How much at once.
    """

    name: str
    path: Path
    encoding: Encoding
    delimiter: str
    pool: Pool


Source = SqlSource | CsvSource


def read_sources(table: Table, folder: Path, environment: Mapping[str, str]) -> dict[str, Source | None]:
    """Reads all sources.

    Args:
        table: The `sources` table.
        folder: The file's folder.
        environment: Environment variables, for `url_env`.

    Returns:
        By name; None for a source with a mistake, so that a resource naming it is not blamed too.
    """
    found: dict[str, Source | None] = {}
    for name in table.keys():  # noqa: SIM118 - not a dict
        inner = table.table(name)
        if inner is None:
            found[name] = None
            continue
        if not SOURCE_NAME.fullmatch(name):
            inner.wrong("", "the name of a source must match [a-z][a-z0-9_-]{0,62}")
        kind = inner.one_of("kind", SourceKind)
        pool = Pool(
            workers=inner.number("workers", Pool().workers, least=1, most=64),
            waiting=inner.number("waiting", Pool().waiting, least=1, most=100_000),
            timeout_s=inner.number("timeout_s", Pool().timeout_s, least=1, most=600),
        )
        match kind:
            case SourceKind.SQL:
                found[name] = _sql(name, inner, folder, environment, pool)
            case SourceKind.CSV:
                found[name] = _csv(name, inner, folder, pool)
            case None:
                found[name] = None
                continue
        inner.close()
    return found


def _sql(name: str, table: Table, folder: Path, environment: Mapping[str, str], pool: Pool) -> SqlSource:
    url, variable = table.text("url"), table.text("url_env")
    if bool(url) == bool(variable):
        table.wrong("url", "exactly one of url and url_env is required")
    if variable:
        url = environment.get(variable, "")
        if not url:
            table.wrong("url_env", "the environment variable is not set")
    if url and "://" not in url:
        table.wrong("url_env" if variable else "url", "must be an SQLAlchemy URL such as sqlite:///people.db")
    if url.startswith(_SQLITE_FILE):
        url = _SQLITE_FILE + str((folder / url.removeprefix(_SQLITE_FILE)).absolute())
    name_of_table, query = table.text("table", longest=200), table.text("query", longest=20_000)
    if bool(name_of_table) == bool(query):
        table.wrong("table", "exactly one of table and query is required")
    if name_of_table and not TABLE_NAME.fullmatch(name_of_table):
        table.wrong("table", "must be a table's name, with its schema if needed")
    return SqlSource(name, url, name_of_table, query.strip().rstrip(";"), pool)


def _csv(name: str, table: Table, folder: Path, pool: Pool) -> CsvSource:
    path = table.text("path", required=True)
    encoding = table.one_of("encoding", Encoding, Encoding.UTF_8) or Encoding.UTF_8
    return CsvSource(name, folder / path, encoding, table.character("delimiter", ","), pool)
