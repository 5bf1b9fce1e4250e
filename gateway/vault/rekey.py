"""Re-keying the way from token to person id when the index key is rotated (ADR 0056).

Rules kept: person ids stay, so nothing that refers to them changes: profiles, consents, erasures, ledger. What is to be
re-keyed is told by the rows themselves, so the work can stop anywhere and go on in another process. A person who is
already filed under the new token (`gateway.vault.persons` files who is named meanwhile) keeps that row. On PostgreSQL a
row that is being written is passed over and found at the next call.

What it does not do: it makes no ids, and it does not decide when; the version must be in force for whoever writes
before the first call.
"""

from typing import Final, Protocol

from sqlalchemy import Engine, delete, func, select
from sqlmodel import SQLModel

from gateway.storage.database import write_transaction
from gateway.vault import tables
from gateway.vault.persons import PersonRow, Token, file_people

AT_ONCE: Final = 300
"""People of one transaction: a bound for a database's parameters, and for how long another writer waits."""

_PERSONS: Final = SQLModel.metadata.tables[str(tables.VaultPerson.__tablename__)]


class Renewing(Protocol):
    """Renews tokens; `keys.subjects.SubjectTokens` does."""

    @property
    def current(self) -> int:
        """The version to which tokens are renewed."""

    def renew(self, version: int, value: bytes) -> Token:
        """The same subject's token under the current key."""


class PersonRekeying:
    """Files people under their tokens of the current version, a few at a time.

    Args:
        engine: From `gateway.storage.database.open_database`.
        tokens: Renews tokens.
    """

    def __init__(self, engine: Engine, tokens: Renewing) -> None:
        self._engine = engine
        self._tokens = tokens

    def left(self, version: int) -> int:
        """How many rows have a token older than `version`. Reads the whole table: for the operator."""
        query = select(func.count()).select_from(_PERSONS).where(_PERSONS.c.token_version < version)
        with self._engine.connect() as connection:
            return int(connection.execute(query).scalar_one())

    def step(self, limit: int = AT_ONCE) -> int:
        """Re-key some rows; durable when it returns.

        Args:
            limit: Most rows.

        Returns:
            How many rows of an older version are gone. 0 when none was found that nobody else holds.

        Raises:
            UnknownKey: A row is of a version that does not exist. Fails closed: nothing of the step is kept.
        """
        version = self._tokens.current
        query = select(_PERSONS).where(_PERSONS.c.token_version < version).limit(limit)
        with write_transaction(self._engine) as connection:
            found = connection.execute(query.with_for_update(skip_locked=True)).all()
            if not found:
                return 0
            rows: list[PersonRow] = []
            for row in found:
                token = self._tokens.renew(row.token_version, bytes(row.token))
                rows.append((token.value, token.version, bytes(row.person_id)))
            file_people(connection, rows)
            old = [bytes(row.token) for row in found]
            return connection.execute(delete(_PERSONS).where(_PERSONS.c.token.in_(old))).rowcount
