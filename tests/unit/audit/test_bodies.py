import itertools

import pytest

from gateway.audit.bodies import Bodies, erased_part
from gateway.audit.errors import LedgerCorrupt
from keys.log.leaves import entry_leaf_hash
from tests.support.ledgers import ORIGIN, PERSON, ledger_keys

ACCOUNT, PERSONAL = b'{"kind":"asked"}', b'{"scheme":"cn.resident-id"}'


@pytest.fixture
def bodies() -> Bodies:
    return Bodies(ledger_keys(), ORIGIN)


def test_what_is_sealed_opens_and_fits_the_leaf(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    opened, person = bodies.open(5, leaf, account, personal)
    assert (opened.body, person.body) == (ACCOUNT, PERSONAL)
    assert opened.salt != person.salt
    assert leaf == entry_leaf_hash(opened.salt, ACCOUNT, person.salt, PERSONAL)


def test_an_entry_about_no_person_has_no_person_part(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(0, ACCOUNT, None)
    assert personal is None
    opened, person = bodies.open(0, leaf, account, None)
    assert person.salt == b""
    assert leaf == entry_leaf_hash(opened.salt, ACCOUNT)


def test_neither_body_nor_salt_is_in_the_stored_bytes_and_equal_bodies_look_different(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    again = bodies.seal(5, ACCOUNT, PERSONAL)
    opened, person = bodies.open(5, leaf, account, personal)
    for secret in (ACCOUNT, PERSONAL, opened.salt, person.salt):
        assert secret not in account + (personal or b"")
    assert leaf != again[0]
    assert account != again[1]


def test_every_changed_byte_of_a_stored_part_is_noticed(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    assert personal is not None
    for place in range(len(account)):
        changed = account[:place] + bytes([account[place] ^ 1]) + account[place + 1 :]
        with pytest.raises(LedgerCorrupt):
            bodies.open(5, leaf, changed, personal)
    for place in range(len(personal)):
        changed = personal[:place] + bytes([personal[place] ^ 1]) + personal[place + 1 :]
        with pytest.raises(LedgerCorrupt):
            bodies.open(5, leaf, account, changed)


@pytest.mark.parametrize("stored", [b"", b"\x00", b"\x01", b"\x01" + bytes(20), b"\x02" + bytes(60)])
def test_bytes_that_are_no_part_are_refused(bodies: Bodies, stored: bytes) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    with pytest.raises(LedgerCorrupt):
        bodies.open(5, leaf, stored, personal)
    with pytest.raises(LedgerCorrupt):
        bodies.open(5, leaf, account, stored)


def test_a_part_opens_only_at_its_own_index_in_its_own_place_of_its_own_log(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    with pytest.raises(LedgerCorrupt):
        bodies.open(6, leaf, account, personal)
    with pytest.raises(LedgerCorrupt):
        bodies.open(5, leaf, personal or b"", account)
    with pytest.raises(LedgerCorrupt):
        Bodies(ledger_keys(), "another.example/log").open(5, leaf, account, personal)


def test_an_accountability_part_cannot_be_passed_off_as_erased(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    opened, _ = bodies.open(5, leaf, account, personal)
    with pytest.raises(LedgerCorrupt):
        bodies.open(5, leaf, erased_part(opened.salt, opened.body), personal)


def test_an_erased_person_part_keeps_only_its_commitment(bodies: Bodies) -> None:
    leaf, account, personal = bodies.seal(5, ACCOUNT, PERSONAL)
    _, person = bodies.open(5, leaf, account, personal)
    left = erased_part(person.salt, person.body)
    opened, gone = bodies.open(5, leaf, account, left)
    assert opened.body == ACCOUNT
    assert (gone.body, gone.salt, gone.erased_digest) == (b"", b"", left[1:])
    with pytest.raises(LedgerCorrupt):
        bodies.open(5, leaf, account, b"\x00" + bytes(32))


def test_the_newest_key_seals_and_the_older_still_open() -> None:
    leaf, account, personal = Bodies(ledger_keys(), ORIGIN).seal(5, ACCOUNT, PERSONAL)
    rotated = Bodies(ledger_keys(2), ORIGIN)
    assert rotated.open(5, leaf, account, personal)[0].body == ACCOUNT
    newer = rotated.seal(5, ACCOUNT, PERSONAL)
    with pytest.raises(LedgerCorrupt):
        Bodies(ledger_keys(), ORIGIN).open(5, *newer)


def test_tokens_are_keyed_stable_and_apart_from_unique_names(bodies: Bodies) -> None:
    assert bodies.token(PERSON) == bodies.token(PERSON) != bodies.token(b"q" * 16)
    names = [bodies.unique(name, digest) for name in ("a", "ab", "b") for digest in (b"x" * 32, b"y" * 32)]
    assert len({name for name, _ in names}) == 3
    assert len({digest for _, digest in names}) == 6
    assert bodies.token(b"a") != bodies.unique("a", b"")[0]
    flat = list(itertools.chain.from_iterable(names))
    assert {len(one) for one in flat} == {16}


def test_no_salt_or_nonce_is_ever_given_twice(bodies: Bodies) -> None:
    sealed = [bodies.seal(index, ACCOUNT, PERSONAL) for index in range(600)]
    nonces = {part[5:17] for _, account, personal in sealed for part in (account, personal or b"")}
    opened = [bodies.open(index, leaf, account, personal) for index, (leaf, account, personal) in enumerate(sealed)]
    assert len(nonces) == len({part.salt for parts in opened for part in parts}) == 1200
