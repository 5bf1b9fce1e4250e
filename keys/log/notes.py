"""C2SP signed notes with Ed25519 (https://c2sp.org/signed-note): text that many can sign and anyone can verify.

A note is text that ends with a newline, an empty line, and one or more lines `— NAME base64(key id ‖ signature)`. Key
id = first four bytes of SHA-256(name ‖ 0A ‖ 01 ‖ public key); a verifier key is `NAME+HEXID+base64(01 ‖ public key)`.
Signatures of unknown keys are ignored; a bad signature of the known key refuses the note.

Verifying needs the standard library only: without the package `cryptography` it is done by `keys.log.ed25519`, which
accepts and refuses the same. Signing needs the package, which is why it is imported only there.
"""

import base64
import binascii
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Self

from keys.errors import BadCheckpoint, BadSignature
from keys.log import ed25519

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519 as openssl

LONGEST_NOTE: Final = 1 << 20
MOST_SIGNATURES: Final = 100
ED25519: Final = b"\x01"
_KEY_ID: Final = 4
NAME: Final = re.compile(r"[^\s+]+")
_LINE: Final = re.compile(r"— ([^\s+]+) ([A-Za-z0-9+/=]+)")
_LOWEST_PRINTABLE: Final = " "


class NoteVerifier:
    """Verifies notes of one key.

    Args:
        vkey: `NAME+HEXID+base64(01 ‖ public key)`.

    Attributes:
        name: The key's name.
        public_key: 32 bytes.
        vkey: As given.

    Raises:
        BadCheckpoint: It is no Ed25519 verifier key, or its id is not the key's.
    """

    __slots__ = ("_key_id", "name", "public_key", "vkey")

    def __init__(self, vkey: str) -> None:
        self.name, self.public_key = parse_vkey(vkey, ED25519)
        self._key_id = key_id(self.name, ED25519 + self.public_key)
        self.vkey = vkey

    def verify(self, note: str) -> str:
        """Gives the text of a note that this key has signed. Fails closed.

        Args:
            note: Text and signatures.

        Returns:
            The signed text, with its last newline.

        Raises:
            BadCheckpoint: The note is malformed, this key has not signed it, or its signature does not hold.
        """
        return self._open(note)[0]

    def line(self, note: str) -> str:
        """This key's signature line of a note, with its newline. Fails closed.

        Args:
            note: Text and signatures.

        Raises:
            BadCheckpoint: As `verify`.
        """
        return signature_line(self.name, self._key_id + self._open(note)[1])

    def _open(self, note: str) -> tuple[str, bytes]:
        """The text and this key's signature over it."""
        text, signatures = split_note(note)
        found: bytes | None = None
        for name, signed_by, signature in signatures:
            if name != self.name or signed_by != self._key_id:
                continue
            if found is not None:
                raise BadCheckpoint("the note is signed twice by the same key")
            try:
                verify_signature(self.public_key, signature, text.encode())
            except BadSignature:
                raise BadCheckpoint("the note's signature does not verify") from None
            found = signature
        if found is None:
            raise BadCheckpoint("the note is not signed by the key expected")
        return text, found


class NoteSigner:
    """Signs notes. It shows nothing of its key in `repr`.

    Args:
        name: The key's name: no white space, no plus sign. By convention the log's origin.
        seed: 32 secret bytes (RFC 8032 private key).

    Attributes:
        name: The key's name.
        seed: The secret, for the keyring only.
        vkey: What to hand to verifiers.

    Raises:
        BadCheckpoint: The name or the seed is malformed.
    """

    __slots__ = ("_key", "_key_id", "name", "seed", "vkey")

    def __init__(self, name: str, seed: bytes) -> None:
        if not NAME.fullmatch(name):
            raise BadCheckpoint("a note key's name has no white space and no plus sign")
        try:
            self._key = private_keys().from_private_bytes(seed)
        except ValueError:
            raise BadCheckpoint("an Ed25519 seed is 32 bytes") from None
        raw = ED25519 + self._key.public_key().public_bytes_raw()
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

    def sign(self, text: str) -> str:
        """Makes a note.

        Args:
            text: Ends with a newline; no control characters but newlines.

        Returns:
            The note with this key's signature.

        Raises:
            BadCheckpoint: The text cannot be the text of a note.
        """
        if not _is_text(text):
            raise BadCheckpoint("a note's text ends with a newline and has no control characters")
        return f"{text}\n" + signature_line(self.name, self._key_id + self._key.sign(text.encode()))

    def __repr__(self) -> str:
        return f"NoteSigner({self.vkey})"


