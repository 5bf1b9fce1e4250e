"""Which secrets a gateway has, by their names in the keyring, and the objects made of them.

The index key turns identifiers into tokens; whoever has it and the database can find who is in the index (see
docs/threat-model.md). The vault's key-encryption keys wrap each person's data key. None of these ever leaves the
process, and none is derived from another.
"""

import secrets
from dataclasses import dataclass

from gateway.settings import Settings
from keys.certificates.authority import CertificateAuthority
from keys.keyring.file import open_keyring, read_passphrase, save_keyring
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
LEDGER_ACCOUNTABILITY = "ledger-accountability"
LEDGER_PERSON = "ledger-person"
LEDGER_PERSON_TOKEN = "ledger-person-token"  # noqa: S105 - the name of a key, not the key
PEOPLE_NAMES = "people-names"
SUBJECT_INDEX = "subject-index"
VAULT_KEK = "vault-kek"
VAULT_SIGNING = "vault-signing-key"
VAULT_SEALING = "vault-sealing-key"

_SYMMETRIC = (LEDGER_ACCOUNTABILITY, LEDGER_PERSON, LEDGER_PERSON_TOKEN, PEOPLE_NAMES, SUBJECT_INDEX, VAULT_KEK)
_KEY_BYTES = 32


def new_keyring(trust_domain: str, now_ms: int) -> Keyring:
    """A keyring with every secret a new gateway needs, all random."""
    keyring = Keyring()
    authority = CertificateAuthority.create(trust_domain, now_ms)
    keyring.add(CA_KEY, authority.key_pem)
    keyring.add(CA_CERTIFICATE, authority.certificate_pem)
    for name in (TICKET_KEY, PROMISE_KEY, VAULT_SIGNING):
        keyring.add(name, SigningKey.generate().to_pem())
    keyring.add(VAULT_SEALING, SealingKey.generate().to_pem())
    keyring.add(LOG_KEY, secrets.token_bytes(_KEY_BYTES))
    for name in _SYMMETRIC:
        keyring.add(name, secrets.token_bytes(_KEY_BYTES))
    return keyring


@dataclass(frozen=True, slots=True)
class Secrets:
    """The objects made of the keyring's secrets."""

    keyring: Keyring
    authority: CertificateAuthority
    ticket_key: SigningKey
    promise_key: SigningKey
    note_signer: NoteSigner
    subject_tokens: SubjectTokens
    vault_signing: SigningKey
    vault_sealing: SealingKey


def read_keyring(settings: Settings) -> Keyring:
    """Unlock the keyring's file.

    Raises:
        KeysError: No or a wrong passphrase, or a damaged keyring.
    """
    return open_keyring(settings.path(settings.keyring), _passphrase(settings))


def write_keyring(settings: Settings, keyring: Keyring) -> None:
    """Replace the keyring's file in one step, under the same passphrase.

    Raises:
        KeysError: There is no passphrase.
        OSError: The system refuses; the old file is left as it was.
    """
    save_keyring(settings.path(settings.keyring), _passphrase(settings), keyring)


def _passphrase(settings: Settings) -> bytes:
    file = settings.passphrase_file
    return read_passphrase(
        file=None if file is None else settings.path(file), environment=settings.passphrase_environment
    )


def index_keys(keyring: Keyring) -> dict[int, bytes]:
    """Every version of the index key."""
    return {version: keyring.get(SUBJECT_INDEX, version) for version in keyring.versions(SUBJECT_INDEX)}


def open_secrets(settings: Settings) -> Secrets:
    """Unlock the keyring.

    Raises:
        KeysError: No or a wrong passphrase, a damaged keyring, or a secret that is missing from it.
    """
    keyring = read_keyring(settings)
    return Secrets(
        keyring=keyring,
        authority=CertificateAuthority.from_pem(keyring.get(CA_KEY), keyring.get(CA_CERTIFICATE)),
        ticket_key=SigningKey.from_pem(keyring.get(TICKET_KEY)),
        promise_key=SigningKey.from_pem(keyring.get(PROMISE_KEY)),
        note_signer=NoteSigner(settings.log_origin, keyring.get(LOG_KEY)),
        subject_tokens=SubjectTokens(index_keys(keyring), keyring.current(SUBJECT_INDEX)),
        vault_signing=SigningKey.from_pem(keyring.get(VAULT_SIGNING)),
        vault_sealing=SealingKey.from_pem(keyring.get(VAULT_SEALING)),
    )
