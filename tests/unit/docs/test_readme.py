"""README.md and README.zh-CN.md: the same page in two languages, with commands that exist."""

import re
import shlex
import tomllib
from typing import Any

import pytest
import typer.main

from nodes.cli.main import app as node_app
from tests.support.command_reference import commands, every_command
from tests.unit.docs.pages import code_spans, headings, links, prose, read

ENGLISH, CHINESE = "README.md", "README.zh-CN.md"
_ASSIGNED = re.compile(r"^export \w+=\$\((.*?)(?: \|.*)?\)$")


def known() -> dict[tuple[str, ...], Any]:
    """Every command of both programs."""
    found = dict(every_command())
    return found | dict(commands(typer.main.get_command(node_app), ("oncegate-node",)))


def shown_commands(page: str) -> list[list[str]]:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", read(page), re.DOTALL) for line in block.splitlines()]
    lines = [match[1] if (match := _ASSIGNED.match(line)) else line for line in lines]
    return [shlex.split(line, comments=True) for line in lines if line.startswith("oncegate")]


def test_both_pages_have_the_same_structure() -> None:
    english, chinese = headings(read(ENGLISH)), headings(read(CHINESE))
    assert [level for level, _ in english] == [level for level, _ in chinese]
    assert english[0] == chinese[0]


@pytest.mark.parametrize("mark", ["```", "\n| ", "\n- ", "\n1. ", "\n5. "])
def test_both_pages_have_the_same_parts(mark: str) -> None:
    assert read(ENGLISH).count(mark) == read(CHINESE).count(mark)


def test_both_pages_show_the_same_commands_and_name_the_same_files() -> None:
    assert shown_commands(ENGLISH) == shown_commands(CHINESE)
    assert set(links(read(ENGLISH))) - {CHINESE} == set(links(read(CHINESE))) - {ENGLISH}
    assert [s for s in code_spans(read(ENGLISH)) if "/" in s] == [s for s in code_spans(read(CHINESE)) if "/" in s]


def test_the_chinese_page_is_chinese() -> None:
    text = re.sub(r"\[[^]]*\]\([^)]*\)|`[^`]*`|```.*?```", "", read(CHINESE), flags=re.DOTALL)
    han = len(re.findall(r"[\u4e00-\u9fff]", text))
    latin = len(re.findall(r"[A-Za-z]+", text))
    assert han > 1000
    assert han > 10 * latin


@pytest.mark.parametrize("page", [ENGLISH, CHINESE])
def test_every_command_shown_exists_with_its_options(page: str) -> None:
    shown = shown_commands(page)
    assert len(shown) > 5
    for words in shown:
        path = next(p for p in known() if tuple(words[: len(p)]) == p)
        options = {opt for parameter in known()[path].params for opt in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, words


@pytest.mark.parametrize("page", [ENGLISH, CHINESE])
def test_every_target_of_make_that_is_shown_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", read("Makefile"), re.MULTILINE))
    named = set(re.findall(r"^make ([a-z-]+)", read(page), re.MULTILINE))
    assert {"demo", "test", "help"} == named
    assert named <= targets


def test_the_version_is_the_same_everywhere() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert f"## [{project['version']}]" in read("CHANGELOG.md")
    assert project["version"] in prose(read(ENGLISH))
    assert project["version"] in prose(read(CHINESE))
    assert f"oncegate-{project['version']}-" in read("docs/operations.md")
    assert project["license"] in read(ENGLISH)
