"""`oncegate-node service`: a department's service items, and gathering the evidence that one of them needs."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from nodes.cli.answer_view import Names, names_of
from nodes.cli.exits import USAGE, command
from nodes.cli.language import language_of, word
from nodes.cli.options import (
    AsJson,
    CaseReference,
    ConsentDigest,
    HomePath,
    Lang,
    OfficialToken,
    Operand,
    RequestDigest,
    Subject,
    official_token,
    operands_of,
    subject_of,
)
from nodes.cli.output import emit, say, table
from nodes.cli.service_view import (
    application_json,
    findings_json,
    print_application,
    print_service,
    said,
    service_json,
)
from nodes.clock import SystemClock
from nodes.consumer.accepted import AcceptedProviders
from nodes.consumer.catalog import CatalogResource
from nodes.consumer.client import AsyncClient
from nodes.consumer.service_files import ServiceFiles, known_purposes, read_service
from nodes.consumer.services import Application
from nodes.enrolment.errors import BadInput, RequestRefused
from nodes.enrolment.home import Home
from policies.lint.findings import Severity
from policies.purposes import PURPOSES
from policies.services import OnSilence, ServiceItem
from policies.services.lint import Finding, Offered, lint_offered, lint_service
from policies.services.reach import Asker
from policies.vocabulary import RECORD_FIELD, DataType, Form

app = typer.Typer(no_args_is_help=True, help="Service items: which evidence a service needs, and gathering it.")

Code = Annotated[str, typer.Argument(help="Code of a service item in the home's folder services.")]
_TYPES = frozenset(DataType)


@app.command("list")
@command
def list_(*, home: HomePath, lang: Lang = None, as_json: AsJson = False) -> None:
    """List the service items of a home, with the files that are not used and why."""
    language = language_of(lang, os.environ)
    files = _files(Home(home)).list()
    document: list[dict[str, Any]] = [
        {
            "file": file.path.name,
            "code": file.service.code if file.service else "",
            "version": file.service.version if file.service else 0,
            "title_zh": file.service.title.zh if file.service else "",
            "title_en": file.service.title.en if file.service else "",
            "digest": file.service.digest.hex() if file.service else "",
            "problem": file.problem,
        }
        for file in files
    ]
    rows = [
        (
            f["code"],
            str(f["version"] or ""),
            str(f["title_zh" if language == "zh" else "title_en"]),
            f["file"],
            f["problem"],
        )
        for f in document
    ]
    heads = [word(name, language) for name in ("service", "version", "name", "file", "note")]
    emit(document, as_json=as_json, human=lambda: table(word("services", language), heads, rows))


@app.command("show")
@command
def show(code: Code, *, home: HomePath, lang: Lang = None, as_json: AsJson = False) -> None:
    """Show a service item: its requirements, what shows each, and what follows when nothing does."""
    service = _files(Home(home)).get(code)
    language = language_of(lang, os.environ)
    emit(service_json(service), as_json=as_json, human=lambda: print_service(service, language))


@app.command("check")
@command
def check(
    *,
    file: Annotated[Path, typer.Argument(help="The service item (TOML).", dir_okay=False)],
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            envvar="ONCEGATE_HOME",
            help="Home of the system that will ask: compares with its accepted agreements.",
            file_okay=False,
        ),
    ] = None,
    catalogue: Annotated[
        bool, typer.Option("--catalogue", help="Also compare with the gateway's catalogue; needs --home.")
    ] = False,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Check a service item's file, and whether what it needs can be had; exit with 2 when something never can."""
    service = read_service(file, PURPOSES if home is None else known_purposes(home))
    if catalogue and home is None:
        raise BadInput("--home", "is needed with --catalogue")
    findings: tuple[Finding, ...] = ()
    if home is not None:
        findings = _linted(service, Home(home))
        if catalogue:
            findings = (*findings, *asyncio.run(_compared(service, home)))
    language = language_of(lang, os.environ)

    def human() -> None:
        for one in findings:
            say(f"{one.severity}: {one.code}: {said(one.text, language)}")
        say(f"{service.code} v{service.version}  sha256:{service.digest.hex()}")
        if not findings:
            say(word("no_findings", language))

    document = {
        "code": service.code,
        "version": service.version,
        "digest": service.digest.hex(),
        "findings": findings_json(findings),
    }
    emit(document, as_json=as_json, human=human)
    if any(one.severity is Severity.ERROR for one in findings):
        raise typer.Exit(USAGE)


