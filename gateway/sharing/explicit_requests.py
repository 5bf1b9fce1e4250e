"""Explicit requests at the gateway: texts by random person id. They are no consents and share nothing with them.

Rules kept here: a text is never changed; one whose bytes are not those of its digest is not used (fails closed).
"""

from typing import Any, Final

from sqlalchemy import Connection, Engine, insert, select

from gateway.sharing.tables import EXPLICIT_REQUESTS
from policies.explicit_requests import BadExplicitRequest, ExplicitRequest, parse_explicit_request

MOST_LISTED: Final = 500


class ExplicitRequests:
    """Explicit requests in one database. May be used from any thread.

    Args:
        engine: The database.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, digest: bytes) -> tuple[ExplicitRequest, bytes] | None:
        """The explicit request of a digest and whose it is; None when there is none, or its text was changed."""
        found = self._read(EXPLICIT_REQUESTS.c.digest == digest)
        return found[0] if found else None

    def of_person(self, person_id: bytes) -> list[ExplicitRequest]:
        """A person's, newest first, at most 500."""
        return [request for request, _ in self._read(EXPLICIT_REQUESTS.c.person_id == person_id)]

    def _read(self, where: Any) -> list[tuple[ExplicitRequest, bytes]]:
        columns = EXPLICIT_REQUESTS.c
        query = select(columns.raw, columns.digest, columns.person_id).where(where)
        found = []
        with self._engine.connect() as connection:
            for row in connection.execute(query.order_by(columns.created_ms.desc()).limit(MOST_LISTED)):
                try:
                    request = parse_explicit_request(bytes(row.raw))
                except BadExplicitRequest:
                    continue
                if request.digest == bytes(row.digest):
                    found.append((request, bytes(row.person_id)))
        return found


def add_explicit_request(connection: Connection, person_id: bytes, request: ExplicitRequest) -> None:
    """Keep one, inside the caller's transaction."""
    connection.execute(
        insert(EXPLICIT_REQUESTS).values(
            request_id=request.id,
            digest=request.digest,
            person_id=person_id,
            raw=request.raw,
            created_ms=request.created_ms,
        )
    )
