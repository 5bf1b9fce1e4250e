from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entries import LARGEST_PART, EntryDraft, encode, part
from gateway.audit.errors import BadEntry
from gateway.audit.kinds import OUTCOMES, Kind
from keys import canonical

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_a_part_is_written_exactly_like_canonical_json(value: dict[str, canonical.Json]) -> None:
    assert part(value) == canonical.write(value)


@pytest.mark.parametrize(
    "value",
    [{"a": 1.5}, {"a": [1, {"b": 0.1}]}, {"a": {1: "b"}}, {1: "a"}, {"a": b"x"}, {"a": "\ud800"}, {"a": {"b"}}],
)
def test_what_has_no_single_spelling_is_refused(value: dict[str, canonical.Json]) -> None:
    with pytest.raises(BadEntry):
        part(value)


def test_a_value_that_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["a"] = [value]
    with pytest.raises(BadEntry):
        part(value)


def test_a_part_has_a_largest_size() -> None:
    with pytest.raises(BadEntry, match="large"):
        part({"a": "x" * LARGEST_PART})


@pytest.mark.parametrize(
    "draft",
    [
        EntryDraft("nonsense", {}),
        EntryDraft("asked", {"kind": "released"}),
        EntryDraft("asked", {"time_ms": 5}),
        EntryDraft("asked", {}, request_digest=b"short"),
        EntryDraft("released", {"request": "7"}),
        EntryDraft("released", {"request": True}),
        EntryDraft("released", {"request": -1}),
        EntryDraft("asked", {"department": 7}),
        EntryDraft("asked", {}, {"a": 1.5}),
    ],
)
def test_a_draft_that_breaks_a_rule_is_refused(draft: EntryDraft) -> None:
    with pytest.raises(BadEntry):
        encode(draft, 1)


def test_kind_and_time_become_part_of_what_is_committed_to() -> None:
    encoded = encode(EntryDraft(Kind.RELEASED, {"request": 4, "department": "tax"}), 77)
    assert encoded.accountability == b'{"department":"tax","kind":"released","request":4,"time_ms":77}'
    assert (encoded.request, encoded.department, encoded.person) == (4, "tax", None)


def test_only_final_outcomes_close_a_question() -> None:
    assert {"released", "refused", "abandoned"} == OUTCOMES
