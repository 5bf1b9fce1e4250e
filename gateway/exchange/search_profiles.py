"""The operator looks for profiles by a value, in order.

is the field searchable, normalise the value → append `profiles_searched` → find → append `profile_found` for each
person → answer with random person ids. So a search is on the log before it is carried out, and everyone who is found
can see it before the operator does.

Not done here: the value is never recorded, and nothing of a profile is told but its random id.
"""

from gateway.audit.entries import EntryDraft, Json, Recorded
from gateway.audit.errors import LedgerUnavailable
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.errors import Code, Refused, bad_request
from gateway.vault.profile import PROFILE_RESOURCE, Vault

MAX_WHY = 500


class SearchProfiles:
    """Searches, for the operator's commands: blocking.

    Args:
        vault: Where.
        ledger: Every search and every profile found is on it.
    """

    def __init__(self, vault: Vault, ledger: SqlLedger) -> None:
        self._vault = vault
        self._ledger = ledger

    def __call__(self, field: str, value: str, why: str) -> list[bytes]:
        """Find the profiles that hold a value.

        Args:
            field: A searchable field.
            value: As typed.
            why: For the log; must not name a person.

        Returns:
            Person ids, in order.

        Raises:
            Refused: UNKNOWN_FIELD, BAD_REQUEST with the broken rule, or LEDGER_UNAVAILABLE: then nothing is told.
            KeysError: The vault cannot be searched; the search stays on the log.
        """
        if not why.strip() or len(why) > MAX_WHY:
            raise bad_request("why", f"must say why, in at most {MAX_WHY} characters")
        self._vault.require_searchable(field)
        canonical = self._vault.canonical(field, value)
        item: Json = {"resource": PROFILE_RESOURCE, "field": field, "form": "exists"}
        search = self._write(
            EntryDraft(Kind.PROFILES_SEARCHED, {"by": "operator", "items": [item], "why": why.strip()})
        )
        found = self._vault.find(field, canonical)
        for person_id in found:
            body: dict[str, Json] = {"by": "operator", "items": [item], "search": search.leaf_index}
            self._write(EntryDraft(Kind.PROFILE_FOUND, body, {"person": person_id.hex()}, about=person_id))
        return found

    def key_added(self, version: int) -> None:
        """Record that the blind indexes get a new key.

        Raises:
            Refused: LEDGER_UNAVAILABLE; then it must not be added.
        """
        self._write(EntryDraft(Kind.SEARCH_KEY_ADDED, {"version": version}))

    def _write(self, draft: EntryDraft) -> Recorded:
        try:
            return self._ledger.append_blocking(draft)
        except LedgerUnavailable as error:
            raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__) from None
