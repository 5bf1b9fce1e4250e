"""What a citizen does: keeps a profile, says what is wrong with it, takes it along, and sees who looked.

The person is always the one whom the token names. Every act and every reading is on the ledger before it takes effect
or anything is shown; what cannot be recorded does not happen (fails closed).
"""

from collections.abc import Iterator

from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.citizen import Citizens, own_entry
from gateway.exchange.erase import EraseProfile, SignedReceipt
from gateway.exchange.identify import IdentifySubject, Subject
from gateway.exchange.own_export import export_pieces
from gateway.exchange.record import Record
from gateway.identity.people import People
from gateway.vault.corrections import Correction, Corrections
from gateway.vault.fields import DESCRIPTIONS
from gateway.vault.profile import ProfileField, Vault
from gateway.vault.provenance import Mark, UnavailableReason
from gateway.vault.texts import free_text
from gateway.vault.views import not_collected

_MAX_VALUE = 512


class OwnProfile:
    """A person's own profile and own accesses.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
        vault: The encrypted fields.
        record: Every write and read is on the ledger.
        clock: Now.
        corrections: Requests to departments.
        erase: Erases a profile.
    """

    def __init__(
        self,
        people: People,
        subjects: IdentifySubject,
        vault: Vault,
        record: Record,
        clock: Clock,
        corrections: Corrections,
        erase: EraseProfile,
    ) -> None:
        self._citizen = Citizens(people, subjects)
        self._vault = vault
        self._record = record
        self._clock = clock
        self._corrections = corrections
        self._erase = erase

    async def fields(self, bearer: str, *, unset_too: bool = False) -> list[ProfileField]:
        """The caller's fields; on demand also those that are not set, as not collected.

        Raises:
            Refused: The token does not verify or is not a citizen's; the ledger cannot write.
        """
        subject = await self._citizen(bearer)
        await self._record.write(own_entry("profile_read", subject, ()))
        found = self._vault.fields(subject.person_id)
        if not unset_too:
            return found
        by_code = {field.field: field for field in found}
        return [by_code.get(code) or not_collected(code) for code in sorted(DESCRIPTIONS)]

    async def set_field(self, bearer: str, field: str, value: str) -> ProfileField:
        """Set one of the caller's fields. The entry is durable before the field changes.

        Raises:
            Refused: The token does not verify, the field is unknown, the value breaks the field's rule, or a
                department verified the field.
        """
        subject = await self._citizen(bearer)
        if len(value) > _MAX_VALUE:
            raise bad_request("value", f"must be at most {_MAX_VALUE} characters")
        canonical = self._vault.canonical(field, value)
        self._require_editable(subject, field)
        await self._erase.settled(subject.person_id)
        await self._record.write(own_entry("profile_written", subject, (field,)))
        return self._vault.set_field(subject.person_id, field, canonical)

    async def set_unavailable(self, bearer: str, field: str, reason: str) -> ProfileField:
        """Keep that the caller has nothing to enter in a field.

        Raises:
            Refused: The token does not verify, the field is unknown, the reason is not `not_applicable`, or a
                department verified the field.
        """
        subject = await self._citizen(bearer)
        if reason != UnavailableReason.NOT_APPLICABLE:
            raise bad_request("unavailable_reason", "须为 not_applicable / must be not_applicable")
        _require_known(field)
        self._require_editable(subject, field)
        await self._erase.settled(subject.person_id)
        await self._record.write(own_entry("profile_written", subject, (field,), what=reason))
        return self._vault.set_not_applicable(subject.person_id, field)

    async def delete_field(self, bearer: str, field: str) -> None:
        """Remove one of the caller's fields with its history.

        Raises:
            Refused: The token does not verify; NOT_FOUND when the field is not set; FIELD_NOT_EDITABLE.
        """
        subject = await self._citizen(bearer)
        self._require_set(subject, field)
        self._require_editable(subject, field)
        await self._record.write(own_entry("profile_deleted", subject, (field,)))
        self._vault.delete_field(subject.person_id, field)

    async def mark_field(self, bearer: str, field: str, mark: Mark, reason: str) -> ProfileField:
        """Dispute or restrict one of the caller's fields, or take that back.

        Raises:
            Refused: The token does not verify; NOT_FOUND when the field is not set; BAD_REQUEST with the rule that
                the reason breaks.
        """
        subject = await self._citizen(bearer)
        if mark is Mark.DISPUTE:
            free_text("reason", reason)
        elif reason:
            raise bad_request("reason", "仅异议须说明理由 / is for a dispute only")
        self._require_set(subject, field)
        await self._record.write(own_entry("profile_marked", subject, (field,), what=str(mark)))
        return self._vault.mark(subject.person_id, field, mark, reason)

    async def history(self, bearer: str, field: str) -> list[ProfileField]:
        """Earlier versions of one of the caller's fields, newest first.

        Raises:
            Refused: The token does not verify; UNKNOWN_FIELD.
        """
        subject = await self._citizen(bearer)
        _require_known(field)
        await self._record.write(own_entry("profile_read", subject, (field,), what="history"))
        return self._vault.history(subject.person_id, field)

    async def export(self, bearer: str) -> Iterator[bytes]:
        """Everything that the profile holds about the caller, as one JSON document in pieces.

        Raises:
            Refused: The token does not verify; the ledger cannot write.
        """
        subject = await self._citizen(bearer)
        await self._record.write(own_entry("profile_exported", subject, sorted(DESCRIPTIONS)))
        fields = self._vault.fields(subject.person_id)
        histories = {code: self._vault.history(subject.person_id, code) for code in DESCRIPTIONS}
        return export_pieces(fields, histories, self._corrections.mine(subject.person_id), self._clock.now_ms())

    async def submit_correction(self, bearer: str, field: str, proposal: str, reason: str) -> Correction:
        """Ask the department that verified a field to correct it.

        Raises:
            Refused: The token does not verify, or see `Corrections.submit`.
        """
        subject = await self._citizen(bearer)
        self._vault.canonical(field, proposal, "proposal")
        free_text("reason", reason)
        standing = self._require_set(subject, field)
        if standing.editable:
            raise Refused(Code.NOT_AT_A_SOURCE, "profile field")
        addressed = {"addressed_to": standing.source_department}
        await self._record.write(own_entry("correction_submitted", subject, (field,), **addressed))
        return self._corrections.submit(subject.person_id, field, proposal, reason)

    async def corrections(self, bearer: str) -> list[Correction]:
        """The caller's requests for correction, newest first.

        Raises:
            Refused: The token does not verify; the ledger cannot write.
        """
        subject = await self._citizen(bearer)
        await self._record.write(own_entry("profile_read", subject, (), what="corrections"))
        return self._corrections.mine(subject.person_id)

    async def withdraw_correction(self, bearer: str, correction_id: bytes) -> Correction:
        """Take a request back.

        Raises:
            Refused: The token does not verify; NOT_FOUND when it is not the caller's; ALREADY_DECIDED.
        """
        subject = await self._citizen(bearer)
        mine = {one.id: one for one in self._corrections.mine(subject.person_id)}
        if correction_id not in mine:
            raise Refused(Code.NOT_FOUND, "correction")
        await self._record.write(own_entry("correction_withdrawn", subject, (mine[correction_id].field,)))
        return self._corrections.withdraw(subject.person_id, correction_id)

    async def erase(self, bearer: str) -> SignedReceipt:
        """Erase the caller's profile, for good.

        Raises:
            Refused: The token does not verify; NOT_FOUND when there is no profile.
        """
        subject = await self._citizen(bearer)
        return await self._erase(subject, "person")

    def _require_set(self, subject: Subject, field: str) -> ProfileField:
        """Checked before the ledger is told, lest it says what then does not happen; the vault checks again."""
        found = self._vault.field(subject.person_id, field)
        if found is None:
            raise Refused(Code.NOT_FOUND, "profile field")
        return found

    def _require_editable(self, subject: Subject, field: str) -> None:
        """The same for a field that a department verified."""
        found = self._vault.field(subject.person_id, field)
        if found is not None and not found.editable:
            raise Refused(Code.FIELD_NOT_EDITABLE, "profile field")


def _require_known(field: str) -> None:
    if field not in DESCRIPTIONS:
        raise Refused(Code.UNKNOWN_FIELD, "profile field")
