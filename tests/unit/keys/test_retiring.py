"""Retiring versions of a secret: gone, remembered as gone, and refused when they come back."""

import pytest

from keys import canonical
from keys.errors import KeyringCorrupt, RetiredKey, UnknownKey
from keys.keyring.keyring import Keyring


def kept() -> Keyring:
    keyring = Keyring()
    for secret in (b"one", b"two", b"three"):
        keyring.add("kek", secret)
    keyring.add("other", b"x")
    return keyring


def test_a_retired_version_is_gone_and_says_so() -> None:
    keyring = kept()
    assert keyring.retire("kek", 3) == 2
    assert keyring.versions("kek") == (3,)
    assert keyring.minimum("kek") == 3
    for version in (1, 2):
        with pytest.raises(RetiredKey):
            keyring.get("kek", version)
    assert keyring.get("kek") == keyring.get("kek", 3) == b"three"
    assert keyring.add("kek", b"four") == 4
    assert keyring.minimum("other") == 1


def test_the_minimum_survives_the_file_in_a_format_that_older_programs_refuse() -> None:
    keyring = kept()
    keyring.retire("kek", 2)
    again = Keyring.from_bytes(keyring.to_bytes())
    assert again.minimum("kek") == 2
    assert again.to_bytes() == keyring.to_bytes()
    assert canonical.read(keyring.to_bytes())["format"] == "oncegate.keyring/2"
    assert canonical.read(kept().to_bytes())["format"] == "oncegate.keyring/1"


def test_the_version_that_stays_must_be_there() -> None:
    keyring = kept()
    for name, below in (("kek", 4), ("kek", 0), ("none", 1)):
        with pytest.raises(UnknownKey):
            keyring.retire(name, below)
    keyring.retire("kek", 3)
    with pytest.raises(UnknownKey):
        keyring.retire("kek", 2)
    assert keyring.versions("kek") == (3,)


@pytest.mark.parametrize("minimums", [{"kek": 2}, {"kek": 0}, {"kek": "1"}, {"none": 1}, [], {"kek": True}])
def test_a_keyring_that_still_has_what_it_calls_retired_is_corrupt(minimums: object) -> None:
    value = canonical.read(kept().to_bytes())
    raw = canonical.write({**value, "format": "oncegate.keyring/2", "minimums": minimums})  # type: ignore[dict-item]
    with pytest.raises(KeyringCorrupt):
        Keyring.from_bytes(raw)
