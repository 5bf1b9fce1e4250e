"""The receipt of an erasure: what was destroyed, and when no copy of it can be opened any more.

Canonical JSON (`keys.canonical`) with exactly these keys: `complete_by_ms`, `entry`, `erased_ms`, `erasure`, `fields`,
`format` ("oncegate.erasure-receipt/1"), `gateway`, `kek_version`, `key_id`, `notices`. It names no person: whoever
holds it is the person, or knows whom it is about. Signed under `keys.signing.ERASURE` with the vault's signing key,
which the vault's department certifies. What it says about copies is a promise of the operator, who keeps wrapped keys
only in key backups and destroys key-encryption keys: the gateway cannot prove that nobody kept a copy elsewhere.
"""

from dataclasses import dataclass
from typing import Final

from keys import canonical
from keys.errors import BadSignature
from keys.signing import ERASURE, SigningKey, VerifyKey

FORMAT: Final = "oncegate.erasure-receipt/1"
_NUMBERS: Final = ("complete_by_ms", "entry", "erased_ms", "kek_version", "key_id", "notices")
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class ErasureReceipt:
    """What an erasure did.

    Attributes:
        erasure: Random id of the erasure, 16 bytes.
        gateway: Name of the gateway.
        erased_ms: When the key and the fields were destroyed, Unix ms.
        fields: Codes of the fields that were there, in order.
        key_id: Which of the person's data keys was destroyed.
        kek_version: No copy of that key was wrapped under a later key-encryption key than this one.
        complete_by_ms: When the last of those key-encryption keys is destroyed at the latest, Unix ms.
        notices: How many departments are told that they hold copies.
        entry: Index of the erasure's entry in the access log.
    """

    erasure: bytes
    gateway: str
    erased_ms: int
    fields: tuple[str, ...]
    key_id: int
    kek_version: int
    complete_by_ms: int
    notices: int
    entry: int

    def to_bytes(self) -> bytes:
        """The exact bytes that are signed."""
        return canonical.write(
            {
                "format": FORMAT,
                "erasure": canonical.to_text(self.erasure),
                "gateway": self.gateway,
                "fields": list(self.fields),
                **{name: getattr(self, name) for name in _NUMBERS},
            }
        )


def sign_receipt(key: SigningKey, receipt: ErasureReceipt) -> tuple[bytes, bytes]:
    """Write and sign a receipt.

    Args:
        key: The vault's signing key.
        receipt: What it says.

    Returns:
        The exact bytes, and the signature over them (DER).
    """
    body = receipt.to_bytes()
    return body, key.sign(ERASURE, body)


def open_receipt(key: VerifyKey, body: bytes, signature: bytes) -> ErasureReceipt:
    """Verify a receipt, then read it. Fails closed.

    Args:
        key: Whose signature it should be.
        body: The exact bytes.
        signature: DER.

    Returns:
        The receipt.

    Raises:
        BadSignature: The signature is not this key's over these bytes, or they are no receipt.
    """
    key.verify(ERASURE, body, signature)
    try:
        said = canonical.read(body)
        erasure, fields, gateway = canonical.from_text(said.get("erasure")), said.get("fields"), said.get("gateway")
    except canonical.NotCanonical:
        raise BadSignature("this is not a receipt of an erasure") from None
    numbers = [said.get(name) for name in _NUMBERS]
    if (
        said.keys() != {"format", "erasure", "gateway", "fields", *_NUMBERS}
        or said["format"] != FORMAT
        or len(erasure) != _ID_BYTES
        or not isinstance(gateway, str)
        or not isinstance(fields, list)
        or not all(type(number) is int and number >= 0 for number in numbers)
    ):
        raise BadSignature("this is not a receipt of an erasure")
    complete_by_ms, entry, erased_ms, kek_version, key_id, notices = (
        number for number in numbers if isinstance(number, int)
    )
    return ErasureReceipt(
        erasure=erasure,
        gateway=gateway,
        erased_ms=erased_ms,
        fields=tuple(str(field) for field in fields),
        key_id=key_id,
        kek_version=kek_version,
        complete_by_ms=complete_by_ms,
        notices=notices,
        entry=entry,
    )
