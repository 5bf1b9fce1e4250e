"""`oncegate-node consent`: ask a person for a consent, see how it stands, enter one that was withdrawn here."""

import asyncio
import os
from typing import Annotated, Any

import typer

from nodes.cli.exits import command
from nodes.cli.language import language_of, pick
from nodes.cli.options import AsJson, HomePath, Lang, Purpose, Subject, subject_of
from nodes.cli.output import emit, moment, say, table
from nodes.consumer.client import AsyncClient
from nodes.consumer.consents import ConsentState
from nodes.errors import PublicText
from nodes.provider.config import load_settings
from policies.consent_words import MAX_REPEATS, MAX_VALUE, Fetch, Frequency, Locale, Unit
from policies.consents import Status

app = typer.Typer(no_args_is_help=True, help="Consents of people: ask for one, see how it stands, enter a withdrawal.")

_DIGEST_DIGITS = 64
_WORDS = {
    Status.REQUESTED: PublicText("等待本人答复", "waits for the person"),
    Status.GRANTED: PublicText("已同意，有效", "granted, in force"),
    Status.DENIED: PublicText("本人已拒绝", "refused by the person"),
    Status.PAUSED: PublicText("本人已暂停", "paused by the person"),
    Status.REVOKED: PublicText("本人已撤回", "withdrawn by the person"),
    Status.EXPIRED: PublicText("已到期", "expired"),
    Status.SUPERSEDED: PublicText("已被取代", "superseded"),
}
ConsentId = Annotated[str, typer.Argument(help="Id of the consent, 32 hexadecimal digits.")]


@app.command("request")
@command
def request(
    *,
    items: Annotated[list[str], typer.Argument(help="resource:field=form; see docs/sdk.md.")],
    home: HomePath,
    subject: Subject,
    purpose: Purpose,
    fetch: Annotated[Fetch, typer.Option("--fetch", help="Once, or again and again.")] = Fetch.ONCE,
    every: Annotated[
        str, typer.Option("--every", help="For periodic: REPEATS/VALUE/UNIT, such as 3/1/day; else the agreement's.")
    ] = "",
    keep_days: Annotated[int, typer.Option("--keep-days", help="How long the data is kept; 0: the agreement's.")] = 0,
    locale: Annotated[Locale, typer.Option("--locale", help="Language of the notice.")] = Locale.ZH,
    as_json: AsJson = False,
) -> None:
    """Ask a person for a consent. The answer does not say whether there is such a person."""
    whom, frequency = subject_of(subject), _frequency(every)

    async def ask() -> str:
        async with AsyncClient(home, renew=False) as client:
            return await client.consents.request(
                subject=whom,
                purpose=purpose,
                items=items,
                fetch=fetch,
                frequency=frequency,
                data_life_days=keep_days,
                locale=locale,
            )

    consent_id = asyncio.run(ask())
    emit({"consent_id": consent_id}, as_json=as_json, human=lambda: say(f"asked 已请求: {consent_id}"))


@app.command("status")
@command
def status(consent: ConsentId, *, home: HomePath, lang: Lang = None, as_json: AsJson = False) -> None:
    """Show how a consent for this department stands, and the digest under which to ask."""

    async def ask() -> ConsentState:
        async with AsyncClient(home, renew=False) as client:
            return await client.consents.status(consent)

    found = asyncio.run(ask())
    word = pick(_WORDS[found.status], language_of(lang, os.environ))
    rows = [
        (
            word,
            found.digest,
            found.consent.purpose,
            moment(found.consent.valid_until_ms),
            str(found.uses),
            found.superseded_by,
        )
    ]
    heads = ("status 状态", "digest 摘要", "purpose 用途", "valid until 有效期至", "uses 使用次数", "see 另见")
    emit(_json(found), as_json=as_json, human=lambda: table("Consent 授权同意", heads, rows))


@app.command("withdrawn")
@command
def withdrawn(
    consent: Annotated[str, typer.Argument(help="Digest of the consent, 64 hexadecimal digits.")],
    *,
    home: HomePath,
    as_json: AsJson = False,
) -> None:
    """Enter at a node that a person withdrew a consent here. The node heeds it within a second, and for good."""
    # Imported here: what comes with it takes longer to load than the other commands to run.
    from nodes.provider.consents import enter  # noqa: PLC0415

    try:
        digest = bytes.fromhex(consent)
    except ValueError:
        digest = b""
    if len(consent) != _DIGEST_DIGITS or len(digest) != _DIGEST_DIGITS // 2:
        raise typer.BadParameter("must be 64 hexadecimal digits", param_hint="CONSENT")
    fresh = enter(load_settings(home / "node.toml").consents.withdrawn, digest)
    done = "entered 已登记" if fresh else "was entered before 此前已登记"
    emit({"consent": consent, "entered": fresh}, as_json=as_json, human=lambda: say(f"{done}: {consent}"))


def _frequency(text: str) -> Frequency | None:
    if not text:
        return None
    repeats, _, rest = text.partition("/")
    value, _, unit = rest.partition("/")
    if not repeats.isdecimal() or not value.isdecimal() or unit not in frozenset(Unit):
        raise typer.BadParameter("must be REPEATS/VALUE/UNIT, such as 3/1/day", param_hint="--every")
    if not 1 <= int(repeats) <= MAX_REPEATS or not 1 <= int(value) <= MAX_VALUE:
        raise typer.BadParameter(f"at most {MAX_REPEATS} uses and {MAX_VALUE} units", param_hint="--every")
    return Frequency(Unit(unit), int(value), int(repeats))


def _json(found: ConsentState) -> dict[str, Any]:
    return {
        "consent_id": found.consent_id,
        "status": str(found.status),
        "digest": found.digest,
        "purpose": found.consent.purpose,
        "systems": sorted(found.consent.systems),
        "valid_from_unix_ms": found.consent.valid_from_ms,
        "valid_until_unix_ms": found.consent.valid_until_ms,
        "data_life_days": found.consent.data_life_days,
        "mode": str(found.consent.mode),
        "items": {
            part.resource: {field: sorted(str(form) for form in forms) for field, forms in part.items.items()}
            for part in found.consent.parts
        },
        "uses": found.uses,
        "last_used_unix_ms": found.last_used_ms,
        "superseded_by": found.superseded_by,
    }
