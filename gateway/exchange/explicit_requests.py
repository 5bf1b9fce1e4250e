"""Explicit requests: a person makes one, and a request that names one is held to it. See `policies.explicit_requests`.

Rules kept: the person is the one whom the token names; the click is on the ledger in the commit in which it is kept. A
request that names one is refused unless it is the subject's own, for this department and purpose, covers every resource
asked for, and counts at this moment; each of these is settled before anything is looked up. A consent is never taken
for one, nor the other way round: they are named in different places and lie in different tables.
"""

import asyncio
import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.clock import Clock
from gateway.errors import bad_request
from gateway.exchange.citizen import Citizens
from gateway.exchange.consented import refused_for
from gateway.exchange.identify import Caller, IdentifySubject, Subject
from gateway.exchange.record import Record
from gateway.identity.people import People
from gateway.sharing.explicit_requests import ExplicitRequests, add_explicit_request
from gateway.sharing.grounds import require_ground
from policies.explicit_requests import (
    DAY_MS,
    LONGEST_MS,
    BadExplicitRequest,
    ExplicitRequest,
    parse_explicit_request,
    write_explicit_request,
)
from policies.purposes import Purposes
from policies.reasons import Reason
from policies.vocabulary import LegalBasis

USUAL_DAYS: Final = 30


class OwnExplicitRequests:
    """The person's side.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
        requests: Where they are kept.
        record: Every act and reading is on the ledger.
        clock: Now.
        domain: Trust domain of this exchange.
        purposes: The registered purposes.
    """

    def __init__(
        self,
        people: People,
        subjects: IdentifySubject,
        requests: ExplicitRequests,
        record: Record,
        clock: Clock,
        domain: str,
        purposes: Purposes,
    ) -> None:
        self._citizen = Citizens(people, subjects)
        self._requests = requests
        self._record = record
        self._clock = clock
        self._domain = domain
        self._purposes = purposes

    async def make(
        self, bearer: str, consumer: str, purpose: str, resources: Sequence[str], days: int
    ) -> ExplicitRequest:
        """Record that the person asked for a public task.

        Raises:
            Refused: The token does not verify; BAD_REQUEST with the rule, UNKNOWN_PURPOSE; the ledger cannot write.
        """
        subject = await self._citizen(bearer)
        if not 0 <= days <= LONGEST_MS // DAY_MS:
            raise bad_request("days", f"must be at most {LONGEST_MS // DAY_MS}")
        now_ms = self._clock.now_ms()
        require_ground(self._purposes, purpose, LegalBasis.EXPLICIT_REQUEST, now_ms, "purpose")
        raw = write_explicit_request(
            request_id=secrets.token_bytes(16),
            domain=self._domain,
            consumer=consumer,
            purpose=purpose,
            resources=frozenset(resources),
            times=(now_ms, now_ms + (days or USUAL_DAYS) * DAY_MS),
        )
        try:
            request = parse_explicit_request(raw)
        except BadExplicitRequest as error:
            raise bad_request("request", str(error)) from None
        draft = EntryDraft(
            kind=str(Kind.EXPLICIT_REQUEST_MADE),
            accountability={
                "by": "person",
                "explicit_request": request.digest.hex(),
                "consumer": consumer,
                "purpose": purpose,
                "legal_basis": "explicit_request",
                "resources": sorted(request.resources),
            },
            person={"person": subject.person_id.hex(), "scheme": subject.scheme},
            about=subject.person_id,
        )
        await self._record.together(draft, partial(add_explicit_request, person_id=subject.person_id, request=request))
        return request

    async def list(self, bearer: str) -> list[ExplicitRequest]:
        """The person's own, newest first.

        Raises:
            Refused: The token does not verify; the ledger cannot write.
        """
        subject = await self._citizen(bearer)
        person = {"person": subject.person_id.hex(), "scheme": subject.scheme}
        draft = EntryDraft(
            kind=str(Kind.EXPLICIT_REQUEST_READ),
            accountability={"by": "person"},
            person=person,
            about=subject.person_id,
        )
        await self._record.write(draft)
        return await asyncio.to_thread(self._requests.of_person, subject.person_id)


class HeldToRequest:
    """Holds a request to the explicit request that it names.

    Args:
        requests: Where they are kept.
        clock: Now.
    """

    def __init__(self, requests: ExplicitRequests, clock: Clock) -> None:
        self._requests = requests
        self._clock = clock

    def __call__(self, caller: Caller, subject: Subject) -> None:
        """Accept by returning; a request that names none is not held to one.

        Raises:
            Refused: WITHHELD with the reason. Fails closed.
        """
        named = caller.request.explicit_request
        if not named:
            return
        found = self._requests.find(named)
        if found is None or found[1] != subject.person_id:
            # Another person's is told like none: a department learns nothing about who asked for what.
            raise refused_for(Reason.EXPLICIT_REQUEST_UNKNOWN)
        now_ms = self._clock.now_ms()
        for resource in {item.resource for item in caller.request.items}:
            reason = found[0].authorises(
                consumer=caller.peer.department, purpose=caller.request.purpose, resource=resource, now_ms=now_ms
            )
            if reason is not None:
                raise refused_for(reason)
