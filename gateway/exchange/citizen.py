"""The citizen behind a token, and what the ledger is told about acts on a profile.

Rules kept: a citizen acts on their own data only, as the person whom the token names; the ledger gets field codes and
what was done, never values or anybody's words; the person appears only in the erasable part, as a random id.
"""

from collections.abc import Sequence
from typing import Any

from gateway.audit.entries import EntryDraft
from gateway.errors import Code, Refused
from gateway.exchange.identify import IdentifySubject, Subject, canonical_identifier
from gateway.identity.issuers import Role
from gateway.identity.people import People
from gateway.vault.fields import PROFILE_RESOURCE


class Citizens:
    """Finds the person whom a token names.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
    """

    def __init__(self, people: People, subjects: IdentifySubject) -> None:
        self._people = people
        self._subjects = subjects

    async def __call__(self, bearer: str) -> Subject:
        """The caller.

        Raises:
            Refused: The token does not verify, is not a citizen's or names nobody.
        """
        person = self._people.authenticate(bearer)
        person.require(Role.CITIZEN)
        if person.identifier is None:
            raise Refused(Code.NOT_ALLOWED, "the token carries no identifier")
        return await self._subjects.known(
            person.scheme, canonical_identifier(person.scheme, person.identifier), own=True
        )


def own_entry(kind: str, subject: Subject, fields: Sequence[str], **further: Any) -> EntryDraft:
    """What the ledger is told when a person acts on their own profile.

    Args:
        kind: Kind of entry.
        subject: The person.
        fields: Codes of the fields that it is about.
        further: More for the accountability part: codes, no values.
    """
    return EntryDraft(
        kind=kind,
        accountability={"by": "person", "items": profile_items(fields), **further},
        person={"person": subject.person_id.hex(), "scheme": subject.scheme},
        about=subject.person_id,
    )


def profile_items(fields: Sequence[str], **further: str) -> list[dict[str, str]]:
    """Profile fields as the ledger writes items."""
    return [{"resource": PROFILE_RESOURCE, "field": field, "form": "value", **further} for field in fields]
