"""Custodians of a log: the few people of whom so many must sign before the log may go on under a new name.

Each has a note key of their own (Ed25519, C2SP signed note), whose private part lies with them under a passphrase. Who
they are and how many are needed is pinned by everyone who has to believe them: the gateway, each member, each witness,
each auditor. What a gateway says of its custodians later changes nothing there.

Counted are keys, never names or lines: one custodian counts once, however often and under whatever name the key signs.
Verifying needs the standard library only.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from keys.errors import BadCheckpoint, BadEpoch, TooFewCustodians
from keys.log.epochs import FORMAT, EpochStatement, parse_statement
from keys.log.notes import NoteSigner, NoteVerifier, split_note

MOST_CUSTODIANS: Final = 16
MANY: Final = 2
"""A statement that one person alone can sign is no safeguard."""


@dataclass(frozen=True, slots=True)
class SignedEpoch:
    """A statement that enough custodians signed.

    Attributes:
        note: Text and signatures.
        statement: What it says.
        signers: Names of the custodians whose signatures were verified.
    """

    note: str
    statement: EpochStatement
    signers: tuple[str, ...]


class Custodians:
    """Who may begin an epoch. Fails closed: none pinned, nobody may.

    Args:
        keys: Verifier keys; none for no custodians.
        needed: How many of them must sign.

    Attributes:
        keys: As given.
        needed: As given.

    Raises:
        BadEpoch: A key is none or there twice, or the threshold cannot be met or is below two.
    """

    __slots__ = ("_verifiers", "keys", "needed")

    def __init__(self, keys: Sequence[str] = (), needed: int = 0) -> None:
        try:
            self._verifiers = [NoteVerifier(key) for key in keys]
        except BadCheckpoint as error:
            raise BadEpoch("a custodian's key must be an Ed25519 verifier key") from error
        public = {key.rpartition("+")[2] for key in keys}
        if len(public) != len(keys) or len({one.name for one in self._verifiers}) != len(keys):
            raise BadEpoch("a custodian is there twice")
        if keys and not (MANY <= needed <= len(keys) <= MOST_CUSTODIANS):
            raise BadEpoch(f"of {MANY} to {MOST_CUSTODIANS} custodians at least {MANY} are needed, at most all")
        if not keys and needed:
            raise BadEpoch("custodians are needed and none is named")
        self.keys = tuple(keys)
        self.needed = needed

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.keys)

    def open(self, note: str) -> SignedEpoch:
        """Accept by returning a statement that enough custodians signed. Fails closed.

        Args:
            note: Text and signatures; those of unknown keys are ignored.

        Raises:
            BadEpoch: It is malformed, or a custodian's signature does not hold.
            TooFewCustodians: Fewer different custodians signed than are needed, or none is pinned.
        """
        if not self.keys:
            raise TooFewCustodians("no custodians are pinned here")
        try:
            text, _ = split_note(note)
            statement = parse_statement(text)
            signers = tuple(one.name for one in self._verifiers if self._signed(one, note))
        except BadCheckpoint as error:
            raise BadEpoch("the statement is no note, or a custodian's signature does not hold") from error
        if len(signers) < self.needed:
            raise TooFewCustodians(f"{len(signers)} of the custodians signed, and {self.needed} are needed")
        return SignedEpoch(note, statement, signers)

    @staticmethod
    def _signed(verifier: NoteVerifier, note: str) -> bool:
        if not any(verifier.vkey.startswith(f"{name}+{key_id.hex()}+") for name, key_id, _ in split_note(note)[1]):
            return False
        verifier.verify(note)
        return True


def read_unsigned(text: str) -> tuple[EpochStatement, str]:
    """Read a statement before enough have signed: the bare text, or a note.

    Args:
        text: What a custodian was handed.

    Returns:
        The statement and its text. No signature was looked at.

    Raises:
        BadEpoch: It is no statement.
    """
    if text.startswith(FORMAT) and "\n\n" in text:
        try:
            text = split_note(text)[0]
        except BadCheckpoint as error:
            raise BadEpoch("this is no signed statement") from error
    return parse_statement(text), text


def sign_statement(handed: str, signer: NoteSigner) -> str:
    """Add a custodian's signature.

    Args:
        handed: The bare text, or a note that others have signed.
        signer: The custodian's key.

    Returns:
        The note.

    Raises:
        BadEpoch: It is no statement.
    """
    _, text = read_unsigned(handed)
    return merge([*([handed] if handed != text else []), signer.sign(text)])


def merge(notes: Iterable[str]) -> str:
    """One note with the signatures of several, each line once.

    Args:
        notes: At least one; all of one text.

    Raises:
        BadEpoch: One is no note, or they are not of one statement.
    """
    text, lines = "", dict[str, None]()
    for note in notes:
        try:
            found = split_note(note)[0]
        except BadCheckpoint as error:
            raise BadEpoch("this is no signed statement") from error
        if text and found != text:
            raise BadEpoch("these are signatures under different statements")
        text = found
        lines.update(dict.fromkeys(note.removeprefix(text + "\n").splitlines()))
    if not text:
        raise BadEpoch("there is no statement")
    return text + "\n" + "".join(f"{line}\n" for line in lines)
