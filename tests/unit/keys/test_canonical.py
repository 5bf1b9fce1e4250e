import pytest

from keys import canonical
from keys.canonical import NotCanonical


def test_there_is_one_text_for_one_value():
    assert canonical.write({"b": [1, None, True], "a": {"名": "张"}}) == '{"a":{"名":"张"},"b":[1,null,true]}'.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"1",
        b"{",
        b"\xff",
        b'{"a": 1}',
        b'{"b":1,"a":1}',
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":1}\n',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":-0}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"9" * 5000 + b"}",
    ],
)
def test_any_other_spelling_is_refused(raw):
    with pytest.raises(NotCanonical):
        canonical.read(raw)


@pytest.mark.parametrize("value", [{"a": 1.5}, {"a": [1.5]}, {1: "a"}, {"a": {1: 2}}, {"a": b"x"}, {"a": "\ud800"}])
def test_what_has_no_canonical_form_is_not_written(value):
    with pytest.raises(NotCanonical):
        canonical.write(value)


@pytest.mark.parametrize("data", [b"", b"a", b"ab", b"abc", bytes(range(256))])
def test_bytes_survive_as_text(data):
    assert canonical.from_text(canonical.to_text(data)) == data


@pytest.mark.parametrize("text", ["AA==", "AB", "A", "+/+/", "AA A", "AA\n", "ÄÄ", 1, None])
def test_any_other_spelling_of_bytes_is_refused(text):
    with pytest.raises(NotCanonical):
        canonical.from_text(text)
