"""One of 20 000 people is erased while others read and write: unreadable at once from the live files, with raw tools too.

The search for the person's wrapped key goes through the bytes of every file of the database, and the attempt to open the
envelopes uses the primitives by hand: keys/envelope as documented, not our own code. Both are shown to succeed while
the person is there. Copies in backups: tests/integration/backup.
"""

import asyncio
import hashlib
import hmac
import itertools
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap_with_padding

from gateway.audit.verify.copy import verify_export
from gateway.vault.profile import Vault
from oncegate.v1 import profile_pb2, signed_pb2
from tests.support.city import ALICE, BO, City, running_city
from tests.support.doors import Door, RawSystem, bearer, people_door
from tests.support.published import published

PEOPLE = 20_000
PHONE = ("oncegate.profile", "phone", signed_pb2.FORM_VALUE)

pytestmark = [pytest.mark.alone, pytest.mark.long]


def fill(city: City, people: int) -> None:
    """Other people's profiles, put there through the vault."""
    vault = Vault(city.parts.engine, city.parts.secrets.keyring, city.parts.clock)
    for number in range(people):
        vault.set_field(secrets.token_bytes(16), "phone", str(13_000_000_000 + number))


def rows(city: City) -> tuple[list[tuple[bytes, int, int, bytes | None]], list[tuple[bytes, str, int, bytes]]]:
    """The keys and fields of the database, read with the plain driver."""
    with sqlite3.connect(city.home / "gateway.db") as base:
        keys = base.execute("SELECT person_id, key_id, kek_version, wrapped FROM vault_keys").fetchall()
        fields = base.execute("SELECT person_id, field, version, envelope FROM vault_fields").fetchall()
    base.close()
    return keys, fields


def opened(data_key: bytes, person_id: bytes, field: str, version: int, envelope: bytes) -> bytes:
    """AES-256-GCM-SIV of one field by hand: header of 9 bytes, 12 of nonce, 32 of commitment, then the ciphertext."""
    info = b"oncegate-field-v1\x00" + bytes((envelope[4],)) + field.encode() + b"\x01"
    key = hmac.digest(hmac.digest(bytes(32), data_key, hashlib.sha256), info, hashlib.sha256)
    place = person_id + version.to_bytes(8, "big") + field.encode()
    return AESGCMSIV(key).decrypt(envelope[9:21], envelope[53:], envelope[:53] + place)


def readable(keks: list[bytes], wrapped: list[bytes], fields: list[tuple[bytes, str, int, bytes]]) -> int:
    """How many of the fields open under any of the wrapped keys."""
    found = 0
    for person_id, field, version, envelope in fields:
        for kek, candidate in itertools.product(keks, wrapped):
            try:
                opened(aes_key_unwrap_with_padding(kek, candidate), person_id, field, version, envelope)
            except (InvalidTag, InvalidUnwrap, ValueError):
                continue
            found += 1
    return found


@asynccontextmanager
async def load(city: City, people: Door, raw: RawSystem) -> AsyncIterator[list[str]]:
    """Somebody else's profile is read and written all the time; what went wrong is collected."""
    ending, problems, done = asyncio.Event(), [], [0]

    async def work(number: int) -> None:
        metadata = bearer(city.token("person", resident=BO))
        while not ending.is_set():
            try:
                value = str(13_900_000_000 + number + 4 * done[0])
                await people.profile.SetProfileField(
                    profile_pb2.SetProfileFieldRequest(field="phone", value=value), metadata=metadata
                )
                await raw.fetch(raw.asking(BO, items=[PHONE]))
                done[0] += 1
            except Exception as error:  # noqa: BLE001 - collected, so that the test names all of them
                problems.append(repr(error))

    workers = [asyncio.create_task(work(number)) for number in range(4)]
    try:
        yield problems
    finally:
        ending.set()
        await asyncio.gather(*workers)
    assert done[0] > 20


async def test_one_of_20_000_is_erased_under_load_and_unreadable_from_the_live_database(tmp_path: Path) -> None:
    async with running_city(tmp_path) as city, people_door(city) as people, RawSystem(city) as raw:
        # Half of them after the person: pages that are split meanwhile must not keep copies.
        await asyncio.to_thread(fill, city, PEOPLE // 2)
        before = {bytes(key[0]) for key in rows(city)[0]}
        metadata = bearer(city.token("person", resident=ALICE))
        await people.profile.SetProfileField(
            profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000"), metadata=metadata
        )
        after = rows(city)[0]
        await asyncio.to_thread(fill, city, PEOPLE // 2)
        fields = rows(city)[1]
        [(alice, _, version, wrapped)] = [key for key in after if bytes(key[0]) not in before]
        assert wrapped is not None
        stolen = [field for field in fields if field[0] == alice]
        keyring = city.parts.secrets.keyring
        keks = [keyring.get("vault-kek", known) for known in keyring.versions("vault-kek")]
        # The positive controls: while the person is there, both ways in lead somewhere.
        assert readable([keyring.get("vault-kek", version)], [wrapped], stolen) == 1
        assert any(wrapped in path.read_bytes() for path in city.home.glob("gateway.db*"))

        async with load(city, people, raw) as problems:
            await asyncio.sleep(0.5)
            await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=metadata)
            await asyncio.sleep(0.5)
            assert not problems
            keys, fields = rows(city)
            assert [key[3] for key in keys if key[0] == alice] == [None]
            assert [field for field in fields if field[0] == alice] == []
            # What was stolen earlier opens with nothing that is left: every key of the live database is tried.
            left = [key[3] for key in keys if key[3] is not None]
            assert len(left) > PEOPLE
            assert await asyncio.to_thread(readable, keks, left, stolen) == 0
        # A reader may have held the log of changes open at that moment; a quiet one does not.
        with sqlite3.connect(city.home / "gateway.db") as base:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        base.close()
        assert [path.name for path in city.home.glob("gateway.db*") if wrapped in path.read_bytes()] == []
        assert [path.name for path in city.home.glob("gateway.db*") if stolen[0][3] in path.read_bytes()] == []

        # An export reaches as far as the newest checkpoint, which may be a second behind the newest entry.
        await published(city)
        city.parts.ledger.export(tmp_path / "copy")
        verified = verify_export(tmp_path / "copy", city.parts.ledger_key)
        assert verified.size == city.parts.ledger.size()
