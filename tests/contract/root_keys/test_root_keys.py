"""What every provider of root keys promises."""

import pytest

from keys.errors import BadEnvelope, RootKeyMissing
from tests.contract.root_keys.conftest import Opening

KEY = bytes(range(32))


def test_a_new_provider_has_no_root_key(opening: Opening) -> None:
    assert opening().versions() == ()
    with pytest.raises(RootKeyMissing):
        opening().wrap(1, KEY, b"here")


def test_a_content_key_comes_back_after_the_provider_was_opened_again(opening: Opening) -> None:
    version = opening().add()
    wrapped = opening().wrap(version, KEY, b"here")
    assert opening().unwrap(version, wrapped, b"here") == KEY
    assert KEY not in wrapped


def test_equal_keys_are_wrapped_differently(opening: Opening) -> None:
    roots = opening()
    version = roots.add()
    assert roots.wrap(version, KEY, b"here") != roots.wrap(version, KEY, b"here")


def test_versions_are_numbered_and_every_one_stays_until_it_is_destroyed(opening: Opening) -> None:
    roots = opening()
    assert [roots.add(), roots.add(), roots.add()] == [1, 2, 3]
    wrapped = [roots.wrap(version, KEY, b"here") for version in (1, 2, 3)]
    roots.destroy(2)
    again = opening()
    assert again.versions() == (1, 3)
    assert again.unwrap(1, wrapped[0], b"here") == again.unwrap(3, wrapped[2], b"here") == KEY
    with pytest.raises(RootKeyMissing):
        again.unwrap(2, wrapped[1], b"here")
    again.destroy(2)


def test_a_version_is_never_given_again_to_another_key(opening: Opening) -> None:
    roots = opening()
    roots.add()
    roots.add()
    roots.destroy(1)
    assert roots.add() == 3


def test_a_provider_that_lost_everything_goes_on_above_what_it_had(opening: Opening) -> None:
    assert opening().add(at_least=7) == 7
    assert opening().add(at_least=2) == 8


def test_a_wrapped_key_is_bound_to_its_context(opening: Opening) -> None:
    roots = opening()
    version = roots.add()
    wrapped = roots.wrap(version, KEY, b"here")
    with pytest.raises(BadEnvelope):
        roots.unwrap(version, wrapped, b"there")


def test_a_wrapped_key_does_not_open_under_another_version(opening: Opening) -> None:
    roots = opening()
    wrapped = roots.wrap(roots.add(), KEY, b"here")
    with pytest.raises(BadEnvelope):
        roots.unwrap(roots.add(), wrapped, b"here")


def test_a_changed_byte_anywhere_in_a_wrapped_key_is_noticed(opening: Opening) -> None:
    roots = opening()
    version = roots.add()
    wrapped = roots.wrap(version, KEY, b"here")
    for place in (0, 11, 12, 20, len(wrapped) // 2, len(wrapped) - 1):
        changed = bytearray(wrapped)
        changed[place] ^= 1
        with pytest.raises(BadEnvelope):
            roots.unwrap(version, bytes(changed), b"here")
    for cut in (b"", wrapped[:10], wrapped[:-1], wrapped + b"x"):
        with pytest.raises(BadEnvelope):
            roots.unwrap(version, cut, b"here")


def test_only_a_content_key_is_wrapped(opening: Opening) -> None:
    roots = opening()
    version = roots.add()
    for other in (b"", KEY[:-1], KEY + b"x"):
        with pytest.raises(BadEnvelope):
            roots.wrap(version, other, b"here")


def test_a_root_key_made_elsewhere_is_found_by_a_provider_that_is_open_already(opening: Opening) -> None:
    first, second = opening(), opening()
    first.add()
    assert second.versions() == (1,)
    wrapped = first.wrap(first.add(), KEY, b"here")
    assert second.unwrap(2, wrapped, b"here") == KEY


def test_nothing_of_a_provider_shows_in_its_repr(opening: Opening) -> None:
    roots = opening()
    roots.add()
    assert "horse" not in repr(roots)
    assert "246813" not in repr(roots)
