"""Who a pseudonym is, sealed to the auditors' key: sealed once, opened with a reason, gone with the person."""

import json
import sqlite3
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from gateway.audit.kinds import Kind
from keys.identities import Place, Whose, open_identity
from keys.sealing import SealingKey
from oncegate.v1 import audit_pb2, identity_pb2, profile_pb2
from tests.support.auditors import OFFICE, AuditOffice, official_token, officials
from tests.support.city import ALICE, BO, CHEN, NOBODY, City, running_city
from tests.support.city_fixtures import shared_city
from tests.support.doors import Door, RawSystem, bearer, refused
from tests.support.log_book import logged, read

pytestmark = shared_city("e2e-sealed-identities")
WHY = "complaint 2026-17"
LIMIT = 9


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def city(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[City]:
    folder = tmp_path_factory.mktemp("city")
    settings = officials(folder) + f"[identities]\nopenings_per_day = {LIMIT}\n"
    async with running_city(folder, settings=settings) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(city: City, tmp_path_factory: pytest.TempPathFactory) -> AuditOffice:
    return AuditOffice(city, tmp_path_factory.mktemp("office"))


@pytest.fixture(scope="module")
def key(office: AuditOffice) -> SealingKey:
    return office.make_key()


async def ask(city: City, raw: RawSystem, whom: str, official: str = "") -> str:
    """One answered question; the pseudonym that its entries show."""
    with logged(city) as book:
        token = official_token(city, official) if official else ""
        await raw.fetch(raw.request(raw.body(whom), typed=whom, official_token=token))
    personal = book.only("released").personal
    assert personal is not None
    return str(personal["person"])


async def open_at_the_door(
    city: City, people: Door, wanted: identity_pb2.OpenIdentityRequest, auditor: str = "auditor-9"
) -> identity_pb2.OpenIdentityResponse:
    token = bearer(city.token(auditor, roles=["auditor"]))
    response: identity_pb2.OpenIdentityResponse = await people.identity.OpenIdentity(wanted, metadata=token)
    return response


async def test_without_a_key_nothing_is_sealed(city: City, raw: RawSystem, office: AuditOffice) -> None:
    with logged(city) as book:
        await ask(city, raw, CHEN, "clerk-7")
    assert book.kinds == ["asked", "released"]
    shown = json.loads(await office.run("identity-key", "show", "--json"))
    assert shown["fingerprint"] == ""


async def test_an_identity_is_sealed_once_before_the_first_entry_that_mentions_the_person(
    city: City, raw: RawSystem, office: AuditOffice, key: SealingKey
) -> None:
    office.put_in_force(key)
    with logged(city) as book:
        await ask(city, raw, ALICE, "clerk-7")
        await ask(city, raw, ALICE, "clerk-7")
        await refused(raw.fetch(raw.asking(ALICE, purpose="marriage_registration")))
    assert book.kinds == ["identity_sealed", "identity_sealed", "asked", "released", "asked", "released", "refused"]
    of_official, of_person = book.entries[:2]
    assert of_person.account["of"] == "person"
    assert of_person.personal is not None
    assert ALICE.encode() not in of_person.person + of_person.accountability
    # Nothing in the part that stays for good names the person, not even by the random id.
    assert str(of_person.personal["person"]).encode() not in of_person.accountability
    assert of_official.account["official"] == book.entries[2].account["official"]
    shown = json.loads(await office.run("identity-key", "show", "--json"))
    assert shown["fingerprint"] == key.key_id.hex()


async def test_every_person_s_ciphertext_is_as_long_as_every_other_s(city: City, raw: RawSystem) -> None:
    for whom in (BO, NOBODY):
        await ask(city, raw, whom)
    sealed = [e for e in read(city) if e.kind == Kind.IDENTITY_SEALED and e.account["of"] == "person"]
    assert len(sealed) == 3
    assert len({(len(entry.person), len(entry.accountability)) for entry in sealed}) == 1


async def test_an_auditor_opens_a_person_s_identity_with_a_reason_and_the_person_sees_it(
    city: City, raw: RawSystem, people: Door, office: AuditOffice
) -> None:
    pseudonym = await ask(city, raw, ALICE)
    identity_key = str(office.folder / "identity.pem")
    with logged(city) as book:
        said = await office.run(
            "identity", "--pseudonym", pseudonym, "--why", WHY, "--identity-key", identity_key, "--json"
        )
    found = json.loads(said)
    assert (found["scheme"], found["identifier"]) == ("cn.resident-id", ALICE)
    entry = book.only("identity_opened")
    assert entry.leaf_index == found["opened_entry"]
    assert entry.account["why"] == WHY
    assert entry.account["given"] is True
    assert pseudonym.encode() not in entry.accountability
    # The auditor's own identity is sealed before an entry names the auditor.
    assert [e.kind for e in book.entries] == ["identity_sealed", "identity_opened"]
    assert book.entries[0].account["official"] == entry.account["auditor"]
    token = bearer(city.token("person", resident=ALICE))
    seen = await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(page_size=1), metadata=token)
    assert [access.outcome for access in seen.accesses] == ["identity_opened"]


