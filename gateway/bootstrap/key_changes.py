"""Changes of keys by the operator and the custodians, each on the ledger before it takes effect.

Rules kept: a change is written down first (who, what, which version, how many shares) and then made, so a change that
nobody knows of does not exist, while an entry without its change is possible and harmless; no secret is in an entry;
an interrupted change leaves the old keys in force, and repeating it finishes it. What is new is durable before what
depends on it: root key before keyring, keyring before the first row under it. Old versions are destroyed only on
demand, and only when nothing is under them.

A running gateway is not told: it looks at the keyring's file at every use (`live_keyring`).
"""

import os
from collections.abc import Callable
from typing import Any, Final

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.bootstrap.keystore import Change, Keystore, keep_aside
from gateway.bootstrap.offline import Offline, compose
from gateway.bootstrap.secrets import VAULT_KEK, open_secrets
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.settings import Settings
from gateway.storage.database import write_transaction
from gateway.vault import data_keys
from gateway.vault.profile import Vault
from keys.errors import KeyringElsewhere
from keys.keyring.sealed import Head, RecoverySlot
from keys.providers.file import FileRootKeys

ROOT: Final = "root-key"
"""Name of the root key in entries of the ledger; key-encryption keys have their name in the keyring."""

_KEK_BYTES: Final = 32
Progress = Callable[[int, int], None]
"""Told after each batch: how many are done, of how many."""


def migrate(offline: Offline, keystore: Keystore, by: str) -> Head:
    """Bring the keyring under a new root key of the provider that the settings ask for.

    Args:
        offline: The gateway's parts; they were opened wherever the keyring is.
        keystore: The keyring's place.
        by: Who does it, an office.

    Returns:
        The new head.

    Raises:
        KeysError: A provider cannot be opened; the keyring stays where it is.
        AuditError: The ledger cannot be written; nothing changes.
    """
    with keystore.changing() as change:
        before = "passphrase" if change.head is None else change.head.provider
        _write(offline, Kind.KEY_CEREMONY, what="migrate", by=by, provider=keystore.provider, former=before)
        return change.save_under(keystore.roots().add(_next_root(change)))


def rotate_root(offline: Offline, keystore: Keystore, by: str) -> Head:
    """Make a new root key and bring the keyring under it. The older root key stays until it is retired.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        by: Who does it, an office.

    Returns:
        The new head.

    Raises:
        KeysError: The provider cannot be opened; the old root key stays in force.
        AuditError: The ledger cannot be written; nothing changes.
    """
    with keystore.changing() as change:
        must_be_here(change, keystore)
        version = keystore.roots().add(_next_root(change))
        _write(offline, Kind.KEY_ROTATED, name=ROOT, version=version, by=by)
        return change.save_under(version)


def retire_root(offline: Offline, keystore: Keystore, below: int, by: str) -> int:
    """Destroy root keys below a version in the provider. Copies of the keyring from before do not open any more.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        below: The lowest version that stays.
        by: Who does it, an office.

    Returns:
        How many were destroyed.

    Raises:
        Refused: KEY_IN_USE, the keyring is under an older version.
        KeysError: The provider cannot be opened.
    """
    with keystore.changing() as change:
        _root_unused(change, keystore, below)
        older = [version for version in keystore.roots().versions() if version < below]
        _write(offline, Kind.KEY_RETIRED, name=ROOT, below=below, by=by)
        for version in older:
            keystore.roots().destroy(version)
        return len(older)


def change_passphrase(offline: Offline, keystore: Keystore, passphrase: bytes, by: str) -> None:
    """Write the file of root keys under another passphrase. Backups of the file still open under the old one.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        passphrase: The new one.
        by: Who does it, an office.

    Raises:
        KeyringElsewhere: The root key is in a token, which has a PIN of its own.
        KeysError: The file does not open, or the passphrase is empty; the file stays.
        AuditError: The ledger cannot be written; nothing changes.
    """
    with keystore.changing() as change:
        must_be_here(change, keystore)
        roots = keystore.roots()
        if not isinstance(roots, FileRootKeys):
            raise KeyringElsewhere("the root key is in a token, whose own tool changes its PIN")
        _write(offline, Kind.KEY_CEREMONY, what="passphrase", by=by)
        roots.change_passphrase(passphrase)


def install_recovery(offline: Offline, keystore: Keystore, slot: RecoverySlot, authenticator: bytes, by: str) -> Head:
    """Put a confirmed recovery slot in place of the old one, whose shares open nothing from then on.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        slot: What the ceremony gave.
        authenticator: The slot's HMAC key.
        by: Who led the ceremony, an office.

    Returns:
        The new head.

    Raises:
        KeysError: The keyring cannot be written; the old slot stays.
        AuditError: The ledger cannot be written; nothing changes.
    """
    with keystore.changing() as change:
        former = must_be_here(change, keystore).recovery
        _write(
            offline,
            Kind.KEY_CEREMONY,
            what="split",
            by=by,
            set=slot.set_id,
            shares=slot.shares,
            threshold=slot.threshold,
            former="" if former is None else former.set_id,
        )
        return change.save_recovery(slot, authenticator)


