"""`oncegate-node catalog`: what can be asked for."""

import asyncio
import os
from typing import Annotated, Any

import typer

from nodes.cli.exits import command
from nodes.cli.language import Language, language_of, pick, word
from nodes.cli.options import AsJson, HomePath, Lang
from nodes.cli.output import emit, say, table
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.client import AsyncClient

LIST_HEADS = ("resource", "name", "provider", "sharing", "update_cycle", "fields")
FIELD_HEADS = ("field", "name", "type", "classification", "forms")


@command
def catalog(
    *,
    home: HomePath,
    resource: Annotated[
        str, typer.Argument(help="Show one resource with its fields; all resources unless given.")
    ] = "",
    provider: Annotated[str, typer.Option("--provider", help="Only this department's resources.")] = "",
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """List the resources of the catalogue, or show one with its fields."""

    async def read() -> tuple[CatalogResource, ...]:
        async with AsyncClient(home, renew=False) as client:
            return (await client.resource(resource),) if resource else await client.catalog(provider)

    found = asyncio.run(read())
    language = language_of(lang, os.environ)
    if resource:
        emit(resource_json(found[0]), as_json=as_json, human=lambda: _show(found[0], language))
        return
    rows = [
        (r.code, pick(r.name, language), r.provider, _sharing(r, language), r.update_cycle, str(len(r.fields)))
        for r in found
    ]
    emit(
        [resource_json(r) for r in found],
        as_json=as_json,
        human=lambda: table(word("catalogue", language), _heads(LIST_HEADS, language), rows),
    )


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
        "classification": None if resource.classification is None else str(resource.classification),
        "sharing_type": None if resource.sharing_type is None else str(resource.sharing_type),
        "sharing_terms": resource.sharing_terms,
        "update_cycle": resource.update_cycle,
        "subject_schemes": list(resource.subject_schemes),
        "unlisted": resource.unlisted,
        "version": resource.version,
        "published_ms": resource.published_ms,
        "fields": [
            {
                "code": field.code,
                "name_zh": field.name.zh,
                "name_en": field.name.en,
                "data_type": field.data_type,
                "classification": None if field.classification is None else str(field.classification),
                "forms": [str(form) for form in field.forms],
                "mask": field.mask,
            }
            for field in resource.fields
        ],
    }


def _show(resource: CatalogResource, language: Language) -> None:
    say(f"{resource.code}  {pick(resource.name, language)}  ({resource.provider}, {_sharing(resource, language)})")
    say(pick(resource.abstract, language))
    rows = [
        (
            field.code,
            pick(field.name, language),
            field.data_type,
            "" if field.classification is None else word(f"classification.{field.classification}", language),
            ", ".join(word(f"form.{form}", language) for form in field.forms),
        )
        for field in resource.fields
    ]
    table("", _heads(FIELD_HEADS, language), rows)


def _sharing(resource: CatalogResource, language: Language) -> str:
    return "" if resource.sharing_type is None else word(f"sharing.{resource.sharing_type}", language)


def _heads(codes: tuple[str, ...], language: Language) -> list[str]:
    return [word(code, language) for code in codes]
