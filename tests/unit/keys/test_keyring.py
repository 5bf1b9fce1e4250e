import pytest

from keys import canonical
from keys.errors import KeyringCorrupt, KeyringLocked, SecretExposed, UnknownKey
from keys.keyring.file import create_keyring, open_keyring, read_passphrase, save_keyring
from keys.keyring.keyring import Keyring
from keys.passphrase import LOWEST, lock
from keys.secret_file import write_secret

PASSPHRASE = b"correct horse"


def _keyring() -> Keyring:
    keyring = Keyring()
    keyring.add("index", b"one")
    keyring.add("index", b"two")
    keyring.add("kek", b"three")
    return keyring


def _same(one: Keyring, other: Keyring) -> bool:
    return one.to_bytes() == other.to_bytes()


@pytest.fixture
def path(tmp_path):
    place = tmp_path / "keyring"
    create_keyring(place, PASSPHRASE, _keyring(), LOWEST)
    return place


def test_versions_are_added_and_old_ones_stay_readable():
    keyring = _keyring()
    assert keyring.names() == ("index", "kek")
    assert keyring.versions("index") == (1, 2)
    assert keyring.current("index") == 2
    assert keyring.get("index") == keyring.get("index", 2) == b"two"
    assert keyring.get("index", 1) == b"one"
    assert keyring.add("kek", b"four") == 2


def test_an_unknown_secret_is_an_error_and_never_a_default():
    keyring = _keyring()
    assert keyring.versions("other") == ()
    for ask in (
        lambda: keyring.get("other"),
        lambda: keyring.get("index", 3),
        lambda: keyring.get("index", 0),
        lambda: keyring.current("other"),
    ):
        with pytest.raises(UnknownKey):
            ask()


@pytest.mark.parametrize(
    ("name", "secret"), [("", b"x"), ("Index", b"x"), ("a" * 65, b"x"), ("index\n", b"x"), ("index", b"")]
)
def test_malformed_secrets_are_not_added(name, secret):
    with pytest.raises(UnknownKey):
        Keyring().add(name, secret)


def test_a_keyring_shows_names_and_versions_only():
    assert repr(_keyring()) == "Keyring(index:2, kek:1)"


def test_a_keyring_survives_its_file(path):
    assert _same(open_keyring(path, PASSPHRASE), _keyring())


def test_a_wrong_passphrase_does_not_open_it(path):
    with pytest.raises(KeyringLocked):
        open_keyring(path, b"wrong horse")


def test_a_saved_keyring_replaces_the_old_one_and_may_change_the_passphrase(path):
    keyring = open_keyring(path, PASSPHRASE)
    keyring.add("index", b"five")
    save_keyring(path, b"another", keyring, LOWEST)
    assert open_keyring(path, b"another").get("index", 3) == b"five"
    with pytest.raises(KeyringLocked):
        open_keyring(path, PASSPHRASE)


def test_a_second_keyring_is_not_created_over_the_first(path):
    with pytest.raises(FileExistsError):
        create_keyring(path, b"another", Keyring(), LOWEST)
    assert _same(open_keyring(path, PASSPHRASE), _keyring())


def test_damage_truncation_and_absence_are_told_from_a_wrong_passphrase(path):
    whole = path.read_bytes()
    for damaged in (whole[:-1], whole[:40], b"", whole[:60] + bytes([whole[60] ^ 1]) + whole[61:], whole + b"x"):
        write_secret(path, damaged)
        with pytest.raises(KeyringCorrupt):
            open_keyring(path, PASSPHRASE)
    path.unlink()
    with pytest.raises(KeyringCorrupt):
        open_keyring(path, PASSPHRASE)


def test_a_keyring_that_others_can_read_is_refused(path):
    path.chmod(0o644)
    with pytest.raises(SecretExposed):
        open_keyring(path, PASSPHRASE)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        canonical.write({"format": "oncegate.keyring/1"}),
        canonical.write({"format": "oncegate.keyring/2", "secrets": {}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": []}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {}, "more": 1}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": []}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"A": {"1": "AA"}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {"0": "AA"}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {"01": "AA"}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {"1": ""}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {"1": "A="}}}),
        canonical.write({"format": "oncegate.keyring/1", "secrets": {"a": {"1": 1}}}),
    ],
)
def test_content_that_is_no_keyring_is_corrupt_even_under_the_right_passphrase(tmp_path, content):
    write_secret(tmp_path / "keyring", lock(PASSPHRASE, content, purpose="keyring", cost=LOWEST))
    with pytest.raises(KeyringCorrupt):
        open_keyring(tmp_path / "keyring", PASSPHRASE)


def test_a_passphrase_comes_from_a_file_before_the_environment(tmp_path):
    place = tmp_path / "passphrase"
    write_secret(place, " 口令 \n".encode())
    variables = {"ONCEGATE_PASSPHRASE": "other"}
    assert read_passphrase(file=place, environment="ONCEGATE_PASSPHRASE", variables=variables) == " 口令 ".encode()
    assert read_passphrase(file=None, environment="ONCEGATE_PASSPHRASE", variables=variables) == b"other"


def test_only_one_line_end_is_taken_off_a_passphrase_file(tmp_path):
    place = tmp_path / "passphrase"
    for content, passphrase in ((b"p\r\n", b"p"), (b"p\n\n", b"p\n"), (b"p", b"p")):
        write_secret(place, content)
        assert read_passphrase(file=place, environment=None) == passphrase


def test_without_a_passphrase_nothing_is_opened(tmp_path):
    write_secret(tmp_path / "passphrase", b"\n")
    for file, environment in ((None, None), (None, "ONCEGATE_PASSPHRASE"), (tmp_path / "passphrase", None)):
        with pytest.raises(KeyringLocked):
            read_passphrase(file=file, environment=environment, variables={})
    with pytest.raises(KeyringCorrupt):
        read_passphrase(
            file=tmp_path / "none", environment="ONCEGATE_PASSPHRASE", variables={"ONCEGATE_PASSPHRASE": "x"}
        )


def test_a_passphrase_file_that_others_can_read_is_refused(tmp_path):
    write_secret(tmp_path / "passphrase", b"p")
    (tmp_path / "passphrase").chmod(0o644)
    with pytest.raises(SecretExposed):
        read_passphrase(file=tmp_path / "passphrase", environment=None)
