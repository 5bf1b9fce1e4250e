"""Root keys in a token: they never come out, and every way in which a token fails has its own error."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from keys.errors import (
    KeysError,
    ModuleMissing,
    PinLocked,
    PinMissing,
    RootKeyMissing,
    RootKeyUnavailable,
    TokenAbsent,
    WrongPin,
)
from tests.support.tokens import MODULE, PIN, WHY_NOT, Tokens

if not MODULE:
    pytest.skip(WHY_NOT, allow_module_level=True)
pkcs11 = pytest.importorskip("pkcs11", reason="the extra pkcs11 is not installed")

from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass, exceptions  # noqa: E402

from keys.providers.pkcs11 import TokenRootKeys, load, translated  # noqa: E402

KEY = bytes(32)
LABEL = "oncegate-root"


def roots(token: str, pin: str = PIN, label: str = LABEL) -> TokenRootKeys:
    return TokenRootKeys(MODULE, token, label, pin.encode)


def test_the_root_key_cannot_be_read_wrapped_copied_or_made_extractable(tokens: Tokens) -> None:
    token = tokens.make()
    roots(token).add()
    with load(MODULE).get_token(token_label=token).open(user_pin=PIN, rw=True) as session:
        (key,) = session.get_objects({Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: LABEL})
        kept = (Attribute.SENSITIVE, Attribute.ALWAYS_SENSITIVE, Attribute.NEVER_EXTRACTABLE, Attribute.LOCAL)
        assert all(key[attribute] for attribute in kept)
        with pytest.raises(exceptions.AttributeSensitive):
            key[Attribute.VALUE]
        other: Any = session.generate_key(KeyType.AES, 256, template={Attribute.WRAP: True})
        with pytest.raises(exceptions.KeyUnextractable):
            other.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)
        with pytest.raises(exceptions.PKCS11Error):
            key.copy({Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: False})
        for attribute, value in ((Attribute.EXTRACTABLE, True), (Attribute.SENSITIVE, False), (Attribute.WRAP, True)):
            with pytest.raises(exceptions.PKCS11Error):
                key[attribute] = value


def test_a_wrong_pin_is_said_and_never_tried_twice(tokens: Tokens) -> None:
    token = tokens.make()
    asked: list[str] = []

    def pin() -> bytes:
        asked.append("asked")
        return b"000000"

    wrong = TokenRootKeys(MODULE, token, LABEL, pin)
    with pytest.raises(WrongPin, match="refuses the PIN"):
        wrong.versions()
    with pytest.raises(WrongPin, match="refused this PIN before"):
        wrong.versions()
    assert len(asked) == 2
    assert roots(token).versions() == ()


def test_a_pin_that_is_not_given_is_said(tokens: Tokens) -> None:
    def pin() -> bytes:
        raise PinMissing("no PIN is given")

    with pytest.raises(PinMissing):
        TokenRootKeys(MODULE, tokens.make(), LABEL, pin).versions()


def test_a_token_that_is_not_there_is_said_and_found_when_it_comes(tokens: Tokens) -> None:
    coming = roots("comes-later")
    with pytest.raises(TokenAbsent):
        coming.versions()
    tokens.make("comes-later")
    assert coming.add() == 1


def test_a_token_that_is_taken_out_while_it_is_used_is_said(tokens: Tokens) -> None:
    token = tokens.make()
    used = roots(token)
    wrapped = used.wrap(used.add(), KEY, b"")
    assert used.unwrap(1, wrapped, b"") == KEY
    tokens.remove(token)
    with pytest.raises(RootKeyUnavailable):
        used.unwrap(1, wrapped, b"")


def test_keys_of_another_label_are_not_used(tokens: Tokens) -> None:
    token = tokens.make()
    roots(token, label="of-another-program").add()
    assert roots(token).versions() == ()
    with pytest.raises(RootKeyMissing):
        roots(token).unwrap(1, bytes(60), b"")


@pytest.mark.parametrize("module", ["/nowhere/module.so", __file__])
def test_a_module_that_is_missing_or_none_is_said(module: str) -> None:
    with pytest.raises(ModuleMissing):
        TokenRootKeys(module, "any", LABEL, PIN.encode).versions()


@pytest.mark.parametrize(
    ("error", "ours"),
    [
        (exceptions.PinIncorrect, WrongPin),
        (exceptions.PinLenRange, WrongPin),
        (exceptions.PinLocked, PinLocked),
        (exceptions.DeviceRemoved, TokenAbsent),
        (exceptions.TokenNotPresent, TokenAbsent),
        (exceptions.SessionHandleInvalid, TokenAbsent),
        (exceptions.DeviceMemory, RootKeyUnavailable),
    ],
)
def test_every_way_to_fail_has_its_code_and_nothing_of_the_tokens_text(
    error: type[Exception], ours: type[KeysError]
) -> None:
    found = translated(error("words of the token 246813"))
    assert type(found) is ours
    assert "246813" not in str(found)


def test_without_the_module_in_the_process_nothing_of_pkcs11_is_loaded() -> None:
    code = "import sys, keys.providers.file, keys.keyring.sealed; sys.exit('pkcs11' in sys.modules)"
    assert subprocess.run((sys.executable, "-c", code), check=False, cwd=Path(__file__).parents[3]).returncode == 0
