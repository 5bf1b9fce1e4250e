"""For any TOML document, every key that `tomllib` finds has a line, and it is the right one."""

import json
import tomllib

from hypothesis import given
from hypothesis import strategies as st

from nodes.provider.config.positions import Path, key_lines

keys = st.text(alphabet="abz_-0.]=# \"'\\中", min_size=1, max_size=6)
scalars = st.one_of(st.integers(), st.booleans(), st.text(alphabet="ab[]{}=#\"'\\\n中", max_size=8))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8,
)


def written(value: object, *, broken: bool) -> str:
    """A value as TOML; JSON strings are TOML strings."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {written(v, broken=False)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        end = " # comment ]\n" if broken else " "
        return f"[{end}" + f",{end}".join(written(v, broken=broken) for v in value) + f"{end}]"
    return json.dumps(value, ensure_ascii=False)


def paths(value: object, at: Path = ()) -> list[Path]:
    """Every key path of a document."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in [(*at, k), *paths(v, (*at, k))]]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in [(*at, i), *paths(v, (*at, i))]]
    return []


@given(
    st.dictionaries(keys, values, max_size=4),
    st.lists(st.dictionaries(keys, scalars, max_size=3), max_size=3),
    st.booleans(),
)
def test_every_key_has_a_line_and_top_level_keys_the_right_one(
    top: dict[str, object], tables: list[dict[str, object]], broken: bool
) -> None:
    text, expected = "", {}
    for key, value in top.items():
        expected[(key,)] = text.count("\n") + 1
        text += f"{json.dumps(key, ensure_ascii=False)} = {written(value, broken=broken)}\n"
    for index, table in enumerate(tables):
        expected["~many", index] = text.count("\n") + 1
        text += '[["~many"]] # comment\n'
        for key, value in table.items():
            expected["~many", index, key] = text.count("\n") + 1
            text += f"{json.dumps(key, ensure_ascii=False)} = {written(value, broken=broken)}\n"
    document = tomllib.loads(text)
    lines = key_lines(text)
    assert {path: lines.get(path) for path in expected} == expected
    assert all(path in lines for path in paths(document))