async def test_an_auditor_who_searches_is_sealed_before_an_entry_names_the_auditor(
    city: City, office: AuditOffice
) -> None:
    curious = AuditOffice(city, office.folder, "auditor-curious")
    with logged(city) as book:
        await curious.run("search", "--json")
        await curious.run("search", "--json")
    assert book.kinds == ["identity_sealed", "log_read", "log_read"]
    assert book.entries[0].account["official"] == book.entries[1].account["auditor"]
    AuditOffice(city, office.folder)


async def test_an_official_s_identity_opens_by_the_entry_that_names_the_official(
    city: City, raw: RawSystem, office: AuditOffice
) -> None:
    with logged(city) as book:
        await ask(city, raw, BO, "clerk-7")
    entry = book.only("released")
    words = ("identity", "--entry", str(entry.leaf_index), "--why", WHY)
    words += ("--identity-key", str(office.folder / "identity.pem"), "--json")
    official = json.loads(await office.run(*words, "--whose", "official"))
    assert (official["issuer"], official["subject"]) == (OFFICE, "clerk-7")
    assert official["pseudonym"] == entry.account["official"]
    assert json.loads(await office.run(*words))["identifier"] == BO
    hits = json.loads(await office.run("search", "--official", official["pseudonym"], "--json"))["hits"]
    assert "identity_opened" in {hit["outcome"] for hit in hits}


async def test_the_gateway_gives_out_nothing_that_it_or_another_key_could_open(
    city: City, raw: RawSystem, people: Door, office: AuditOffice, key: SealingKey
) -> None:
    pseudonym = await ask(city, raw, ALICE)
    wanted = identity_pb2.OpenIdentityRequest(
        whose=identity_pb2.WHOSE_PERSON, pseudonym=pseudonym, why=WHY, key_ids=[key.key_id]
    )
    given = await open_at_the_door(city, people, wanted)
    place = Place(given.origin, Whose.PERSON, given.pseudonym, given.scheme)
    assert open_identity(key, place, given.sealed).name == ALICE
    other = office.make_key("other.pem")
    with logged(city) as book:
        words = ("identity", "--pseudonym", pseudonym, "--why", WHY)
        said = await office.run(*words, "--identity-key", str(office.folder / "other.pem"), code=3)
    assert "IDENTITY_NOT_SEALED" in said
    # Trying leaves its trace, about that person.
    tried = book.only("identity_opened")
    assert tried.account["given"] is False
    assert tried.personal == {"person": pseudonym}
    wanted.key_ids[:] = [other.key_id]
    assert (await refused(open_at_the_door(city, people, wanted))).reason == "IDENTITY_NOT_SEALED"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"whose": 0}, "whose"),
        ({"whose": 7}, "whose"),
        ({"pseudonym": ""}, "pseudonym"),
        ({"pseudonym": "A" * 32}, "pseudonym"),
        ({"pseudonym": "a" * 65}, "pseudonym"),
        ({"pseudonym": "a" * 64}, "pseudonym"),
        ({"entry": 1 << 62, "pseudonym": None}, "entry"),
        ({"entry": 0, "pseudonym": None}, "entry"),
        ({"why": ""}, "why"),
        ({"why": f"it is {ALICE}"}, "why"),
        ({"key_ids": []}, "key_ids"),
        ({"key_ids": [b"k"]}, "key_ids"),
        ({"key_ids": [bytes([n]) * 32 for n in range(17)]}, "key_ids"),
    ],
)
async def test_a_malformed_opening_is_refused_by_its_field(
    city: City, people: Door, changed: dict[str, object], field: str
) -> None:
    good: dict[str, object] = {"whose": 1, "pseudonym": "a" * 32, "why": WHY, "key_ids": [b"k" * 32]}
    request = identity_pb2.OpenIdentityRequest(**{**good, **changed})  # type: ignore[arg-type]
    assert set((await refused(open_at_the_door(city, people, request))).violations) == {field}


