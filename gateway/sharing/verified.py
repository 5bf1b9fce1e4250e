"""Agreements that were read from the database and verified, and those that are not what was signed.

Rules kept here: an agreement is read and verified on first use; what is stored otherwise than it was signed is not used
and is reported, once; what was verified is compared again now and then with what is stored, because whoever changes the
database by hand moves no counter. Fails closed: what does not verify, was changed or is gone is not used, until a newer
revision takes its place.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select

from gateway.errors import Refused
from gateway.sharing.intake import opened
from gateway.sharing.shelf import Entry, Signed
from gateway.sharing.tables import AGREEMENTS
from keys.signing import digest
from policies.agreements import Agreement

_AT_ONCE: Final = 200
_MISSING: Final = "is missing in the database"
_CHANGED: Final = "the bytes are not the ones of the digest"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class AgreementProblem:
    """A stored agreement that is not used because what is stored is not what was signed.

    Args:
        agreement_id: Its id.
        revision: Its revision.
        rule: What does not hold.
    """

    agreement_id: str
    revision: int
    rule: str


class Verified:
    """What entries of the index stand for.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._problems: dict[tuple[str, int], AgreementProblem] = {}

    def of(self, entry: Entry) -> Agreement | None:
        """The agreement of an entry, read and verified on first use. None, and a report, when it is not intact.

        Args:
            entry: Of the index.
        """
        if entry.agreement is None and (entry.id, entry.revision) not in self._problems:
            rule = _MISSING
            with self._engine.connect() as connection:
                signed = Signed.read(connection, entry)
            if signed is not None:
                entry.agreement, rule = _intact(entry, signed)
            if entry.agreement is None:
                self._found(entry, rule)
        return entry.agreement

    def recheck(self, entries: Iterable[Entry]) -> None:
        """Compare what was verified with what is stored now.

        Args:
            entries: Those that may be in use; one that was never used is verified on first use anyway.
        """
        columns = AGREEMENTS.c
        used = [entry for entry in entries if entry.agreement is not None]
        for first in range(0, len(used), _AT_ONCE):
            some = used[first : first + _AT_ONCE]
            # By id alone, for which there is an index; each has few revisions.
            query = select(columns.id, columns.revision, columns.raw).where(columns.id.in_([one.id for one in some]))
            with self._engine.connect() as connection:
                stored = {(row.id, row.revision): bytes(row.raw) for row in connection.execute(query)}
            for entry in some:
                raw = stored.get((entry.id, entry.revision))
                if entry.agreement is not None and raw != entry.agreement.raw:
                    self._found(entry, _MISSING if raw is None else _CHANGED)
                    entry.agreement = None

    def problems_of(self, entries: Iterable[Entry]) -> tuple[AgreementProblem, ...]:
        """Verify entries; what is damaged, ordered by id."""
        damaged = sorted((entry.id, entry.revision) for entry in entries if self.of(entry) is None)
        return tuple(self._problems[key] for key in damaged)

    def noticed(self) -> tuple[AgreementProblem, ...]:
        """What was found damaged so far."""
        return tuple(self._problems.values())

    def _found(self, entry: Entry, rule: str) -> None:
        self._problems[entry.id, entry.revision] = AgreementProblem(entry.id, entry.revision, rule)
        _log.error(
            "a stored agreement is not used: %s revision %d",
            entry.id,
            entry.revision,
            extra={"agreement": entry.id, "rule": rule},
        )


def _intact(entry: Entry, signed: Signed) -> tuple[Agreement | None, str]:
    if digest(signed.raw) != signed.digest:
        return None, _CHANGED
    try:
        agreement = opened(signed.raw, signed.signature, signed.signer_key)
    except Refused as refused:
        return None, f"does not verify: {refused.code}"
    if (agreement.id, agreement.revision, agreement.consumer, agreement.resource) != (
        entry.id,
        entry.revision,
        entry.consumer,
        entry.resource,
    ):
        return None, "is stored under another id, revision, consumer or resource"
    return agreement, ""
