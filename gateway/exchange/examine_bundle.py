"""What a bundle has to pass before it may be proposed: it loads, the linter finds no error, its tables come out right.

Fails closed: with the first thing that cannot be read, or with everything that is wrong, up to a bounded list. What the
linter only warns of is kept for whoever approves.
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.audit.entries import Json
from gateway.errors import Code, Refused, Violation, bad_request
from policies.engine import BadBundle, PolicyEngine
from policies.engine.bundle import check_bundle
from policies.lint import Severity, lint_bundle
from policies.purposes import Purposes
from policies.tables import BadTable, parse_table, run_table
from policies.tables.parse import SUFFIX

Examine = Callable[[Mapping[str, bytes], Mapping[str, bytes], Purposes], dict[str, Json]]
_MAX_TABLES: Final = 200
_MAX_FINDINGS: Final = 200
_MAX_TOLD: Final = 16


def examined(files: Mapping[str, bytes], tables: Mapping[str, bytes], purposes: Purposes) -> dict[str, Json]:
    """Load, lint and test a bundle.

    Args:
        files: The bundle's exact bytes by name.
        tables: Decision tables and what they name, by name.
        purposes: The registered ones.

    Returns:
        How many rows were tested, and what the linter finds short of an error; for the log.

    Raises:
        Refused: BUNDLE_REFUSED with the first things that are wrong.
    """
    try:
        bundle = check_bundle(files, purposes)
    except BadBundle as error:
        raise bundle_refused("files", error.rule) from None
    findings = lint_bundle(files, purposes=purposes)
    wrong = [
        Violation("files", f"{one.place} {one.code}: {one.en}") for one in findings if one.severity is Severity.ERROR
    ]
    if len(tables) > _MAX_TABLES:
        raise bad_request("tables", f"must be at most {_MAX_TABLES}")
    rows = 0
    engine = PolicyEngine(bundle)
    for name, raw in tables.items():
        if not name.endswith(SUFFIX):
            continue
        try:
            outcome = run_table(engine, parse_table(raw, tables))
        except BadTable as error:
            raise bundle_refused(f"tables[{name[:64]}]", str(error)) from None
        rows += outcome.rows
        wrong += [Violation(f"tables[{name[:64]}]", str(failure)) for failure in outcome.failures]
    if wrong:
        raise Refused(Code.BUNDLE_REFUSED, "lint or tests", violations=tuple(wrong[:_MAX_TOLD]))
    told: list[Json] = [
        {"code": str(one.code), "severity": str(one.severity), "place": one.place, "zh": one.zh, "en": one.en}
        for one in findings[:_MAX_FINDINGS]
    ]
    return {"rows": rows, "findings": told}


def bundle_refused(field: str, rule: str) -> Refused:
    """The refusal of a bundle for one thing that is wrong with it."""
    return Refused(Code.BUNDLE_REFUSED, "the bundle", violations=(Violation(field, rule),))
