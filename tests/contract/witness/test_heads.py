"""What every memory of a witness does: compare, keep, and never begin again by itself."""

import pytest

from nodes.witness.errors import Overtaken, StateInvalid
from nodes.witness.store import NOTHING_YET, Head, SqliteHeads
from tests.support.witness import MemoryHeads


@pytest.fixture(params=["memory", "sqlite"])
def heads(request, tmp_path):
    if request.param == "memory":
        yield MemoryHeads()
        return
    SqliteHeads.create(tmp_path / "state.db")
    store = SqliteHeads(tmp_path / "state.db")
    yield store
    store.close()


def test_a_log_that_was_never_enrolled_is_an_error_and_not_an_empty_one(heads):
    with pytest.raises(StateInvalid):
        heads.newest("log.example/none")
    with pytest.raises((StateInvalid, Overtaken)):
        heads.advance("log.example/none", NOTHING_YET, Head(3, "note"))
    assert heads.origins() == []


def test_a_log_is_enrolled_once_and_what_was_kept_stays_when_it_is_enrolled_again(heads):
    heads.enrol("b")
    heads.enrol("a")
    assert heads.newest("a") == NOTHING_YET
    heads.advance("a", NOTHING_YET, Head(3, "three"))
    heads.enrol("a")
    assert heads.newest("a") == Head(3, "three")
    assert heads.newest("b") == NOTHING_YET
    assert heads.origins() == ["a", "b"]


def test_a_head_takes_the_place_only_of_the_one_that_it_was_compared_with(heads):
    heads.enrol("a")
    heads.advance("a", NOTHING_YET, Head(3, "three"))
    for before in (NOTHING_YET, Head(3, "another three"), Head(2, "three")):
        with pytest.raises(Overtaken):
            heads.advance("a", before, Head(5, "five"))
    assert heads.newest("a") == Head(3, "three")
    heads.advance("a", Head(3, "three"), Head(3, "three, later"))
    heads.advance("a", Head(3, "three, later"), Head(9, "nine"))
    assert heads.newest("a") == Head(9, "nine")


def test_a_head_is_never_replaced_by_a_smaller_one(heads):
    heads.enrol("a")
    heads.advance("a", NOTHING_YET, Head(3, "three"))
    with pytest.raises(StateInvalid):
        heads.advance("a", Head(3, "three"), Head(2, "two"))
    assert heads.newest("a") == Head(3, "three")


def test_what_was_kept_is_there_when_the_file_is_opened_again(tmp_path):
    SqliteHeads.create(tmp_path / "state.db")
    first = SqliteHeads(tmp_path / "state.db")
    first.enrol("a")
    first.advance("a", NOTHING_YET, Head(3, "three"))
    second = SqliteHeads(tmp_path / "state.db")
    assert second.newest("a") == Head(3, "three")
    second.advance("a", Head(3, "three"), Head(4, "four"))
    with pytest.raises(Overtaken):
        first.advance("a", Head(3, "three"), Head(5, "five"))
    first.close()
    second.close()


def test_a_memory_that_is_missing_damaged_or_anothers_is_refused(tmp_path):
    path = tmp_path / "state.db"
    with pytest.raises(StateInvalid, match="missing"):
        SqliteHeads(path)
    assert not path.exists()
    path.write_bytes(b"")
    with pytest.raises(StateInvalid):
        SqliteHeads(path)
    path.unlink()
    SqliteHeads.create(path)
    with pytest.raises(StateInvalid, match="already"):
        SqliteHeads.create(path)
    whole = path.read_bytes()
    for damage in (whole[: len(whole) // 2], whole[:4096] + bytes(len(whole) - 4096), b"x" * len(whole)):
        path.write_bytes(damage)
        with pytest.raises(StateInvalid):
            SqliteHeads(path)
