"""`oncegate-node enrol` and `certify`: how a node or system becomes known, and how its keys are certified.

With the department key at hand, `enrol` does everything. Without it: `enrol --request FILE`, then the custodian's
`certify FILE`, then `enrol --certified FILE`.
"""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from keys.enrolment_token import EnrolmentToken
from nodes.cli.exits import command
from nodes.cli.options import AsJson, DepartmentKey, HomePath, PassphraseFile, passphrase
from nodes.cli.output import emit, moment, say
from nodes.clock import SystemClock
from nodes.enrolment.department_key import load_department_key
from nodes.enrolment.enrolment import enrol as enrol_member
from nodes.enrolment.enrolment import prepare, read_token
from nodes.enrolment.errors import BadInput
from nodes.enrolment.home import Home, certified_from_json, certified_to_json
from nodes.enrolment.member_keys import accept_certified, certify_home, certify_request, key_request, open_own
from nodes.enrolment.private_files import PUBLIC, read_public, write_whole
from nodes.enrolment.renewal import validity

LONGEST_TOKEN = 16_384

Days = Annotated[int, typer.Option("--days", help="Validity of the key certificate, days, 1 to 1100.")]


@command
def enrol(
    *,
    home: HomePath,
    token_file: Annotated[
        str, typer.Option("--token-file", help="File with the enrolment token; a single - reads standard input.")
    ],
    department_key: Annotated[
        Path | None, typer.Option("--department-key", help="Certify the keys with this department key.", dir_okay=False)
    ] = None,
    passphrase_file: PassphraseFile = None,
    certified: Annotated[
        Path | None, typer.Option("--certified", help="Key certificate from the custodian.", dir_okay=False)
    ] = None,
    request: Annotated[
        Path | None,
        typer.Option("--request", help="Only make the keys and write this file for the custodian.", dir_okay=False),
    ] = None,
    days: Days = 365,
    as_json: AsJson = False,
) -> None:
    """Enrol a node or system with the gateway, using a one-time token from its operator."""
    if sum(option is not None for option in (department_key, certified, request)) > 1:
        raise typer.BadParameter("give only one of --department-key, --certified and --request")
    clock = SystemClock()
    member = Home(home)
    token = read_token(_token(token_file), clock)
    if request is not None:
        spiffe = prepare(member, token)
        write_whole(request, key_request(member), PUBLIC)
        emit(
            {"member": str(spiffe), "request": str(request), "enrolled": False},
            as_json=as_json,
            human=lambda: say(f"{spiffe}: keys made; give {request} to the department's custodian"),
        )
        return
    key = None if department_key is None else load_department_key(department_key, passphrase(passphrase_file))
    prepare(member, token)
    if key is not None:
        certify_home(key, member, now_ms=clock.now_ms(), days=days)
    elif certified is not None:
        given = certified_from_json(read_public(certified), certified.name)
        accept_certified(member, given, now_ms=clock.now_ms())
    elif not member.certified_file.exists():
        raise BadInput("--department-key", "give it, or --certified, or --request: the keys are not certified yet")
    _enrol(member, token, clock)
    valid = validity(member)
    emit(
        {"member": str(member.spiffe()), "enrolled": True, "certificate_not_after_ms": valid.not_after_ms},
        as_json=as_json,
        human=lambda: say(f"enrolled {member.spiffe()}; certificate until {moment(valid.not_after_ms)}"),
    )


@command
def certify(
    *,
    department_key: DepartmentKey,
    request: Annotated[Path | None, typer.Argument(help="Key request made by enrol --request.", dir_okay=False)] = None,
    home: Annotated[
        Path | None, typer.Option("--home", help="Certify the keys of this home again, in place.", file_okay=False)
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", help="Where to write the key certificate.", dir_okay=False)
    ] = Path("key-certificate.json"),
    passphrase_file: PassphraseFile = None,
    days: Days = 365,
    as_json: AsJson = False,
) -> None:
    """Certify a member's keys with the department key: from a request file, or in a home."""
    if (request is None) == (home is None):
        raise typer.BadParameter("give either a request file or --home")
    clock = SystemClock()
    key = load_department_key(department_key, passphrase(passphrase_file))
    if home is not None:
        member = Home(home)
        made = certify_home(key, member, now_ms=clock.now_ms(), days=days)
        output = member.certified_file
        holder = open_own(member, made, now_ms=clock.now_ms()).holder
    else:
        assert request is not None
        made = certify_request(key, read_public(request), now_ms=clock.now_ms(), days=days)
        write_whole(output, certified_to_json(made), PUBLIC)
        holder = ""
    emit(
        {"output": str(output), "holder": holder, "fingerprint": key.verify_key.fingerprint},
        as_json=as_json,
        human=lambda: say(f"wrote {output}"),
    )


def _enrol(home: Home, token: EnrolmentToken, clock: SystemClock) -> None:
    asyncio.run(enrol_member(home, token, clock))


def _token(source: str) -> str:
    if source == "-":
        return sys.stdin.read(LONGEST_TOKEN)
    return read_public(Path(source)).decode("ascii", "replace")
