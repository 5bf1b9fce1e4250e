"""The commands of `oncegate-witness`. Standard library only: a witness runs where little is installed.

Exit code 0: done; 2: wrong usage or home; 5: the witness has evidence of a conflict (`evidence`).
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from keys.errors import KeysError
from keys.keyring.file import read_passphrase
from keys.log.cosignatures import CosignatureVerifier
from nodes.witness.epochs import Succession
from nodes.witness.errors import WitnessError
from nodes.witness.home import WitnessHome
from nodes.witness.serve import serve
from nodes.witness.witness import remembered

USAGE: Final = 2
CONFLICT: Final = 5
LISTEN: Final = "127.0.0.1:7446"
VARIABLE: Final = "ONCEGATE_PASSPHRASE"


def parser() -> argparse.ArgumentParser:
    """All commands; the documentation is held against them."""
    top = argparse.ArgumentParser(
        prog="oncegate-witness",
        description="Cosign the heads of access logs, so that no log can show two histories. 访问日志见证",
    )
    top.add_argument(
        "--home",
        type=Path,
        default=os.environ.get("ONCEGATE_WITNESS_HOME"),
        help="home folder of the witness; ONCEGATE_WITNESS_HOME",
    )
    top.add_argument(
        "--passphrase-file", type=Path, help=f"file (mode 0600) with the key's passphrase; else {VARIABLE}"
    )
    verbs = top.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    create = verbs.add_parser("create", help="make a home with a fresh key, and print the verifier key")
    create.add_argument("name", help="the witness's name: a URL without scheme, such as audit.example/witness")
    create.add_argument("--unencrypted", action="store_true", help="leave the key to the mode of its file (0600)")
    verbs.add_parser("key", help="print the verifier key, for logs and verifiers")
    add = verbs.add_parser("add-log", help="follow a log from now on (then restart a serving witness)")
    add.add_argument("vkey", help="the log's verifier key, from elsewhere than the log")
    add.add_argument("--origin", help="the log's name, if it is not the key's")
    custodians = verbs.add_parser(
        "custodians", help="believe these custodians about new epochs of a log (then restart a serving witness)"
    )
    custodians.add_argument("origin", help="the log's name")
    custodians.add_argument(
        "--key", action="append", default=[], dest="keys", help="a custodian's verifier key; repeat it for each"
    )
    custodians.add_argument("--needed", type=int, default=0, help="how many of them must sign, at least two")
    remove = verbs.add_parser("remove-log", help="follow a log no more; what was cosigned is not forgotten")
    remove.add_argument("origin", help="the log's name")
    run = verbs.add_parser("serve", help="serve until SIGTERM or SIGINT")
    run.add_argument("--listen", default=LISTEN, help=f"host:port; {LISTEN} unless given")
    heads = verbs.add_parser("heads", help="show the newest head of each log that was cosigned")
    heads.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
    evidence = verbs.add_parser(
        "evidence", help="print the evidence of refused heads, one JSON text a line; exit code 5"
    )
    evidence.set_defaults(as_json=True)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    top = parser()
    said = top.parse_args(arguments)
    if said.home is None:
        top.error("--home or ONCEGATE_WITNESS_HOME is needed")
    try:
        return _VERBS[said.verb](said)
    except (WitnessError, KeysError) as error:
        return _complain(str(error))
    except OSError as error:
        return _complain(f"{error.filename or ''}: {error.strerror or type(error).__name__}".removeprefix(": "))


def _create(said: argparse.Namespace) -> int:
    passphrase = None if said.unencrypted else read_passphrase(file=said.passphrase_file, environment=VARIABLE)
    return _say(WitnessHome.create(Path(said.home), said.name, passphrase).vkey)


def _key(said: argparse.Namespace) -> int:
    return _say(WitnessHome(Path(said.home)).vkey)


def _add_log(said: argparse.Namespace) -> int:
    return _say(WitnessHome(Path(said.home)).add_log(said.vkey, said.origin))


def _custodians(said: argparse.Namespace) -> int:
    WitnessHome(Path(said.home)).pin_custodians(said.origin, said.keys, said.needed)
    return 0


def _remove_log(said: argparse.Namespace) -> int:
    WitnessHome(Path(said.home)).remove_log(said.origin)
    return 0


def _serve(said: argparse.Namespace) -> int:
    host, colon, port = said.listen.rpartition(":")
    if not (host and colon and port.isascii() and port.isdigit() and int(port) < 1 << 16):
        return _complain("--listen: must be host:port")
    path = Path(said.home)
    serve(path, said.listen, _passphrase(WitnessHome(path), said))
    return 0


def _heads(said: argparse.Namespace) -> int:
    home = WitnessHome(Path(said.home))
    memory, own = home.heads(), CosignatureVerifier(home.vkey)
    rows: list[dict[str, Any]] = []
    succession = Succession(home.logs, home.custodians, memory, own)
    for origin, log in sorted(succession.logs().items()):
        head, checkpoint = remembered(memory, own, log, origin, succession.begins(origin))
        signed = own.find(head.note) if head.note else None
        at = None if signed is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(signed.time_s))
        row = {"origin": origin, "size": checkpoint.size, "root": checkpoint.root.hex(), "cosigned": at}
        rows.append(row | {"note": head.note, "ended": succession.ended(origin)})
    if said.as_json:
        return _say(json.dumps(rows, ensure_ascii=False, indent=2))
    for row in rows:
        ended = "  ended" if row["ended"] else ""
        _say(f"{row['origin']}  {row['size']}  {row['root']}  {row['cosigned'] or 'nothing yet'}{ended}")
    return 0


def _evidence(said: argparse.Namespace) -> int:
    files = WitnessHome(Path(said.home)).evidence().files()
    for path in files:
        _say(json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False))
    return CONFLICT if files else 0


_VERBS: Final = {
    "create": _create,
    "key": _key,
    "add-log": _add_log,
    "custodians": _custodians,
    "remove-log": _remove_log,
    "serve": _serve,
    "heads": _heads,
    "evidence": _evidence,
}


def _passphrase(home: WitnessHome, said: argparse.Namespace) -> bytes | None:
    """What opens the key; None when it is not encrypted."""
    return read_passphrase(file=said.passphrase_file, environment=VARIABLE) if home.encrypted else None


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 0


def _complain(text: str) -> int:
    sys.stderr.write(f"oncegate-witness: {text}\n")
    return USAGE


def entry() -> None:
    """Entry point of the console script."""
    sys.exit(main())


if __name__ == "__main__":
    entry()
