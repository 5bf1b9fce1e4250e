"""Parsers of secrets at rest that are given hostile bytes, and what each may raise.

A target is fed one input and returns whether it was accepted. It must raise nothing but its own error.
"""

from collections.abc import Callable
from dataclasses import dataclass

from keys.envelope import FieldCipher, Suite, key_id_of, suite_of
from keys.errors import BadEnvelope, KeyringCorrupt, KeyringLocked, KeysError
from keys.keyring.keyring import Keyring
from keys.passphrase import LOWEST, lock, unlock
from keys.persons import unwrap_data_key, wrap_data_key

KEY = bytes(range(32))


@dataclass(frozen=True, slots=True)
class Target:
    """One parser.

    Attributes:
        feed: Gives it one input.
        raises: What it may raise.
        good: Inputs that it accepts.
        cost: How many inputs of another target one of this is worth in time.
    """

    feed: Callable[[bytes], None]
    raises: tuple[type[KeysError], ...]
    good: tuple[bytes, ...]
    cost: int = 1


_PERSON = FieldCipher(KEY, person_id=bytes(16), key_id=7)


def _open_envelope(raw: bytes) -> None:
    _PERSON.open("phone", 3, raw)


def _read_header(raw: bytes) -> None:
    assert isinstance(suite_of(raw), Suite)
    assert 0 <= key_id_of(raw) < 1 << 32


def _unwrap(raw: bytes) -> None:
    assert len(unwrap_data_key(KEY, raw)) == 32


def _read_keyring(raw: bytes) -> None:
    # What is read is written again as the same bytes: no two texts are one keyring.
    assert Keyring.from_bytes(raw).to_bytes() == raw


def _unlock(raw: bytes) -> None:
    unlock(b"passphrase", raw, purpose="fuzz")


def _keyring() -> bytes:
    keyring = Keyring()
    for name in ("index-key", "vault-kek", "vault-kek"):
        keyring.add(name, KEY)
    return keyring.to_bytes()


TARGETS = {
    "envelope": Target(
        _open_envelope,
        (BadEnvelope,),
        tuple(_PERSON.seal("phone", 3, value, suite) for suite in Suite for value in (b"", b"13800138000", bytes(80))),
    ),
    "envelope header": Target(
        _read_header, (BadEnvelope,), tuple(_PERSON.seal("phone", 3, b"1", suite)[:9] for suite in Suite)
    ),
    "wrapped data key": Target(_unwrap, (BadEnvelope,), (wrap_data_key(KEY, KEY),)),
    "keyring": Target(_read_keyring, (KeyringCorrupt,), (_keyring(), Keyring().to_bytes())),
    "box under a passphrase": Target(
        _unlock, (KeyringCorrupt, KeyringLocked), (lock(b"passphrase", b"secret", purpose="fuzz", cost=LOWEST),), 10
    ),
}
