"""Every error of keys has a public text in both languages."""

import re

import pytest

from keys import errors
from keys.errors import KeysError
from keys.texts import PUBLIC, public_text


def tree(cls: type[KeysError]) -> list[type[KeysError]]:
    return [cls, *(found for child in cls.__subclasses__() for found in tree(child))]


ALL = [cls for cls in tree(KeysError) if cls.__module__ == errors.__name__]


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_error_has_a_text_in_chinese_and_english(cls: type[KeysError]) -> None:
    text = public_text(cls("internal words"))
    assert re.search(r"[一-鿿]", text.zh)
    assert text.en.isascii()
    assert len(text.en) > 10
    assert "internal" not in text.en


def test_no_text_is_left_without_an_error() -> None:
    assert set(PUBLIC) == {cls.code for cls in ALL}
