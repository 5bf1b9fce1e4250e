"""A bundle is held within bounds before Cedar parses it: what is too deep would end the process and not be an error."""

import subprocess
import sys
import time

import pytest

from policies.engine import BadBundle
from policies.engine.bounds import MOST_NESTING, MOST_RULES, MOST_TOKENS, out_of_bounds
from policies.engine.bundle import PACKAGED, SCHEMA_FILE, check_bundle, read_files

FILES = read_files(PACKAGED)
DEEP = {
    "brackets": "(" * 3000 + "true" + ")" * 3000,
    "sets": "[" * 3000 + "]" * 3000 + " == []",
    "records": "{a: " * 3000 + "1" + "}" * 3000 + " == {}",
    "conditions": "if true then " * 40_000 + "true" + " else false" * 40_000,
    "conjunctions": " && ".join(["true"] * 40_000),
    "attributes": "context" + ".a" * 40_000 + " == 1",
    "behind a string that looks like a comment": '"//" == "" || ' + "(" * 3000 + "true" + ")" * 3000,
    "behind a quote in a comment": '// "\n' + "(" * 3000 + "true" + ")" * 3000,
}


def with_expression(expression: str) -> dict[str, bytes]:
    rule = f'@id("own") forbid (principal, action, resource) when {{ {expression} }};'
    return {**FILES, "own.cedar": rule.encode()}


@pytest.mark.parametrize("name", DEEP)
def test_what_would_overrun_the_stack_is_refused_unparsed(name: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadBundle, match="at most"):
        check_bundle(with_expression(DEEP[name]))
    assert time.monotonic() - began < 2


def test_a_schema_is_held_within_the_same_bounds() -> None:
    deep = FILES[SCHEMA_FILE] + b"\nentity X = { a: " + b"Set<" * 3000 + b"Long" + b">" * 3000 + b" };\n"
    with pytest.raises(BadBundle, match="at most"):
        check_bundle({**FILES, SCHEMA_FILE: deep})


def test_too_many_rules_are_refused() -> None:
    rule = '@id("own-{}") forbid (principal, action, resource) when {{ context.form == Form::"year" }};\n'
    many = "".join(rule.format(number) for number in range(MOST_RULES + 1))
    with pytest.raises(BadBundle, match=f"must have at most {MOST_RULES} rules"):
        check_bundle({**FILES, "own.cedar": many.encode()})


def test_what_is_just_within_the_bounds_is_parsed_and_evaluated_without_harm() -> None:
    """In a process of its own: what this would show is its end."""
    nested = "(" * (MOST_NESTING - 2) + "false" + ")" * (MOST_NESTING - 2)
    chain = "false" + " || false" * ((MOST_TOKENS - 40) // 2)
    conditions = "if true then " * 150 + "false" + " else false" * 150
    for expression in (nested, chain, conditions):
        rules = with_expression(expression)["own.cedar"].decode()
        program = (
            "from policies.engine.bundle import PACKAGED, check_bundle, read_files\n"
            f"check_bundle({{**read_files(PACKAGED), 'own.cedar': {rules!r}.encode()}})\n"
        )
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        assert done.returncode == 0 or "BadBundle" in done.stderr, (
            expression[:40],
            done.returncode,
            done.stderr[-300:],
        )


@pytest.mark.parametrize("name", FILES)
def test_the_packaged_bundle_is_far_within_the_bounds(name: str) -> None:
    text = FILES[name].decode()
    assert out_of_bounds(text) == ""
    assert max(len(part.split()) for part in text.split(";")) < MOST_TOKENS / 3
