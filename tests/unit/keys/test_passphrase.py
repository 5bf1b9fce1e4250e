import pytest

from keys.errors import KeyringCorrupt, KeyringLocked
from keys.passphrase import HIGHEST, LOWEST, PassphraseCost, from_armour, lock, to_armour, unlock


@pytest.fixture(scope="module")
def box() -> bytes:
    return lock(b"correct horse", b"secret", purpose="test", cost=LOWEST)


def test_the_right_passphrase_opens_the_box(box):
    assert unlock(b"correct horse", box, purpose="test") == b"secret"


def test_a_wrong_passphrase_is_told_from_damage(box):
    with pytest.raises(KeyringLocked):
        unlock(b"wrong horse", box, purpose="test")
    with pytest.raises(KeyringCorrupt):
        unlock(b"correct horse", box[:-1], purpose="test")


def test_any_changed_byte_is_refused_as_damage(box):
    for position in range(len(box)):
        changed = bytearray(box)
        changed[position] ^= 0x80
        with pytest.raises(KeyringCorrupt):
            unlock(b"correct horse", bytes(changed), purpose="test")


def test_any_truncation_is_refused_as_damage(box):
    for length in range(0, len(box), 7):
        with pytest.raises(KeyringCorrupt):
            unlock(b"correct horse", box[:length], purpose="test")


def _repaired(box: bytes, position: int) -> bytes:
    """A box altered by someone who also repairs the checksum."""
    from hashlib import sha256

    changed = bytearray(box[:-32])
    changed[position] ^= 1
    return bytes(changed) + sha256(changed).digest()


def test_an_attacker_who_repairs_the_checksum_still_gets_nothing(box):
    header = len(b"oncegate-lock-v1\x00")
    for position in (header, header + 16, header + 20, header + 35, header + 70, header + 78, len(box) - 33):
        with pytest.raises((KeyringCorrupt, KeyringLocked)):
            unlock(b"correct horse", _repaired(box, position), purpose="test")


def test_a_box_of_one_purpose_does_not_open_for_another(box):
    with pytest.raises(KeyringCorrupt):
        unlock(b"correct horse", box, purpose="other")


def test_the_same_secret_never_gives_the_same_box(box):
    assert lock(b"correct horse", b"secret", purpose="test", cost=LOWEST) != box


@pytest.mark.parametrize(
    "cost",
    [
        PassphraseCost(LOWEST.memory_kib - 1, 1, 1),
        PassphraseCost(LOWEST.memory_kib, 0, 1),
        PassphraseCost(LOWEST.memory_kib, 1, 0),
        PassphraseCost(HIGHEST.memory_kib + 1, 1, 1),
    ],
)
def test_costs_outside_the_admitted_range_are_refused(cost):
    with pytest.raises(KeyringLocked):
        lock(b"correct horse", b"secret", purpose="test", cost=cost)


def test_an_empty_passphrase_is_refused():
    with pytest.raises(KeyringLocked):
        lock(b"", b"secret", purpose="test", cost=LOWEST)


def test_armour_survives_and_refuses_other_labels_and_damage():
    text = to_armour("ONE LABEL", bytes(range(100)))
    assert from_armour("ONE LABEL", b"\n" + text) == bytes(range(100))
    for damaged in (text[:-5], text.replace(b"AAEC", b"A=EC", 1), b"", text + text):
        with pytest.raises(KeyringCorrupt):
            from_armour("ONE LABEL", damaged)
    with pytest.raises(KeyringCorrupt):
        from_armour("ANOTHER LABEL", text)
