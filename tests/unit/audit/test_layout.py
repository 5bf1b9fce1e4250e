from typing import Any

import pytest

from gateway.audit.verify.layout import Line, NotALine, read_line, write_line
from keys import canonical

LINE = Line(3, b"h" * 32, b'{"kind":"asked","time_ms":1}', b"s" * 32, b'{"a":"\xe6\x9c\xba"}', b"t" * 32)
ERASED = Line(3, b"h" * 32, b"{}", b"s" * 32, person_erased=b"e" * 32)
PLAIN = Line(3, b"h" * 32, b"{}", b"s" * 32)


@pytest.mark.parametrize("line", [LINE, ERASED, PLAIN])
def test_a_line_is_read_as_it_was_written(line: Line) -> None:
    assert read_line(write_line(line)) == line


def _changed(**changes: Any) -> bytes:
    said: dict[str, Any] = canonical.read(write_line(LINE))
    for name, value in changes.items():
        if value is None:
            del said[name]
        else:
            said[name] = value
    return canonical.write(said)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b" " + write_line(PLAIN),
        _changed(index=None),
        _changed(index=-1),
        _changed(index=True),
        _changed(index="3"),
        _changed(leaf_hash="AAAA"),
        _changed(leaf_hash="%%%"),
        _changed(accountability="{ }"),
        _changed(accountability=7),
        _changed(accountability_salt=""),
        _changed(person=None),
        _changed(person_salt=None),
        _changed(person_erased=canonical.to_text(b"e" * 32)),
        _changed(note="more"),
    ],
)
def test_any_other_spelling_is_refused(raw: bytes) -> None:
    with pytest.raises(NotALine):
        read_line(raw)
