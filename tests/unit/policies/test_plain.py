"""Texts that others wrote: shown as what they are, and never a way to say nothing where something must be said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.plain import is_blank, is_plain, printable, printable_json

DRIVING = [
    "\x1b[2J",
    "\x1b]0;t\x07",
    "\x9b31m",
    "\u202egnp",
    "\u2066h\u2069",
    "a\rb",
    "a\x7fb",
    "a\u2028b",
    "\U000e0041",
    "\ud800",
]


@pytest.mark.parametrize("text", ["", "2026-0815", "案 卷　第7号", "Ünïcödé"])
def test_an_ordinary_text_is_plain(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize(
    "text", ["a\x1b[2J", "a\x9b31m", "a\u202eb", "a\u2066b", "a\u200bb", "a\nb", "a\u2028b", "\ue000", "\x00"]
)
def test_what_drives_turns_or_hides_is_not_plain(text: str) -> None:
    assert not is_plain(text)


@pytest.mark.parametrize(
    "text",
    ["", " ", "\t\n", "\u3000", "\u200b", "\u2060\ufeff", "\u3164", "\uffa0", "\u2800", "\u0301", "\ufe0f", "\xad"],
)
def test_what_shows_as_nothing_says_nothing(text: str) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["7", "．", "号", "\u200b7", "𱍐", "\ue000"])
def test_one_sign_that_shows_says_something(text: str) -> None:
    assert not is_blank(text)


def test_what_a_terminal_is_given_keeps_the_rare_characters_of_names() -> None:
    # Private use, and planes newer than this interpreter's tables: left out, the name would be another.
    name = "王\ue123\U00031350\U000f0000"
    assert printable(name) == name
    assert printable("a\x1b[2Jb\u202ec\u200d\u2028\x9b\r\n\t") == "a[2Jbc\n\t"


@pytest.mark.parametrize("text", DRIVING)
def test_a_json_document_drives_no_terminal_and_reads_back(text: str) -> None:
    document = {"前": [f"欧阳{text}后"]}
    for written in (printable_json(document), printable_json(document, indent=2)):
        assert json.loads(written) == document
        assert printable(written) == written
        assert "欧阳" in written


@given(st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_document_reads_back(document: object) -> None:
    assert json.loads(printable_json(document, indent=1)) == document
