"""How an answer is shown: as JSON, and as tables with the catalogue's names for people."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from nodes.cli.language import WORDS, Language, pick, word
from nodes.cli.output import moment, say, table
from nodes.consumer.answer import Answer, LocateAnswer, Row, RowStatus
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.client import AsyncClient
from nodes.errors import NodeError
from policies.vocabulary import Form

Names = Mapping[str, CatalogResource]


def answer_json(answer: Answer) -> dict[str, Any]:
    """An answer as a JSON document.

    Args:
        answer: The verified answer.

    Returns:
        The document described in docs/cli-node.md.
    """
    return {
        "request_id": answer.request_id,
        "complete": answer.complete,
        "replayed": answer.replayed,
        "rows": [
            {
                "resource": row.resource,
                "field": row.field,
                "form": str(row.form),
                "asked": row.asked,
                "necessity": str(row.necessity),
                "status": str(row.status),
                "text": row.text,
                "data_type": row.data_type,
                "department": row.department,
                "source": row.source,
                "marks": [str(mark) for mark in row.marks],
                "as_of_ms": row.as_of_ms,
                "reason": row.reason,
                "reason_zh": row.reason_text.zh,
                "reason_en": row.reason_text.en,
            }
            for row in answer.rows
        ],
        "providers": [
            {
                "department": provider.department,
                "resource": provider.resource,
                "answered": provider.answered,
                "silence": provider.silence,
                "synced_ms": provider.synced_ms,
                "stale": provider.stale,
                "node": provider.receipt.node if provider.receipt else "",
                "released_ms": provider.receipt.released_ms if provider.receipt else None,
            }
            for provider in answer.providers
        ],
        **entries(answer),
    }


def entries(answer: Answer | LocateAnswer) -> dict[str, int]:
    """The entries of the access log: that it was asked, and with which outcome.

    Args:
        answer: A verified answer.
    """
    return {"asked": answer.asked.leaf_index, "outcome": answer.outcome.leaf_index}


async def names_of(client: AsyncClient, rows: Iterable[Row]) -> Names:
    """The catalogue's names of what was asked for; codes will do where the catalogue cannot be read.

    Args:
        client: Reads the catalogue.
        rows: What was asked for.
    """

    async def name(code: str) -> CatalogResource | None:
        try:
            return await client.resource(code)
        except NodeError:
            return None

    found = await asyncio.gather(*(name(code) for code in dict.fromkeys(row.resource for row in rows)))
    return {resource.code: resource for resource in found if resource is not None}


def print_rows(rows: Iterable[Row], names: Names, language: Language) -> None:
    """Prints every field with its source and age, or why it is withheld.

    Args:
        rows: Of one answer or several.
        names: The catalogue's names.
        language: Which.
    """
    heads = [word(code, language) for code in ("field", "value", "form", "department", "as_of", "note")]
    cells = [
        (
            _field_name(row, names, language),
            _value(row, language),
            _form(row, language),
            row.department,
            moment(row.as_of_ms, word("unknown", language)) if row.released else "",
            _note(row, language),
        )
        for row in rows
    ]
    table(word("answer", language), heads, cells)


def print_answer(answer: Answer, names: Names, language: Language) -> None:
    """Prints a whole answer with its providers and what was verified.

    Args:
        answer: The answer.
        names: The catalogue's names.
        language: Which.
    """
    print_rows(answer, names, language)
    for provider in answer.providers:
        synced = moment(provider.synced_ms, word("never", language))
        stale = f" ({word('stale', language)})" if provider.stale else ""
        say(f"{provider.department} {provider.resource}: {word('synced', language)} {synced}{stale}")
    if answer.replayed:
        say(word("replayed", language))
    say(word("complete" if answer.complete else "incomplete", language))
    say(word("verified", language).format(**entries(answer)))


def _field_name(row: Row, names: Names, language: Language) -> str:
    resource = names.get(row.resource)
    field = None if resource is None else resource.field(row.field)
    name = "" if field is None else pick(field.name, language) + " "
    return f"{name}{row.resource}:{row.field}"


def _value(row: Row, language: Language) -> Text | str:
    if row.status is not RowStatus.RELEASED:
        return Text(word(f"status.{row.status}", language), style="dim")
    if isinstance(row.value, bool):
        return word("yes" if row.value else "no", language)
    return row.text or ""


def _form(row: Row, language: Language) -> str:
    """The form, with what was asked of a predicate, or with the less revealing form that could not be had."""
    form = word(f"form.{row.form}", language)
    if row.form is Form.PREDICATE:
        return f"{form} {row.asked}"
    return form if row.asked == row.form else f"{form} ({word('instead_of', language)} {row.asked})"


def _note(row: Row, language: Language) -> str:
    if row.reason:
        return f"{pick(row.reason_text, language)} ({row.reason})"
    said = [word(f"mark.{mark}", language) for mark in row.marks]
    source = WORDS.get(f"source.{row.source}")
    if source is not None:
        said.append(pick(source, language))
    return "; ".join(text for text in said if text)
