"""Cosignatures of witnesses (https://c2sp.org/tlog-cosignature, Ed25519) and the quorum that believes a log's head.

A witness signs, with the time, that a head continues every head of that log that it signed before. What it signs is
`cosignature/v1`, a line `time T` and the text of the checkpoint; its line in the note holds the time (u64, big endian)
before the signature. Verifier keys are like a log's, with 04 in the place of 01.

A log's key alone can sign two histories. A quorum cannot, unless as many witnesses as it takes are in on it: so a
`Quorum` counts distinct public keys, whatever they are called, and never the log's own.

Verifying needs the standard library only, as in `keys.log.notes`. Whether a time is fresh is for the caller to say.
"""

import base64
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self

from keys.errors import BadCheckpoint, BadSignature
from keys.log.checkpoints import Checkpoint, open_checkpoint
from keys.log.notes import (
    NAME,
    NoteVerifier,
    key_id,
    parse_vkey,
    private_keys,
    signature_line,
    split_note,
    verify_signature,
)

ED25519_COSIGNATURE: Final = b"\x04"
MOST_WITNESSES: Final = 32
_TIME: Final = 8
_SIGNATURE: Final = 64
_LATEST: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A witness's signature that was verified.

    Attributes:
        name: The witness.
        time_s: When it signed, Unix seconds, by its own clock.
        line: The line of the note, with its newline.
    """

    name: str
    time_s: int
    line: str


class CosignatureVerifier:
    """Verifies the cosignatures of one witness.

    Args:
        vkey: `NAME+HEXID+base64(04 ‖ public key)`.

    Attributes:
        name: The witness's name.
        public_key: 32 bytes.
        vkey: As given.

    Raises:
        BadCheckpoint: It is no verifier key for Ed25519 cosignatures.
    """

    __slots__ = ("_key_id", "name", "public_key", "vkey")

    def __init__(self, vkey: str) -> None:
        self.name, self.public_key = parse_vkey(vkey, ED25519_COSIGNATURE)
        self._key_id = key_id(self.name, ED25519_COSIGNATURE + self.public_key)
        self.vkey = vkey

    def find(self, note: str) -> Cosignature | None:
        """This witness's cosignature of a note; the newest, if there are several. Fails closed.

        Args:
            note: Text and signatures.

        Returns:
            The cosignature; None when there is none.

        Raises:
            BadCheckpoint: The note is malformed, or holds a signature of this witness that does not verify.
        """
        text, signatures = split_note(note)
        found: Cosignature | None = None
        for name, signed_by, signature in signatures:
            if name != self.name or signed_by != self._key_id:
                continue
            one = self._verified(text, signature)
            if found is None or one.time_s > found.time_s:
                found = one
        return found

    def _verified(self, text: str, signature: bytes) -> Cosignature:
        time_s = int.from_bytes(signature[:_TIME], "big")
        if len(signature) != _TIME + _SIGNATURE or not 0 < time_s <= _LATEST:
            raise BadCheckpoint("a cosignature is malformed")
        try:
            verify_signature(self.public_key, signature[_TIME:], message(text, time_s))
        except BadSignature:
            raise BadCheckpoint("a witness's signature does not verify") from None
        return Cosignature(self.name, time_s, signature_line(self.name, self._key_id + signature))


class Cosigner:
    """A witness's key. It shows nothing of the key in `repr`.

    Args:
        name: The witness's name: no white space, no plus sign.
        seed: 32 secret bytes (RFC 8032 private key). Used for nothing else: the signed text does not say whose it is.

    Attributes:
        name: The witness's name.
        seed: The secret, for its file only.
        vkey: What to hand to logs and verifiers.

    Raises:
        BadCheckpoint: The name or the seed is malformed.
    """

    __slots__ = ("_key", "_key_id", "name", "seed", "vkey")

    def __init__(self, name: str, seed: bytes) -> None:
        if not NAME.fullmatch(name):
            raise BadCheckpoint("a witness's name has no white space and no plus sign")
        try:
            self._key = private_keys().from_private_bytes(seed)
        except ValueError:
            raise BadCheckpoint("an Ed25519 seed is 32 bytes") from None
        raw = ED25519_COSIGNATURE + self._key.public_key().public_bytes_raw()
        self._key_id = key_id(name, raw)
        self.name = name
        self.seed = seed
        self.vkey = f"{name}+{self._key_id.hex()}+{base64.b64encode(raw).decode()}"

    @classmethod
    def generate(cls, name: str) -> Self:
        """A fresh key from the operating system's randomness.

        Raises:
            BadCheckpoint: The name is malformed.
        """
        return cls(name, private_keys().generate().private_bytes_raw())

    def cosign(self, text: str, time_s: int) -> str:
        """Signs a head. The caller has verified it, and has made durable that it did.

        Args:
            text: The checkpoint's text, with its last newline.
            time_s: Now, Unix seconds.

        Returns:
            The signature line, with its newline.

        Raises:
            BadCheckpoint: The time is none.
        """
        if not 0 < time_s <= _LATEST:
            raise BadCheckpoint("a cosignature has a time")
        signature = self._key.sign(message(text, time_s))
        return signature_line(self.name, self._key_id + time_s.to_bytes(_TIME, "big") + signature)

    def __repr__(self) -> str:
        return f"Cosigner({self.vkey})"


class Quorum:
    """The witnesses that somebody relies on, and how many of them it takes.

    Args:
        witnesses: Verifiers of distinct names and keys.
        needed: At least 1; at most as many as there are.

    Attributes:
        witnesses: As given.
        needed: As given.

    Raises:
        BadCheckpoint: Two witnesses share a name or a key, or the number is out of range.
    """

    __slots__ = ("needed", "witnesses")

    def __init__(self, witnesses: Sequence[CosignatureVerifier], needed: int) -> None:
        if len(witnesses) > MOST_WITNESSES or not 1 <= needed <= len(witnesses):
            raise BadCheckpoint("a quorum is at least one and at most all of the witnesses")
        names, keys = {one.name for one in witnesses}, {one.public_key for one in witnesses}
        # One key under two names would be counted twice.
        if len(names) != len(witnesses) or len(keys) != len(witnesses):
            raise BadCheckpoint("two witnesses of a quorum share a name or a key")
        self.witnesses = tuple(witnesses)
        self.needed = needed

    @classmethod
    def of(cls, vkeys: Iterable[str], needed: int, log_key: str) -> Self:
        """A quorum over a log, from texts.

        Args:
            vkeys: The witnesses' verifier keys.
            needed: How many it takes.
            log_key: The log's verifier key, which must not be among them: a log that cosigns itself has no witness.

        Raises:
            BadCheckpoint: A key is malformed, one is the log's own, or as the class.
        """
        witnesses = [CosignatureVerifier(vkey) for vkey in vkeys]
        own = NoteVerifier(log_key).public_key
        if any(one.public_key == own for one in witnesses):
            raise BadCheckpoint("a log cannot be its own witness")
        return cls(witnesses, needed)

    def require(self, note: str) -> list[Cosignature]:
        """Accepts by returning a note that enough witnesses have cosigned. Fails closed.

        Args:
            note: Text and signatures.

        Returns:
            What verified, in the order of the witnesses.

        Raises:
            BadCheckpoint: Too few cosigned it, or a signature of one of the witnesses does not verify.
        """
        found = self.count(note)
        if len(found) < self.needed:
            raise BadCheckpoint(f"{len(found)} of the {self.needed} witnesses needed have cosigned the checkpoint")
        return found

    def count(self, note: str) -> list[Cosignature]:
        """The cosignatures of a note that verify, however few they are.

        Raises:
            BadCheckpoint: The note is malformed, or a signature of one of the witnesses does not verify.
        """
        return [one for one in (witness.find(note) for witness in self.witnesses) if one is not None]


def open_cosigned(note: str, verifier: NoteVerifier, origin: str, quorum: Quorum | None) -> Checkpoint:
    """Verifies a head that the log has signed and, if a quorum is asked for, enough witnesses as well. Fails closed.

    Args:
        note: The signed note.
        verifier: The log's key.
        origin: The log's name.
        quorum: Whom to believe; None to believe the log's key alone.

    Returns:
        The head.

    Raises:
        BadCheckpoint: Not signed by the log, not cosigned by enough, malformed, or of another log.
    """
    checkpoint = open_checkpoint(note, verifier, origin)
    if quorum is not None:
        quorum.require(note)
    return checkpoint


def claimed_times(note: str) -> list[int]:
    """The times, Unix seconds, that lines shaped like cosignatures claim; nothing of it is verified.

    Args:
        note: Text and signatures.

    Raises:
        BadCheckpoint: It is not laid out like a note.
    """
    raw = [signature for _, _, signature in split_note(note)[1] if len(signature) == _TIME + _SIGNATURE]
    return [int.from_bytes(one[:_TIME], "big") for one in raw]


def message(text: str, time_s: int) -> bytes:
    """What a witness signs.

    Args:
        text: The checkpoint's text, with its last newline.
        time_s: Unix seconds.
    """
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