async def test_only_auditors_open_identities(city: City, people: Door, key: SealingKey) -> None:
    wanted = identity_pb2.OpenIdentityRequest(whose=1, pseudonym="a" * 32, why=WHY, key_ids=[key.key_id])
    for token in (bearer(city.token("person", resident=ALICE)), bearer(official_token(city))):
        with logged(city) as book:
            assert (await refused(people.identity.OpenIdentity(wanted, metadata=token))).reason == "NOT_ALLOWED"
            asked = people.identity.GetIdentityKey(identity_pb2.GetIdentityKeyRequest(), metadata=token)
            assert (await refused(asked)).reason == "NOT_ALLOWED"
        assert book.entries == []
    assert (await refused(people.identity.OpenIdentity(wanted))).reason == "UNAUTHENTICATED"


async def test_an_auditor_opens_so_many_a_day_and_another_auditor_is_not_hindered(
    city: City, people: Door, key: SealingKey
) -> None:
    wanted = identity_pb2.OpenIdentityRequest(whose=1, pseudonym="0" * 32, why=WHY, key_ids=[key.key_id])
    reasons = [(await refused(open_at_the_door(city, people, wanted, "eager"))).reason for _ in range(LIMIT + 1)]
    assert reasons == ["IDENTITY_NOT_SEALED"] * LIMIT + ["OPENINGS_EXHAUSTED"]
    assert (await refused(open_at_the_door(city, people, wanted, "calm"))).reason == "IDENTITY_NOT_SEALED"


async def test_after_the_key_is_replaced_new_identities_are_under_the_new_one_and_old_ones_open_with_the_old(
    city: City, raw: RawSystem, office: AuditOffice
) -> None:
    only_old = await ask(city, raw, NOBODY)
    with logged(city) as book:
        said = await office.run(
            "identity-key",
            "new",
            str(office.folder / "newer.pem"),
            "--public",
            str(office.folder / "newer.pub"),
            "--json",
        )
        fingerprint = json.loads(said)["fingerprint"]
        change = ("identity-key", "set", str(office.folder / "newer.pub"), "--home", str(city.home), "--yes")
        home = {"ONCEGATE_PASSPHRASE": "", "ONCEGATE_HOME": str(city.home)}
        refusal = await office.run(*change, "--fingerprint", "ab" * 32, code=3, **home)
        assert "another fingerprint" in refusal
        await office.run(*change, "--fingerprint", fingerprint, "--by", "audit office", **home)
        both = await ask(city, raw, ALICE)
        assert "ALREADY_EXISTS" in await office.run(*change, "--fingerprint", fingerprint, code=3, **home)
    assert book.only("identity_key_set").account["key"] == fingerprint
    assert book.only("identity_sealed").account["key"] == fingerprint
    old, new = str(office.folder / "identity.pem"), str(office.folder / "newer.pem")
    words = ("identity", "--why", WHY, "--json")
    auditor = AuditOffice(city, office.folder, "auditor-2")
    assert json.loads(await auditor.run(*words, "--pseudonym", only_old, "--identity-key", old))["identifier"] == NOBODY
    assert json.loads(await auditor.run(*words, "--pseudonym", both, "--identity-key", old))["identifier"] == ALICE
    newest = json.loads(await auditor.run(*words, "--pseudonym", both, "--identity-key", old, "--identity-key", new))
    assert (newest["identifier"], newest["key"]) == (ALICE, fingerprint)


async def test_the_private_key_is_locked_and_a_wrong_passphrase_opens_nothing(office: AuditOffice) -> None:
    private = office.folder / "newer.pem"
    assert private.stat().st_mode & 0o777 == 0o600
    assert b"LOCKED" in private.read_bytes()
    words = ("identity", "--why", WHY, "--pseudonym", "a" * 32, "--identity-key", str(private))
    assert "KEYRING_LOCKED" in await office.run(*words, code=3, ONCEGATE_IDENTITY_PASSPHRASE="wrong")
    again = ("identity-key", "new", str(private), "--public", str(office.folder / "again.pub"))
    assert "exists" in await office.run(*again, code=2)


