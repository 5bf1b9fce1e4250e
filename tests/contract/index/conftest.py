import pytest
from sqlalchemy import Engine

from gateway.index.pointer_index import PointerIndex
from policies.identifiers import normalise
from tests.support.index_node import FixedClock, tokens


@pytest.fixture
def index(engine: Engine, clock: FixedClock) -> PointerIndex:
    return PointerIndex(engine, tokens(), clock, normalise)
