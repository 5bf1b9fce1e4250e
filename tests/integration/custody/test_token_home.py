"""A gateway whose root key is in a token: from the file into the token, and on when the token is lost."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.settings import FILE_NAME
from tests.integration.custody.conftest import EVERYBODY, entries, phones
from tests.support.custodians import split, unseal
from tests.support.tokens import MODULE, PIN, WHY_NOT, Tokens

pytestmark = pytest.mark.skipif(not MODULE, reason=WHY_NOT)


def key(home: Path, *words: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, ["key", *words, "--home", str(home)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def token(home: Path, tokens: Tokens) -> str:
    label = tokens.make()
    (home / "pin").write_text(f"{PIN}\n", encoding="ascii")
    (home / "pin").chmod(0o600)
    with (home / FILE_NAME).open("a", encoding="utf-8") as file:
        file.write(
            f'\n[keys]\nprovider = "pkcs11"\npkcs11_module = "{MODULE}"\ntoken_label = "{label}"\npin_file = "pin"\n'
        )
    return label


def test_the_keyring_comes_from_the_file_into_the_token_and_the_file_is_needed_no_more(home: Path, token: str) -> None:
    key(home, "migrate", "--yes")
    (home / "root-keys.bin").unlink()
    (home / "passphrase").unlink()
    assert phones(home) == EVERYBODY
    told = json.loads(key(home, "status", "--json"))
    assert (told["provider"], told["sealed"]) == ("pkcs11", None)
    assert entries(home, "key_ceremony")[-1]["provider"] == "pkcs11"
    for what in ("root", "kek"):
        key(home, "rotate", "--what", what, "--yes")
    version = json.loads(key(home, "status", "--json"))["root_version"]
    key(home, "retire", "--what", "root", "--below", str(version), "--yes")
    assert json.loads(key(home, "status", "--json"))["root_versions"] == [version]
    assert phones(home) == EVERYBODY


@pytest.mark.parametrize(
    ("file", "content", "mode", "code"),
    [
        ("pin", "000000\n", 0o600, "WRONG_PIN"),
        ("pin", "", 0o600, "PIN_MISSING"),
        ("pin", None, 0o600, "PIN_MISSING"),
        ("pin", f"{PIN}\n", 0o644, "SECRET_EXPOSED"),
    ],
)
def test_every_trouble_with_the_pin_has_its_name(
    home: Path, token: str, file: str, content: str | None, mode: int, code: str
) -> None:
    key(home, "migrate", "--yes")
    (home / file).unlink()
    if content is not None:
        (home / file).write_text(content, encoding="ascii")
        (home / file).chmod(mode)
    assert json.loads(key(home, "status", "--json"))["sealed"]["code"] == code


@pytest.mark.long
def test_a_lost_token_is_replaced_by_the_custodians(home: Path, token: str, tokens: Tokens) -> None:
    key(home, "migrate", "--yes")
    shares = split(home, "--shares", "5", "--threshold", "3")
    assert shares.code == 0, shares.errors
    tokens.remove(token)
    assert json.loads(key(home, "status", "--json"))["sealed"]["code"] == "TOKEN_ABSENT"
    assert "TOKEN_ABSENT" in unseal(home, shares.shares[:3]).errors
    tokens.make(token)
    assert json.loads(key(home, "status", "--json"))["sealed"]["code"] == "ROOT_KEY_MISSING"
    done = unseal(home, shares.shares[2:])
    assert done.code == 0, done.errors
    assert phones(home) == EVERYBODY
