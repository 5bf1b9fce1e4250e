"""Identities sealed to the auditors' key: one length, one place, one key."""

from dataclasses import replace

import pytest

from keys.errors import KeyringCorrupt, SealError
from keys.identities import PADDED, Identity, Place, Whose, open_identity, read_public, seal_identity, write_public
from keys.sealing import OVERHEAD, SealingKey

KEY = SealingKey.generate()
PERSON = Identity(Whose.PERSON, "cn.resident-id", "11010519491231002X")
OFFICIAL = Identity(Whose.OFFICIAL, "https://office.example", "clerk-7")
AT = Place("log.example", Whose.PERSON, b"p" * 16, "cn.resident-id")
DESK = Place("log.example", Whose.OFFICIAL, b"o" * 32)


@pytest.mark.parametrize(("place", "identity"), [(AT, PERSON), (DESK, OFFICIAL)])
def test_what_is_sealed_opens_with_the_private_key(place: Place, identity: Identity) -> None:
    assert open_identity(KEY, place, seal_identity(KEY.recipient, place, identity)) == identity


def test_every_ciphertext_of_a_kind_has_one_length() -> None:
    names = ["1", "11010519491231002X", "人" * 64]
    sizes = {len(seal_identity(KEY.recipient, AT, replace(PERSON, name=name))) for name in names}
    assert sizes == {PADDED[Whose.PERSON] + OVERHEAD}
    longest = Identity(Whose.OFFICIAL, "界" * 256, "人" * 256)
    assert len(seal_identity(KEY.recipient, DESK, longest)) == PADDED[Whose.OFFICIAL] + OVERHEAD
    assert open_identity(KEY, DESK, seal_identity(KEY.recipient, DESK, longest)) == longest


@pytest.mark.parametrize(
    "place",
    [
        replace(AT, origin="log.example2"),
        replace(AT, pseudonym=b"q" * 16),
        replace(AT, scheme="cn.uscc"),
        replace(AT, whose=Whose.OFFICIAL),
        replace(AT, origin="log.exampl", pseudonym=b"ep" + b"p" * 14),
    ],
)
def test_what_was_moved_to_another_place_does_not_open(place: Place) -> None:
    sealed = seal_identity(KEY.recipient, AT, PERSON)
    with pytest.raises(SealError):
        open_identity(KEY, place, sealed)


def test_another_key_opens_nothing_and_neither_does_a_changed_byte() -> None:
    sealed = seal_identity(KEY.recipient, AT, PERSON)
    with pytest.raises(SealError):
        open_identity(SealingKey.generate(), AT, sealed)
    for position in (0, 1200, len(sealed) - 1):
        changed = sealed[:position] + bytes([sealed[position] ^ 1]) + sealed[position + 1 :]
        with pytest.raises(SealError):
            open_identity(KEY, AT, changed)
    with pytest.raises(SealError):
        open_identity(KEY, AT, sealed[:-1])


def test_what_does_not_fit_or_is_of_another_kind_is_not_sealed() -> None:
    with pytest.raises(SealError):
        seal_identity(KEY.recipient, AT, replace(PERSON, name="人" * 200))
    with pytest.raises(SealError):
        seal_identity(KEY.recipient, AT, replace(PERSON, name="人" * 30_000))
    with pytest.raises(SealError):
        seal_identity(KEY.recipient, AT, OFFICIAL)


@pytest.mark.parametrize(
    "plaintext",
    [
        b"",
        b"\xff\xff",
        b"\x00\x02\xff\xfe\x00\x00",
        b"\x00\x0ecn.resident-id\x00\x01a" + b"x",
        b"\x00\x07cn.uscc\x00\x01a",
    ],
)
def test_a_plaintext_that_is_no_identity_is_refused(plaintext: bytes) -> None:
    parts = (b"log.example", b"person", b"p" * 16, b"cn.resident-id", KEY.key_id)
    info = b"oncegate-identity-v1\0" + b"".join(len(part).to_bytes(2, "big") + part for part in parts)
    for size in (PADDED[Whose.PERSON], len(plaintext)):
        sealed = KEY.recipient.seal(plaintext.ljust(size, b"\0"), info)
        if plaintext or size < PADDED[Whose.PERSON]:
            with pytest.raises(SealError):
                open_identity(KEY, AT, sealed)


def test_a_public_key_travels_as_text_and_is_compared_with_its_fingerprint() -> None:
    text = write_public(KEY.recipient)
    assert read_public(text).key_id == KEY.key_id
    assert read_public(text, f" {KEY.key_id.hex().upper()}\n").key_id == KEY.key_id
    for wrong in ("ab" * 32, KEY.key_id.hex()[:-1], "\u0660"):
        with pytest.raises(KeyringCorrupt):
            read_public(text, wrong)
    for broken in (b"", KEY.to_pem(), text.replace(b"AUDITORS", b"AUDITOR"), text[:400] + text[420:]):
        with pytest.raises(KeyringCorrupt):
            read_public(broken)


def test_no_text_of_an_identity_shows_its_name() -> None:
    assert PERSON.name not in repr(PERSON)
    assert OFFICIAL.name not in str(OFFICIAL)
