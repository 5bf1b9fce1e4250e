"""Agreements as they once were: for explanations, never for a release.

Rules kept here: an earlier revision is handed out only when its bytes have the digest that was asked for, which the
access log committed to; anything else is as if it were not there.

It does not say whether an agreement counts: `Agreements` does.
"""

from sqlalchemy import Engine, select

from gateway.sharing.tables import AGREEMENTS
from keys.signing import digest
from policies.agreements import Agreement, BadAgreement, parse_agreement


class AgreementHistory:
    """Reads earlier revisions.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