def recover(settings: Settings, clock: Clock, content: bytes, members: list[int], by: str, *, drill: bool) -> Head:
    """Bring the keyring, opened by the custodians, under a new root key of the settings' provider.

    A file of root keys that does not open is kept under another name and a new one made under the passphrase that is
    given now; in a token a new root key is made.

    Args:
        settings: The gateway's settings.
        clock: Tells the time.
        content: The keyring's content key, from the ceremony.
        members: Numbers of the shares that were used.
        by: Who led the ceremony, an office.
        drill: Only show that the shares open the keyring; the ledger says so, and no key changes.

    Returns:
        The head in force.

    Raises:
        KeysError: The content key does not fit, or the provider cannot be opened; the keyring stays as it is.
        AuditError: The ledger cannot be written; nothing changes.
    """
    keystore = Keystore(settings)
    opened = keystore.open_with(content)
    offline = compose(settings, clock, open_secrets(settings, keystore, opened.keyring))
    try:
        with keystore.changing(opened) as change:
            head = change.head
            if head is None or head.recovery is None:  # pragma: no cover - it was just opened by shares
                raise KeyringElsewhere("the keyring has no recovery slot")
            what = "drill" if drill else "unseal"
            _write(
                offline,
                Kind.KEY_CEREMONY,
                what=what,
                by=by,
                set=head.recovery.set_id,
                members=members,
                threshold=head.recovery.threshold,
            )
            if drill:
                return head
            roots = keystore.roots()
            if isinstance(roots, FileRootKeys):
                roots.replace_lost(keep_aside(settings.path(settings.keys.root_file), "lost"))
            return change.save_under(roots.add(_next_root(change)))
    finally:
        offline.ledger.stop()
        offline.engine.dispose()


def keys_behind(offline: Offline) -> int:
    """How many data keys are under another version than the newest key-encryption key."""
    current = offline.secrets.live.current(VAULT_KEK)
    with offline.engine.connect() as connection:
        counts = data_keys.count_by_version(connection)
    return sum(count for version, count in counts.items() if version != current)


def rotate_kek(offline: Offline, keystore: Keystore, by: str, batch: int, progress: Progress) -> int:
    """Make a new key-encryption key and wrap every data key under it, in batches, while the gateway serves.

    After an interruption the same call goes on with the version that was begun. The older version stays until it is
    retired.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        by: Who does it, an office.
        batch: Most data keys in one transaction.
        progress: Told after each batch.

    Returns:
        The version in force.

    Raises:
        KeysError: A key is missing or does not fit; what was wrapped stays.
        AuditError: The ledger cannot be written; no new version is made.
    """
    with keystore.changing() as change:
        must_be_here(change, keystore)
        behind = keys_behind(offline)
        version = change.keyring.current(VAULT_KEK)
        if not behind:
            _write(offline, Kind.KEY_ROTATED, name=VAULT_KEK, version=version + 1, by=by)
            version = change.keyring.add(VAULT_KEK, os.urandom(_KEK_BYTES))
            # From here on a running gateway wraps under the new version, and can open what is wrapped below.
            change.save()
            behind = keys_behind(offline)
        vault = Vault(offline.engine, change.keyring, offline.clock)
        done = 0
        while wrapped := vault.rewrap(batch):
            done += wrapped
            progress(done, max(behind, done))
        _write(offline, Kind.KEY_ROTATED, name=VAULT_KEK, version=version, by=by, finished=True, wrapped=done)
        return version


def retire_kek(offline: Offline, keystore: Keystore, below: int, by: str) -> int:
    """Destroy key-encryption keys below a version and remember that nothing below it opens.

    Args:
        offline: The gateway's parts.
        keystore: The keyring's place.
        below: The lowest version that stays.
        by: Who does it, an office.

    Returns:
        How many were destroyed.

    Raises:
        Refused: KEY_IN_USE while a data key is under an older version; BAD_REQUEST when there is no such version.
        KeysError: The keyring cannot be written; the old one stays.
    """
    with keystore.changing() as change:
        _kek_unused(offline, change, keystore, below)
        _write(offline, Kind.KEY_RETIRED, name=VAULT_KEK, below=below, by=by)
        gone = change.keyring.retire(VAULT_KEK, below)
        change.save()
        return gone


def root_unused(offline: Offline, keystore: Keystore, below: int) -> None:
    """Check that root keys below a version may be retired, without doing it.

    Raises:
        Refused: KEY_IN_USE, the keyring is under an older version.
        KeysError: The keyring cannot be opened.
    """
    del offline
    with keystore.changing() as change:
        _root_unused(change, keystore, below)


def kek_unused(offline: Offline, keystore: Keystore, below: int) -> None:
    """Check that key-encryption keys below a version may be retired, without doing it.

    Raises:
        Refused: KEY_IN_USE while a data key is under an older version; BAD_REQUEST when there is no such version.
        KeysError: The keyring cannot be opened.
    """
    with keystore.changing() as change:
        _kek_unused(offline, change, keystore, below)


def _root_unused(change: Change, keystore: Keystore, below: int) -> None:
    head = must_be_here(change, keystore)
    if head.root_version < below:
        raise Refused(Code.KEY_IN_USE, "root key", facts=(("in_force", str(head.root_version)),))


def _kek_unused(offline: Offline, change: Change, keystore: Keystore, below: int) -> None:
    must_be_here(change, keystore)
    if below not in change.keyring.versions(VAULT_KEK):
        raise bad_request("below", "must be a version that is there")
    with write_transaction(offline.engine) as connection:
        behind = data_keys.count_below(connection, below)
    if behind:
        raise Refused(Code.KEY_IN_USE, "data keys", facts=(("data_keys_behind", str(behind)),))


def must_be_here(change: Change, keystore: Keystore) -> Head:
    """The head of a keyring that is under the provider of the settings.

    Raises:
        KeyringElsewhere: It is under another one, or of the first form: migrate it first.
    """
    if change.head is None or change.head.provider != keystore.provider:
        raise KeyringElsewhere("the keyring is under another kind of root key than the settings ask for")
    return change.head


def _next_root(change: Change) -> int:
    return 1 if change.head is None else change.head.root_version + 1


def _write(offline: Offline, kind: Kind, **facts: Any) -> None:
    offline.ledger.append_blocking(EntryDraft(kind, facts))
