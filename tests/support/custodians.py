"""Plays the custodians at the terminal of `oncegate key split` and `oncegate key unseal`, over pipes."""

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ONCEGATE = str(Path(sys.executable).parent / "oncegate")
_SHARE = re.compile(r"^share (\d+)/(\d+): (.+)$")
_CONFIRM = re.compile(r"^confirm (\d+)/\d+: words 第 ([\d ]+):$")


@dataclass
class Ceremony:
    """How a ceremony went: exit code, what was said, and the shares that were shown."""

    code: int
    said: str
    errors: str
    shares: list[str] = field(default_factory=list)


def run(*words: str, typed: str = "") -> Ceremony:
    """Run `oncegate` and type some text into it."""
    done = subprocess.run((ONCEGATE, *words), input=typed, capture_output=True, text=True, check=False)
    return Ceremony(done.returncode, done.stdout, done.stderr)


def unseal(home: Path, shares: Sequence[str], *more: str) -> Ceremony:
    """Custodians bring their shares one after the other; then nobody is left."""
    return run("key", "unseal", "--home", str(home), "--yes", *more, typed="".join(f"{share}\n" for share in shares))


def split(
    home: Path,
    *more: str,
    confirm: Callable[[int, list[str]], str | None] = lambda _, words: " ".join(words),
) -> Ceremony:
    """Custodians write their shares down and confirm them.

    Args:
        home: The gateway's folder.
        more: Further options.
        confirm: Given the share's number and the words asked for, what its custodian types; None walks out.
    """
    process = subprocess.Popen(
        (ONCEGATE, "key", "split", "--home", str(home), "--yes", *more),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    shares: dict[int, str] = {}
    said = ""
    for line in process.stdout:
        said += line
        if shown := _SHARE.match(line):
            shares[int(shown[1])] = shown[3]
        elif asked := _CONFIRM.match(line):
            words = shares[int(asked[1])].split()
            typed = confirm(int(asked[1]), [words[int(place) - 1] for place in asked[2].split()])
            if typed is None:
                process.stdin.close()
                process.stdin = None
                break
            process.stdin.write(f"{typed}\n")
            process.stdin.flush()
    rest, errors = process.communicate()
    return Ceremony(process.returncode, said + rest, errors, [shares[number] for number in sorted(shares)])
