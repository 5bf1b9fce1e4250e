"""What a department's steward does about people's profiles: states verified fields, reads and decides corrections.

Rules kept: the department is the one that the steward's issuer vouches for, and must be active; it states only fields
for which the settings name it as a source; it sees and decides only what is addressed to it. Everything is on the
ledger before it takes effect or is shown, person by person, so that each one sees it; refusals after the steward is
known are on the ledger too. Fails closed: no issuer, no setting, no department in good standing, no act.

What it does not tell: what stands in a profile. A steward learns only what the person wrote to the department.
"""

import asyncio
import dataclasses
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.citizen import profile_items
from gateway.exchange.identify import IdentifySubject, canonical_identifier
from gateway.exchange.record import Record
from gateway.identity.departments import Departments
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from gateway.vault.corrections import Correction, Corrections, Waiting
from gateway.vault.profile import Vault
from gateway.vault.texts import free_text
from gateway.vault.verified import checked
from gateway.vault.views import Arrival, Verified
from policies.identifiers import known_schemes

PAGE: Final = 20
MAX_PAGE: Final = 50
_CURSOR: Final = re.compile(r"([0-9]{1,16})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class CorrectionPage:
    """What waits, oldest first, and the token of the next page (empty at the end)."""

    corrections: Sequence[Correction]
    next_cursor: str


class SourceDesk:
    """The steward's side.

    Args:
        people: Verifies tokens.
        departments: Who is in the exchange.
        subjects: From identifier to person id.
        vault: The encrypted fields.
        corrections: Requests for correction.
        sources: Field code to the departments that may state it; a field that is not in it, nobody may.
        record: Every act and reading is on the ledger.
        clock: Now.
    """

    def __init__(
        self,
        people: People,
        departments: Departments,
        subjects: IdentifySubject,
        vault: Vault,
        corrections: Corrections,
        sources: Mapping[str, Sequence[str]],
        record: Record,
        clock: Clock,
    ) -> None:
        self._people = people
        self._departments = departments
        self._subjects = subjects
        self._vault = vault
        self._corrections = corrections
        self._sources = sources
        self._record = record
        self._clock = clock

    async def record_field(self, bearer: str, scheme: str, identifier: str, field: str, stated: Verified) -> Arrival:
        """Put the department's word about one field of a person into the profile, if it prevails.

        Args:
            bearer: The steward's token.
            scheme: Kind of the person's identifier.
            identifier: As typed; never stored.
            field: Field code.
            stated: Its department is filled in from the token.

        Raises:
            Refused: The token is no steward's; NOT_ALLOWED when the department is no source of the field;
                BAD_IDENTIFIER or BAD_REQUEST with the broken rule.
        """
        steward = await self._steward(bearer)
        async with self._on_record(steward, "record", (field,)):
            if steward.department not in self._sources.get(field, ()):
                raise Refused(Code.NOT_ALLOWED, "the department is no source of this field")
            own = checked(field, _of(steward.department, stated), self._clock.now_ms())
            if scheme not in known_schemes():
                raise bad_request("subject_scheme", "must be a known scheme")
            subject = await self._subjects.known(scheme, canonical_identifier(scheme, identifier))
        await self._write("profile_recorded", steward, subject.person_id, field)
        return self._vault.record(subject.person_id, field, own)

    async def corrections(self, bearer: str, cursor: str, limit: int) -> CorrectionPage:
        """What waits for the department. Each request that is shown is on the list of its person's accesses.

        Raises:
            Refused: The token is no steward's; the page size or token breaks a rule; the ledger cannot write.
        """
        steward = await self._steward(bearer)
        if limit > MAX_PAGE:
            raise bad_request("page_size", f"must be at most {MAX_PAGE}")
        size = limit or PAGE
        found = self._corrections.waiting(steward.department, _position(cursor), size)
        await asyncio.gather(
            *(self._write("correction_read", steward, one.person_id, one.correction.field) for one in found)
        )
        more = f"{found[-1].correction.created_ms}-{found[-1].correction.id.hex()}" if len(found) == size else ""
        return CorrectionPage([one.correction for one in found], more)

    async def accept(self, bearer: str, correction_id: bytes, stated: Verified, note: str) -> Correction:
        """Decide in the person's favour and put the corrected word into the profile.

        Args:
            bearer: The steward's token.
            correction_id: Which request.
            stated: Without a value, the person's proposal is taken over.
            note: The department's words; may be empty.

        Raises:
            Refused: The token is no steward's; NOT_FOUND when there is no such request for the department;
                ALREADY_DECIDED; NOT_ALLOWED when the department is no source of the field any more.
        """
        steward = await self._steward(bearer)
        async with self._on_record(steward, "accept", ()):
            if note:
                free_text("note", note)
            waiting = self._corrections.one_waiting(steward.department, correction_id)
            field = waiting.correction.field
            if steward.department not in self._sources.get(field, ()):
                raise Refused(Code.NOT_ALLOWED, "the department is no source of this field")
            # As of the decision. It prevails whatever stands, so that the ledger does not say what did not happen.
            word = Verified(
                value=stated.value or waiting.correction.proposal,
                department=steward.department,
                record=waiting.correction.record,
                valid_until_ms=stated.valid_until_ms,
            )
            now_ms = self._clock.now_ms()
            checked(field, dataclasses.replace(word, last_updated_ms=now_ms), now_ms)
        await self._answered(steward, waiting, "accepted")
        return self._corrections.accept(steward.department, correction_id, word, note)

    async def reject(self, bearer: str, correction_id: bytes, note: str) -> Correction:
        """Decide against the person, saying why.

        Raises:
            Refused: The token is no steward's; NOT_FOUND; ALREADY_DECIDED; BAD_REQUEST without a reason.
        """
        steward = await self._steward(bearer)
        async with self._on_record(steward, "reject", ()):
            free_text("note", note)
            waiting = self._corrections.one_waiting(steward.department, correction_id)
        await self._answered(steward, waiting, "rejected")
        return self._corrections.reject(steward.department, correction_id, note)

    async def _steward(self, bearer: str) -> Person:
        person = self._people.authenticate(bearer)
        person.require(Role.STEWARD)
        if not person.department:
            raise Refused(Code.NOT_ALLOWED, "the issuer vouches for no department")
        # Raises when it is unknown or revoked.
        self._departments.fingerprint(person.department)
        await self._subjects.acting(person)
        return person

    @asynccontextmanager
    async def _on_record(self, steward: Person, what: str, fields: Sequence[str]) -> AsyncIterator[None]:
        """Put a refusal inside the block on the ledger before it is told."""
        try:
            yield
        except Refused as error:
            known = {"department": steward.department, "official": steward.subject_key, "what": what}
            # Only codes that are ours go on the ledger: what was typed may be anything.
            known_fields = [field for field in fields if field in self._sources]
            await self._record.refused({**known, "items": profile_items(known_fields)}, None, error)
            raise

    async def _answered(self, steward: Person, waiting: Waiting, outcome: str) -> None:
        await self._write("correction_answered", steward, waiting.person_id, waiting.correction.field, outcome=outcome)

    async def _write(self, kind: str, steward: Person, person_id: bytes, field: str, **further: str) -> None:
        await self._record.write(
            EntryDraft(
                kind=kind,
                accountability={
                    "by": "steward",
                    "department": steward.department,
                    "official": steward.subject_key,
                    "items": profile_items((field,), **further),
                },
                person={"person": person_id.hex()},
                about=person_id,
            )
        )


def _of(department: str, stated: Verified) -> Verified:
    return Verified(
        stated.value,
        department,
        stated.record,
        stated.last_updated_ms,
        stated.valid_until_ms,
        stated.unavailable,
    )


def _position(cursor: str) -> tuple[int, bytes] | None:
    if not cursor:
        return None
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise bad_request("page_token", "must be one that the gateway gave")
    return int(match[1]), bytes.fromhex(match[2])
