"""An auditor opens an identity: with a reason, on the record, within a number a day; the gateway sees none of it.

Rules kept here: the entry `identity_opened` says who, whose and why and is durable before the ciphertext is given out;
it is about that person, who sees it. It is written also when there is nothing to give out, so that trying leaves a
trace and costs one of the day's openings. What is given out opens only with the private half of the auditors' key,
which the gateway never has.
"""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.counters import Book
from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import NoSuchEntry, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.record import Record
from gateway.exchange.review_filters import checked_why
from gateway.exchange.seal_identities import AuditorsKey, SealIdentities, key_in_force
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from keys import canonical
from keys.identities import Place, Whose
from policies.civil_time import DAY_MS, civil_day, day_begins_ms, next_day_ms

MOST_KEYS: Final = 16
_KEY_ID_BYTES: Final = 32
_EXHAUSTED: Final = "OPENINGS_EXHAUSTED"
_KEPT_MS: Final = 2 * DAY_MS
"""How long past its day a number is kept: a clock may be set back."""
_SHAPES: Final = {Whose.PERSON: re.compile(r"[0-9a-f]{32}"), Whose.OFFICIAL: re.compile(r"[0-9a-f]{64}")}
_DIGITS: Final = {Whose.PERSON: 32, Whose.OFFICIAL: 64}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose identity: by the name that entries show, or as the one whom an entry names."""

    whose: Whose
    pseudonym: str = ""
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class SealedIdentity:
    """What an auditor opens elsewhere.

    Attributes:
        place: What the ciphertext is bound to.
        key_id: SHA-256 of the public key to which it is sealed.
        sealed: The ciphertext.
        sealed_entry: The entry that holds it.
        opened_entry: The entry that records the opening.
    """

    place: Place
    key_id: bytes
    sealed: bytes
    sealed_entry: int
    opened_entry: int


@dataclass(frozen=True, slots=True)
class Opening:
    """One of an auditor's openings of a day, counted with the entry that records it."""

    auditor: str
    most: int
    purse: str = "openings"

    def names(self, time_ms: int) -> Sequence[str]:
        """See `Count`."""
        return (self._name(time_ms),)

    def take(self, book: Book, time_ms: int) -> None:
        """See `Count`."""
        name = self._name(time_ms)
        taken = book.value(name)
        if taken >= self.most:
            raise RiderRefused(_EXHAUSTED, next_day_ms(time_ms))
        book.put(name, taken + 1, day_begins_ms(civil_day(time_ms) + 1) + _KEPT_MS)

    def _name(self, time_ms: int) -> str:
        return f"identity-{self.purse}\0{self.auditor}\0{civil_day(time_ms)}"


