"""`oncegate department` and `oncegate member`: who is in the exchange.

The operator registers departments' keys and never makes them.
"""

from typing import Annotated

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say, table

app = typer.Typer(no_args_is_help=True, help="Departments of this exchange.")
member_app = typer.Typer(no_args_is_help=True, help="Nodes and systems: enrolment tokens and revocation.")

DepartmentId = Annotated[str, typer.Argument(help="Department id: 1 to 63 of a to z, 0 to 9 and -, a letter first.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; it goes on the ledger.")]


@app.command("add")
@command
def add(
    department: DepartmentId,
    name_zh: Annotated[str, typer.Option("--name-zh", help="Name in Chinese.")],
    name_en: Annotated[str, typer.Option("--name-en", help="Name in English.")],
    key: Annotated[str, typer.Option("--key", help="Fingerprint of the key that the department made: sha256:….")],
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Register a department with the fingerprint of its department key."""
    with open_offline(home) as offline:
        offline.membership.add_department(department, name_zh, name_en, key)
    emit(
        {"department": department, "key_fingerprint": key},
        as_json=as_json,
        human=lambda: say(f"added {department}; its key is {key}"),
    )


@app.command("list")
@command
def list_(home: Home, as_json: AsJson = False) -> None:
    """List departments."""
    with open_offline(home) as offline:
        found = [
            {
                "id": d.id,
                "name_zh": d.name_zh,
                "name_en": d.name_en,
                "status": str(d.status),
                "key_fingerprint": d.key_fingerprint,
                "reason": d.reason,
            }
            for d in offline.departments.list()
        ]
    rows = [(d["id"], f"{d['name_zh']} {d['name_en']}", d["status"], d["key_fingerprint"]) for d in found]
    emit(found, as_json=as_json, human=lambda: table("Departments", ("id", "name", "status", "department key"), rows))


@app.command("revoke")
@command
def revoke(department: DepartmentId, reason: Reason, home: Home, as_json: AsJson = False) -> None:
    """Cut off a department with all its nodes and systems. Takes effect at the next call."""
    with open_offline(home) as offline:
        offline.membership.revoke_department(department, reason)
    emit({"department": department, "status": "revoked"}, as_json=as_json, human=lambda: say(f"revoked {department}"))


@member_app.command("token")
@command
def token(
    department: DepartmentId,
    kind: Annotated[str, typer.Argument(help="node or system.")],
    name: Annotated[str, typer.Argument(help="Name inside the department.")],
    home: Home,
    life_s: Annotated[int, typer.Option("--life", help="How long the token can be used, seconds.")] = 3600,
    as_json: AsJson = False,
) -> None:
    """Issue a one-time enrolment token. It is shown once and kept nowhere; hand it over by a safe way."""
    with open_offline(home) as offline:
        issued = offline.membership.issue_token(department, kind, name, life_s)
    text = issued.encode()
    emit(
        {"token": text, "member": str(issued.spiffe), "not_after_unix_ms": issued.not_after_ms},
        as_json=as_json,
        human=lambda: say(text),
    )


@member_app.command("revoke")
@command
def revoke_member(
    member: Annotated[str, typer.Argument(help="SPIFFE id of the node or system.")],
    reason: Reason,
    home: Home,
    as_json: AsJson = False,
) -> None:
    """Revoke every certificate of a node or system. Stops the next call and closes its streams within a second."""
    with open_offline(home) as offline:
        offline.membership.revoke_certificate(member, reason)
    emit({"member": member, "status": "revoked"}, as_json=as_json, human=lambda: say(f"revoked {member}"))
