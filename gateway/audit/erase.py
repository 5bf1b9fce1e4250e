"""Erasing an entry's person part, in the open: first an entry that says which and why, then the part goes.

What stays is the part's salted commitment, so the log verifies as before and nobody can test a guess against it. The
accountability part cannot be erased; it goes when its retention has ended (`retention/`). Not reached from here: copies
that were exported or backed up earlier.
"""

from collections.abc import Callable

from sqlalchemy import Engine, update

from gateway.audit.bodies import erased_part
from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.errors import LedgerUnavailable, NoSuchEntry
from gateway.audit.kinds import Kind
from gateway.audit.reader import Reader
from gateway.audit.store import ENTRIES


def erase_person_part(
    engine: Engine, reader: Reader, append: Callable[[EntryDraft], Recorded], index: int, reason: str
) -> Recorded:
    """Erase the person part of one entry. Repeating it after a crash in between completes it.

    Args:
        engine: The database.
        reader: Reads the entry.
        append: Records the erasure, durably.
        index: The entry.
        reason: Reason code, for the entry that records the erasure.

    Returns:
        The entry that records the erasure.

    Raises:
        NoSuchEntry: There is no such entry, or it has no person part to erase.
        LedgerUnavailable: The erasure could not be recorded or carried out.
    """
    entry = reader.entry(index)
    if not entry.person_salt:
        raise NoSuchEntry("the entry has no person part")
    recorded = append(EntryDraft(Kind.PERSON_PART_ERASED, {"erased": index, "reason": reason}))
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # SQLite leaves deleted content in free pages unless told to overwrite it.
                connection.exec_driver_sql("PRAGMA secure_delete=ON")
            statement = update(ENTRIES).where(ENTRIES.c.leaf_index == index)
            connection.execute(statement.values(person=erased_part(entry.person_salt, entry.person), person_token=None))
    except Exception as error:
        raise LedgerUnavailable("the part could not be erased; try again") from error
    return recorded
