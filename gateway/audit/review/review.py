"""What an auditor's door needs of the log: search, statistics, and the tables behind them."""

from sqlalchemy import Engine

from gateway.audit.bodies import Bodies
from gateway.audit.reader import Reader
from gateway.audit.review.derived import Indexer
from gateway.audit.review.search import Search
from gateway.audit.review.statistics import Statistics


class Review:
    """Search and statistics of one log.

    Args:
        engine: The database.
        reader: Reads the log.
        bodies: Makes tokens, opens labels.
    """

    def __init__(self, engine: Engine, reader: Reader, bodies: Bodies) -> None:
        self.search = Search(engine, reader, bodies)
        self.statistics = Statistics(engine, reader, bodies)
        self.indexer = Indexer(engine, reader, bodies)
