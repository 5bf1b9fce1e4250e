"""What a citizen does: keeps a profile, and sees who looked. The person is always the one whom the token names."""

from gateway.audit.entries import Entry, EntryDraft
from gateway.audit.kinds import OUTCOMES, Kind
from gateway.audit.ledger import SqlLedger
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.cursor import page_cursor
from gateway.exchange.identify import IdentifySubject, Subject, canonical_identifier
from gateway.exchange.model import Access, AccessedField, AccessPage
from gateway.exchange.record import Record
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from gateway.vault.profile import ProfileField, Vault

_MAX_VALUE = 512
# Every end of a question, and what the person did; the question itself is shown by its end.
_SHOWN = OUTCOMES | {Kind.REPLAYED, Kind.PROFILE_WRITTEN, Kind.PROFILE_READ, Kind.PROFILE_DELETED}


class OwnProfile:
    """A person's own profile and own accesses.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
        vault: The encrypted fields.
        record: Every write and read is on the ledger.
        ledger: Answers who looked.
        clock: Now.
    """

    def __init__(
        self,
        people: People,
        subjects: IdentifySubject,
        vault: Vault,
        record: Record,
        ledger: SqlLedger,
        clock: Clock,
    ) -> None:
        self._people = people
        self._subjects = subjects
        self._vault = vault
        self._record = record
        self._ledger = ledger
        self._clock = clock

    def _citizen(self, bearer: str) -> tuple[Person, Subject]:
        person = self._people.authenticate(bearer)
        person.require(Role.CITIZEN)
        if person.identifier is None:
            raise Refused(Code.NOT_ALLOWED, "the token carries no identifier")
        canonical = canonical_identifier(person.scheme, person.identifier)
        return person, self._subjects.known(person.scheme, canonical)

    async def fields(self, bearer: str) -> list[ProfileField]:
        """The caller's fields.

        Raises:
            Refused: The token does not verify or is not a citizen's; the ledger cannot write.
        """
        _, subject = self._citizen(bearer)
        await self._write("profile_read", subject, ())
        return self._vault.fields(subject.person_id)

    async def set_field(self, bearer: str, field: str, value: str) -> ProfileField:
        """Set one of the caller's fields. The entry is durable before the field changes.

        Raises:
            Refused: The token does not verify, the field is unknown, the value breaks the field's rule.
        """
        _, subject = self._citizen(bearer)
        if len(value) > _MAX_VALUE:
            raise bad_request("value", f"must be at most {_MAX_VALUE} characters")
        canonical = self._vault.canonical(field, value)
        await self._write("profile_written", subject, (field,))
        return self._vault.set_field(subject.person_id, field, canonical)

    async def delete_field(self, bearer: str, field: str) -> None:
        """Remove one of the caller's fields.

        Raises:
            Refused: The token does not verify; NOT_FOUND when the field is not set.
        """
        _, subject = self._citizen(bearer)
        if all(known.field != field for known in self._vault.fields(subject.person_id)):
            raise Refused(Code.NOT_FOUND, "profile field")
        await self._write("profile_deleted", subject, (field,))
        self._vault.delete_field(subject.person_id, field)

    async def accesses(self, bearer: str, cursor: str, limit: int) -> AccessPage:
        """Who looked at the caller's data, newest first.

        Raises:
            Refused: The token does not verify or is not a citizen's; the cursor is not one of ours.
        """
        _, subject = self._citizen(bearer)
        page = self._ledger.accesses(subject.person_id, kinds=_SHOWN, cursor=page_cursor(cursor), limit=limit)
        accesses = tuple(_access(entry) for entry in page.entries)
        return AccessPage(accesses, "" if page.cursor is None else str(page.cursor))

    async def _write(self, kind: str, subject: Subject, fields: tuple[str, ...]) -> None:
        items = [{"resource": "oncegate.profile", "field": field, "form": "value"} for field in fields]
        await self._record.write(
            EntryDraft(
                kind=kind,
                accountability={"by": "person", "items": items},
                person={"person": subject.person_id.hex(), "scheme": subject.scheme},
                about=subject.person_id,
            )
        )


def _access(entry: Entry) -> Access:
    said = entry.account
    fields = tuple(
        AccessedField(
            resource=str(item.get("resource", "")),
            field=str(item.get("field", "")),
            form=str(item.get("form", "")),
            outcome=str(item.get("outcome", "")),
        )
        for item in said.get("items", ())
    )
    return Access(
        time_ms=entry.time_ms,
        department=str(said.get("department", "")),
        system=str(said.get("system", "")),
        purpose=str(said.get("purpose", "")),
        legal_basis=str(said.get("legal_basis", "")),
        case_reference=str(said.get("case", "")),
        fields=fields,
        outcome=entry.kind,
        reason=str(said.get("reason", "")),
        leaf_index=entry.leaf_index,
    )