class OpenIdentity:
    """Gives sealed identities to auditors.

    Args:
        people: Verifies tokens.
        seals: The auditor too is sealed before an entry names the auditor.
        record: Everything is recorded before it is shown.
        ledger: The log.
        most_a_day: How many one auditor opens on a civil day.
    """

    def __init__(
        self,
        people: People,
        seals: SealIdentities,
        record: Record,
        ledger: SqlLedger,
        most_a_day: int,
    ) -> None:
        self._people = people
        self._seals = seals
        self._record = record
        self._ledger = ledger
        self._most_a_day = most_a_day

    async def __call__(self, bearer: str, wanted: Wanted, why: str, key_ids: Sequence[bytes]) -> SealedIdentity:
        """The sealed identity of a person or official.

        Args:
            bearer: The auditor's token.
            wanted: Whose.
            why: The reason, for the record and for the person.
            key_ids: Which keys the auditor has.

        Raises:
            Refused: The token is no auditor's; BAD_REQUEST with field and rule; OPENINGS_EXHAUSTED;
                IDENTITY_NOT_SEALED when none is kept under these keys; LEDGER_UNAVAILABLE.
        """
        auditor = self.auditor(bearer)
        return await self.given(auditor, wanted, checked_why(why), key_ids, counted=("openings", self._most_a_day))

    async def given(
        self, auditor: Person, wanted: Wanted, why: str, key_ids: Sequence[bytes], *, counted: tuple[str, int]
    ) -> SealedIdentity:
        """The same for an auditor who is known, and a reason that was checked.

        Args:
            auditor: Who opens.
            wanted: Whose.
            why: The reason.
            key_ids: Which keys the auditor has.
            counted: As what it is counted, and how many of those the auditor has on a civil day.

        Raises:
            Refused: As `__call__`.
        """
        if not 1 <= len(key_ids) <= MOST_KEYS or any(len(key_id) != _KEY_ID_BYTES for key_id in key_ids):
            raise bad_request("key_ids", f"must be 1 to {MOST_KEYS} digests of 32 bytes")
        await self._seals.official(auditor)
        about = await asyncio.to_thread(self._about, wanted)
        found = await asyncio.to_thread(self._find, wanted.whose, about, key_ids)
        opened = await self._recorded(auditor, wanted, about, why, found, counted)
        if found is None:
            raise Refused(Code.IDENTITY_NOT_SEALED, "no identity under these keys")
        place, key_id, sealed, index = found
        return SealedIdentity(place, key_id, sealed, index, opened)

    async def key(self, bearer: str) -> AuditorsKey | None:
        """The auditors' key in force.

        Raises:
            Refused: The token is no auditor's; LEDGER_UNAVAILABLE.
        """
        auditor = self.auditor(bearer)
        said: dict[str, Json] = {"auditor": auditor.subject_key, "what": "identity key"}
        await self._record.write(EntryDraft(Kind.LOG_READ, said))
        return await asyncio.to_thread(key_in_force, self._ledger)

    def auditor(self, bearer: str) -> Person:
        """The auditor behind a token.

        Raises:
            Refused: It is no auditor's.
        """
        person = self._people.authenticate(bearer)
        person.require(Role.AUDITOR)
        return person

    def _about(self, wanted: Wanted) -> bytes:
        if (wanted.entry is None) == (not wanted.pseudonym):
            raise bad_request("pseudonym", "须与 entry 二选一 / must be given, or entry, and not both")
        if wanted.entry is None:
            if not _SHAPES[wanted.whose].fullmatch(wanted.pseudonym):
                digits = _DIGITS[wanted.whose]
                raise bad_request("pseudonym", f"must be {digits} hexadecimal digits, as entries show it")
            return bytes.fromhex(wanted.pseudonym)
        try:
            entry = self._ledger.entry(wanted.entry)
        except NoSuchEntry:
            raise bad_request("entry", "must be an entry of the log") from None
        part = entry.personal if wanted.whose is Whose.PERSON else entry.account
        named = (part or {}).get(str(wanted.whose))
        if not isinstance(named, str) or not _SHAPES[wanted.whose].fullmatch(named):
            raise bad_request("entry", f"须提及该主体 / must be an entry that names a {wanted.whose}")
        return bytes.fromhex(named)

    def _find(self, whose: Whose, about: bytes, key_ids: Sequence[bytes]) -> tuple[Place, bytes, bytes, int] | None:
        """The newest ciphertext under one of the keys; None when there is none, or it was erased or pruned.

        By the log's own index and not by the look-up of what is sealed: a row that is missing there hides nothing.
        """
        mine = set(key_ids)
        for index in reversed(self._ledger.indexes_about(about, Kind.IDENTITY_SEALED, 0)):
            found = self._read(whose, about, index)
            if found is not None and found[1] in mine:
                return found
        return None

    def _read(self, whose: Whose, about: bytes, index: int) -> tuple[Place, bytes, bytes, int] | None:
        try:
            entry = self._ledger.entry(index)
        except NoSuchEntry:
            # It was pruned since.
            return None
        personal, said = entry.personal, entry.account
        if personal is None or entry.kind != Kind.IDENTITY_SEALED:
            return None
        named = personal.get("person") if whose is Whose.PERSON else said.get("official")
        if named != about.hex() or said.get("of") != str(whose):
            return None
        scheme = str(personal.get("scheme", "")) if whose is Whose.PERSON else ""
        place = Place(self._ledger.lineage.first_origin, whose, about, scheme)
        return place, bytes.fromhex(str(said.get("key", ""))), canonical.from_text(personal.get("sealed")), index

    async def _recorded(
        self,
        auditor: Person,
        wanted: Wanted,
        about: bytes,
        why: str,
        found: tuple[Place, bytes, bytes, int] | None,
        counted: tuple[str, int],
    ) -> int:
        said: dict[str, Json] = {"auditor": auditor.subject_key, "by": "auditor", "of": str(wanted.whose), "why": why}
        if wanted.entry is not None:
            said["entry"] = wanted.entry
        said["given"] = found is not None
        if found is not None:
            said |= {"key": found[1].hex(), "sealed": found[3]}
        person: dict[str, Json] | None = None
        if wanted.whose is Whose.PERSON:
            person = {"person": about.hex()}
        else:
            said["official"] = about.hex()
        draft = EntryDraft(
            Kind.IDENTITY_OPENED,
            said,
            person,
            about=about if wanted.whose is Whose.PERSON else None,
            counts=(Opening(auditor.subject_key, counted[1], counted[0]),),
        )
        try:
            recorded = await self._record.write(draft)
        except RiderRefused as error:
            raise Refused(Code.OPENINGS_EXHAUSTED, "openings of the day", retry_after_ms=error.retry_after_ms) from None
        return recorded.leaf_index
