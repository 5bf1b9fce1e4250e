"""`oncegate catalog`: what departments offer, for the operator: as it is, as it was, and what changed."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, moment, say, table

if TYPE_CHECKING:
    from gateway.catalog.catalog import CatalogEntry
    from gateway.exchange.browsing import Difference, Shown

app = typer.Typer(no_args_is_help=True, help="What can be asked for: resources, their history, and a search.")

ResourceCode = Annotated[str, typer.Argument(help="Resource code, such as civil.resident.")]
Provider = Annotated[str, typer.Option("--provider", help="Only this department's resources.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=100, help="At most this many.")]
_PAGE = 200


@app.command("list")
@command
def list_(home: Home, provider: Provider = "", as_json: AsJson = False) -> None:
    """List the resources that are offered, and those whose stored description is not what was published."""
    entries: list[CatalogEntry] = []
    with open_offline(home) as offline:
        after = ""
        while True:
            page, after = offline.browsing.resources(provider, after, _PAGE)
            entries += page
            if not after:
                break
        problems = [{"code": p.code, "problem": p.rule} for p in offline.catalog.problems()]

    def human() -> None:
        _lines("Resources", entries)
        for problem in problems:
            say(f"NOT OFFERED: {problem['code']}: {problem['problem']}")

    found = [_resource(entry) for entry in entries]
    emit({"resources": found, "problems": problems}, as_json=as_json, human=human)


@app.command("show")
@command
def show(
    resource: ResourceCode,
    home: Home,
    version: Annotated[int, typer.Option("--version", min=0, help="An earlier version; 0 for the one offered.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show one resource with its fields, as it is offered or as it was."""
    with open_offline(home) as offline:
        shown = offline.browsing.resource(resource, version)
    emit(
        {**_resource(shown.entry), "withdrawn_unix_ms": shown.withdrawn_ms},
        as_json=as_json,
        human=lambda: _show(shown),
    )


@app.command("search")
@command
def search(
    query: Annotated[str, typer.Argument(help="Words, Chinese text or a code; all of it must occur.")],
    home: Home,
    provider: Provider = "",
    limit: Most = 20,
    as_json: AsJson = False,
) -> None:
    """Find resources by words, best first."""
    with open_offline(home) as offline:
        hits = offline.browsing.search(query, provider, "", limit)
    found = [{**_resource(entry), "score": score} for entry, score in hits.found]

    def human() -> None:
        _lines("Found", [entry for entry, _ in hits.found])
        if hits.next_cursor:
            say("there is more: ask for something narrower, or for more with --limit")

    emit({"found": found, "more": bool(hits.next_cursor)}, as_json=as_json, human=human)


@app.command("history")
@command
def history(resource: ResourceCode, home: Home, as_json: AsJson = False) -> None:
    """List every version of a resource, newest first: who published it, when, and its fingerprint."""
    versions: list[dict[str, Any]] = []
    with open_offline(home) as offline:
        cursor = ""
        while True:
            page = offline.browsing.history(resource, cursor, _PAGE)
            versions += [
                {
                    "version": line.version,
                    "published_unix_ms": line.published_ms,
                    "published_by": line.node,
                    "fingerprint": line.fingerprint,
                }
                for line in page.versions
            ]
            cursor = page.next_cursor
            if not cursor:
                break
    withdrawn_ms = page.withdrawn_ms
    rows = [(v["version"], moment(v["published_unix_ms"]), v["published_by"], v["fingerprint"]) for v in versions]

    def human() -> None:
        table(resource, ("version", "published", "by", "fingerprint"), rows)
        if withdrawn_ms:
            say(f"withdrawn {moment(withdrawn_ms)}")

    emit({"code": resource, "versions": versions, "withdrawn_unix_ms": withdrawn_ms}, as_json=as_json, human=human)


