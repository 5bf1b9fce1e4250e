"""Which secrets a gateway has, by their names in the keyring, and the objects made of them.

The index key turns identifiers into tokens; whoever has it and the database can find who is in the index (see
docs/threat-model.md). The vault's key-encryption keys wrap each person's data key. None of these ever leaves the
process, and none is derived from another.
"""

import secrets
from dataclasses import dataclass

from gateway.bootstrap.keystore import Keystore
from gateway.bootstrap.live_keyring import LiveKeyring
from gateway.settings import Settings
from keys.certificates.authority import CertificateAuthority
from keys.errors import UnknownKey
from keys.keyring.keyring import Keyring
from keys.log.notes import NoteSigner
from keys.sealing import SealingKey
from keys.signing import SigningKey
from keys.subjects import SubjectTokens

CA_KEY = "ca-key"
CA_CERTIFICATE = "ca-certificate"
TICKET_KEY = "ticket-signing-key"
PROMISE_KEY = "promise-signing-key"
LOG_KEY = "log-note-key"
LOG_KEY_OF_EPOCH = "log-note-key.{}"
"""Name of the log's key in a later epoch, by its number; a version for each time that one was prepared."""
LEDGER_ACCOUNTABILITY = "ledger-accountability"
LEDGER_PERSON = "ledger-person"
LEDGER_PERSON_TOKEN = "ledger-person-token"  # noqa: S105 - the name of a key, not the key
PEOPLE_NAMES = "people-names"
SUBJECT_INDEX = "subject-index"
VAULT_KEK = "vault-kek"
BLIND_INDEX = "blind-index"
VAULT_SIGNING = "vault-signing-key"
VAULT_SEALING = "vault-sealing-key"

_SYMMETRIC = (
    LEDGER_ACCOUNTABILITY,
    LEDGER_PERSON,
    LEDGER_PERSON_TOKEN,
    PEOPLE_NAMES,
    SUBJECT_INDEX,
    VAULT_KEK,
    BLIND_INDEX,
)
_KEY_BYTES = 32


def new_symmetric() -> bytes:
    """A random symmetric key."""
    return secrets.token_bytes(_KEY_BYTES)


def new_keyring(trust_domain: str, now_ms: int) -> Keyring:
    """A keyring with every secret a new gateway needs, all random."""
    keyring = Keyring()
    authority = CertificateAuthority.create(trust_domain, now_ms)
    keyring.add(CA_KEY, authority.key_pem)
    keyring.add(CA_CERTIFICATE, authority.certificate_pem)
    for name in (TICKET_KEY, PROMISE_KEY, VAULT_SIGNING):
        keyring.add(name, SigningKey.generate().to_pem())
    keyring.add(VAULT_SEALING, SealingKey.generate().to_pem())
    keyring.add(LOG_KEY, new_symmetric())
    for name in _SYMMETRIC:
        keyring.add(name, new_symmetric())
    return keyring


@dataclass(frozen=True, slots=True)
class Secrets:
    """The objects made of the keyring's secrets.

    `keyring` stays as it was opened; `live` follows changes of its file, for what may be rotated while serving.
    """

    keyring: Keyring
    live: LiveKeyring
    authority: CertificateAuthority
    ticket_key: SigningKey
    promise_key: SigningKey
    note_signer: NoteSigner
    subject_tokens: SubjectTokens
    vault_signing: SigningKey
    vault_sealing: SealingKey


def read_keyring(settings: Settings) -> Keyring:
    """The newest keyring, opened.

    Raises:
        KeysError: The provider or the keyring cannot be opened.
    """
    return Keystore(settings).open().keyring


def index_keys(keyring: Keyring | LiveKeyring) -> dict[int, bytes]:
    """Every version of the index key."""
    return {version: keyring.get(SUBJECT_INDEX, version) for version in keyring.versions(SUBJECT_INDEX)}


def newest_index_keys(live: LiveKeyring) -> tuple[dict[int, bytes], int]:
    """Every version of the index key in the newest keyring, and the current one. Blocks when the file changed.

    Raises:
        KeysError: The newest keyring cannot be opened.
    """
    # In this order, so that what is current is among those that are known.
    current = live.current(SUBJECT_INDEX)
    return index_keys(live), current


def epoch_signer(keyring: Keyring, number: int, key: str) -> NoteSigner:
    """The note key of a later epoch of the log.

    Args:
        keyring: The keyring.
        number: Of the epoch.
        key: Its verifier key, which the statement names.

    Raises:
        UnknownKey: The keyring does not have it. Fails closed: no other key signs in its place.
    """
    name, origin = LOG_KEY_OF_EPOCH.format(number), key.partition("+")[0]
    for version in keyring.versions(name):
        signer = NoteSigner(origin, keyring.get(name, version))
        if signer.vkey == key:
            return signer
    raise UnknownKey("the keyring does not have the key of the log's newest epoch")


def open_secrets(settings: Settings, keystore: Keystore | None = None, keyring: Keyring | None = None) -> Secrets:
    """Unlock the keyring.

    Args:
        settings: The gateway's settings.
        keystore: The keyring's place; None opens it as the settings say.
        keyring: A keyring that was opened another way, by the custodians' shares.

    Raises:
        KeysError: The root key or the keyring does not open, or a secret is missing from it.
    """
    keystore = keystore or Keystore(settings)
    opened = keystore.open() if keyring is None else keystore.opened_elsewhere(keyring)
    keyring = opened.keyring
    return Secrets(
        keyring=keyring,
        live=LiveKeyring(keystore, opened),
        authority=CertificateAuthority.from_pem(keyring.get(CA_KEY), keyring.get(CA_CERTIFICATE)),
        ticket_key=SigningKey.from_pem(keyring.get(TICKET_KEY)),
        promise_key=SigningKey.from_pem(keyring.get(PROMISE_KEY)),
        note_signer=NoteSigner(settings.log_origin, keyring.get(LOG_KEY)),
        subject_tokens=SubjectTokens(index_keys(keyring), keyring.current(SUBJECT_INDEX)),
        vault_signing=SigningKey.from_pem(keyring.get(VAULT_SIGNING)),
        vault_sealing=SealingKey.from_pem(keyring.get(VAULT_SEALING)),
    )
