from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.parties import Registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    registry = Registry.create(tmp_path)
    yield registry
    registry.close()
