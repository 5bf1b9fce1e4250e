"""Whatever bytes are put into an epoch statement, it is read as it was signed or refused, and never otherwise."""

import contextlib

from hypothesis import given, settings
from hypothesis import strategies as st

from keys.errors import BadEpoch
from keys.log.custodians import merge, read_unsigned
from keys.log.epochs import parse_statement
from tests.support.epochs import PINNED
from tests.unit.keys.test_epochs import FIVE, SECOND, signed_by

TEXT = SECOND.text()
NOTE = signed_by(SECOND, FIVE[:3])


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(NOTE)), st.integers(0, 8), st.text(max_size=6))
def test_a_changed_statement_is_refused_or_is_the_same(place: int, cut: int, put: str) -> None:
    changed = NOTE[:place] + put + NOTE[place + cut :]
    try:
        assert PINNED.open(changed).statement == SECOND
    except BadEpoch:
        assert changed != NOTE
    for read in (lambda: parse_statement(changed), lambda: read_unsigned(changed), lambda: merge([changed])):
        with contextlib.suppress(BadEpoch):
            read()


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=40), max_size=14))
def test_lines_that_nobody_signed_are_refused(lines: list[str]) -> None:
    text = "\n".join([TEXT.splitlines()[0], *lines]) + "\n"
    with contextlib.suppress(BadEpoch):
        assert parse_statement(text).text() == text
