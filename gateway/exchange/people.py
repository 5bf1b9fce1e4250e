"""What a citizen does: keeps a profile, and sees who looked. The person is always the one whom the token names."""

from gateway.audit.entries import EntryDraft
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import AccessPage
from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.erase import EraseProfile, SignedReceipt
from gateway.exchange.identify import IdentifySubject, Subject, canonical_identifier
from gateway.exchange.record import Record
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from gateway.vault.profile import ProfileField, Vault

_MAX_VALUE = 512


class OwnProfile:
    """A person's own profile and own accesses.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
        vault: The encrypted fields.
        record: Every write and read is on the ledger.
        ledger: Answers who looked.
        clock: Now.
        erase: Erases a profile.
    """

    def __init__(
        self,
        people: People,
        subjects: IdentifySubject,
        vault: Vault,
        record: Record,
        ledger: SqlLedger,
        clock: Clock,
        erase: EraseProfile,
    ) -> None:
        self._people = people
        self._subjects = subjects
        self._vault = vault
        self._record = record
        self._ledger = ledger
        self._clock = clock
        self._erase = erase

    async def _citizen(self, bearer: str) -> tuple[Person, Subject]:
        person = self._people.authenticate(bearer)
        person.require(Role.CITIZEN)
        if person.identifier is None:
            raise Refused(Code.NOT_ALLOWED, "the token carries no identifier")
        canonical = canonical_identifier(person.scheme, person.identifier)
        return person, await self._subjects.known(person.scheme, canonical)

    async def fields(self, bearer: str) -> list[ProfileField]:
        """The caller's fields.

        Raises:
            Refused: The token does not verify or is not a citizen's; the ledger cannot write.
        """
        _, subject = await self._citizen(bearer)
        await self._write("profile_read", subject, ())
        return self._vault.fields(subject.person_id)

    async def set_field(self, bearer: str, field: str, value: str) -> ProfileField:
        """Set one of the caller's fields. The entry is durable before the field changes.

        Raises:
            Refused: The token does not verify, the field is unknown, the value breaks the field's rule.
        """
        _, subject = await self._citizen(bearer)
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
        _, subject = await self._citizen(bearer)
        if all(known.field != field for known in self._vault.fields(subject.person_id)):
            raise Refused(Code.NOT_FOUND, "profile field")
        await self._write("profile_deleted", subject, (field,))
        self._vault.delete_field(subject.person_id, field)

    async def erase(self, bearer: str) -> SignedReceipt:
        """Erase the caller's profile, for good.

        Raises:
            Refused: The token does not verify; NOT_FOUND when there is no profile.
        """
        _, subject = await self._citizen(bearer)
        return await self._erase(subject, "person")

    async def accesses(self, bearer: str, cursor: str, limit: int) -> AccessPage:
        """Who looked at the caller's data, newest first.

        Raises:
            Refused: The token does not verify or is not a citizen's; the cursor is not one of ours.
        """
        _, subject = await self._citizen(bearer)
        try:
            return self._ledger.accesses(subject.person_id, cursor=cursor, limit=limit)
        except ValueError:
            raise bad_request("page_token", "must be one that the gateway gave") from None

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
