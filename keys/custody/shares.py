"""The recovery key in shares: SLIP-0039 mnemonics, one group, of which any `threshold` open and fewer tell nothing.

Rules kept: at least two custodians must come together, and there are at most 16 shares (SLIP-0039's limit); a set of
shares is put together again and compared before it is handed out; an error never carries a word of a share. No
SLIP-0039 passphrase is used: it would be one more secret that one person could lose for all.

The arithmetic is `shamir-mnemonic`, the reference implementation, which says of itself that it is open to side-channel
attacks: use it only in a process of its own on a machine that nobody else uses meanwhile (docs/keys.md). It does not
show shares to anyone and keeps none. Fails closed.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share

from keys.errors import BadShare, BadSharing, ForeignShare, TooFewShares, WrongShares

LOWEST_THRESHOLD: Final = 2
MOST_SHARES: Final = 16
SEED: Final = 32
WORDS: Final = 33
"""Words of one share of a 32-byte secret: 4 of metadata, 26 of value, 3 of checksum."""

_ID_HEX: Final = 4
_SPACES: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """What a share says of itself, none of it secret.

    Attributes:
        set_id: Name of its set, hexadecimal.
        index: Its number in the set, from 1.
        threshold: How many shares of the set are needed.
    """

    set_id: str
    index: int
    threshold: int


def check_sharing(shares: int, threshold: int) -> None:
    """Check numbers before a ceremony begins.

    Args:
        shares: How many are to be handed out.
        threshold: How many are to open.

    Raises:
        BadSharing: Fewer than two would open, more would be needed than there are, or there are more than 16.
    """
    if not LOWEST_THRESHOLD <= threshold <= shares <= MOST_SHARES:
        raise BadSharing("2 to 16 shares, of which at least 2 and at most all are needed")


def split_seed(seed: bytes, shares: int, threshold: int) -> list[str]:
    """Split a recovery key.

    Args:
        seed: 32 bytes.
        shares: How many shares.
        threshold: How many open.

    Returns:
        One mnemonic a custodian, 33 words each.

    Raises:
        BadSharing: The numbers are not admitted, or the seed is not 32 bytes.
        WrongShares: The shares do not give the seed back; none may be handed out.
    """
    check_sharing(shares, threshold)
    if len(seed) != SEED:
        raise BadSharing("a recovery key is 32 bytes")
    mnemonics: list[str]
    (mnemonics,) = generate_mnemonics(1, [(threshold, shares)], seed, extendable=True)
    # Proved before anyone relies on it: the first and the last of them must give the same secret back.
    if join_shares(mnemonics[:threshold]) != seed or join_shares(mnemonics[-threshold:]) != seed:
        raise WrongShares("the shares do not give the recovery key back")
    return mnemonics


def facts_of(mnemonic: str) -> ShareFacts:
    """Read one share's own facts; checks its checksum, so a mistyped word is found at once.

    Args:
        mnemonic: 33 words.

    Raises:
        BadShare: A word is none, the length is wrong or the checksum does not hold.
    """
    share = _parse(mnemonic)
    return ShareFacts(f"{share.identifier:0{_ID_HEX}x}", share.index + 1, share.member_threshold)


def tidy(mnemonic: str) -> str:
    """A mnemonic as typed by people: lower case, single spaces."""
    return _SPACES.sub(" ", mnemonic.strip().lower())


def check_next(shares: Sequence[str], mnemonic: str, set_id: str) -> ShareFacts:
    """Check a share that a custodian brings to those that are there.

    Args:
        shares: Those that are there.
        mnemonic: The new one.
        set_id: The set that is wanted.

    Returns:
        Its facts.

    Raises:
        BadShare: It is mistyped, or is there already.
        ForeignShare: It is of another set.
    """
    facts = facts_of(mnemonic)
    if facts.set_id != set_id:
        raise ForeignShare("the share belongs to another set")
    if facts.index in {facts_of(share).index for share in shares}:
        raise BadShare("the share is there already")
    return facts


def join_shares(mnemonics: Sequence[str]) -> bytes:
    """Put a recovery key together again.

    Args:
        mnemonics: Different shares of one set, at least the threshold; more than it are checked and left aside.

    Returns:
        The seed, 32 bytes.

    Raises:
        BadShare: One is mistyped.
        ForeignShare: They are of several sets.
        TooFewShares: Fewer different ones than the threshold.
        WrongShares: They do not fit each other.
    """
    facts = [facts_of(mnemonic) for mnemonic in mnemonics]
    if len({fact.set_id for fact in facts}) > 1:
        raise ForeignShare("the shares belong to several sets")
    different = {fact.index: tidy(mnemonic) for fact, mnemonic in zip(facts, mnemonics, strict=True)}
    if not facts or len(different) < facts[0].threshold:
        raise TooFewShares("fewer different shares than the threshold")
    try:
        seed: bytes = combine_mnemonics(list(different.values())[: facts[0].threshold])
    except MnemonicError:
        raise WrongShares("the shares do not fit each other") from None
    if len(seed) != SEED:
        raise WrongShares("the shares are of another kind of secret")
    return seed


def _parse(mnemonic: str) -> Share:
    words = tidy(mnemonic)
    try:
        share = Share.from_mnemonic(words)
    except MnemonicError:
        # The library's text repeats words of the share.
        raise BadShare("the share is mistyped") from None
    if len(words.split()) != WORDS or share.group_count != 1:
        raise BadShare("the share is of another kind of secret")
    return share
