"""Sealing who somebody is to the auditors' key, once, before the first entry that mentions them under that key.

Rules kept here: the key in force is the one that the newest `identity_key_set` entry of the access log names, so nobody
changes it unseen; without one nothing is sealed. An identity is sealed once for each key and again when the sealed one
has become old (so that it is there as long as the entries that need it). The ciphertext is in the erasable part of an
entry about that person or official; the gateway cannot read it again. When it cannot be written, whoever asked is
refused like everyone for whom there is no record (fails closed).

What it costs: a look into memory for each request; once for each person and key a seal and an entry.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, Engine

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import NoSuchEntry, RiderRefused
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.auditors.identities import Identities, Kept
from gateway.auditors.tables import EPOCH
from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.exchange.record import Record
from gateway.identity.people import Person
from gateway.storage.epochs import EpochCached
from keys import canonical
from keys.errors import KeysError, SealError
from keys.identities import Identity, Place, Whose, seal_identity
from keys.sealing import RecipientKey
from policies.civil_time import DAY_MS

REMEMBERED: Final = 100_000
"""Identities that are known to be sealed, in memory; others are looked up again."""
_SEALED_ALREADY: Final = "SEALED_ALREADY"


@dataclass(frozen=True, slots=True)
class AuditorsKey:
    """A key of the auditors, as the log names it.

    Attributes:
        key: The public key.
        entry: The entry that put it in force.
        since_ms: Since when, Unix ms.
    """

    key: RecipientKey
    entry: int
    since_ms: int


def key_in_force(ledger: SqlLedger) -> AuditorsKey | None:
    """The auditors' key in force; None when none is.

    Raises:
        LedgerCorrupt: The entry does not fit its leaf hash.
        Refused: INTERNAL, the entry does not name a key. Fails closed.
    """
    newest = ledger.entries(kind=str(Kind.IDENTITY_KEY_SET), limit=1).entries
    if not newest or not newest[0].account.get("public"):
        return None
    try:
        key = RecipientKey.from_bytes(canonical.from_text(newest[0].account["public"]))
    except (KeysError, ValueError):
        raise Refused(Code.INTERNAL, "the auditors' key on the log is none") from None
    return AuditorsKey(key, newest[0].leaf_index, newest[0].time_ms)


@dataclass(slots=True)
class _Standing:
    """The key in force, and whose identity is known to be sealed under it since when."""

    key: AuditorsKey | None
    sealed: "OrderedDict[bytes, int]" = field(default_factory=OrderedDict)

    def remember(self, about: bytes, sealed_ms: int) -> None:
        self.sealed[about] = sealed_ms
        self.sealed.move_to_end(about)
        while len(self.sealed) > REMEMBERED:
            self.sealed.popitem(last=False)


class SealIdentities:
    """Seals identities of persons and officials.

    Args:
        engine: The database.
        ledger: Names the key in force, and its own name.
        record: Writes the entries.
        clock: How old a sealed identity is.
        again_days: After so many days an identity is sealed anew when its person is asked about.
    """

    def __init__(self, engine: Engine, ledger: SqlLedger, record: Record, clock: Clock, again_days: int) -> None:
        self._ledger = ledger
        self._record = record
        self._clock = clock
        self._again_ms = again_days * DAY_MS
        self._identities = Identities(engine)
        self._standing: EpochCached[_Standing] = EpochCached(engine, EPOCH, self._load)

    async def person(self, scheme: str, identifier: str, person_id: bytes) -> None:
        """Have a person's identity sealed; does nothing when it is, or when there is no key.

        Args:
            scheme: Scheme of the identifier.
            identifier: Canonical.
            person_id: The person's random id.

        Raises:
            Refused: It could not be put on the log: nothing may be written about this person.
        """
        standing = self._standing.current()
        if standing.key is None or self._fresh(standing, person_id):
            return
        place = Place(self._ledger.lineage.first_origin, Whose.PERSON, person_id, scheme)
        said: dict[str, Json] = {"person": person_id.hex(), "scheme": scheme}
        await self._seal(standing, standing.key.key, place, Identity(Whose.PERSON, scheme, identifier), {}, said)

    async def official(self, person: Person) -> None:
        """The same for whoever an issuer vouches for: officials, stewards, auditors.

        Args:
            person: As authenticated.

        Raises:
            Refused: It could not be put on the log.
        """
        standing = self._standing.current()
        about = bytes.fromhex(person.subject_key)
        if standing.key is None or self._fresh(standing, about):
            return
        place = Place(self._ledger.lineage.first_origin, Whose.OFFICIAL, about)
        said: dict[str, Json] = {"official": person.subject_key}
        if person.department:
            said["department"] = person.department
        identity = Identity(Whose.OFFICIAL, person.issuer, person.subject)
        await self._seal(standing, standing.key.key, place, identity, said, {})

    def _load(self, _connection: Connection, _former: _Standing | None) -> _Standing:
        return _Standing(key_in_force(self._ledger))

    def _fresh(self, standing: _Standing, about: bytes) -> bool:
        sealed_ms = standing.sealed.get(about)
        return sealed_ms is not None and self._clock.now_ms() - sealed_ms < self._again_ms

    def _holds(self, kept: Kept, place: Place, key_id: bytes) -> bool:
        """Whether the entry that a row names holds this identity under this key. A row that says otherwise is wrong."""
        try:
            entry = self._ledger.entry(kept.leaf_index)
        except NoSuchEntry:
            return False
        personal, said = entry.personal or {}, entry.account
        named = personal.get("person") if place.whose is Whose.PERSON else said.get("official")
        about = (entry.kind, said.get("of"), said.get("key"), named)
        wanted = (Kind.IDENTITY_SEALED, str(place.whose), key_id.hex(), place.pseudonym.hex())
        return about == wanted and "sealed" in personal

    async def _seal(
        self,
        standing: _Standing,
        key: RecipientKey,
        place: Place,
        identity: Identity,
        said: dict[str, Json],
        personal: dict[str, Json],
    ) -> None:
        about, token = place.pseudonym, self._ledger.token(place.pseudonym)
        kept = self._identities.find(token, key.key_id)
        if kept is not None and self._holds(kept, place, key.key_id):
            standing.remember(about, kept.sealed_ms)
            if self._fresh(standing, about):
                return
        try:
            sealed = seal_identity(key, place, identity)
        except SealError as error:
            raise Refused(Code.INTERNAL, error.code) from None
        now_ms = self._clock.now_ms()

        def note(connection: Connection, index: int) -> None:
            if not self._identities.note(connection, token, key.key_id, Kept(index, now_ms), kept):
                raise RiderRefused(_SEALED_ALREADY)

        draft = EntryDraft(
            Kind.IDENTITY_SEALED,
            {"of": str(place.whose), "key": key.key_id.hex(), **said},
            {**personal, "sealed": canonical.to_text(sealed)},
            about=about,
            placed=(note,),
        )
        try:
            await self._record.write(draft)
        except RiderRefused as error:
            if error.reason != _SEALED_ALREADY:
                raise
            # Another request about the same person was first: it is on the log.
        standing.remember(about, now_ms)
