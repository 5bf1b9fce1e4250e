"""`oncegate-node catalog`: what can be asked for, as it is, as it was, and what changed."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from nodes.cli.exits import command
from nodes.cli.language import Language, language_of, pick, word
from nodes.cli.options import AsJson, HomePath, Lang
from nodes.cli.output import emit, moment, say, table
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.catalog_reader import CatalogDiff, CatalogReader
from nodes.consumer.client import AsyncClient

T = TypeVar("T")
LIST_HEADS = ("resource", "name", "provider", "sharing", "update_cycle", "fields")
FIELD_HEADS = ("field", "name", "type", "classification", "forms", "authority")
VERSION_HEADS = ("version", "published", "published_by", "fingerprint")

app = typer.Typer(no_args_is_help=True, help="What can be asked for: resources, their history, and a search.")

ResourceCode = Annotated[str, typer.Argument(help="Resource code, such as civil.resident.")]
Provider = Annotated[str, typer.Option("--provider", help="Only this department's resources.")]


@app.command("list")
@command
def list_(*, home: HomePath, provider: Provider = "", lang: Lang = None, as_json: AsJson = False) -> None:
    """List the resources that are offered."""
    found = _read(home, lambda catalogue: catalogue.list(provider))
    language = language_of(lang, os.environ)
    emit([resource_json(r) for r in found], as_json=as_json, human=lambda: _lines("catalogue", found, language))


@app.command("show")
@command
def show(
    *,
    home: HomePath,
    resource: ResourceCode,
    version: Annotated[int, typer.Option("--version", help="An earlier version; 0 for the one offered.", min=0)] = 0,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show one resource with its fields, as it is offered or as it was."""
    found = _read(home, lambda catalogue: catalogue.get(resource, version))
    emit(resource_json(found), as_json=as_json, human=lambda: _show(found, language_of(lang, os.environ)))


