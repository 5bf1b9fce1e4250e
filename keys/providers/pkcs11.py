"""Root keys in a PKCS#11 token (OASIS PKCS#11 2.40), where they are made and never leave.

A root key is an AES-256 secret key object: CKA_TOKEN, CKA_PRIVATE, CKA_SENSITIVE, not CKA_EXTRACTABLE, for encryption
and decryption only. Its label is the configured one, its CKA_ID the version as four bytes, big endian. A content key is
wrapped by CKM_AES_GCM with a random 96-bit nonce, the context as associated data and a 128-bit tag. AES-KWP would bind
no context.

Rules kept: each operation opens a session and closes it, so that a token taken out is noticed at the next one; a PIN
that was refused is never tried again by this object, because tokens lock; errors carry fixed text only. The module is
loaded once per process; `versions` and a missing token look at the slots afresh. Fails closed.
"""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass
from pkcs11 import exceptions as p11

from keys.errors import (
    BadEnvelope,
    KeysError,
    ModuleMissing,
    PinLocked,
    RootKeyMissing,
    RootKeyUnavailable,
    TokenAbsent,
    WrongPin,
)
from keys.providers.root_keys import CONTENT_KEY

KIND: Final = "pkcs11"
MODULES: Final = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",
    "/usr/lib/pkcs11/libsofthsm2.so",
)
"""Where SoftHSM lies in Debian, Fedora and Arch; a real token's module is named in the settings."""

_NONCE: Final = 12
_TAG_BITS: Final = 128
_BITS: Final = 256
_ID: Final = 4
_WRONG_PIN: Final = (p11.PinIncorrect, p11.PinInvalid, p11.PinLenRange, p11.UserPinNotInitialized)
_ABSENT: Final = (
    p11.NoSuchToken,
    p11.TokenNotPresent,
    p11.TokenNotRecognised,
    p11.DeviceRemoved,
    p11.DeviceError,
    p11.SlotIDInvalid,
    p11.SessionHandleInvalid,
    p11.SessionClosed,
)
_NOT_AUTHENTIC: Final = (
    p11.EncryptedDataInvalid,
    p11.EncryptedDataLenRange,
    p11.DataInvalid,
    p11.DataLenRange,
    p11.SignatureInvalid,
    p11.FunctionFailed,
    # SoftHSM answers a tag that does not fit with CKR_GENERAL_ERROR.
    p11.GeneralError,
)
_TEMPLATE: Final = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.MODIFIABLE: False,
    Attribute.COPYABLE: False,
    Attribute.ENCRYPT: True,
    Attribute.DECRYPT: True,
    Attribute.WRAP: False,
    Attribute.UNWRAP: False,
    Attribute.SIGN: False,
    Attribute.VERIFY: False,
}
_process: Final = threading.RLock()
"""A module belongs to the process, and so does a login: one session at a time."""


