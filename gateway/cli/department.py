"""`oncegate department` and `oncegate member`: who is in the exchange.

The operator registers departments' keys and never makes them.
"""

from collections.abc import Collection
from typing import Annotated, Any

import typer

from gateway.bootstrap.issuers import configured_issuers
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home
from gateway.cli.output import command, emit, say, table
from gateway.identity.issuers import Issuer
from keys.errors import UnusableKeys
from keys.jwks import JwksFile

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


@app.command("issuers")
@command
def issuers(home: Home, as_json: AsJson = False) -> None:
    """List whose tokens count: each issuer of the settings, its department, and the keys that its file has now."""
    with open_offline(home) as offline:
        known = {department.id for department in offline.departments.list()}
        found = [_issuer(one, known) for one in configured_issuers(offline.settings)]
    rows = [
        (
            one["issuer"],
            one["department"] or "-",
            ", ".join(one["roles"]),
            f"{', '.join(one['algorithms'])}; {one['binding']}" if one["department"] else ", ".join(one["algorithms"]),
            one["fault"] or ", ".join(one["keys"]),
        )
        for one in found
    ]
    columns = ("issuer 签发方", "department 部门", "roles 角色", "signed, bound 签名与绑定", "keys now 现有密钥")
    emit(found, as_json=as_json, human=lambda: table("Issuers of people's tokens 令牌签发方", columns, rows))


def _issuer(issuer: Issuer, departments: Collection[str]) -> dict[str, Any]:
    """One issuer for a listing; what keeps its tokens from counting is its `fault`."""
    keys: tuple[str, ...] = ()
    fault = "" if not issuer.department or issuer.department in departments else "no such department 无此部门"
    try:
        keys = JwksFile(issuer.jwks_file).key_ids()
    except UnusableKeys as error:
        fault = str(error)
    return {
        "issuer": issuer.issuer,
        "department": issuer.department,
        "audience": issuer.audience,
        "algorithms": list(issuer.algorithms),
        "binding": str(issuer.binding) if issuer.department else "",
        "roles": sorted({*issuer.roles.values(), *filter(None, [issuer.default_role])}),
        "keys": list(keys),
        "fault": fault,
    }


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
