"""A sealed keyring: two slots for one content key, and nothing that can be changed unseen."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from keys import canonical
from keys.errors import BadEnvelope, KeyringCorrupt, KeysError, NoRecovery, RootKeyMissing, UnknownKey, WrongShares
from keys.keyring.keyring import Keyring
from keys.keyring.sealed import (
    AUTHENTICATOR,
    Head,
    RecoverySlot,
    authenticator,
    content_key,
    is_sealed,
    open_with_content_key,
    open_with_root,
    read_head,
    seal,
)
from keys.passphrase import LOWEST, lock
from keys.providers.file import FileRootKeys
from keys.sealing import SealingKey

SEED = bytes(range(32))
SLOT = RecoverySlot("1a2b", 5, 3, 1_800_000_000_000, SealingKey(SEED).public)


@pytest.fixture
def roots(tmp_path: Path) -> FileRootKeys:
    roots = FileRootKeys(tmp_path / "root-keys.bin", lambda: b"correct horse", LOWEST)
    roots.add()
    return roots


def keyring(seed: bytes = SEED) -> Keyring:
    made = Keyring()
    made.add("vault-kek", b"k" * 32)
    made.add(AUTHENTICATOR, authenticator(seed))
    return made


def same(one: Keyring, other: Keyring) -> bool:
    return one.to_bytes() == other.to_bytes()


def test_the_root_key_and_the_recovery_key_open_the_same_keyring(roots: FileRootKeys) -> None:
    raw = seal(keyring(), roots, Head(1, "file", 1, SLOT))
    assert is_sealed(raw)
    assert not is_sealed(lock(b"p", b"x", purpose="keyring", cost=LOWEST))
    assert same(open_with_root(raw, roots), keyring())
    assert same(open_with_content_key(raw, content_key(raw, SEED)), keyring())


def test_the_head_is_read_without_a_key(roots: FileRootKeys) -> None:
    head = Head(7, "file", 1, SLOT)
    assert read_head(seal(keyring(), roots, head)) == head
    plain = Head(8, "file", 1, None)
    assert read_head(seal(keyring(), roots, plain)) == plain


def test_every_save_has_a_fresh_content_key_and_keeps_the_recovery_slot_without_the_shares(roots: FileRootKeys) -> None:
    first = seal(keyring(), roots, Head(1, "file", 1, SLOT))
    second = seal(keyring(), roots, Head(2, "file", 1, SLOT))
    assert content_key(first, SEED) != content_key(second, SEED)
    with pytest.raises(BadEnvelope):
        open_with_content_key(second, content_key(first, SEED))


def test_no_secret_is_readable_in_the_file(roots: FileRootKeys) -> None:
    raw = seal(keyring(), roots, Head(1, "file", 1, SLOT))
    for secret in (b"k" * 32, SEED, authenticator(SEED), content_key(raw, SEED)):
        assert secret not in raw
        assert canonical.to_text(secret).encode() not in raw


def test_a_destroyed_root_key_opens_nothing_and_the_custodians_still_do(roots: FileRootKeys) -> None:
    raw = seal(keyring(), roots, Head(1, "file", 1, SLOT))
    roots.destroy(1)
    with pytest.raises(RootKeyMissing):
        open_with_root(raw, roots)
    assert same(open_with_content_key(raw, content_key(raw, SEED)), keyring())


def test_a_retired_set_of_shares_does_not_open_what_was_saved_after_it(roots: FileRootKeys) -> None:
    other = bytes(32)
    slot = replace(SLOT, set_id="ffff", public=SealingKey(other).public)
    raw = seal(keyring(other), roots, Head(2, "file", 1, slot))
    with pytest.raises(WrongShares):
        content_key(raw, SEED)
    assert same(open_with_content_key(raw, content_key(raw, other)), keyring(other))


def test_without_a_recovery_slot_shares_open_nothing(roots: FileRootKeys) -> None:
    with pytest.raises(NoRecovery):
        content_key(seal(keyring(), roots, Head(1, "file", 1, None)), SEED)


def test_a_keyring_that_a_stranger_sealed_to_the_custodians_is_refused(roots: FileRootKeys) -> None:
    # The public key stands in the head, so anyone can seal to it; only someone inside knows the authenticator.
    forged = Keyring()
    forged.add("vault-kek", b"of the attacker, 32 bytes long!!")
    forged.add(AUTHENTICATOR, b"guessed" * 4)
    with pytest.raises(WrongShares):
        content_key(seal(forged, roots, Head(9, "file", 1, SLOT)), SEED)


def test_a_recovery_slot_needs_its_authenticator(roots: FileRootKeys) -> None:
    with pytest.raises(UnknownKey):
        seal(Keyring(), roots, Head(1, "file", 1, SLOT))


@pytest.mark.parametrize("part", ["body", "commitment", "nonce", "root", "recovery", "mac"])
def test_a_changed_byte_in_any_part_is_noticed(roots: FileRootKeys, part: str) -> None:
    value = canonical.read(seal(keyring(), roots, Head(1, "file", 1, SLOT)))
    changed = bytearray(canonical.from_text(value[part]))
    changed[-1] ^= 1
    raw = canonical.write({**value, part: canonical.to_text(bytes(changed))})
    if part == "root":
        # A damaged root slot is what the recovery slot is for.
        assert same(open_with_content_key(raw, content_key(raw, SEED)), keyring())
    else:
        with pytest.raises(KeysError):
            content_key(raw, SEED)
    if part not in {"recovery", "mac"}:
        with pytest.raises(KeysError):
            open_with_root(raw, roots)


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"provider": "pkcs11"},
        {"recovery": None},
        {"root_version": 2},
    ],
)
def test_a_changed_head_is_noticed(roots: FileRootKeys, change: dict[str, canonical.Json]) -> None:
    roots.add()
    value = canonical.read(seal(keyring(), roots, Head(1, "file", 1, SLOT)))
    head = value["head"]
    assert isinstance(head, dict)
    raw = canonical.write({**value, "head": {**head, **change}})
    with pytest.raises(BadEnvelope):
        open_with_root(raw, roots)
    with pytest.raises((WrongShares, NoRecovery)):
        content_key(raw, SEED)


def test_the_recovery_key_cannot_be_exchanged_for_an_attackers(roots: FileRootKeys) -> None:
    value = canonical.read(seal(keyring(), roots, Head(1, "file", 1, SLOT)))
    head = json.loads(json.dumps(value["head"]))
    head["recovery"]["public"] = canonical.to_text(SealingKey(bytes(32)).public)
    with pytest.raises(BadEnvelope):
        open_with_root(canonical.write({**value, "head": head}), roots)


def test_parts_of_two_files_do_not_mix(roots: FileRootKeys) -> None:
    first = canonical.read(seal(keyring(), roots, Head(1, "file", 1, SLOT)))
    second = canonical.read(seal(keyring(), roots, Head(2, "file", 1, SLOT)))
    for part in ("body", "root", "head"):
        with pytest.raises(KeysError):
            open_with_root(canonical.write({**second, part: first[part]}), roots)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"{",
        b'{"head":{}}',
        canonical.write(dict.fromkeys(("body", "commitment", "head", "mac", "nonce", "recovery", "root"), "")),
        canonical.write(dict.fromkeys(("body", "commitment", "head", "mac", "nonce", "recovery", "root"), 1)),
    ],
)
def test_what_is_no_sealed_keyring_is_corrupt(roots: FileRootKeys, raw: bytes) -> None:
    for use in (read_head, lambda r: open_with_root(r, roots), lambda r: content_key(r, SEED)):
        with pytest.raises(KeyringCorrupt):
            use(raw)