class TokenRootKeys:
    """Root keys in one token.

    Args:
        module: Path of the PKCS#11 module; empty looks where SoftHSM is installed.
        token: Label of the token.
        label: Label of the key objects.
        pin: Gives the user PIN when it is needed.
    """

    def __init__(self, module: str, token: str, label: str, pin: Callable[[], bytes]) -> None:
        self._module = module
        self._token = token
        self._label = label
        self._pin = pin
        self._refused: bytes | None = None

    @property
    def kind(self) -> str:
        """How the keys are kept."""
        return KIND

    def versions(self) -> tuple[int, ...]:
        """All versions, oldest first. See `RootKeys.versions`."""
        with self._session() as session:
            return tuple(sorted(_version(key) for key in self._objects(session)))

    def add(self, at_least: int = 1) -> int:
        """Make a new root key inside the token. See `RootKeys.add`."""
        with self._session(write=True) as session:
            version = max(at_least, max((_version(key) for key in self._objects(session)), default=0) + 1)
            key = session.generate_key(
                KeyType.AES, _BITS, label=self._label, id=version.to_bytes(_ID, "big"), store=True, template=_TEMPLATE
            )
            if key[Attribute.EXTRACTABLE] or not key[Attribute.SENSITIVE]:
                # A token that ignores the template would hand the root key out.
                key.destroy()
                raise RootKeyUnavailable("the token does not keep the root key inside")
            return version

    def wrap(self, version: int, key: bytes, context: bytes) -> bytes:
        """Encrypt a content key inside the token. See `RootKeys.wrap`."""
        if len(key) != CONTENT_KEY:
            raise BadEnvelope("a content key is 32 bytes")
        nonce = os.urandom(_NONCE)
        with self._session() as session:
            root = self._root(session, version)
            sealed = root.encrypt(
                key, mechanism=Mechanism.AES_GCM, mechanism_param=GCMParams(nonce, context, _TAG_BITS)
            )
        return nonce + bytes(sealed)

    def unwrap(self, version: int, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt a content key inside the token. See `RootKeys.unwrap`."""
        if len(wrapped) != _NONCE + CONTENT_KEY + _TAG_BITS // 8:
            raise BadEnvelope("this is not a wrapped content key")
        parameters = GCMParams(wrapped[:_NONCE], context, _TAG_BITS)
        with self._session() as session:
            root = self._root(session, version)
            try:
                key = root.decrypt(wrapped[_NONCE:], mechanism=Mechanism.AES_GCM, mechanism_param=parameters)
            except _NOT_AUTHENTIC:
                raise BadEnvelope("the content key cannot be unwrapped") from None
        return bytes(key)

    def destroy(self, version: int) -> None:
        """Destroy a root key inside the token. See `RootKeys.destroy`."""
        with self._session(write=True) as session:
            for key in self._objects(session):
                if _version(key) == version:
                    key.destroy()

    def _objects(self, session: Any) -> list[Any]:
        wanted = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: self._label}
        return list(session.get_objects(wanted))

    def _root(self, session: Any, version: int) -> Any:
        for key in self._objects(session):
            if _version(key) == version:
                return key
        raise RootKeyMissing("the token holds no root key of this label and version")

    @contextmanager
    def _session(self, *, write: bool = False) -> Iterator[Any]:
        """One session, logged in.

        Raises:
            KeysError: The module, the token or the PIN fails; see `translated`.
        """
        with _process:
            pin = self._pin()
            if pin == self._refused:
                raise WrongPin("the token refused this PIN before")
            try:
                with self._find().open(user_pin=pin.decode("utf-8", "replace"), rw=write) as session:
                    yield session
            except p11.PKCS11Error as error:
                found = translated(error)
                if isinstance(found, WrongPin | PinLocked):
                    self._refused = pin
                raise found from None

    def _find(self) -> Any:
        library = load(self._module)
        try:
            return library.get_token(token_label=self._token)
        except p11.PKCS11Error:
            # A module may know only the tokens that were there when it was initialised.
            library.reinitialize()
            return library.get_token(token_label=self._token)


def load(module: str) -> Any:
    """The module, loaded once per process.

    Args:
        module: Its path; empty looks where SoftHSM is installed.

    Raises:
        ModuleMissing: There is none, or it is no PKCS#11 module.
    """
    path = module or next((candidate for candidate in MODULES if os.access(candidate, os.R_OK)), "")
    if not path:
        raise ModuleMissing("no PKCS#11 module is configured or found")
    try:
        return pkcs11.lib(path)
    except (p11.PKCS11Error, OSError):
        raise ModuleMissing("the PKCS#11 module cannot be loaded") from None


def translated(error: p11.PKCS11Error) -> KeysError:
    """A token's error as one of ours; its own text is not passed on."""
    if isinstance(error, _WRONG_PIN):
        return WrongPin("the token refuses the PIN")
    if isinstance(error, p11.PinLocked):
        return PinLocked("the token has locked its PIN")
    if isinstance(error, _ABSENT):
        return TokenAbsent("the token is absent or was taken out")
    return RootKeyUnavailable(f"the token fails: {type(error).__name__}")


def _version(key: Any) -> int:
    return int.from_bytes(key.id, "big")
