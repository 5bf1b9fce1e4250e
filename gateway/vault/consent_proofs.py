"""What ties a consent to its person, sealed under a key of that person: the salt of its commitments and the proof.

Rules kept: nothing lies in the clear, since the salt makes the commitment in a consent's text guessable and the proof
holds the identifier; both go when the person is erased, and the text then names nobody. Every function works inside
the caller's transaction. Fails closed: what does not open is an error, and what is gone is None.
"""

from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update
from sqlmodel import SQLModel

from gateway.vault import data_keys, rows, tables
from gateway.vault.data_keys import KeyEncryptionKeys
from keys.consent_proof import ConsentProof
from keys.envelope import Suite

DRAWN_UP: Final = 1
GRANTED: Final = 2

_PROOFS: Final = SQLModel.metadata.tables[str(tables.VaultConsentProof.__tablename__)]


class ConsentProofs:
    """Sealed proofs in one database.

    Args:
        engine: The database.
        keks: Key-encryption keys, under the name `vault-kek`.
        suite: How proofs are encrypted from now on.
    """

    def __init__(self, engine: Engine, keks: KeyEncryptionKeys, suite: Suite = Suite.AES) -> None:
        self._engine = engine
        self._keks = keks
        self._suite = suite

    def add(
        self, connection: Connection, person_id: bytes, consent_id: bytes, proof: ConsentProof, now_ms: int
    ) -> None:
        """Keep the salt of a consent that was drawn up. It costs the same whether the person was ever heard of.

        Args:
            connection: An open write transaction.
            person_id: 16 bytes.
            consent_id: 16 bytes.
            proof: Its salt; nothing is proved yet.
            now_ms: The time, Unix ms.

        Raises:
            KeysError: A key is missing; nothing is kept.
        """
        key = data_keys.make(connection, self._keks, person_id, now_ms, self._suite)
        envelope = key.seal(_place(consent_id), DRAWN_UP, proof.write())
        connection.execute(
            insert(_PROOFS).values(consent_id=consent_id, person_id=person_id, version=DRAWN_UP, envelope=envelope)
        )

    def grant(self, connection: Connection, person_id: bytes, consent_id: bytes, proof: ConsentProof) -> bool:
        """Keep the person's word.

        Args:
            connection: An open write transaction.
            person_id: 16 bytes.
            consent_id: 16 bytes.
            proof: With the same salt.

        Returns:
            False when the person was erased meanwhile: nothing is kept then.

        Raises:
            KeysError: A key is missing; nothing is kept.
        """
        key = data_keys.read(connection, self._keks, person_id, self._suite)
        if key is None:
            return False
        envelope = key.seal(_place(consent_id), GRANTED, proof.write())
        where = (_PROOFS.c.consent_id == consent_id, _PROOFS.c.person_id == person_id)
        return (
            connection.execute(update(_PROOFS).where(*where).values(version=GRANTED, envelope=envelope)).rowcount == 1
        )

    def open(self, person_id: bytes, consent_id: bytes) -> ConsentProof | None:
        """The salt, and the person's word once there is one.

        Args:
            person_id: 16 bytes.
            consent_id: 16 bytes.

        Returns:
            None when the person was erased, or there is no such consent of the person.

        Raises:
            KeysError: A key is missing or the row was tampered with.
        """
        where = (_PROOFS.c.consent_id == consent_id, _PROOFS.c.person_id == person_id)
        with self._engine.connect() as connection:
            row = connection.execute(select(_PROOFS).where(*where)).one_or_none()
            key = None if row is None else data_keys.read(connection, self._keks, person_id, self._suite)
        if row is None or key is None or not rows.opens(key, row):
            return None
        return ConsentProof.read(key.open(_place(consent_id), row.version, bytes(row.envelope)))


def _place(consent_id: bytes) -> str:
    """Where a proof belongs."""
    return f"consent:{consent_id.hex()}"