def signature_line(name: str, raw: bytes) -> str:
    """A signature line, with its newline.

    Args:
        name: The key's name.
        raw: Key id and signature.
    """
    return f"— {name} {base64.b64encode(raw).decode()}\n"


def parse_vkey(vkey: str, kind: bytes) -> tuple[str, bytes]:
    """Reads a verifier key of one kind. Fails closed.

    Args:
        vkey: `NAME+HEXID+base64(kind ‖ public key)`.
        kind: The signature type expected, one byte.

    Returns:
        The name and the 32 bytes of the public key.

    Raises:
        BadCheckpoint: It is no verifier key of this kind, its id is not the key's, or the key is of small order.
    """
    name, _, rest = vkey.partition("+")
    hex_id, _, encoded = rest.partition("+")
    try:
        raw = base64.b64decode(encoded.encode("ascii"), validate=True)
        # Stricter than OpenSSL, so that it makes no difference which of the two verifies.
        ed25519.check_key(raw[1:])
    except (ValueError, binascii.Error, BadSignature):
        raise BadCheckpoint("this is not a verifier key") from None
    if not NAME.fullmatch(name) or raw[:1] != kind or key_id(name, raw).hex() != hex_id:
        raise BadCheckpoint("this is not a verifier key of the kind expected")
    return name, raw[1:]


def split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Takes a note apart without verifying anything.

    Args:
        note: Text and signatures.

    Returns:
        The text with its last newline, and (name, key id, signature) of every signature line.

    Raises:
        BadCheckpoint: It is not laid out like a note.
    """
    head, blank, tail = note.rpartition("\n\n")
    text = head + "\n"
    lines = tail.split("\n")
    if len(note) > LONGEST_NOTE or not blank or lines.pop() != "" or not _is_text(text):
        raise BadCheckpoint("this is not a signed note")
    if not 0 < len(lines) <= MOST_SIGNATURES:
        raise BadCheckpoint("a note has at least one signature and not too many")
    signatures = []
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None:
            raise BadCheckpoint("a signature line of the note is malformed")
        try:
            raw = base64.b64decode(found[2].encode("ascii"), validate=True)
        except binascii.Error:
            raise BadCheckpoint("a signature line of the note is malformed") from None
        if len(raw) <= _KEY_ID:
            raise BadCheckpoint("a signature line of the note is malformed")
        signatures.append((found[1], raw[:_KEY_ID], raw[_KEY_ID:]))
    return text, signatures


def key_id(name: str, typed_key: bytes) -> bytes:
    """First four bytes of SHA-256(name ‖ 0A ‖ type ‖ public key).

    Args:
        name: The key's name.
        typed_key: The type's byte and the public key.
    """
    return sha256(name.encode() + b"\n" + typed_key).digest()[:_KEY_ID]


def verify_signature(public_key: bytes, signature: bytes, message: bytes) -> None:
    """Accepts by returning an Ed25519 signature, verified by the faster of the two that there are. Fails closed.

    Args:
        public_key: 32 bytes that `ed25519.check_key` accepted.
        signature: 64 bytes.
        message: What was signed.

    Raises:
        BadSignature: It does not verify.
    """
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - a verifier may be without it
        from cryptography.hazmat.primitives.asymmetric import ed25519 as openssl  # noqa: PLC0415
    except ModuleNotFoundError:
        ed25519.verify(public_key, signature, message)
        return
    try:
        openssl.Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        raise BadSignature("the signature does not verify") from None


def private_keys() -> "type[openssl.Ed25519PrivateKey]":
    """The package's private keys; a verifier that signs nothing never asks for them."""
    from cryptography.hazmat.primitives.asymmetric import ed25519 as openssl  # noqa: PLC0415 - see above

    return openssl.Ed25519PrivateKey


def _is_text(text: str) -> bool:
    """Whether this can be a note's text: ends with a newline, no other control characters, valid Unicode."""
    if not text.endswith("\n") or any(one < _LOWEST_PRINTABLE and one != "\n" for one in text):
        return False
    return not any("\ud800" <= one <= "\udfff" for one in text)
