"""With plain sqlite3 and primitives of `cryptography` only: what a thief of backups can open, and what not.

Nothing of `keys` is used to decrypt: AES-KWP (RFC 5649), HKDF-SHA256 (RFC 5869) and AES-256-GCM-SIV (RFC 8452) are put
together by hand, as keys/persons.py and keys/envelope.py describe their formats.
"""

import hmac
import json
import sqlite3
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from tests.support.backup_world import PERSONS, PHONES, World, raw_bytes

WRAPPED_BYTES = 40


def secrets_of(world: World) -> dict[str, dict[int, bytes]]:
    """Everything in the keyring, as somebody with file and passphrase has it."""
    with world.open() as offline:
        keyring = offline.secrets.keyring
        return {name: {v: keyring.get(name, v) for v in keyring.versions(name)} for name in keyring.names()}


def fields_in(backup: Path) -> dict[bytes, tuple[bytes, str, int]]:
    connection = sqlite3.connect(f"file:{backup / 'database.sqlite'}?mode=ro", uri=True)
    rows = connection.execute("SELECT person_id, envelope, field, version FROM vault_fields WHERE field = 'phone'")
    found = {bytes(person): (bytes(envelope), field, version) for person, envelope, field, version in rows}
    connection.close()
    return found


def keys_in(path: Path) -> dict[bytes, dict[str, object]]:
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    return {bytes.fromhex(line["person_id"]): line for line in lines if "person_id" in line}


def unwrapped(kek: bytes, wrapped: bytes) -> bytes | None:
    try:
        return aes_key_unwrap_with_padding(kek, wrapped)
    except (InvalidUnwrap, ValueError):
        return None


def opened(data_key: bytes, person: bytes, envelope: bytes, field: str, version: int) -> bytes | None:
    """Layout: "OGF" 01, suite, u32 key id, 12 bytes nonce, 32 bytes commitment, ciphertext."""
    assert envelope[:5] == b"OGF\x01\x01"
    info = b"oncegate-field-v1\x00\x01" + field.encode()
    key = HKDF(SHA256(), 32, None, info).derive(data_key)
    start, nonce = envelope[:53], envelope[9:21]
    if not hmac.compare_digest(
        hmac.digest(key, b"oncegate-field-commitment-v1\x00" + nonce, "sha256"), envelope[21:53]
    ):
        return None
    try:
        place = person + version.to_bytes(8, "big") + field.encode()
        return AESGCMSIV(key).decrypt(nonce, envelope[53:], start + place)
    except InvalidTag:
        return None


def wrapped_keys_among(haystack: bytes, keks: list[bytes]) -> set[bytes]:
    """Every data key that any run of 40 bytes unwraps to under any of the key-encryption keys."""
    found = set()
    for start in range(len(haystack) - WRAPPED_BYTES + 1):
        piece = haystack[start : start + WRAPPED_BYTES]
        # Runs of zero bytes fill most of a database; none of them is a key.
        if not any(piece[:8]):
            continue
        found |= {key for kek in keks if (key := unwrapped(kek, piece)) is not None}
    return found


def test_the_ordinary_backup_and_the_open_keyring_open_no_field(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    held = secrets_of(small)
    fields = fields_in(tmp_path / "backup")
    assert PERSONS[0] in fields
    every_secret = [secret for versions in held.values() for secret in versions.values() if len(secret) == 32]
    assert len(every_secret) >= 6
    for person in PERSONS:
        for secret in every_secret:
            assert opened(secret, person, *fields[person]) is None
    keks = list(held["vault-kek"].values())
    assert wrapped_keys_among(raw_bytes(tmp_path / "backup"), keks) == set()
    live = small.wrapped()
    found = wrapped_keys_among(raw_bytes(small.home), keks)
    assert len(found) == len(live), "the search must find the keys where they are"


def test_with_the_key_backup_and_the_live_key_encryption_key_every_field_opens(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    held, fields, keys = secrets_of(small), fields_in(tmp_path / "backup"), keys_in(tmp_path / "keys")
    for person, phone in zip(PERSONS, PHONES, strict=True):
        line = keys[person]
        kek = held["vault-kek"][int(str(line["kek_version"]))]
        data_key = unwrapped(kek, bytes.fromhex(str(line["wrapped"])))
        assert data_key is not None
        plaintext = opened(data_key, person, *fields[person])
        assert plaintext is not None
        assert json.loads(plaintext[1:])["value"] == phone
        assert opened(data_key, PERSONS[0] if person != PERSONS[0] else PERSONS[1], *fields[person]) is None


def test_once_the_key_encryption_key_is_destroyed_the_key_backup_opens_nothing(small: World, tmp_path: Path) -> None:
    small.backup(tmp_path / "backup")
    small.key_backup(tmp_path / "keys")
    with small.open() as offline:
        keyring = offline.secrets.keyring
        keyring.add("vault-kek", b"n" * 32)
        assert small.vault(offline).rewrap() >= len(PERSONS)
        left = [secret for name in keyring.names() for v in keyring.versions(name) for secret in [keyring.get(name, v)]]
        destroyed = keyring.get("vault-kek", 1)
    left = [secret for secret in left if len(secret) in {16, 24, 32} and secret != destroyed]
    keys = keys_in(tmp_path / "keys")
    assert set(PERSONS) <= set(keys)
    for line in keys.values():
        assert [unwrapped(secret, bytes.fromhex(str(line["wrapped"]))) for secret in left] == [None] * len(left)
