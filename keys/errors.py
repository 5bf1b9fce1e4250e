"""What can go wrong with keys, signatures and proofs: one small tree with stable codes.

Rules kept here: the message of an error is fixed text; it never carries an identifier, a name, a value, a key or a
file's path. Whoever catches one may log it and record its code. Every check in this package raises; none returns a
boolean.
"""

from typing import ClassVar


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


class KeyringCorrupt(KeysError):
    """A file of secrets is damaged, or is not one at all."""

    code = "KEYRING_CORRUPT"


class SecretExposed(KeyringCorrupt):
    """A file of secrets belongs to another user or may be read by others, so it may be no secret any more."""

    code = "SECRET_EXPOSED"


class UnknownKey(KeysError):
    """There is no secret of that name and version."""

    code = "UNKNOWN_KEY"


class BadProof(KeysError):
    """A Merkle proof does not lead to the root."""

    code = "BAD_PROOF"


class BadCheckpoint(KeysError):
    """A checkpoint or a signed note is malformed or not signed by the key expected."""

    code = "BAD_CHECKPOINT"
