"""What a node offers: the `[[resources]]` tables, checked against the rules of `policies.resources`.

Rules kept here: every mistake of a file is found in one pass; a file with one mistake gives no resource at all. The
catalogue's description and the node's private knowledge (columns, keys, code tables) are kept apart: only the first
leaves the node.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from typing import Final

from nodes.errors import BadConfig
from nodes.provider.config.reader import Mistakes, Table, read_toml
from nodes.provider.config.sources import Source, read_sources
from policies.resources import (
    FIELD_PATTERN,
    RESOURCE_PATTERN,
    BadResource,
    FieldDescription,
    LocalText,
    ResourceDescription,
    check_resource,
)
from policies.vocabulary import RECORD_FIELD, Classification, DataType, Form, Mask, Mode, SharingType

FORMAT: Final = "oncegate.resources/1"
DEFAULT_BYTES: Final = {
    DataType.STRING: 200,
    DataType.DATE: 10,
    DataType.INTEGER: 24,
    DataType.DECIMAL: 40,
    DataType.BOOLEAN: 5,
}
"""Longest released text in UTF-8 bytes, unless the file says otherwise: 200 bytes are 66 Chinese characters."""
_OFFSET: Final = re.compile(r"([+-])([01]\d):([0-5]\d)")


class Handles(StrEnum):
    """How a handle is made."""

    RANDOM = "random"
    KEYED = "keyed"


@dataclass(frozen=True, slots=True)
class ProvidedField:
    """One field as the node knows it.

    Args:
        description: As in the catalogue.
        column: The source's column.
        values: Code table: the source's text to the released text; empty when values are released as they are.
        max_bytes: Longest released text, UTF-8. A longer value is a source error; the bound keeps the size of an
            answer independent of the record.
    """

    description: FieldDescription
    column: str
    values: Mapping[str, str]
    max_bytes: int


@dataclass(frozen=True, slots=True)
class ProvidedResource:
    """One resource as the node knows it.

    Args:
        description: As in the catalogue.
        source: Name of the source.
        key: Column that names a record in the source.
        subject_scheme: Kind of the subject's identifier.
        subject_column: Column that holds it.
        updated_column: Column that says when the record changed; empty when unknown.
        utc_offset: Of times in that column that carry none.
        handles: How handles are made.
        max_removed: Largest share of the published records that one comparison may remove.
        max_bad: Largest share of bad rows with which a scan still counts.
        fields: By code.
    """

    description: ResourceDescription
    source: str
    key: str
    subject_scheme: str
    subject_column: str
    updated_column: str
    utc_offset: timezone
    handles: Handles
    max_removed: float
    max_bad: float
    fields: Mapping[str, ProvidedField]

    @property
    def code(self) -> str:
        """Resource code."""
        return self.description.code

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is read, each once, in a stable order."""
        wanted = [self.key, self.subject_column, self.updated_column, *(field.column for field in self.fields.values())]
        return tuple(dict.fromkeys(column for column in wanted if column))


@dataclass(frozen=True, slots=True)
class Offer:
    """Everything that a node's resource files say.

    Args:
        sources: By name.
        resources: By code.
    """

    sources: Mapping[str, Source]
    resources: Mapping[str, ProvidedResource]


def load_offer(file: Path, department: str, environment: Mapping[str, str]) -> Offer:
    """Reads and checks a resource file.

    Args:
        file: The TOML file, described in docs/node.md.
        department: The node's own department: the provider of every resource in it.
        environment: Environment variables, for `url_env`.

    Returns:
        What it says.

    Raises:
        BadConfig: With every mistake in it.
    """
    values, mistakes = read_toml(file)
    if mistakes.found:
        raise BadConfig(mistakes.in_order())
    root = Table(values, (), mistakes)
    if root.text("format", required=True) not in {FORMAT, ""}:
        root.wrong("format", f"must be {FORMAT}")
    sources = _sources(root, file, environment)
    resources = _resources(root, department, sources, mistakes)
    root.close()
    if mistakes.found:
        raise BadConfig(mistakes.in_order())
    return Offer({name: source for name, source in sources.items() if source is not None}, resources)


def _sources(root: Table, file: Path, environment: Mapping[str, str]) -> dict[str, Source | None]:
    table = root.table("sources", required=True)
    return {} if table is None else read_sources(table, file.parent, environment)


def _resources(
    root: Table, department: str, sources: Mapping[str, Source | None], mistakes: Mistakes
) -> dict[str, ProvidedResource]:
    found: dict[str, ProvidedResource] = {}
    for table in root.tables("resources"):
        before = len(mistakes.found)
        resource = _resource(table, department, sources)
        if resource.code in found:
            table.wrong("code", "must not repeat a resource")
        if len(mistakes.found) == before:
            # The shared rules are checked last: what they would say of a value that is missing has been said already.
            _check(resource.description, table)
        found[resource.code] = resource
    return found


