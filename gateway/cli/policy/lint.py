"""`oncegate policy check | lint`: whether a bundle loads, and what in it is probably not meant."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_REFUSED, command, emit, fail, say
from gateway.cli.policy.purposes import PurposesFile, registered
from keys.certificates.spiffe import SpiffeId

if TYPE_CHECKING:
    from gateway.bootstrap.offline import Offline
    from policies.lint import Exchange, Finding
    from policies.purposes import Purposes

Bundle = Annotated[
    Path | None, typer.Argument(help="Folder with a Cedar bundle; default: the packaged one.", file_okay=False)
]


@command
def check(bundle: Bundle = None, purposes: PurposesFile = None, as_json: AsJson = False) -> None:
    """Check a policy bundle: it loads only when schema, guardrails and rules validate."""
    from policies.engine import BadBundle, PolicyEngine  # noqa: PLC0415 - see gateway.cli.offline

    try:
        engine = PolicyEngine.load(bundle, registered(None, purposes))
    except BadBundle as error:
        fail(str(error), EXIT_REFUSED)
    emit({"digest": engine.digest}, as_json=as_json, human=lambda: say(f"the bundle is valid, digest {engine.digest}"))


@command
def lint(
    bundle: Bundle = None,
    agreement: Annotated[
        list[Path] | None, typer.Option("--agreement", help="An agreement file to lint too.", dir_okay=False)
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(
            "--home",
            envvar="ONCEGATE_HOME",
            help="A gateway's home folder: lints its agreements too, against its catalogue and members.",
            file_okay=False,
        ),
    ] = None,
    purposes: PurposesFile = None,
    as_json: AsJson = False,
) -> None:
    """Look for rules and agreements that are probably not meant. Exit code 3 when there is an error among them."""
    from policies.engine import BadBundle  # noqa: PLC0415 - see gateway.cli.offline
    from policies.engine.bundle import PACKAGED, read_files  # noqa: PLC0415 - see gateway.cli.offline
    from policies.lint import Exchange, Severity, lint_bundle  # noqa: PLC0415 - see gateway.cli.offline

    known = registered(home, purposes)
    try:
        files = read_files(PACKAGED if bundle is None else bundle)
    except BadBundle as error:
        fail(str(error), EXIT_REFUSED)
    if home is None:
        findings = [*lint_bundle(files, purposes=known), *_agreement_files(agreement or (), Exchange(purposes=known))]
    else:
        with open_offline(home) as offline:
            found = _agreements(offline, agreement or (), known)
            findings = [*lint_bundle(files, _known(offline), known), *found]
    errors = sum(one.severity is Severity.ERROR for one in findings)

    def human() -> None:
        for one in findings:
            say(f"{one.place}: {one.severity} {one.code}: {one.en} / {one.zh}")
        say(f"{len(findings)} findings, {errors} errors 共 {len(findings)} 项，其中错误 {errors} 项")

    emit({"findings": [finding_json(one) for one in findings], "errors": errors}, as_json=as_json, human=human)
    if errors:
        raise typer.Exit(EXIT_REFUSED)


def finding_json(finding: "Finding") -> dict[str, Any]:
    """A finding for programs."""
    return {
        "code": str(finding.code),
        "severity": str(finding.severity),
        "file": finding.file,
        "line": finding.line,
        "subject": finding.subject,
        "detail": finding.detail,
        "zh": finding.zh,
        "en": finding.en,
    }


def _agreement_files(files: Collection[Path], exchange: "Exchange") -> "list[Finding]":
    """Lint agreement files, against what is known of an exchange."""
    from gateway.clock import SystemClock  # noqa: PLC0415 - see gateway.cli.offline
    from policies.agreements import BadAgreement, parse_agreement  # noqa: PLC0415 - see gateway.cli.offline
    from policies.lint import (  # noqa: PLC0415 - see gateway.cli.offline
        AgreementSource,
        Finding,
        FindingCode,
        lint_agreements,
    )

    findings, sources = [], []
    for file in files:
        try:
            sources.append(AgreementSource(str(file), parse_agreement(file.read_bytes())))
        except BadAgreement as error:
            code = FindingCode.AGREEMENT_UNREADABLE
            findings.append(Finding(code, str(file), error.line or 0, error.key, error.rule))
    return [*findings, *lint_agreements(sources, exchange, SystemClock().now_ms())]


def _agreements(offline: "Offline", files: Collection[Path], purposes: "Purposes") -> "list[Finding]":
    """Lint a gateway's agreements, those that were altered in its database included, and files beside them."""
    from policies.lint import (  # noqa: PLC0415 - see gateway.cli.offline
        AgreementSource,
        Finding,
        FindingCode,
        lint_agreements,
    )

    exchange = _exchange(offline, purposes)
    sources = [
        AgreementSource(f"agreement {one.agreement.id} r{one.agreement.revision}", one.agreement)
        for one in offline.agreements.list()
        if not one.revoked_ms
    ]
    altered = [
        Finding(FindingCode.AGREEMENT_ALTERED, f"agreement {one.agreement_id} r{one.revision}", 0, "", one.rule)
        for one in offline.agreements.problems()
    ]
    found = lint_agreements(sources, exchange, offline.clock.now_ms())
    return [*altered, *found, *_agreement_files(files, exchange)]


def _exchange(offline: "Offline", purposes: "Purposes") -> "Exchange":
    from gateway.errors import Refused  # noqa: PLC0415 - see gateway.cli.offline
    from policies.lint import Exchange  # noqa: PLC0415 - see gateway.cli.offline

    systems = _systems(offline)

    def key_of(department: str) -> str | None:
        try:
            return offline.departments.fingerprint(department)
        except Refused:
            return None

    def resource(code: str) -> Any:
        entry = offline.catalog.get(code)
        return None if entry is None else entry.resource

    return Exchange(
        resource=resource,
        key_of=key_of,
        systems_of=lambda department: systems.get(department, ()),
        purposes=purposes,
    )


def _systems(offline: "Offline") -> Mapping[str, Collection[str]]:
    found: dict[str, set[str]] = {}
    for one in offline.enrolments.certificates():
        spiffe = SpiffeId.parse(one.spiffe)
        if spiffe.kind == "system":
            found.setdefault(spiffe.department, set()).add(spiffe.name)
    return found


def _known(offline: "Offline") -> dict[str, set[str]]:
    """Ids that rules may name, by Cedar type."""
    entries = offline.catalog.list()
    return {
        "Department": {one.id for one in offline.departments.list()},
        "System": {f"{department}/{name}" for department, names in _systems(offline).items() for name in names},
        "Resource": {entry.resource.code for entry in entries},
        "Field": {f"{entry.resource.code}:{field.code}" for entry in entries for field in entry.resource.fields},
    }