@app.command("fetch")
@command
def fetch(
    code: Code,
    *,
    home: HomePath,
    subject: Subject,
    case: CaseReference = "",
    handed_in: Annotated[
        list[str] | None,
        typer.Option("--handed-in", help="Evidence type that you have seen; it is not asked for. May be repeated."),
    ] = None,
    optional: Annotated[
        list[str] | None,
        typer.Option("--optional", help="Optional requirement to look at too. May be repeated."),
    ] = None,
    past_silence: Annotated[
        bool,
        typer.Option("--past-silence", help="Ask for alternatives also where a provider did not answer."),
    ] = False,
    operand: Operand = None,
    official_token_file: OfficialToken = None,
    consent: ConsentDigest = "",
    explicit_request: RequestDigest = "",
    deadline: Annotated[
        float | None, typer.Option("--deadline", help="How long to wait for providers in each request, seconds.")
    ] = None,
    lang: Lang = None,
    as_json: AsJson = False,
) -> None:
    """Ask for the evidence that a service needs, as little as will do, and say whether the application is complete."""
    whom = subject_of(subject)
    compared = operands_of(operand or [])
    token = official_token(official_token_file)

    async def ask() -> tuple[Application, Names]:
        async with AsyncClient(home, renew=False) as client:
            application = await client.services.gather(
                code,
                subject=whom,
                case_reference=case,
                handed_in=tuple(handed_in or ()),
                optional=tuple(optional or ()),
                on_silence=OnSilence.GO_ON if past_silence else OnSilence.WAIT,
                operands=compared,
                deadline_s=deadline,
                official_token=token,
                consent=consent,
                explicit_request=explicit_request,
            )
            rows = [row for answer in application.answers for row in answer]
            return application, {} if as_json else await names_of(client, rows)

    application, names = asyncio.run(ask())
    language = language_of(lang, os.environ)
    emit(
        application_json(application),
        as_json=as_json,
        human=lambda: print_application(application, names, language),
    )


def _files(home: Home) -> ServiceFiles:
    return ServiceFiles(home.path, home.spiffe().department)


def _linted(service: ServiceItem, home: Home) -> tuple[Finding, ...]:
    """What the accepted agreements of a home say.

    Raises:
        BadInput: The service item is another department's.
    """
    me, now_ms = home.spiffe(), SystemClock().now_ms()
    if service.department != me.department:
        raise BadInput("department", "is another one than the home's")
    accepted = AcceptedProviders(home.agreements, me.department)
    return lint_service(service, accepted.agreements(now_ms), Asker(me.department, me.name, now_ms))


async def _compared(service: ServiceItem, home: Path) -> tuple[Finding, ...]:
    """What the gateway's catalogue says."""
    codes = {item.resource for evidence in service.evidence.values() for item in evidence.items}
    async with AsyncClient(home, renew=False) as client:
        found = await asyncio.gather(*(_offered(client, code) for code in sorted(codes)))
    return lint_offered(service, dict(zip(sorted(codes), found, strict=True)).get)


async def _offered(client: AsyncClient, code: str) -> Offered | None:
    try:
        resource: CatalogResource = await client.resource(code)
    except RequestRefused as error:
        if error.code != "NOT_FOUND":
            raise
        return None
    forms: dict[str, tuple[DataType, Sequence[Form]]] = {
        field.code: (DataType(field.data_type), field.forms) for field in resource.fields if field.data_type in _TYPES
    }
    return Offered(resource.subject_schemes, {RECORD_FIELD: (DataType.BOOLEAN, (Form.EXISTS,)), **forms})
