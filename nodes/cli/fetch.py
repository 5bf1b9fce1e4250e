"""`oncegate-node fetch` and `locate`: ask in the name of a system."""

import asyncio
import os
from typing import Annotated

import typer

from nodes.cli.answer_view import Names, answer_json, entries, names_of, print_answer
from nodes.cli.exits import command
from nodes.cli.language import language_of, pick, word
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
from nodes.consumer.answer import Answer, LocateAnswer
from nodes.consumer.client import AsyncClient


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
            return answer, {} if as_json else await names_of(client, answer)

    answer, names = asyncio.run(ask())
    language = language_of(lang, os.environ)

    def human() -> None:
        print_answer(answer, names, language)
        if declared is not None:
            say(word("emergency", language))

    emit(answer_json(answer), as_json=as_json, human=human)


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
    document = {"request_id": answer.request_id, "located": found, **entries(answer)}

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
        say(word("verified", language).format(**entries(answer)))

    emit(document, as_json=as_json, human=human)
