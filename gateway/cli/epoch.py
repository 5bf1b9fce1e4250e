"""`oncegate epoch`: a log that lost its end goes on under a new name, as its custodians say.

`prepare` and `open` are for the operator, at the gateway's home; `sign` is for each custodian, on a machine of their
own, and needs neither gateway nor network.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway.cli.custodian import PassphraseFile, passphrase
from gateway.cli.offline import open_offline
from gateway.cli.options import AsJson, Home, Yes
from gateway.cli.output import EXIT_REFUSED, EXIT_USAGE, command, emit, fail, moment, say
from keys.custody.statement_key import open_custodian_key
from keys.log.custodians import read_unsigned, sign_statement
from keys.log.notes import split_note

if TYPE_CHECKING:
    from keys.log.epochs import EpochStatement

app = typer.Typer(no_args_is_help=True, help="New epochs of the access log after a restore. 日志纪元")
_LONGEST = 256 * 1024
Last = Annotated[
    list[Path] | None,
    typer.Option("--last", help="A newest checkpoint of the old log that somebody holds; may be repeated."),
]
Earlier = Annotated[
    list[Path] | None,
    typer.Option("--epoch", help="A signed statement of an epoch that the restored log forgot; may be repeated."),
]


@app.command("prepare")
@command
def prepare(
    out: Annotated[Path, typer.Argument(help="New file for the statement.", dir_okay=False)],
    home: Home,
    reason: Annotated[str, typer.Option("--reason", help="Why, for everyone to read for good; names no person.")],
    last: Last = None,
    earlier: Earlier = None,
    as_json: AsJson = False,
) -> None:
    """Draw up a statement for the custodians: which head is the last one known, and from which head the log goes on.

    Bring the newest checkpoint that anyone holds: the anchor on another disk, a witness's, a node's ledger-checkpoint,
    an auditor's. A statement that names an older one than a member has seen is not followed by that member.
    """
    from gateway.backup.epoch_prepare import prepare as draw_up  # noqa: PLC0415 - see gateway.cli.offline

    if out.exists():
        fail(f"{out}: is there already", EXIT_USAGE)
    with open_offline(home) as offline:
        prepared = draw_up(offline, reason, last or (), earlier or ())
    _write_new(out, prepared.text)
    facts = _facts(prepared.statement) | {"file": str(out), "needed": prepared.needed}

    def human() -> None:
        _say(prepared.statement)
        say(f"wrote {out}; {prepared.needed} custodians sign it: oncegate epoch sign {out} --key FILE --out SIGNED")

    emit(facts, as_json=as_json, human=human)


@app.command("sign")
@command
def sign(
    statement: Annotated[Path, typer.Argument(help="The statement, signed by others or not.", dir_okay=False)],
    key: Annotated[Path, typer.Option("--key", help="Your custodian's key.", dir_okay=False)],
    out: Annotated[Path, typer.Option("--out", help="New file for the statement with your signature.")],
    passphrase_file: PassphraseFile = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Read a statement and sign it, on the custodian's own machine.

    Compare the last head with what witnesses, nodes and auditors hold before you sign: your signature says that no
    newer one is known.
    """
    if out.exists():
        fail(f"{out}: is there already", EXIT_USAGE)
    handed = _read(statement)
    said, _ = read_unsigned(handed)
    if not as_json:
        _say(said)
    if not yes and not typer.confirm("Sign this? 签署吗?"):
        fail("nothing was signed", EXIT_REFUSED)
    signer = open_custodian_key(key, passphrase(passphrase_file))
    note = sign_statement(handed, signer)
    _write_new(out, note)
    signatures = len(split_note(note)[1])
    facts = _facts(said) | {"file": str(out), "signed_by": signer.name, "signatures": signatures}
    emit(facts, as_json=as_json, human=lambda: say(f"signed as {signer.name}; {signatures} signatures in {out}"))


@app.command("open")
@command
def open_it(
    statements: Annotated[
        list[Path], typer.Argument(help="The signed statement; several files when each custodian signed a copy.")
    ],
    home: Home,
    last: Last = None,
    earlier: Earlier = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Begin the new epoch: the log goes on from the restored head, under the new name and key. Repeating it is safe."""
    from gateway.backup.epoch_open import open_epoch  # noqa: PLC0415 - see gateway.cli.offline

    said, _ = read_unsigned(_read(statements[0]))
    if not as_json:
        _say(said)
    if not yes and not typer.confirm("Open this epoch? 开启吗?"):
        fail("nothing was changed", EXIT_REFUSED)
    with open_offline(home) as offline:
        opened = open_epoch(offline, statements, last or (), earlier or ())
    facts = _facts(opened.signed.statement) | {
        "entry": opened.index,
        "already": opened.already,
        "signed_by": list(opened.signed.signers),
    }

    def human() -> None:
        say(f"epoch {opened.signed.statement.number} {'was open' if opened.already else 'is open'} 新纪元已开启")
        say(f"entry {opened.index} of the ledger says so; publish the new verifier key: {opened.signed.statement.key}")

    emit(facts, as_json=as_json, human=human)


@app.command("show")
@command
def show(
    home: Home,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the signed statements, a file each.", file_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show in which epoch the log is, and the statements that led there."""
    with open_offline(home) as offline:
        lineage = offline.ledger.lineage
        key = offline.ledger_key
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for one, note in zip(lineage.chain.statements, lineage.notes, strict=True):
            (out / f"epoch-{one.number}").write_text(note, encoding="utf-8")
    facts = {
        "epoch": lineage.number,
        "origin": lineage.origin,
        "key": key,
        "statements": [_facts(one) for one in lineage.chain.statements],
    }

    def human() -> None:
        say(f"epoch {lineage.number}: {lineage.origin}")
        say(f"verifier key: {key}")
        for one in lineage.chain.statements:
            _say(one)

    emit(facts, as_json=as_json, human=human)


def _facts(statement: "EpochStatement") -> dict[str, Any]:
    last = statement.last_head
    return {
        "epoch": statement.number,
        "origin": statement.origin,
        "key": statement.key,
        "previous_origin": statement.previous_origin,
        "restored_size": statement.restored_size,
        "restored_root": statement.restored_root.hex(),
        "last_size": last.size,
        "last_root": last.root.hex(),
        "lost": statement.lost,
        "time_unix_ms": statement.time_ms,
        "reason": statement.reason,
        "digest": statement.digest.hex(),
    }


def _say(statement: "EpochStatement") -> None:
    last = statement.last_head
    say(f"epoch {statement.number} of the log: {statement.origin}, drawn up {moment(statement.time_ms)}")
    say(f"  ends {statement.previous_origin}; last head known: {last.size} entries, root {last.root.hex()}")
    say(f"  goes on from {statement.restored_size} entries, root {statement.restored_root.hex()}")
    say(f"  lost: {statement.lost} entries 丢失条目")
    say(f"  reason: {statement.reason}")
    say(f"  statement: {statement.digest.hex()}")


def _read(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        return file.read(_LONGEST)


def _write_new(path: Path, text: str) -> None:
    with path.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
