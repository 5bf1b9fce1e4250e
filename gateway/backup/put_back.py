"""Which persons' keys come back, decided row by row while `vault_keys` is filled.

An ordinary backup says of each person whether there was a key, never which. A key is put back only when a key backup
has it under the same key id and the same time, the keyring opens it, and no erasure register names the person at that
time or later. So a person who was erased before either backup was made, or after it, does not come back: the row
stays without a key, as after an erasure, and everything else about the profile is removed.

Fails closed: whatever does not fit is not put back, and is counted.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection

from gateway.backup.classification import BLOTTED, ERASURES, tables
from gateway.backup.erasures import Erasures, erasures_in
from gateway.backup.key_backup import WrappedKey
from gateway.vault.data_keys import KEK, KeyEncryptionKeys
from gateway.vault.erasure import ID_BYTES
from gateway.vault.forgetting import forget_person
from keys.errors import KeysError
from keys.persons import unwrap_data_key

ENTRY_LOST: Final = -1
"""Stands for the ledger entry of an erasure that the restored ledger does not have."""


@dataclass(slots=True)
class KeysBack:
    """What became of the persons' keys.

    Attributes:
        put: Put back.
        missing: There was one, and the key backup does not have it; fields stay and do not open.
        unopened: The key backup has one that the keyring does not open; fields stay and do not open.
        erased: Left out because a register names the person.
    """

    put: int = 0
    missing: int = 0
    unopened: int = 0
    erased: int = 0
    erased_persons: list[bytes] = field(default_factory=list, repr=False)


class PutBack:
    """Fills in the withheld keys of `vault_keys` rows.

    Args:
        keys: From a key backup; empty without one.
        erasures: Who was erased, and when.
        keks: Opens wrapped keys, to see that they can be opened.
    """

    def __init__(self, keys: Mapping[bytes, WrappedKey], erasures: Erasures, keks: KeyEncryptionKeys) -> None:
        self._keys = keys
        self._erasures = erasures
        self._keks = keks
        self._kek_version = keks.current(KEK)
        self.done = KeysBack()

    def row(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row as it is to be put back."""
        if row["wrapped"] is None or bytes(row["wrapped"]) != BLOTTED:
            # There was none: the person had been erased when the backup was made. A value here is not one of ours.
            return row | {"wrapped": None}
        person = bytes(row["person_id"])
        erased_ms = self._erasures.get(person)
        if erased_ms is not None and erased_ms >= row["changed_ms"]:
            self.done.erased += 1
            self.done.erased_persons.append(person)
            return row | {"wrapped": None, "changed_ms": erased_ms}
        key = self._keys.get(person)
        if key is None or (key.key_id, key.changed_ms) != (row["key_id"], row["changed_ms"]):
            self.done.missing += 1
            return row | {"wrapped": None}
        if not self._opens(key):
            self.done.unopened += 1
            return row | {"wrapped": None}
        self.done.put += 1
        # The key-encryption key may have changed between the two backups; the wrapped key names its own.
        return row | {"wrapped": key.wrapped, "kek_version": key.kek_version}

    def forget(self, connection: Connection, copies_ms: int) -> None:
        """Remove the profiles of those who were erased after the backup, and keep account of their erasures.

        The account goes into later backups and registers, so that no older key backup brings these persons back. What
        the register does not tell of an erasure stands as the worst: the newest key-encryption key may open a copy.

        Args:
            connection: The write transaction of the restore, filled.
            copies_ms: How long key backups are kept, ms.
        """
        for person in self.done.erased_persons:
            forget_person(connection, person)
        known = erasures_in(connection)
        table = next(table for table in tables() if table.name == ERASURES)
        for person, erased_ms in self._erasures.items():
            if known.get(person, -1) < erased_ms:
                row = {
                    "erasure_id": secrets.token_bytes(ID_BYTES),
                    "person_id": person,
                    "erased_ms": erased_ms,
                    "key_id": 0,
                    "kek_version": self._kek_version,
                    "complete_by_ms": erased_ms + copies_ms,
                    "entry": ENTRY_LOST,
                    "fields": "",
                    "notices": 0,
                }
                connection.execute(table.insert().values(row))

    def _opens(self, key: WrappedKey) -> bool:
        try:
            unwrap_data_key(self._keks.get(KEK, key.kek_version), key.wrapped)
        except KeysError:
            return False
        return True
