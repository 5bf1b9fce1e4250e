"""The keyring of a running gateway: it follows its file, closes when it cannot, and does not hammer the provider."""

from pathlib import Path

import pytest

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.live_keyring import LiveKeyring
from gateway.bootstrap.sealed import may_come_by_itself
from gateway.settings import FILE_NAME, Settings
from keys.errors import KeyringCorrupt, KeyringLocked, KeysError, PinLocked, RootKeyMissing, TokenAbsent, WrongPin
from keys.keyring.keyring import Keyring
from keys.passphrase import LOWEST


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / FILE_NAME).write_text('passphrase_file = "passphrase"\n', encoding="utf-8")
    (tmp_path / "passphrase").write_text("correct horse\n", encoding="ascii")
    (tmp_path / "passphrase").chmod(0o600)
    keyring = Keyring()
    keyring.add("kek", b"one")
    settings = Settings.load(tmp_path)
    Keystore(settings, LOWEST).create(keyring)
    return settings


def published(settings: Settings, secret: bytes) -> None:
    with Keystore(settings, LOWEST).changing() as change:
        change.keyring.add("kek", secret)
        change.save()


def test_a_version_published_by_another_process_is_there_at_the_next_question(settings: Settings) -> None:
    keystore = Keystore(settings)
    live = LiveKeyring(keystore, keystore.open())
    assert (live.current("kek"), live.get("kek")) == (1, b"one")
    published(settings, b"two")
    assert (live.current("kek"), live.get("kek"), live.get("kek", 1)) == (2, b"two", b"one")


def test_while_the_newest_file_does_not_open_there_is_no_secret_at_all(settings: Settings) -> None:
    keystore = Keystore(settings)
    live = LiveKeyring(keystore, keystore.open())
    whole = keystore.store.read()
    keystore.store.replace(whole[:-5])
    for ask in (lambda: live.get("kek", 1), lambda: live.current("kek")):
        with pytest.raises(KeyringCorrupt):
            ask()
    assert live.problem() == "KEYRING_CORRUPT"
    keystore.store.replace(whole)
    assert live.get("kek") == b"one"
    assert live.problem() == ""


def test_a_failed_opening_is_tried_again_when_a_file_changes_or_after_a_while(settings: Settings) -> None:
    seconds = [0.0]
    keystore = Keystore(settings)
    opened = keystore.open()
    asked = Counting(settings)
    live = LiveKeyring(asked, opened, lambda: seconds[0])
    asked.store.replace(b"broken")
    for _ in range(10):
        with pytest.raises(KeysError):
            live.get("kek")
    assert asked.openings == 1
    seconds[0] = 5.1
    with pytest.raises(KeysError):
        live.get("kek")
    assert asked.openings == 2
    asked.store.replace(b"broken too")
    with pytest.raises(KeysError):
        live.get("kek")
    assert asked.openings == 3


class Counting(Keystore):
    openings = 0

    def open(self):
        self.openings += 1
        return super().open()


@pytest.mark.parametrize(
    ("error", "comes"),
    [(TokenAbsent, True), (RootKeyMissing, True), (WrongPin, False), (PinLocked, False), (KeyringLocked, False)],
)
def test_what_was_refused_is_never_tried_again_by_itself(error: type[KeysError], comes: bool) -> None:
    assert may_come_by_itself(error("words")) is comes
