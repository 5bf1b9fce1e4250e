"""Settings: one file and the environment, every value checked, unknown keys refused."""

from pathlib import Path

import pytest

from gateway.settings import FILE_NAME, BadSettings, Settings
from keys.envelope import Suite


def write(home: Path, text: str) -> Path:
    (home / FILE_NAME).write_text(text, encoding="utf-8")
    return home


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = Settings.load(write(tmp_path, ""))
    assert settings.trust_domain == "oncegate.example"
    assert settings.database_url == f"sqlite:///{tmp_path / 'gateway.db'}"
    assert settings.gateway_id == "spiffe://oncegate.example/gateway/gateway"
    assert settings.log_origin == "oncegate.example/ledger"
    assert settings.path(settings.keyring) == tmp_path / "keyring.bin"


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONCEGATE_TRUST_DOMAIN", "city.example")
    monkeypatch.setenv("ONCEGATE_LIMITS__CONCURRENT_FETCHES", "7")
    settings = Settings.load(write(tmp_path, 'trust_domain = "file.example"\n'))
    assert settings.trust_domain == "city.example"
    assert settings.limits.concurrent_fetches == 7


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("nonsense = 1\n", "nonsense"),
        ("[limits]\nconcurrent_fetches = 0\n", "limits.concurrent_fetches"),
        ('[listen]\nsystems = "nowhere"\n', "listen.systems"),
        ('trust_domain = "Not A Domain"\n', "trust_domain"),
        ('[vault]\ndepartment = "大数据局"\n', "vault.department"),
        ('[vault]\nsuite = "des"\n', "vault.suite"),
        ('[[issuers]]\nissuer = "x"\n', "issuers.0.jwks_file"),
        ('home = "/elsewhere"\n', "home"),
        ("= broken", FILE_NAME),
    ],
)
def test_a_broken_setting_is_named(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(BadSettings, match=names):
        Settings.load(write(tmp_path, text))


@pytest.mark.parametrize("suite", list(Suite))
def test_every_suite_of_the_vault_can_be_set(tmp_path: Path, suite: Suite) -> None:
    assert Settings.load(write(tmp_path, "")).vault.suite == "aes"
    name = Settings.load(write(tmp_path, f'[vault]\nsuite = "{suite.name.lower()}"\n')).vault.suite
    assert Suite[name.upper()] is suite


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="oncegate init"):
        Settings.load(tmp_path)


def test_the_folder_is_the_one_that_was_named_whatever_the_environment_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONCEGATE_HOME", "/elsewhere")
    settings = Settings.load(write(tmp_path, ""))
    assert settings.home == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path / 'gateway.db'}"