@app.command("search")
@command
def search(
    *,
    home: HomePath,
    query: Annotated[str, typer.Argument(help="Words, Chinese text or a code; all of it must occur.")],
    provider: Provider = "",
    limit: Annotated[int, typer.Option("--limit", help="At most this many.", min=1, max=100)] = 20,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Find resources by words, best first."""
    hits = _read(home, lambda catalogue: catalogue.search(query, provider, limit=limit))
    language = language_of(lang, os.environ)

    def human() -> None:
        _lines("found", hits.resources, language)
        if hits.next_page:
            say(word("more", language))

    document = {"found": [resource_json(r) for r in hits.resources], "more": bool(hits.next_page)}
    emit(document, as_json=as_json, human=human)


@app.command("history")
@command
def history(*, home: HomePath, resource: ResourceCode, lang: Lang = None, as_json: AsJson = False) -> None:
    """List every version of a resource, newest first."""
    found = _read(home, lambda catalogue: catalogue.history(resource))
    language = language_of(lang, os.environ)
    rows = [(str(v.version), moment(v.published_ms), v.published_by, v.fingerprint) for v in found]
    document = [
        {
            "version": v.version,
            "published_ms": v.published_ms,
            "published_by": v.published_by,
            "fingerprint": v.fingerprint,
        }
        for v in found
    ]
    emit(document, as_json=as_json, human=lambda: table(resource, _heads(VERSION_HEADS, language), rows))


@app.command("diff")
@command
def diff(
    *,
    home: HomePath,
    resource: ResourceCode,
    before: Annotated[int, typer.Option("--from", help="The older version; default: the one before.", min=0)] = 0,
    after: Annotated[int, typer.Option("--to", help="The newer version; default: the newest.", min=0)] = 0,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions, and which of the department's agreements it touches."""
    found = _read(home, lambda catalogue: catalogue.diff(resource, before, after))
    language = language_of(lang, os.environ)
    emit(_diff_json(resource, found), as_json=as_json, human=lambda: _show_diff(resource, found, language))


def _read(home: Path, read: Callable[[CatalogReader], Awaitable[T]]) -> T:
    async def reading() -> T:
        async with AsyncClient(home, renew=False) as client:
            return await read(client.catalogue)

    return asyncio.run(reading())


def resource_json(resource: CatalogResource) -> dict[str, Any]:
    """A resource as a JSON document.

    Args:
        resource: The resource.

    Returns:
        The document.
    """
    return {
        "code": resource.code,
        "name_zh": resource.name.zh,
        "name_en": resource.name.en,
        "provider": resource.provider,
        "abstract_zh": resource.abstract.zh,
        "abstract_en": resource.abstract.en,
        "classification_path": [{"zh": step.zh, "en": step.en} for step in resource.path],
        "classification": None if resource.classification is None else str(resource.classification),
        "sharing_type": None if resource.sharing_type is None else str(resource.sharing_type),
        "sharing_terms": resource.sharing_terms,
        "duty": resource.duty,
        "purpose": resource.purpose,
        "modes": [str(mode) for mode in resource.modes],
        "update_cycle": resource.update_cycle,
        "subject_schemes": list(resource.subject_schemes),
        "unlisted": resource.unlisted,
        "related": list(resource.related),
        "version": resource.version,
        "published_ms": resource.published_ms,
        "withdrawn_ms": resource.withdrawn_ms,
        "fingerprint": resource.fingerprint,
        "fields": [
            {
                "code": field.code,
                "name_zh": field.name.zh,
                "name_en": field.name.en,
                "data_type": field.data_type,
                "classification": None if field.classification is None else str(field.classification),
                "forms": [str(form) for form in field.forms],
                "mask": field.mask,
                "authority": field.authority,
            }
            for field in resource.fields
        ],
    }


def _lines(title: str, resources: tuple[CatalogResource, ...], language: Language) -> None:
    rows = [
        (r.code, pick(r.name, language), r.provider, _sharing(r, language), r.update_cycle, str(len(r.fields)))
        for r in resources
    ]
    table(word(title, language), _heads(LIST_HEADS, language), rows)


def _show(resource: CatalogResource, language: Language) -> None:
    say(f"{resource.code}  {pick(resource.name, language)}  ({resource.provider}, {_sharing(resource, language)})")
    say(pick(resource.abstract, language))
    facts = (
        ("path", " > ".join(pick(step, language) for step in resource.path)),
        ("terms", resource.sharing_terms),
        ("duty", resource.duty),
        ("purpose", resource.purpose),
        ("modes", ", ".join(word(f"mode.{mode}", language) for mode in resource.modes)),
        ("found_by", ", ".join(resource.subject_schemes)),
        ("related", ", ".join(resource.related)),
        ("version", f"{resource.version}, {moment(resource.published_ms)}"),
        ("withdrawn", moment(resource.withdrawn_ms) if resource.withdrawn_ms else ""),
    )
    for name, fact in facts:
        if fact:
            say(f"  {word(name, language)}: {fact}")
    rows = [
        (
            field.code,
            pick(field.name, language),
            field.data_type,
            "" if field.classification is None else word(f"classification.{field.classification}", language),
            ", ".join(word(f"form.{form}", language) for form in field.forms),
            field.authority,
        )
        for field in resource.fields
    ]
    table("", _heads(FIELD_HEADS, language), rows)


def _diff_json(code: str, found: CatalogDiff) -> dict[str, Any]:
    return {
        "code": code,
        "before": found.before,
        "after": found.after,
        "changes": [
            {
                "kind": change.kind,
                "field": change.field,
                "before": change.before,
                "after": change.after,
                "breaking": change.breaking,
                "zh": change.text.zh,
                "en": change.text.en,
            }
            for change in found.changes
        ],
        "agreements": [
            {"id": one.id, "revision": one.revision, "consumer": one.consumer, "changes": list(one.changes)}
            for one in found.agreements
        ],
    }


def _show_diff(code: str, found: CatalogDiff, language: Language) -> None:
    say(f"{code}: {found.before} → {found.after}")
    for number, change in enumerate(found.changes):
        say(f"  {number}. {word('breaking', language) if change.breaking else ''}{pick(change.text, language)}")
    if not found.changes:
        say(word("no_changes", language))
    for one in found.agreements:
        facts = {"id": one.id, "revision": one.revision, "changes": ", ".join(map(str, one.changes))}
        say(word("touches", language).format(**facts))


def _sharing(resource: CatalogResource, language: Language) -> str:
    return "" if resource.sharing_type is None else word(f"sharing.{resource.sharing_type}", language)


def _heads(codes: tuple[str, ...], language: Language) -> list[str]:
    return [word(code, language) for code in codes]
