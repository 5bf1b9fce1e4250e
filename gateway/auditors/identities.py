"""Which identities are sealed under which of the auditors' keys, and where on the access log.

Rules kept here: a row is written in the transaction of the entry that holds the ciphertext, so that an identity is
sealed once under a key however many ask at once; it saves looking through the log and is not believed: who seals looks
at the entry that it names, and who opens goes by the log alone. What is erased is forgotten in one transaction with the
change counter, so that every process seals anew when the person is next asked about.
"""

from typing import NamedTuple

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert as insert_postgresql
from sqlalchemy.dialects.sqlite import insert as insert_sqlite

from gateway.auditors.tables import EPOCH, IDENTITIES
from gateway.storage.database import write_transaction
from gateway.storage.epochs import advance


class Kept(NamedTuple):
    """Where an identity is sealed, and since when (Unix ms)."""

    leaf_index: int
    sealed_ms: int


class Identities:
    """The look-up of sealed identities.

    Args:
        engine: From `gateway.storage.database.open_database`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, token: bytes, key_id: bytes) -> Kept | None:
        """Where an identity is sealed under a key; None when it is not."""
        with self._engine.connect() as connection:
            return _find(connection, token, key_id)

    @staticmethod
    def note(connection: Connection, token: bytes, key_id: bytes, kept: Kept, instead_of: Kept | None) -> bool:
        """Note where an identity is sealed from now on, inside the transaction of its entry.

        Args:
            connection: The transaction.
            token: Whose.
            key_id: Under which key.
            kept: Where, and when.
            instead_of: What was there when the caller looked.

        Returns:
            False when another was first: then nothing is noted, and the entry must not be written.
        """
        found = _find(connection, token, key_id)
        if found not in {instead_of, kept}:
            return False
        insert = insert_postgresql if connection.dialect.name == "postgresql" else insert_sqlite
        values = {"token": token, "key_id": key_id, "leaf_index": kept.leaf_index, "sealed_ms": kept.sealed_ms}
        statement = insert(IDENTITIES).values(values)
        connection.execute(
            statement.on_conflict_do_update(
                index_elements=[IDENTITIES.c.token, IDENTITIES.c.key_id],
                set_={"leaf_index": statement.excluded.leaf_index, "sealed_ms": statement.excluded.sealed_ms},
            )
        )
        return True

    def forget(self, token: bytes) -> None:
        """Forget where somebody's identity is sealed; it was erased."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(IDENTITIES).where(IDENTITIES.c.token == token))
            advance(connection, EPOCH)

    @staticmethod
    def changed(connection: Connection) -> None:
        """Tell every process that another key is in force, inside the transaction of its entry."""
        advance(connection, EPOCH)


def _find(connection: Connection, token: bytes, key_id: bytes) -> Kept | None:
    query = select(IDENTITIES.c.leaf_index, IDENTITIES.c.sealed_ms).where(
        IDENTITIES.c.token == token, IDENTITIES.c.key_id == key_id
    )
    row = connection.execute(query).first()
    return None if row is None else Kept(int(row.leaf_index), int(row.sealed_ms))
