"""Sealing an entry's parts for storage, committing to them, and turning a person id into a token.

Each part is sealed as `salt ‖ body` with AES-256-GCM-SIV under its own versioned key; the AAD binds log, part and
index, so a row's part opens nowhere else. The salt is sealed too: who has the database and the public leaf hashes
still cannot test a guess about a body. GCM-SIV does not commit to its key, but what comes out is checked against the
leaf hash, which does.

The person token is a keyed hash, so the database alone does not say whose entries these are; that two entries are
about the same person can be seen in it.
"""

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from gateway.audit.errors import LedgerCorrupt
from keys.log.leaves import (
    NO_PERSON,
    SALT_SIZE,
    accountability_commitment,
    entry_leaf_hash,
    leaf_data,
    person_commitment,
)
from keys.log.merkle import leaf_hash
from keys.log.notes import NoteSigner
from keys.signing import SigningKey

TOKEN_SIZE: Final = 16
_NONCE_SIZE: Final = 12
_PER_ENTRY: Final = 2 * (SALT_SIZE + _NONCE_SIZE)
_ENTRIES_AT_ONCE: Final = 256
_SEALED: Final = 0x01
_ERASED: Final = 0x00
_HEADER: Final = 5
_TOKEN_DOMAIN: Final = b"oncegate-log-person-v1\0"
_COUNTER_DOMAIN: Final = b"oncegate-log-counter-v1\0"
_UNIQUE_DOMAIN: Final = b"oncegate-log-unique-v1\0"
_FACET_DOMAIN: Final = b"oncegate-log-facet-v1\0"
_CURSOR_DOMAIN: Final = b"oncegate-log-cursor-v1\0"
_LABEL_DOMAIN: Final = b"oncegate-log-label-v1\0"
_FACET_BYTES: Final = 8

Randomness = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class LedgerKeys:
    """The log's secrets, each used for one thing.

    Attributes:
        accountability: AES-256 keys by version; the highest seals, all open.
        person: The same for person parts.
        person_token: Keys the person tokens, the unique names, the names of counters and what is derived for
            searching, each by a hash under a domain of its own, 32 bytes. A new one hides older entries from their
            persons, frees used names and starts counting anew, so it stays for the life of a log.
        promise: Signs commit batches.
        note: Signs checkpoints.
    """

    accountability: Mapping[int, bytes] = field(repr=False)
    person: Mapping[int, bytes] = field(repr=False)
    person_token: bytes = field(repr=False)
    promise: SigningKey = field(repr=False)
    note: NoteSigner = field(repr=False)


class Opened(NamedTuple):
    """A part in the clear; of one that was erased or pruned only `erased_digest`, its commitment."""

    salt: bytes
    body: bytes
    erased_digest: bytes = b""


class _Part:
    """Sealing of one of the two parts."""

    def __init__(self, tag: bytes, origin: str, keys: Mapping[int, bytes]) -> None:
        self._ciphers = {version: AESGCMSIV(key) for version, key in keys.items()}
        current = max(keys)
        self._header = bytes([_SEALED]) + current.to_bytes(4, "big")
        self._current = self._ciphers[current]
        self._bound = b"oncegate-log-body-v1\0" + tag + origin.encode() + b"\0"

    def seal(self, index: int, nonce: bytes, salted: bytes) -> bytes:
        sealed = self._current.encrypt(nonce, salted, self._bound + index.to_bytes(8, "big"))
        return self._header + nonce + sealed

    def open(self, index: int, sealed: bytes) -> Opened:
        if sealed[:1] == bytes([_ERASED]) and len(sealed) == 1 + SALT_SIZE:
            return Opened(b"", b"", sealed[1:])
        cipher = self._ciphers.get(int.from_bytes(sealed[1:_HEADER], "big"))
        if sealed[:1] != bytes([_SEALED]) or cipher is None:
            raise LedgerCorrupt("a part is sealed in an unknown way", leaf_index=index)
        nonce, rest = sealed[_HEADER : _HEADER + _NONCE_SIZE], sealed[_HEADER + _NONCE_SIZE :]
        try:
            salted = cipher.decrypt(nonce, rest, self._bound + index.to_bytes(8, "big"))
        except (InvalidTag, ValueError) as error:
            raise LedgerCorrupt("a part does not open", leaf_index=index) from error
        return Opened(salted[:SALT_SIZE], salted[SALT_SIZE:])


