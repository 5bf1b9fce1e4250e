"""Where keys stand in a TOML text."""

import tomllib

import pytest

from nodes.provider.config.positions import key_lines, line_of

TEXT = '''# a comment
top = 1 # another = 2
"quoted key" = """
text = over
several lines"""
literal = \'\'\'it''s \'\'\'
dotted.inner."last one" = 'x'

[table] # comment
list = [ # comment with ] in it
  "a",
  { deep = 1, deeper = [1,
    2] },
]
string = "escaped \\" quote # no comment"

[[many]]
name = 1

[[many]]
[many.inner]
name = 2

[[many.sub]]
name = 3
[[many.sub]]
name = 4
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 2),
        (("quoted key",), 3),
        (("literal",), 6),
        (("dotted", "inner", "last one"), 7),
        (("table",), 9),
        (("table", "list"), 10),
        (("table", "list", 0), 11),
        (("table", "list", 1), 12),
        (("table", "list", 1, "deep"), 12),
        (("table", "list", 1, "deeper", 1), 13),
        (("table", "string"), 15),
        (("many", 0), 17),
        (("many", 0, "name"), 18),
        (("many", 1), 20),
        (("many", 1, "inner", "name"), 22),
        (("many", 1, "sub", 0, "name"), 25),
        (("many", 1, "sub", 1, "name"), 27),
    ],
)
def test_every_key_has_its_line(path: tuple[str | int, ...], line: int) -> None:
    assert tomllib.loads(TEXT)
    assert key_lines(TEXT)[path] == line


def test_a_missing_key_has_the_line_of_the_nearest_table_around_it() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("many", 1, "inner", "missing")) == 21
    assert line_of(lines, ("many", 1, "missing", "deeper")) == 20
    assert line_of(lines, ("nowhere",)) is None


@pytest.mark.parametrize(
    "text", ["[", "a", "=", "a = [", "a = {", 'a = "', "[[", "a = [}", "a = ]", "]", '"', "a = [=", "."]
)
def test_what_is_not_toml_is_read_to_its_end(text: str) -> None:
    key_lines(text)
