"""Reads a decision table (format `oncegate.decisions/1`, described in docs/policies/testing.md).

Rules kept here: fails closed. Unknown keys, unknown words, a file that is not beside the table, and an expectation that
is neither `released` nor a reason are refused; an error names line, key and rule.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.agreements import Agreement, BadAgreement, parse_agreement
from policies.agreements.locate import key_lines
from policies.agreements.toml_text import BadToml, read_toml
from policies.engine import AccessQuestion
from policies.reasons import Reason
from policies.resources import ResourceDescription
from policies.tables.reader import BadTable, Reader
from policies.tables.resource import read_resource
from policies.vocabulary import Form, LegalBasis, Necessity

FORMAT: Final = "oncegate.decisions/1"
SUFFIX: Final = ".decisions.toml"
"""How the name of a table ends; what lies beside it has other names."""
RELEASED: Final = "released"
MAX_BYTES: Final = 262_144
MAX_ROWS: Final = 1000

_REQUEST: Final = frozenset({"consumer", "system", "purpose", "basis", "at"})
_FURTHER: Final = frozenset({"scheme", "case", "official", "consent", "emergency", "service"})
_PREDICATE: Final = re.compile(r"predicate\(([a-z][a-z0-9_]{0,63})\)")
_ROW: Final = frozenset({"request", "agreement", "resource"})


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a question, and what must come out for each of its items (`released` or a reason's code)."""

    name: str
    line: int
    question: AccessQuestion
    expected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table that was understood."""

    title_zh: str
    title_en: str
    rows: tuple[Row, ...]


def parse_table(raw: bytes, beside: Mapping[str, bytes]) -> Table:
    """Read one table.

    Args:
        raw: The table, UTF-8 TOML.
        beside: The files that it may name, by name.

    Returns:
        The table, ready to be run.

    Raises:
        BadTable: With line, key and rule of the first thing that is not right.
    """
    text, content = _toml(raw)
    root = Reader(content, key_lines(text))
    root.only({"format", "title_zh", "title_en", "resource", "request", "rows"}, {"agreement"})
    if content["format"] != FORMAT:
        raise root.bad("format", f"must be {FORMAT}")
    rows = root.each("rows", MAX_ROWS)
    return Table(root.text("title_zh"), root.text("title_en"), tuple(_row(root, row, beside) for row in rows))


def _row(root: Reader, row: Reader, beside: Mapping[str, bytes]) -> Row:
    row.only({"name", "expect"}, _ROW)
    asked: dict[str, Any] = {**root.inner("request").table}
    if "request" in row.table:
        asked |= row.inner("request").table
    request = Reader(asked, root.lines, "request.")
    request.only(_REQUEST, _FURTHER)
    expect = row.inner("expect")
    if not expect.table:
        raise row.bad("expect", "must name at least one item")
    read = [_item(expect, item) for item in expect.table]
    asked_about = [item[0] for item, predicate in read if predicate]
    if len(set(asked_about)) != len(asked_about):
        raise row.bad("expect", "must ask one predicate about a field; write another row")
    purpose = asked["purpose"]
    if not isinstance(purpose, str):
        raise request.bad("purpose", "must be a text; empty for none stated")
    question = AccessQuestion(
        consumer=request.text("consumer"),
        system=request.text("system"),
        resource=_resource(row if "resource" in row.table else root, beside),
        items=tuple(item for item, _ in read),
        predicates=tuple((item[0], predicate) for item, predicate in read if predicate),
        purpose=purpose,
        basis=request.word("basis", LegalBasis),
        case_present=request.flag("case") if "case" in asked else False,
        agreement=_agreement(row if "agreement" in row.table else root, beside),
        subject_scheme=request.text("scheme") if "scheme" in asked else "cn.resident-id",
        now_ms=request.moment("at"),
        official=request.flag("official") if "official" in asked else False,
        consent_present=request.flag("consent") if "consent" in asked else False,
        emergency=request.text("emergency") if "emergency" in asked else "",
        service=request.text("service") if "service" in asked else "",
    )
    line = root.lines.get(row.prefix.rstrip("."), 0)
    return Row(row.text("name"), line, question, tuple(_expected(expect, item) for item in expect.table))


def _item(expect: Reader, text: str) -> tuple[tuple[str, Form, Necessity], str]:
    """An item, and the name of its predicate if it has one: `field=form`, or `field=predicate(name)`.

    A `?` stands behind it when the request could do without.
    """
    optional = text.endswith("?")
    field, _, form = text.removesuffix("?").partition("=")
    named = _PREDICATE.fullmatch(form)
    word = str(Form.PREDICATE) if named else form
    if not field or word not in set(Form) or (word == Form.PREDICATE and not named):
        raise expect.bad(text, f"must be field=form, the form one of {', '.join(Form)}, a predicate as predicate(name)")
    necessity = Necessity.OPTIONAL if optional else Necessity.REQUIRED
    return (field, Form(word), necessity), named[1] if named else ""


def _expected(expect: Reader, item: str) -> str:
    word = expect.table[item]
    if word != RELEASED and word not in set(Reason):
        raise expect.bad(item, "must be expected as released or with a reason of docs/policies.md")
    return str(word)


def _agreement(reader: Reader, beside: Mapping[str, bytes]) -> Agreement | None:
    """The agreement that a table or row names; the empty text names none."""
    name = reader.table.get("agreement", "")
    if name == "":
        return None
    raw = _beside(reader, "agreement", beside)
    try:
        return parse_agreement(raw)
    except BadAgreement as error:
        raise reader.bad("agreement", f"{name}: {error}") from None


def _resource(reader: Reader, beside: Mapping[str, bytes]) -> ResourceDescription:
    name = reader.table["resource"]
    text, content = _toml(_beside(reader, "resource", beside))
    try:
        return read_resource(text, content)
    except BadTable as error:
        raise reader.bad("resource", f"{name}: {error}") from None


def _beside(reader: Reader, key: str, beside: Mapping[str, bytes]) -> bytes:
    name = reader.table[key]
    if not isinstance(name, str) or name not in beside:
        raise reader.bad(key, "must be the name of a file beside the table")
    return beside[name]


def _toml(raw: bytes) -> tuple[str, dict[str, Any]]:
    try:
        content, text = read_toml(raw, most=MAX_BYTES)
    except BadToml as error:
        raise BadTable(error.line, "", error.rule) from None
    return text, content