class Bodies:
    """Seals and opens parts. Opens from any thread; seals from one (the writer's).

    Args:
        keys: The log's secrets.
        origin: The log's name, bound into every sealed part.
        randomness: Gives so many random bytes.
    """

    def __init__(self, keys: LedgerKeys, origin: str, randomness: Randomness = secrets.token_bytes) -> None:
        self._accountability = _Part(b"acc\0", origin, keys.accountability)
        self._person = _Part(b"per\0", origin, keys.person)
        # Keyed once and copied per use. `hmac.digest` would give the interpreter's lock away at every call, and the
        # writer would wait for it behind a busy event loop.
        self._person_mac = hmac.new(keys.person_token, _TOKEN_DOMAIN, "sha256")
        self._unique_mac = hmac.new(keys.person_token, _UNIQUE_DOMAIN, "sha256")
        self._counter_mac = hmac.new(keys.person_token, _COUNTER_DOMAIN, "sha256")
        self._facet_mac = hmac.new(keys.person_token, _FACET_DOMAIN, "sha256")
        self._cursor_mac = hmac.new(keys.person_token, _CURSOR_DOMAIN, "sha256")
        self._labels = AESGCMSIV(hmac.digest(keys.person_token, _LABEL_DOMAIN, "sha256"))
        self._randomness = randomness
        self._pool, self._drawn = b"", 0

    def seal(self, index: int, accountability: bytes, person: bytes | None) -> tuple[bytes, bytes, bytes | None]:
        """Commit to an entry's parts and seal them for storage.

        Args:
            index: Where the entry will stand.
            accountability: Canonical JSON.
            person: Canonical JSON, or None.

        Returns:
            Leaf hash; sealed accountability part; sealed person part or None.
        """
        random = self._draw()
        salt = random[:32]
        sealed = self._accountability.seal(index, random[32:44], salt + accountability)
        if person is None:
            return entry_leaf_hash(salt, accountability), sealed, None
        person_salt = random[44:76]
        leaf = entry_leaf_hash(salt, accountability, person_salt, person)
        return leaf, sealed, self._person.seal(index, random[76:], person_salt + person)

    def _draw(self) -> bytes:
        """Fresh randomness for one entry, never given twice.

        Drawn for many entries at once: asking the operating system gives the interpreter's lock away, and the writer
        would wait for it behind a busy event loop at every entry.
        """
        start, self._drawn = self._drawn, self._drawn + _PER_ENTRY
        if self._drawn > len(self._pool):
            self._pool = self._randomness(_PER_ENTRY * _ENTRIES_AT_ONCE)
            start, self._drawn = 0, _PER_ENTRY
        return self._pool[start : self._drawn]

    def open(self, index: int, leaf: bytes, accountability: bytes, person: bytes | None) -> tuple[Opened, Opened]:
        """Open a row's parts and check them against its leaf hash. Of a pruned entry only commitments are there.

        Raises:
            LedgerCorrupt: A part was changed, moved or sealed under an unknown key. Fails closed.
        """
        account = self._accountability.open(index, accountability)
        personal = Opened(b"", b"") if person is None else self._person.open(index, person)
        if leaf_hash(leaf_data(commitment_to(account), commitment_of(personal))) != leaf:
            raise LedgerCorrupt("a stored entry does not fit its leaf hash", leaf_index=index)
        return account, personal

    def token(self, person_id: bytes) -> bytes:
        """The person's token in this log: the first 16 bytes of HMAC-SHA256 under the log's own key."""
        mac = self._person_mac.copy()
        mac.update(person_id)
        return mac.digest()[:TOKEN_SIZE]

    def counter(self, name: str) -> bytes:
        """Keyed hash, 16 bytes, of a counter's name, which may hold a person's id."""
        mac = self._counter_mac.copy()
        mac.update(name.encode())
        return mac.digest()[:TOKEN_SIZE]

    def facet(self, name: str, value: str) -> int:
        """Keyed hash of an attribute's name and value, a signed number of 8 bytes. Names hold no zero byte."""
        mac = self._facet_mac.copy()
        mac.update(name.encode() + b"\0" + value.encode())
        return int.from_bytes(mac.digest()[:_FACET_BYTES], "big", signed=True)

    def cursor(self, search: bytes) -> str:
        """Keyed hash, 32 hexadecimal digits, that ties a page's cursor to its search."""
        mac = self._cursor_mac.copy()
        mac.update(search)
        return mac.hexdigest()[: 2 * TOKEN_SIZE]

    def seal_label(self, token: int, text: str) -> bytes:
        """Encrypt what a tally's token stands for. From any thread."""
        nonce = secrets.token_bytes(_NONCE_SIZE)
        return nonce + self._labels.encrypt(nonce, text.encode(), token.to_bytes(_FACET_BYTES, "big", signed=True))

    def open_label(self, token: int, sealed: bytes) -> str | None:
        """What a tally's token stands for; None when what is stored is not what was put there."""
        bound = token.to_bytes(_FACET_BYTES, "big", signed=True)
        try:
            return self._labels.decrypt(sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:], bound).decode()
        except (InvalidTag, ValueError):
            return None

    def unique(self, name: str, digest: bytes) -> tuple[bytes, bytes]:
        """Keyed hashes, 16 bytes each, of a name that only one entry may have and of the name with its digest."""
        mac = self._unique_mac.copy()
        # Hashed first, so that a name has one length and cannot run into the digest.
        mac.update(hashlib.sha256(name.encode()).digest())
        named = mac.digest()[:TOKEN_SIZE]
        mac.update(digest)
        return named, mac.digest()[:TOKEN_SIZE]


def commitment_to(account: Opened) -> bytes:
    """What a leaf holds for an accountability part that is there or was pruned."""
    return account.erased_digest or accountability_commitment(account.salt, account.body)


def commitment_of(personal: Opened) -> bytes:
    """What a leaf holds for a person part that is there, was erased, or never was."""
    if personal.salt:
        return person_commitment(personal.salt, personal.body)
    return personal.erased_digest or NO_PERSON


def pruned_parts(account: Opened, personal: Opened) -> tuple[bytes, bytes | None]:
    """What is stored in place of both parts of a pruned entry: only their commitments stay."""
    about = commitment_of(personal)
    person = None if about == NO_PERSON else bytes([_ERASED]) + about
    return bytes([_ERASED]) + commitment_to(account), person


def erased_part(salt: bytes, body: bytes) -> bytes:
    """What is stored in place of a person part that is erased: only its commitment stays."""
    return bytes([_ERASED]) + person_commitment(salt, body)