async def test_erasing_the_person_erases_the_sealed_identity_in_every_entry(
    city: City, raw: RawSystem, people: Door, office: AuditOffice
) -> None:
    pseudonym = await ask(city, raw, BO)
    token = bearer(city.token("person", resident=BO))
    phone = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(phone, metadata=token)
    before = [e for e in read(city) if (e.personal or {}).get("person") == pseudonym and "sealed" in (e.personal or {})]
    assert len(before) == 2  # under either key
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token)
    ledger = city.parts.ledger
    assert all(ledger.entry(entry.leaf_index).personal is None for entry in before)
    erased = [e.account["erased"] for e in read(city) if e.kind == Kind.PERSON_PART_ERASED]
    assert set(erased) == {entry.leaf_index for entry in before}
    with sqlite3.connect(city.home / "gateway.db") as base:
        rows = base.execute("select token from auditors_identities").fetchall()
    base.close()
    assert (ledger.token(bytes.fromhex(pseudonym)),) not in rows
    auditor = AuditOffice(city, office.folder, "auditor-3")
    words = ("identity", "--why", WHY, "--pseudonym", pseudonym)
    keys = ("--identity-key", str(office.folder / "identity.pem"), "--identity-key", str(office.folder / "newer.pem"))
    assert "IDENTITY_NOT_SEALED" in await auditor.run(*words, *keys, code=3)
    assert ledger.fsck().run([], None).erased >= 2
    # The person may look at what is left without being sealed again.
    with logged(city) as book:
        await people.audit.ListMyAccesses(audit_pb2.ListMyAccessesRequest(), metadata=token)
        await refused(people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token))
    assert "identity_sealed" not in book.kinds
    # Whoever asks about the person afterwards answers for that: it is sealed again, for this and what follows.
    with logged(city) as book:
        await ask(city, raw, BO)
    assert book.kinds == ["identity_sealed", "asked", "released"]


async def test_a_person_without_a_profile_erases_the_sealed_identity_too(
    city: City, raw: RawSystem, people: Door
) -> None:
    pseudonym = await ask(city, raw, NOBODY)
    token = bearer(city.token("person", resident=NOBODY))
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token)
    assert city.parts.ledger.indexes_about(bytes.fromhex(pseudonym), Kind.IDENTITY_SEALED, 0) == []
    assert (await refused(people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token))).reason == (
        "NOT_FOUND"
    )


async def test_nothing_is_asked_when_the_identity_cannot_be_put_on_the_log(city: City, raw: RawSystem) -> None:
    standing = city.gateway._identities.seals._standing.current()  # type: ignore[union-attr]
    standing.sealed.clear()
    with sqlite3.connect(city.home / "gateway.db") as base:
        base.execute("alter table auditors_identities rename to gone")
    base.close()
    try:
        assert (await refused(raw.fetch(raw.asking(CHEN)))).reason in {"INTERNAL", "LEDGER_UNAVAILABLE"}
    finally:
        with sqlite3.connect(city.home / "gateway.db") as base:
            base.execute("alter table gone rename to auditors_identities")
        base.close()
    assert (await raw.fetch(raw.asking(CHEN))).complete


async def test_an_identity_that_came_back_with_a_backup_is_erased_at_the_start(
    city: City, raw: RawSystem, people: Door
) -> None:
    pseudonym = await ask(city, raw, CHEN)
    token = bearer(city.token("person", resident=CHEN))
    phone = profile_pb2.SetProfileFieldRequest(field="phone", value="13800138000")
    await people.profile.SetProfileField(phone, metadata=token)
    await people.profile.EraseProfile(profile_pb2.EraseProfileRequest(), metadata=token)
    await ask(city, raw, CHEN)
    (sealed,) = city.parts.ledger.indexes_about(bytes.fromhex(pseudonym), Kind.IDENTITY_SEALED, 0)
    # As after a restore: the register knows of an erasure that is newer than what the log holds.
    with sqlite3.connect(city.home / "gateway.db") as base:
        base.execute("update vault_erasures set erased_ms = erased_ms + 60000")
    base.close()
    await city.gateway._erase.at_start()  # type: ignore[union-attr]
    assert city.parts.ledger.entry(sealed).personal is None


async def test_switching_it_off_seals_nothing_more(city: City, raw: RawSystem, office: AuditOffice) -> None:
    office.put_in_force(None)
    with logged(city) as book:
        await ask(city, raw, CHEN)
    assert book.kinds == ["asked", "released"]
