"""Opens a source for the resources that read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from nodes.provider.config import CsvSource, ProvidedResource, Source, SqlSource
from nodes.provider.connectors.csv_file import CsvConnector
from nodes.provider.connectors.rows import Connector
from nodes.provider.connectors.sql import SqlConnector, open_engine


@dataclass(frozen=True, slots=True)
class OpenSource:
    """A source and a connector for each of its resources.

    Args:
        source: Its settings.
        connectors: By resource code.
        engine: The pool of connections of an SQL source.
    """

    source: Source
    connectors: dict[str, Connector]
    engine: Engine | None

    def close(self) -> None:
        """Closes the pool of connections."""
        if self.engine is not None:
            self.engine.dispose()


def open_source(source: Source, resources: Sequence[ProvidedResource]) -> OpenSource:
    """Makes the connectors; connects to nothing yet.

    Args:
        source: Settings of the source.
        resources: All resources; those of other sources are left out.

    Returns:
        The open source.

    Raises:
        SourceFailed: Its URL or driver is not usable.
    """
    own = [resource for resource in resources if resource.source == source.name]
    match source:
        case SqlSource():
            engine = open_engine(source)
            return OpenSource(source, {r.code: SqlConnector(engine, source, r) for r in own}, engine)
        case CsvSource():
            return OpenSource(source, {r.code: CsvConnector(source, r) for r in own}, None)
