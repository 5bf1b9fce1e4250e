"""`oncegate policy test`: decision tables against a bundle."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.options import AsJson
from gateway.cli.output import EXIT_REFUSED, command, emit, fail, say, table
from gateway.cli.policy.purposes import PurposesFile, registered


@command
def run(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Decision tables, or folders of them; default: those of the bundle.", exists=True),
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option("--bundle", help="Folder with a Cedar bundle; default: the packaged one.")
    ] = None,
    purposes: PurposesFile = None,
    as_json: AsJson = False,
) -> None:
    """Decide the rows of decision tables and compare. Exit code 3 when one comes out otherwise."""
    from policies.engine import BadBundle, PolicyEngine  # noqa: PLC0415 - see gateway.cli.offline
    from policies.engine.bundle import PACKAGED  # noqa: PLC0415 - see gateway.cli.offline
    from policies.tables import BadTable, run_table  # noqa: PLC0415 - see gateway.cli.offline
    from policies.tables.files import parse_file, tables_in  # noqa: PLC0415 - see gateway.cli.offline

    try:
        engine = PolicyEngine.load(bundle, registered(None, purposes))
    except BadBundle as error:
        fail(str(error), EXIT_REFUSED)
    paths = tables_in(files or [(bundle or PACKAGED) / "tests"])
    if not paths:
        fail("no decision tables (*.decisions.toml) there 没有决定表", EXIT_REFUSED)
    tried: list[dict[str, Any]] = []
    for path in paths:
        try:
            parsed = parse_file(path)
        except BadTable as error:
            fail(f"{path}: {error}", EXIT_REFUSED)
        outcome = run_table(engine, parsed)
        failures = [
            {
                "row": one.row,
                "line": one.line,
                "item": one.item,
                "expected": one.expected,
                "got": one.got,
                "rules": list(one.rules),
            }
            for one in outcome.failures
        ]
        tried.append(
            {
                "file": str(path),
                "title_zh": parsed.title_zh,
                "title_en": parsed.title_en,
                "rows": outcome.rows,
                "items": outcome.items,
                "failures": failures,
            }
        )
    failed = sum(len(one["failures"]) for one in tried)

    def human() -> None:
        for one in tried:
            say(f"{one['file']}: {one['title_zh']} {one['title_en']}: {one['rows']} rows, {one['items']} items")
            if one["failures"]:
                rows = [
                    (f"{f['line']}: {f['row']}", f["item"], f["expected"], f["got"], ", ".join(f["rules"]))
                    for f in one["failures"]
                ]
                columns = ("row 行", "item 信息项", "expected 应为", "got 实为", "rules 规则")
                table("FAILED 不符", columns, rows)
        rows_tried = sum(one["rows"] for one in tried)
        say(f"{rows_tried} rows, {failed} items otherwise 共 {rows_tried} 行，{failed} 项不符; bundle {engine.digest}")

    emit({"bundle": engine.digest, "tables": tried, "failed": failed}, as_json=as_json, human=human)
    if failed:
        raise typer.Exit(EXIT_REFUSED)
