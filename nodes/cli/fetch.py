"""`oncegate-node fetch` and `locate`: ask in the name of a system."""

import asyncio
import os
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.text import Text

from nodes.cli.exits import command
from nodes.cli.language import WORDS, Language, language_of, pick, word
from nodes.cli.options import (
    AsJson,
    Basis,
    CaseReference,
    ConsentDigest,
    Declared,
    HomePath,
    Lang,
    OfficialToken,
    Operand,
    Purpose,
    RequestDigest,
    Statement,
    Subject,
    emergency_of,
    official_token,
    subject_of,
    with_operands,
)
from nodes.cli.output import emit, moment, say, table
from nodes.consumer.answer import Answer, LocateAnswer, Row, RowStatus
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.client import AsyncClient
from nodes.errors import NodeError
from policies.vocabulary import Form

Names = Mapping[str, CatalogResource]


@command
def fetch(
    *,
    items: Annotated[
        list[str], typer.Argument(help="resource:field=form, with ? at the end when optional; see docs/sdk.md.")
    ],
    home: HomePath,
    subject: Subject,
    purpose: Purpose,
    basis: Basis,
    operand: Operand = None,
    case: CaseReference = "",
    official_token_file: OfficialToken = None,
    consent: ConsentDigest = "",
    explicit_request: RequestDigest = "",
    emergency: Declared = "",
    statement: Statement = "",
    request_id: Annotated[
        str | None, typer.Option("--request-id", help="Idempotency key; random unless given.")
    ] = None,
    deadline: Annotated[
        float | None, typer.Option("--deadline", help="How long to wait for providers, seconds.")
    ] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Ask for fields of one subject; print every field with its source and age, or why it is withheld."""
    whom = subject_of(subject)
    wanted = with_operands(items, operand or [])
    token = official_token(official_token_file)
    declared = emergency_of(emergency, statement)

    async def ask() -> tuple[Answer, Names]:
        async with AsyncClient(home, renew=False) as client:
            answer = await client.fetch(
                subject=whom,
                purpose=purpose,
                basis=basis,
                items=wanted,
                case_reference=case,
                request_id=request_id,
                deadline_s=deadline,
                official_token=token,
                consent=consent,
                explicit_request=explicit_request,
                emergency=declared,
            )
            return answer, {} if as_json else await _names(client, answer)

    answer, names = asyncio.run(ask())
    language = language_of(lang, os.environ)
    emit(answer_json(answer), as_json=as_json, human=lambda: _print(answer, names, language))


@command
def locate(
    *,
    resources: Annotated[list[str], typer.Argument(help="Resource codes.")],
    home: HomePath,
    subject: Subject,
    purpose: Purpose,
    basis: Basis,
    case: CaseReference = "",
    official_token_file: OfficialToken = None,
    consent: ConsentDigest = "",
    explicit_request: RequestDigest = "",
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Ask which resources hold a record about one subject; no provider is asked."""
    whom = subject_of(subject)
    token = official_token(official_token_file)

    async def ask() -> LocateAnswer:
        async with AsyncClient(home, renew=False) as client:
            return await client.locate(
                subject=whom,
                purpose=purpose,
                basis=basis,
                resources=resources,
                case_reference=case,
                official_token=token,
                consent=consent,
                explicit_request=explicit_request,
            )

    answer = asyncio.run(ask())
    language = language_of(lang, os.environ)
    found = [
        {"resource": x.resource, "exists": x.exists, "updated_ms": x.updated_ms, "reason": x.reason}
        for x in answer.located
    ]
    document = {"request_id": answer.request_id, "located": found, **_entries(answer)}

    def human() -> None:
        unknown = word("unknown", language)
        rows = [
            (
                x.resource,
                "" if x.reason else word("yes" if x.exists else "no", language),
                moment(x.updated_ms, unknown) if x.exists else "",
                f"{word('status.withheld', language)}: {pick(x.reason_text, language)}" if x.reason else "",
            )
            for x in answer.located
        ]
        heads = [word(code, language) for code in ("resource", "exists", "as_of", "note")]
        table(word("answer", language), heads, rows)
        say(word("verified", language).format(**_entries(answer)))

    emit(document, as_json=as_json, human=human)


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
        **_entries(answer),
    }


def _entries(answer: Answer | LocateAnswer) -> dict[str, int]:
    return {"asked": answer.asked.leaf_index, "outcome": answer.outcome.leaf_index}


async def _names(client: AsyncClient, answer: Answer) -> Names:
    """The catalogue's names of what was asked for; codes will do where the catalogue cannot be read."""

    async def name(code: str) -> CatalogResource | None:
        try:
            return await client.resource(code)
        except NodeError:
            return None

    found = await asyncio.gather(*(name(code) for code in dict.fromkeys(row.resource for row in answer)))
    return {resource.code: resource for resource in found if resource is not None}


def _print(answer: Answer, names: Names, language: Language) -> None:
    heads = [word(code, language) for code in ("field", "value", "form", "department", "as_of", "note")]
    rows = [
        (
            _field_name(row, names, language),
            _value(row, language),
            _form(row, language),
            row.department,
            moment(row.as_of_ms, word("unknown", language)) if row.released else "",
            _note(row, language),
        )
        for row in answer
    ]
    table(word("answer", language), heads, rows)
    for provider in answer.providers:
        synced = moment(provider.synced_ms, word("never", language))
        stale = f" ({word('stale', language)})" if provider.stale else ""
        say(f"{provider.department} {provider.resource}: {word('synced', language)} {synced}{stale}")
    if answer.replayed:
        say(word("replayed", language))
    say(word("complete" if answer.complete else "incomplete", language))
    say(word("verified", language).format(**_entries(answer)))


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
