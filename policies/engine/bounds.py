"""Holds a bundle's text within bounds before Cedar's parser sees it.

Cedar's parser and evaluator call themselves for every level of an expression. A rule of three thousand brackets, or a
chain of some ten thousand operators, overruns the stack and ends the whole process, and no error can be caught. So
tokens are counted first, in time proportional to the text. The bounds are far above any rule that people can read.

Which way it fails: closed; what is over a bound is not parsed at all.
"""

import re
from typing import Final

MOST_TOKENS: Final = 1000
"""Most tokens of one rule or declaration."""
MOST_NESTING: Final = 50
"""Most brackets that are open at once."""
MOST_RULES: Final = 200
"""Most rules of a bundle: the linter tries each with hundreds of questions."""

# Comments and strings as a whole, then words and numbers, then every other character by itself.
_TOKEN: Final = re.compile(r'//[^\n]*+|"(?:[^"\\]|\\.)*+"|\w++|\S', re.DOTALL)
_OPENS: Final = frozenset("([{")
_CLOSES: Final = frozenset(")]}")
_END: Final = ";"


def out_of_bounds(text: str) -> str:
    """Which bound a text of rules, or a schema, breaks.

    Args:
        text: Cedar's policy or schema language.

    Returns:
        The rule that is broken; empty when none is.
    """
    # Of what closes too much nothing is kept: it does not parse, and must not make room for what opens later.
    tokens = nesting = rules = 0
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token.startswith("//"):
            continue
        tokens += 1
        if token in _OPENS:
            nesting += 1
        elif token in _CLOSES:
            nesting = max(0, nesting - 1)
        elif token == _END:
            rules, tokens = rules + 1, 0
        if tokens > MOST_TOKENS:
            return f"a rule must have at most {MOST_TOKENS} tokens"
        if nesting > MOST_NESTING:
            return f"at most {MOST_NESTING} brackets may be open at once"
        if rules > MOST_RULES:
            return f"must have at most {MOST_RULES} rules"
    return ""
