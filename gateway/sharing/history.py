"""Agreements as they once were, and how often they were used on a day: for explanations, never for a release.

Rules kept here: an earlier revision is handed out only when its bytes have the digest that was asked for, which the
access log committed to; anything else is as if it were not there.

It does not say whether an agreement counts: `Agreements` does.
"""

from sqlalchemy import Engine, select

from gateway.sharing.tables import AGREEMENTS, USES
from gateway.sharing.uses import CHINA_OFFSET_MS, DAY_MS
from keys.signing import digest
from policies.agreements import Agreement, BadAgreement, parse_agreement


class AgreementHistory:
    """Reads earlier revisions and counts.

    Args:
        engine: The database.
        offset_ms: Civil time ahead of UTC, milliseconds: at which moment a day begins.
    """

    def __init__(self, engine: Engine, offset_ms: int = CHINA_OFFSET_MS) -> None:
        self._engine = engine
        self._offset_ms = offset_ms

    def revision(self, agreement_id: str, revision: int, digest_hex: str) -> Agreement | None:
        """One revision as it was, or None when it is not kept or not the one of that digest.

        Args:
            agreement_id: Its id.
            revision: Its revision.
            digest_hex: SHA-256 of its bytes, hex.
        """
        query = select(AGREEMENTS.c.raw).where(AGREEMENTS.c.id == agreement_id, AGREEMENTS.c.revision == revision)
        with self._engine.connect() as connection:
            raw = connection.execute(query).scalar()
        if raw is None or digest(bytes(raw)).hex() != digest_hex:
            return None
        try:
            return parse_agreement(bytes(raw))
        except BadAgreement:
            # Written by a version of the program that understood other keys.
            return None

    def taken(self, agreement_id: str, at_ms: int) -> int | None:
        """How many uses were handed out on the day of a moment, or None when it is not kept any more.

        Args:
            agreement_id: Whose.
            at_ms: A moment of that day, Unix ms.
        """
        day = (at_ms + self._offset_ms) // DAY_MS
        query = select(USES.c.taken).where(USES.c.agreement_id == agreement_id, USES.c.day == day)
        with self._engine.connect() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else int(found)
