"""What goes when a person is erased: every row about the person's profile, in all tables that have one.

One list for the live database and for a backup that is put back after the erasure, so that neither keeps what the other
removes. What stays says nothing of a profile: the random id under the person's token, the row of the data key without
its key, the account of erasures, and consents without what ties them to the person.
"""

from typing import Final

from sqlalchemy import Connection, delete
from sqlmodel import SQLModel

from gateway.vault import tables

FORGOTTEN: Final = tuple(
    SQLModel.metadata.tables[str(table.__tablename__)]
    for table in (
        tables.VaultField,
        tables.VaultHistory,
        tables.VaultCorrection,
        tables.VaultBlindIndex,
        tables.VaultConsentProof,
    )
)
"""The tables whose rows go; each has a column `person_id`."""

KEPT: Final = frozenset(
    {
        str(tables.VaultPerson.__tablename__),
        str(tables.VaultKey.__tablename__),
        str(tables.VaultErasure.__tablename__),
        # Of another capability: texts of consents, which name nobody once their proofs are gone. They end with it.
        "sharing_consents",
        # Clicks that started public tasks: their texts name nobody, and the log refers to them.
        "sharing_explicit_requests",
        # Of another capability, and no profile: who used an emergency has to answer for it whatever the person erases.
        "emergencies_uses",
    }
)
"""The tables with a column `person_id` whose rows stay."""


def forget_person(connection: Connection, person_id: bytes) -> None:
    """Remove every row of a person's profile.

    Args:
        connection: An open write transaction.
        person_id: 16 bytes.
    """
    for table in FORGOTTEN:
        connection.execute(delete(table).where(table.c.person_id == person_id))
