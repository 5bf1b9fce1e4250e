"""The provider's error table is total, and its errors carry places and rules only."""

import pytest

from nodes.clock import SystemClock
from nodes.errors import PUBLIC, BadConfig, Mistake, NodeCode, NodeError, SourceFailed, StateUnusable


@pytest.mark.parametrize("code", NodeCode)
def test_every_code_has_a_text_in_both_languages(code: NodeCode) -> None:
    text = PUBLIC[code]
    assert text.en.isascii()
    assert not text.zh.isascii()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadConfig((Mistake("node.toml", 3, "limits.x", "is not known here"),)), "BAD_CONFIG"),
        (SourceFailed("people: cannot be read (X)"), "SOURCE_UNAVAILABLE"),
        (StateUnusable(), "STATE_UNUSABLE"),
    ],
)
def test_errors_carry_their_code_and_public_texts(error: NodeError, code: str) -> None:
    assert error.code == code
    assert (error.zh, error.en) == (PUBLIC[NodeCode(code)].zh, PUBLIC[NodeCode(code)].en)
    assert str(error) == f"{code}: {error.detail or error.en}"


@pytest.mark.parametrize(
    ("mistake", "text"),
    [
        (Mistake("a.toml", 3, "b.c", "is required"), "a.toml:3: b.c: is required"),
        (Mistake("a.toml", None, "b.c", "is required"), "a.toml: b.c: is required"),
        (Mistake("a.toml", 3, "", "is not UTF-8"), "a.toml:3: is not UTF-8"),
    ],
)
def test_a_mistake_says_where_it_is(mistake: Mistake, text: str) -> None:
    assert str(mistake) == text


def test_the_machines_clock_tells_unix_milliseconds_and_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now_ms() > 1_600_000_000_000
    assert clock.monotonic_s() <= clock.monotonic_s()
