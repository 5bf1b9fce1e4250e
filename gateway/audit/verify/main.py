"""The verifier as a program of its own: what `oncegate-verify.pyz` runs, on a Python without any installed package."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from gateway.audit.verify.check import EXIT_UNVERIFIED, BadUse, Told, check, quorum_of
from keys.errors import BadCheckpoint

_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Verify and say what came of it.

    Args:
        arguments: Without the program's name; None takes the process's.

    Returns:
        0 when everything holds, 5 when it does not, 2 when the call makes no sense.
    """
    parser = argparse.ArgumentParser(
        prog="oncegate-verify",
        description="Verify a copy of an access log, a log in tiles, or a .tlog-proof file, offline. 验证访问日志",
        epilog="Exit code 0: verified; 5: not, and the first bad entry is named; 2: wrong usage.",
    )
    parser.add_argument("place", help="folder, .tlog-proof file, or http(s) address")
    parser.add_argument("--key", required=True, help="the log's verifier key, from elsewhere than the log")
    parser.add_argument("--earlier", action="append", default=[], type=Path, help="a checkpoint that you kept; repeat")
    parser.add_argument("--before", type=Path, help="a copy or a folder of tiles that you kept")
    parser.add_argument("--leaf", help="for a proof file: the leaf hash (hex) that it has to be about")
    parser.add_argument("--witness", action="append", default=[], help="a witness's verifier key; repeat")
    parser.add_argument("--quorum", type=int, help="how many of them must have cosigned; all unless given")
    parser.add_argument(
        "--epoch", action="append", default=[], type=Path, help="a signed statement of an epoch of the log; repeat"
    )
    parser.add_argument("--custodian", action="append", default=[], help="a custodian's verifier key; repeat")
    parser.add_argument("--custodians-needed", type=int, help="how many of them must have signed; all unless given")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print JSON")
    said = parser.parse_args(arguments)
    try:
        quorum = quorum_of(said.witness, said.quorum, said.key)
        told = Told(said.epoch, said.custodian, said.custodians_needed)
        outcome = check(said.place, said.key, said.earlier, said.before, said.leaf, quorum, told)
    except (BadUse, BadCheckpoint) as error:
        _write(sys.stderr, f"oncegate-verify: {error}")
        return _USAGE
    text = json.dumps(outcome.document, ensure_ascii=False) if said.as_json else "\n".join(outcome.lines)
    _write(sys.stdout if said.as_json or outcome.verified else sys.stderr, text)
    return 0 if outcome.verified else EXIT_UNVERIFIED


def _write(stream: TextIO, text: str) -> None:
    """A line of text; on a terminal that cannot show a letter, the rest of it all the same."""
    encoding = stream.encoding or "utf-8"
    stream.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")


if __name__ == "__main__":
    sys.exit(main())
