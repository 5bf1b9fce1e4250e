"""The two ceremonies, in a process of their own: `python -m keys.custody.ceremony split|join …`.

The recovery key exists only here, between its making and the end of this process. What goes back to the caller, over a
pipe whose number it gives: after `split` the public half and the authenticator; after `join` the content key of the one
keyring file that was named. Never the recovery key or a share.

Rules kept: core dumps are off before anything secret exists; a custodian proves by some of the words that the share was
written down, before the next one is shown; nothing is handed back unless every share was confirmed. An error goes back
as its code. A mistyped share may be typed again a few times, and no message repeats a word of it.
"""

import json
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from keys import canonical
from keys.custody.process import harden
from keys.custody.shares import WORDS, check_next, check_sharing, facts_of, join_shares, split_seed, tidy
from keys.custody.terminal import Terminal
from keys.errors import BadShare, CeremonyBroken, KeysError, NoRecovery, TooFewShares
from keys.keyring.sealed import authenticator, content_key, read_head
from keys.sealing import SealingKey
from keys.secret_file import read_secret
from keys.texts import public_text

ASKED_WORDS: Final = 3
MISTAKES: Final = 5
Answer = dict[str, canonical.Json]
_COLUMNS: Final = 3


def split(terminal: Terminal, shares: int, threshold: int) -> Answer:
    """Make a recovery key and hand its shares out, one after the other.

    Args:
        terminal: Where the custodians come.
        shares: How many.
        threshold: How many open.

    Returns:
        What may leave this process: set, public half, authenticator.

    Raises:
        BadSharing: The numbers are not admitted.
        CeremonyBroken: It ended before every share was confirmed.
    """
    check_sharing(shares, threshold)
    seed = os.urandom(32)
    mnemonics = split_seed(seed, shares, threshold)
    terminal.say("Write each share on paper; photograph and type it nowhere. 请抄写在纸上，不得拍照或录入。")
    for number, mnemonic in enumerate(mnemonics, 1):
        _hand_out(terminal, mnemonic, f"{number}/{shares}")
    return {
        "authenticator": canonical.to_text(authenticator(seed)),
        "public": canonical.to_text(SealingKey(seed).public),
        "set": facts_of(mnemonics[0]).set_id,
    }


def join(terminal: Terminal, keyring: Path) -> Answer:
    """Gather shares and open one keyring file with them.

    Args:
        terminal: Where the custodians come.
        keyring: The sealed keyring's file.

    Returns:
        What may leave this process: the content key, and which shares were used.

    Raises:
        NoRecovery: The keyring has no recovery slot.
        TooFewShares: There are no more shares, and not enough.
        BadShare: Shares were mistyped too often, or do not open this keyring.
    """
    raw = read_secret(keyring)
    slot = read_head(raw).recovery
    if slot is None:
        raise NoRecovery("the keyring has no recovery slot")
    terminal.say(f"Set {slot.set_id}: {slot.threshold} of {slot.shares} shares are needed. 需要{slot.threshold}份。")
    present: list[str] = []
    mistakes = 0
    while len(present) < slot.threshold:
        typed = terminal.ask(f"share {len(present) + 1}/{slot.threshold}, empty when there is no more:")
        terminal.clear()
        if not typed:
            raise TooFewShares("fewer different shares than the threshold")
        try:
            facts = check_next(present, typed, slot.set_id)
        except BadShare as error:
            mistakes += 1
            if mistakes >= MISTAKES:
                raise
            terminal.say(f"{error.code}: {public_text(error).en} / {public_text(error).zh}")
            continue
        present.append(tidy(typed))
        terminal.say(f"share {facts.index} accepted 已接受")
    content = content_key(raw, join_shares(present))
    members: list[canonical.Json] = [*sorted(facts_of(share).index for share in present)]
    return {"content": canonical.to_text(content), "members": members}


def _hand_out(terminal: Terminal, mnemonic: str, place: str) -> None:
    """Show one share until its custodian has proved that it is written down."""
    words = mnemonic.split()
    for _ in range(MISTAKES):
        terminal.clear()
        terminal.say(
            f"share {place}: {mnemonic}" if not terminal.is_people else f"share 份额 {place}\n\n{_grid(words)}"
        )
        terminal.pause("Enter when it is written down 抄写完毕后按回车:")
        terminal.clear()
        asked = sorted(secrets.SystemRandom().sample(range(WORDS), ASKED_WORDS))
        typed = terminal.ask(f"confirm {place}: words 第 {' '.join(str(place + 1) for place in asked)}:")
        if typed is None:
            raise CeremonyBroken("the ceremony ended before it was confirmed")
        if tidy(typed).split() == [words[place] for place in asked]:
            terminal.clear()
            terminal.say(f"share {place} confirmed 已确认")
            terminal.pause("The next custodian, please; then Enter. 请下一位保管人就位后按回车:")
            return
        terminal.say("Not the same; the share is shown again. 不一致，将再次显示。")
    raise CeremonyBroken("a share was not confirmed")


def _grid(words: list[str]) -> str:
    """Numbered words in columns."""
    rows = [words[at : at + _COLUMNS] for at in range(0, len(words), _COLUMNS)]
    return "\n".join(
        "".join(f"{at * _COLUMNS + place + 1:>4}. {word:<12}" for place, word in enumerate(row))
        for at, row in enumerate(rows)
    )


def _run(work: Callable[[Terminal], Answer]) -> Answer:
    try:
        granted = harden()
        terminal = Terminal()
        if terminal.is_people and not granted.locked:
            terminal.say("Note: memory may be swapped; switch swap off. 注意：内存可能被换出，请先关闭交换区。")
        return work(terminal)
    except KeysError as error:
        return {"error": error.code}
    except KeyboardInterrupt:
        return {"error": CeremonyBroken.code}


def main(arguments: list[str]) -> None:
    """Run one ceremony and give its answer back over the pipe that the first argument names."""
    answer, what, *rest = arguments
    if what == "split":
        shares, threshold = map(int, rest)
        found = _run(lambda terminal: split(terminal, shares, threshold))
    else:
        found = _run(lambda terminal: join(terminal, Path(rest[0])))
    with os.fdopen(int(answer), "w", encoding="ascii") as pipe:
        json.dump(found, pipe)


if __name__ == "__main__":
    main(sys.argv[1:])
