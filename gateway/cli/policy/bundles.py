"""`oncegate policy propose | approve | activate | rollback | list | show`: changing the rules takes two people."""

import difflib
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.door import DEADLINE_S, bearer_metadata, people_channel
from gateway.cli.options import Address, AsJson, CaFile, TokenFile
from gateway.cli.output import EXIT_REFUSED, command, emit, fail, moment, say
from oncegate.v1 import policy_pb2, policy_pb2_grpc

Digest = Annotated[str, typer.Argument(help="Digest of the bundle: sha256: and 64 hex digits.")]
_EXAMINE_S = 120.0


@command
def propose(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    bundle: Annotated[
        Path | None, typer.Argument(help="Folder with a Cedar bundle; default: the packaged one.", file_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Hand in a bundle with the decision tables in its folder `tests`. It is checked, linted and tested. Operators."""
    from policies.engine import BadBundle  # noqa: PLC0415 - see gateway.cli.offline
    from policies.engine.bundle import PACKAGED, read_files  # noqa: PLC0415 - see gateway.cli.offline
    from policies.tables import BadTable  # noqa: PLC0415 - see gateway.cli.offline
    from policies.tables.files import files_beside  # noqa: PLC0415 - see gateway.cli.offline

    directory = PACKAGED if bundle is None else bundle
    try:
        files, tables = read_files(directory), files_beside(directory / "tests")
    except (BadBundle, BadTable) as error:
        fail(str(error), EXIT_REFUSED)
    request = policy_pb2.ProposeBundleRequest(
        files=[policy_pb2.BundleFile(name=name, content=raw) for name, raw in files.items()],
        tables=[policy_pb2.BundleFile(name=name, content=raw) for name, raw in tables.items()],
    )
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        found = stub.ProposeBundle(request, metadata=bearer_metadata(token_file), timeout=_EXAMINE_S).bundle
    _emit(found, as_json=as_json)


@command
def approve(digest: Digest, gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Agree to a bundle that somebody else proposed. Look at it first: `show`. Operators and stewards."""
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        request = policy_pb2.ApproveBundleRequest(digest=digest)
        found = stub.ApproveBundle(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S).bundle
    _emit(found, as_json=as_json)


@command
def activate(digest: Digest, gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """Put an approved bundle in force, in every process, from the next request on. Operators."""
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        request = policy_pb2.ActivateBundleRequest(digest=digest)
        found = stub.ActivateBundle(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S).bundle
    _emit(found, as_json=as_json)


@command
def rollback(
    from_digest: Annotated[str, typer.Argument(help="Digest of the bundle that is in force now.")],
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    as_json: AsJson = False,
) -> None:
    """Put the bundle in force again that was before this one. Operators."""
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        request = policy_pb2.RollBackBundleRequest(from_digest=from_digest)
        found = stub.RollBackBundle(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S).bundle
    _emit(found, as_json=as_json)


@command
def list_(gateway: Address, ca: CaFile, token_file: TokenFile, as_json: AsJson = False) -> None:
    """List bundles, newest first. Operators, stewards, auditors."""
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        request = policy_pb2.ListBundlesRequest()
        response = stub.ListBundles(request, metadata=bearer_metadata(token_file), timeout=DEADLINE_S)
    found = [bundle_json(one) for one in response.bundles]

    def human() -> None:
        # Line by line: a digest that a table folds cannot be copied.
        for one in found:
            _say(one)
        if response.problem:
            say(f"NOT IN FORCE 未生效: {response.problem}")

    emit({"bundles": found, "problem": response.problem}, as_json=as_json, human=human)


@command
def show(
    gateway: Address,
    ca: CaFile,
    token_file: TokenFile,
    digest: Annotated[str, typer.Argument(help="Digest; default: the bundle in force.")] = "",
    diff: Annotated[bool, typer.Option("--diff", help="What differs from the bundle in force, line by line.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show a bundle: who took which step, what linter and tables said, and its rules. Operators, stewards, auditors."""
    with people_channel(gateway, ca) as channel:
        stub = policy_pb2_grpc.PolicyServiceStub(channel)
        metadata = bearer_metadata(token_file)
        one = stub.GetBundle(policy_pb2.GetBundleRequest(digest=digest), metadata=metadata, timeout=DEADLINE_S)
        against = None
        if diff:
            against = stub.GetBundle(policy_pb2.GetBundleRequest(), metadata=metadata, timeout=DEADLINE_S)
    files = {file.name: file.content.decode("utf-8", "replace") for file in one.files}
    former = {} if against is None else {f.name: f.content.decode("utf-8", "replace") for f in against.files}
    lines = difference_lines(former, files) if diff else []

    def human() -> None:
        _say(bundle_json(one.bundle))
        if diff:
            for line in lines or ["no difference 没有差异"]:
                say(line)
            return
        for name, text in files.items():
            say(f"--- {name}")
            say(text)

    document = {**bundle_json(one.bundle), "files": files, **({"diff": lines} if diff else {})}
    emit(document, as_json=as_json, human=human)


def difference_lines(former: dict[str, str], files: dict[str, str]) -> list[str]:
    """A unified diff, file by file."""
    lines: list[str] = []
    for name in sorted(former.keys() | files.keys()):
        before, after = former.get(name, "").splitlines(), files.get(name, "").splitlines()
        lines += difflib.unified_diff(before, after, f"in force/{name}", f"proposed/{name}", lineterm="")
    return lines


def bundle_json(bundle: policy_pb2.Bundle) -> dict[str, Any]:
    """A bundle for programs."""
    return {
        "digest": bundle.digest,
        "state": bundle.state,
        "proposed_unix_ms": bundle.proposed_unix_ms,
        "proposed_by": bundle.proposed_by,
        "approved_unix_ms": bundle.approved_unix_ms,
        "approved_by": bundle.approved_by,
        "activated_unix_ms": bundle.activated_unix_ms,
        "tested_rows": bundle.tested_rows,
        "findings": [
            {"code": one.code, "severity": one.severity, "place": one.place, "zh": one.zh, "en": one.en}
            for one in bundle.findings
        ],
    }


def _emit(bundle: policy_pb2.Bundle, *, as_json: bool) -> None:
    document = bundle_json(bundle)
    emit(document, as_json=as_json, human=lambda: _say(document))


def _say(bundle: dict[str, Any]) -> None:
    say(f"{bundle['state']}: {bundle['digest']}")
    if bundle["proposed_by"]:
        say(f"  proposed 提交: {moment(bundle['proposed_unix_ms'])} {bundle['proposed_by'][:8]}")
    if bundle["approved_by"]:
        say(f"  approved 批准: {moment(bundle['approved_unix_ms'])} {bundle['approved_by'][:8]}")
    if bundle["activated_unix_ms"]:
        say(f"  in force since 生效: {moment(bundle['activated_unix_ms'])}")
    say(f"  tested rows 决定表行数: {bundle['tested_rows']}")
    for one in bundle["findings"]:
        say(f"  {one['place']}: {one['severity']} {one['code']}: {one['en']} / {one['zh']}")
