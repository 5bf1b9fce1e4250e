"""Promise 3: after traffic, nothing that the gateway keeps or writes names a person or says what was released.

Searched: every file of the gateway's home while it runs (database, write-ahead log, anchor, status) and after it
stopped, its log, and the access log decrypted. Each search has a positive control that finds what is there.
"""

import base64
import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pytest

from gateway.bootstrap.identities import set_auditors_key
from keys.sealing import SealingKey
from oncegate.v1 import profile_pb2
from policies.identifiers import resident_id
from tests.support.auditors import official_token, officials
from tests.support.city import ALICE, BO, CHEN, NAMES, NOBODY, PEOPLE, City, running_city
from tests.support.doors import LOCATION, NAME, RECORD, RawSystem, bearer, people_door, refused
from tests.support.log_book import read

TYPO = resident_id("11010519880808088")[:-1] + "?"
PHONE, ADDRESS = "13800138000", "朝阳区静安里7号楼502"
SECRETS = (
    *(ALICE, BO, CHEN, NOBODY, TYPO, ALICE.lower(), PHONE, ADDRESS),
    *NAMES.values(),
    *(text for person in PEOPLE.values() for text in person),
    *("幸福路1号", "幸福路2号", "88.50", "clerk-zhang-wei"),
)


def spellings(text: str) -> Iterable[bytes]:
    """The ways in which a text could have been written down, or hashed without a key."""
    raw = text.encode()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be", "gb18030"):
        yield text.encode(encoding)
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for shift in range(3):
        # Base64 inside a longer text: at each of the three places in a group of three bytes.
        yield base64.b64encode(bytes(shift) + raw)[4 if shift else 0 : -4]
    yield text.encode("unicode_escape")
    for hashed in (hashlib.sha256, hashlib.sha1, hashlib.md5):
        for salted in (raw, b"cn.resident-id\0" + raw, b"cn.resident-id" + raw, b"cn.resident-id:" + raw):
            yield hashed(salted).digest()
            yield hashed(salted).hexdigest().encode()


def found(haystack: bytes) -> set[str]:
    """Which secrets a haystack holds in any spelling of at least six bytes."""
    return {text for text in SECRETS for way in spellings(text) if len(way) >= 6 and way in haystack}


def everything_in(folder: Path) -> bytes:
    """All files below a folder, one after the other."""
    return b"\n".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def traffic(city: City) -> None:
    """Answers, refusals, repeats, a locate, a profile, a mistake in an identifier."""
    async with RawSystem(city) as raw, people_door(city) as door:
        for who in (ALICE, BO, CHEN, NOBODY):
            token = bearer(city.token(f"person-{who[-4:]}", resident=who))
            for field, value in (("phone", PHONE), ("mailing_address", ADDRESS)):
                request = profile_pb2.SetProfileFieldRequest(field=field, value=value)
                await door.profile.SetProfileField(request, metadata=token)
            words = profile_pb2.MarkProfileFieldRequest(field="phone", mark=1, reason=f"{PHONE} {ADDRESS}")
            await door.profile.MarkProfileField(words, metadata=token)
            profile = ("oncegate.profile", "phone", NAME[2])
            response = await raw.fetch(raw.asking(who, items=[NAME, LOCATION, profile]))
            assert response.complete
            await raw.locate(raw.asking(who, items=[RECORD]))
            official = official_token(city, "clerk-zhang-wei")
            await raw.fetch(raw.request(raw.body(who), typed=who, official_token=official))
            await refused(raw.fetch(raw.asking(who, purpose="marriage_registration")))
        await refused(raw.fetch(raw.request(typed=TYPO)))
        await refused(raw.fetch(raw.request(typed=BO)))
        bad = profile_pb2.SetProfileFieldRequest(field="phone", value=ALICE)
        await refused(door.profile.SetProfileField(bad, metadata=token))


@pytest.mark.domain_check(number=10)
async def test_no_identifier_name_or_value_stays_with_the_gateway(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_city(tmp_path, settings=officials(tmp_path)) as city:
        # Also with identities sealed: the gateway keeps what it cannot read.
        set_auditors_key(city.parts, SealingKey.generate().recipient, "audit office")
        await traffic(city)
        running = everything_in(city.home)
        entries = read(city)
        book = b"\n".join(entry.accountability + entry.person for entry in entries)
        sources = everything_in(city.member_home("civil", "registry")) + everything_in(
            city.member_home("housing", "registry")
        )
        database = city.home / "gateway.db"
        assert (city.home / "gateway.db-wal").stat().st_size
        with sqlite3.connect(database) as base:
            phones = base.execute("select * from vault_fields").fetchall()
        base.close()
    stopped = everything_in(city.home)
    written = capfd.readouterr()
    log = (written.out + written.err).encode()

    assert found(running) == set()
    assert found(stopped) == set()
    assert found(log) == set()
    assert found(book) == set()
    # Positive controls: the same search finds the people at the nodes, and the searched places do hold the traffic.
    assert {ALICE, BO, CHEN, *NAMES.values(), "幸福路1号"} <= found(sources)
    assert b"civil.resident" in running
    assert b"education" in stopped
    assert {"asked", "released", "refused", "profile_written", "identity_sealed"} <= {entry.kind for entry in entries}
    assert b"gateway serves" in log
    assert b"refused" in log
    # Four people with the same telephone number have four different ciphertexts, and none is a prefix of another.
    sealed = [value for row in phones for value in row if isinstance(value, bytes) and len(value) > 60]
    assert len(sealed) == len({value[-32:] for value in sealed}) == 8


@pytest.mark.domain_check(number=10)
@pytest.mark.parametrize("text", [ALICE, "欧阳静好", ADDRESS])
def test_the_search_finds_every_spelling(text: str) -> None:
    for way in spellings(text):
        assert text in found(b"\x00before" + way + b"after\xff")
