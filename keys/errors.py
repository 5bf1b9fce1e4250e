"""What can go wrong with keys, signatures and proofs: one small tree with stable codes.

Rules kept here: the message of an error is fixed text; it never carries an identifier, a name, a value, a key or a
file's path. Whoever catches one may log it and record its code. Every check in this package raises; none returns a
boolean.
"""

from enum import StrEnum
from typing import ClassVar


class ProofFault(StrEnum):
    """Which part of the proof of a consent does not hold."""

    ABSENT = "absent"
    """There is none: only the gateway says so."""
    INVALID = "invalid"
    """Malformed, of an unknown issuer, forged, or not signed by an accepted algorithm."""
    NONCE = "nonce"
    """It is a proof of another consent."""
    TIME = "time"
    """It was made at a time at which this consent cannot have been given."""
    PERSON = "person"
    """It is another person's, or one who may not act for the subject."""


class KeysError(Exception):
    """Base of everything this package raises on purpose.

    Attributes:
        code: Stable reason code, safe to record.
    """

    code: ClassVar[str] = "KEYS_ERROR"


class BadSignature(KeysError):
    """A signature, a commitment or a public key does not hold."""

    code = "BAD_SIGNATURE"


class BadBatch(BadSignature):
    """A signed batch or one of its items is malformed, so it cannot be verified."""

    code = "BAD_BATCH"


class BadCertificate(KeysError):
    """A certificate, a signing request or a SPIFFE id is not acceptable."""

    code = "BAD_CERTIFICATE"


class BadKeyCertificate(KeysError):
    """Signing and sealing keys are not certified as they must be."""

    code = "BAD_KEY_CERTIFICATE"


class BadToken(KeysError):
    """An enrolment token is malformed."""

    code = "BAD_TOKEN"


class BadEnvelope(KeysError):
    """An encrypted field, or a wrapped key, was changed or belongs elsewhere."""

    code = "BAD_ENVELOPE"


class SealError(KeysError):
    """A sealed answer cannot be opened, or a sealing key is malformed."""

    code = "SEAL_ERROR"


class KeyringLocked(KeysError):
    """The passphrase is wrong or missing."""

    code = "KEYRING_LOCKED"


class PassphraseMissing(KeyringLocked):
    """No passphrase is given, or its file is not there."""

    code = "PASSPHRASE_MISSING"


class KeyringCorrupt(KeysError):
    """A file of secrets is damaged, or is not one at all."""

    code = "KEYRING_CORRUPT"


class SecretExposed(KeyringCorrupt):
    """A file of secrets belongs to another user or may be read by others, so it may be no secret any more."""

    code = "SECRET_EXPOSED"


class UnknownKey(KeysError):
    """There is no secret of that name and version."""

    code = "UNKNOWN_KEY"


class RetiredKey(UnknownKey):
    """The secret is below the lowest version that still opens anything."""

    code = "RETIRED_KEY"


class KeyringOutdated(KeysError):
    """The keyring is older than what is recorded elsewhere: an older copy was put in its place."""

    code = "KEYRING_OUTDATED"


class KeyringElsewhere(KeysError):
    """The keyring is under another kind of root key than the settings ask for."""

    code = "KEYRING_ELSEWHERE"


class RootKeyUnavailable(KeysError):
    """The provider of the root key fails."""

    code = "ROOT_KEY_UNAVAILABLE"


class RootKeyMissing(RootKeyUnavailable):
    """The provider works but holds no root key of that name and version."""

    code = "ROOT_KEY_MISSING"


class ModuleMissing(RootKeyUnavailable):
    """The PKCS#11 module or the Python package for it is not there."""

    code = "MODULE_MISSING"


class TokenAbsent(RootKeyUnavailable):
    """There is no token of that label in any slot, or it was taken out."""

    code = "TOKEN_ABSENT"


class PinMissing(RootKeyUnavailable):
    """No PIN is given, or its file is not there."""

    code = "PIN_MISSING"


class WrongPin(RootKeyUnavailable):
    """The token refuses the PIN. Never tried again by itself: tokens lock."""

    code = "WRONG_PIN"


class PinLocked(RootKeyUnavailable):
    """The token has locked its PIN."""

    code = "PIN_LOCKED"


class BadSharing(KeysError):
    """A number of shares or a threshold that is not admitted."""

    code = "BAD_SHARING"


class BadShare(KeysError):
    """A share is mistyped: a word that is none, or a checksum that does not hold."""

    code = "BAD_SHARE"


class ForeignShare(BadShare):
    """A share of another set."""

    code = "FOREIGN_SHARE"


class TooFewShares(BadShare):
    """Fewer different shares than the threshold."""

    code = "TOO_FEW_SHARES"


class WrongShares(BadShare):
    """Well-formed shares that do not fit each other, or do not open this keyring."""

    code = "WRONG_SHARES"


class NoRecovery(KeysError):
    """The keyring has no recovery slot."""

    code = "NO_RECOVERY"


class CeremonyBroken(KeysError):
    """A ceremony ended before it was confirmed; nothing was changed."""

    code = "CEREMONY_BROKEN"


class BadProof(KeysError):
    """A Merkle proof does not lead to the root."""

    code = "BAD_PROOF"


class BadCheckpoint(KeysError):
    """A checkpoint or a signed note is malformed or not signed by the key expected."""

    code = "BAD_CHECKPOINT"


class BadEpoch(KeysError):
    """An epoch statement is malformed, contradicts itself, or does not lead on from what is known."""

    code = "BAD_EPOCH"


class TooFewCustodians(BadEpoch):
    """Fewer different custodians signed a statement than are needed, or none is pinned."""

    code = "TOO_FEW_CUSTODIANS"


class HeadHidden(BadEpoch):
    """An epoch statement names an older or another head than one that was seen."""

    code = "HEAD_HIDDEN"


class UnusableKeys(KeysError):
    """A file of an issuer's public keys cannot be used, or has no key for a token."""

    code = "UNUSABLE_KEYS"


class BadConsentProof(KeysError):
    """A consent is not proved by its person's own word.

    Args:
        why: Which part does not hold.
    """

    code = "BAD_CONSENT_PROOF"

    def __init__(self, why: ProofFault) -> None:
        super().__init__(f"the proof of a consent does not hold: {why}")
        self.why = why
