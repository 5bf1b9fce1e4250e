"""docs/architecture.md names every table of the database, every part of the code and every kind of test."""

import re

from gateway.storage.migrate import declared_tables
from tests.unit.docs.pages import ROOT, code_spans, read, table

TEXT = read("docs/architecture.md")


def folders(parent: str) -> set[str]:
    return {path.name for path in (ROOT / parent).iterdir() if path.is_dir() and not path.name.startswith(("_", "."))}


def test_every_table_of_the_database_is_listed() -> None:
    assert {row[0] for row in table(TEXT, "table | holds")} == set(declared_tables().tables)


def test_every_part_of_the_gateway_and_of_the_nodes_is_listed() -> None:
    listed = {span for row in table(TEXT, "layer | what it does") for span in re.findall(r"gateway/(\w+)/", row[0])}
    assert listed == folders("gateway")
    listed = {span for row in table(TEXT, "part | what it does") for span in re.findall(r"nodes/(\w+)/", row[0])}
    assert listed == folders("nodes")


def test_every_kind_of_test_is_listed() -> None:
    assert {row[0] for row in table(TEXT, "folder | what it proves")} == {f"tests/{f}/" for f in folders("tests")}


def test_every_layer_that_is_proved_is_on_the_map() -> None:
    layers = re.findall(r'"(gateway\.[a-z.| ]+)"', read("pyproject.toml").split('type = "layers"', 1)[1])
    parts = {part.strip().removeprefix("gateway.") for layer in layers for part in layer.split("|")}
    spans = " ".join(code_spans(TEXT))
    assert parts
    for part in parts:
        assert f"gateway/{part}" in spans, part