def _check(description: ResourceDescription, table: Table) -> None:
    try:
        check_resource(description)
    except BadResource as error:
        path, _, rest = error.path.partition("[")
        index, _, inner = rest.partition("]")
        if path == "subject_schemes":
            table.wrong_at(("subject", "scheme"), error.rule)
        elif index:
            parts = [part for part in inner.strip(".").split(".") if part]
            table.wrong_at((path, int(index), *parts), error.rule)
        else:
            table.wrong_at(tuple(error.path.split(".")), error.rule)


def _resource(table: Table, department: str, sources: Mapping[str, Source | None]) -> ProvidedResource:
    code = table.text("code", required=True)
    if code and not RESOURCE_PATTERN.fullmatch(code):
        table.wrong("code", "must be dotted lower-case words such as civil.resident")
    elif code and not code.startswith(f"{department}."):
        table.wrong("code", "must begin with this department's id and a dot")
    name_zh, name_en = table.both("name")
    abstract_zh, abstract_en = table.both("abstract")
    source = table.text("source", required=True)
    if source and source not in sources:
        table.wrong("source", "no such source in this file")
    scheme, column = _subject(table)
    fields = _fields(table)
    resource = ProvidedResource(
        description=ResourceDescription(
            code=code,
            name_zh=name_zh,
            name_en=name_en,
            provider=department,
            abstract_zh=abstract_zh,
            abstract_en=abstract_en,
            classification=table.one_of("classification", Classification) or Classification.SENSITIVE,
            sharing_type=table.one_of("sharing_type", SharingType) or SharingType.NOT_SHARED,
            sharing_terms=table.text("sharing_terms"),
            update_cycle=table.text("update_cycle", required=True),
            subject_schemes=(scheme,),
            unlisted=table.flag("unlisted", default=False),
            fields=tuple(field.description for field in fields),
            classification_path=tuple(LocalText(zh, en) for zh, en in table.pairs("classification_path")),
            duty=table.text("duty"),
            purpose=table.text("purpose"),
            modes=table.some_words("modes", Mode, frozenset({Mode.QUERY})),
            related=table.texts("related"),
        ),
        source=source,
        key=table.text("key", required=True, longest=200),
        subject_scheme=scheme,
        subject_column=column,
        updated_column=table.text("updated", longest=200),
        utc_offset=_utc_offset(table),
        handles=table.one_of("handles", Handles, Handles.RANDOM) or Handles.RANDOM,
        max_removed=table.share("max_removed", 0.5),
        max_bad=table.share("max_bad", 0.5),
        fields={field.description.code: field for field in fields},
    )
    table.close()
    return resource


def _subject(table: Table) -> tuple[str, str]:
    subject = table.table("subject", required=True)
    if subject is None:
        return "", ""
    result = subject.text("scheme", required=True), subject.text("column", required=True, longest=200)
    subject.close()
    return result


def _utc_offset(table: Table) -> timezone:
    text = table.text("utc_offset") or "+00:00"
    if not (match := _OFFSET.fullmatch(text)):
        table.wrong("utc_offset", "must be an offset such as +08:00")
        return UTC
    sign = -1 if match[1] == "-" else 1
    return timezone(sign * timedelta(hours=int(match[2]), minutes=int(match[3])))


def _fields(table: Table) -> list[ProvidedField]:
    found: list[ProvidedField] = []
    for inner in table.tables("fields"):
        code = inner.text("code", required=True)
        if code and (not FIELD_PATTERN.fullmatch(code) or code == RECORD_FIELD):
            inner.wrong("code", "must match [a-z][a-z0-9_]{0,63} and not be 'record', which every resource has")
        name_zh, name_en = inner.both("name")
        data_type = inner.one_of("type", DataType) or DataType.STRING
        mask = inner.one_of("mask", Mask) if inner.has("mask") else None
        values = inner.text_map("values")
        found.append(
            ProvidedField(
                description=FieldDescription(
                    code=code,
                    name_zh=name_zh,
                    name_en=name_en,
                    data_type=data_type,
                    classification=inner.one_of("classification", Classification) or Classification.SENSITIVE,
                    forms=inner.words("forms", Form),
                    mask=mask,
                    authority=inner.text("authority"),
                ),
                column=inner.text("column", required=True, longest=200),
                values=values,
                max_bytes=inner.number("max_bytes", DEFAULT_BYTES[data_type], least=8, most=1_000_000),
            )
        )
        inner.close()
    return found