@app.command("diff")
@command
def diff(
    resource: ResourceCode,
    home: Home,
    before: Annotated[int, typer.Option("--from", min=0, help="The older version; default: the one before.")] = 0,
    after: Annotated[int, typer.Option("--to", min=0, help="The newer version; default: the newest.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Show what differs between two versions, and which agreements in force breaking changes touch."""
    from gateway.exchange.browsing import Reader  # noqa: PLC0415 - see gateway.cli.offline

    with open_offline(home) as offline:
        found = offline.browsing.difference(Reader(everything=True), resource, before, after)
    emit(_difference(resource, found), as_json=as_json, human=lambda: _show_difference(resource, found))


def _lines(title: str, entries: "list[CatalogEntry]") -> None:
    rows = [
        (
            f"{entry.resource.code} v{entry.version}",
            f"{entry.resource.name_zh} {entry.resource.name_en}",
            entry.resource.provider,
            str(entry.resource.sharing_type),
            str(entry.resource.classification),
            ", ".join(field.code for field in entry.resource.fields),
        )
        for entry in entries
    ]
    table(title, ("resource", "name", "provider", "sharing", "classification", "fields"), rows)


def _resource(entry: "CatalogEntry") -> dict[str, Any]:
    resource = entry.resource
    return {
        "code": resource.code,
        "name_zh": resource.name_zh,
        "name_en": resource.name_en,
        "provider": resource.provider,
        "abstract_zh": resource.abstract_zh,
        "abstract_en": resource.abstract_en,
        "classification_path": [{"zh": step.zh, "en": step.en} for step in resource.classification_path],
        "classification": str(resource.classification),
        "sharing_type": str(resource.sharing_type),
        "sharing_terms": resource.sharing_terms,
        "duty": resource.duty,
        "purpose": resource.purpose,
        "modes": sorted(map(str, resource.modes)),
        "update_cycle": resource.update_cycle,
        "subject_schemes": list(resource.subject_schemes),
        "unlisted": resource.unlisted,
        "related": list(resource.related),
        "version": entry.version,
        "published_unix_ms": entry.published_ms,
        "node": entry.node,
        "fingerprint": resource.fingerprint,
        "fields": [
            {
                "code": field.code,
                "name_zh": field.name_zh,
                "name_en": field.name_en,
                "data_type": str(field.data_type),
                "classification": str(field.classification),
                "forms": [str(form) for form in sorted(field.forms, key=lambda form: form.rank)],
                "mask": str(field.mask or ""),
                "authority": field.authority,
            }
            for field in resource.fields
        ],
    }


def _show(shown: "Shown") -> None:
    resource = shown.entry.resource
    say(f"{resource.code} version {shown.entry.version}: {resource.name_zh} / {resource.name_en}")
    say(f"{resource.abstract_zh} / {resource.abstract_en}")
    facts = (
        ("path", " > ".join(f"{step.zh} / {step.en}" for step in resource.classification_path)),
        ("provider", f"{resource.provider}, {shown.entry.node}"),
        ("classification", str(resource.classification)),
        ("sharing", f"{resource.sharing_type} {resource.sharing_terms}".strip()),
        ("duty", resource.duty),
        ("purpose", resource.purpose),
        ("modes", ", ".join(sorted(map(str, resource.modes)))),
        ("update cycle", resource.update_cycle),
        ("found by", ", ".join(resource.subject_schemes)),
        ("related", ", ".join(resource.related)),
        ("published", moment(shown.entry.published_ms)),
        ("withdrawn", moment(shown.withdrawn_ms) if shown.withdrawn_ms else ""),
        ("fingerprint", resource.fingerprint),
    )
    for name, fact in facts:
        if fact:
            say(f"  {name}: {fact}")
    rows = [
        (
            field.code,
            f"{field.name_zh} {field.name_en}",
            str(field.data_type),
            str(field.classification),
            ", ".join(map(str, sorted(field.forms, key=lambda form: form.rank))),
            field.authority,
        )
        for field in resource.fields
    ]
    table("Fields", ("field", "name", "type", "classification", "forms", "authority"), rows)


def _difference(code: str, found: "Difference") -> dict[str, Any]:
    return {
        "code": code,
        "before": found.before,
        "after": found.after,
        "changes": [
            {
                "kind": str(change.kind),
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
            {
                "id": one.agreement.id,
                "revision": one.agreement.revision,
                "provider": one.agreement.provider,
                "consumer": one.agreement.consumer,
                "changes": list(one.changes),
            }
            for one in found.agreements
        ],
    }


def _show_difference(code: str, found: "Difference") -> None:
    say(f"{code}: version {found.before} → {found.after}")
    for number, change in enumerate(found.changes):
        mark = "BREAKING " if change.breaking else ""
        say(f"  {number}. {mark}{change.text.en} / {change.text.zh}")
    for one in found.agreements:
        numbers = ", ".join(map(str, one.changes))
        parties = f"{one.agreement.provider} → {one.agreement.consumer}"
        say(f"touches agreement {one.agreement.id} r{one.agreement.revision} ({parties}): {numbers}")
