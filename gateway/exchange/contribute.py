"""The person's own profile fields as one more provider: released from the vault, sealed and receipted like a node's.

The vault's signing key is certified by the vault's department with its own department key, so a consumer verifies
this answer exactly like any other. What a running gateway can read here (unlike nodes' answers) is stated in
docs/threat-model.md.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from gateway.clock import Clock
from gateway.errors import Code, Refused
from gateway.exchange.decide import Permitted
from gateway.exchange.identify import Caller, Subject
from gateway.exchange.model import AnswerField, ProviderAnswer
from gateway.exchange.ports import WireCodec
from gateway.vault.fields import PSEUDONYMS
from gateway.vault.profile import ReleasedField, Vault
from gateway.vault.pseudonyms import Pseudonyms
from gateway.vault.releasing import Asking
from keys.batch import scope, sign_batch
from keys.key_certificates import CertifiedKeys
from keys.sealing import answer_info
from keys.signing import RECEIPTS, SigningKey, digest


@dataclass(frozen=True, slots=True)
class VaultIdentity:
    """Who answers for the vault: its SPIFFE id, signing key and the department's certificate over it."""

    holder: str
    department: str
    signing_key: SigningKey
    certified: CertifiedKeys


Standing = tuple[tuple[str, str, tuple[str, ...]], ...]
"""Code, outcome and marks of each field as it was released, without values."""


@dataclass(frozen=True, slots=True)
class Contribution:
    """The vault's answer, what became of each field, for the ledger, and how the fields stood, for a repeat."""

    answer: ProviderAnswer
    outcomes: tuple[tuple[str, str, str], ...]
    standing: Standing = ()


class Contribute:
    """Answers for people's own profiles.

    Args:
        vault: The encrypted fields.
        pseudonyms: What departments call people.
        identity: Gives the vault's certified identity, or None while its department has not certified it.
        codec: Encodings.
        clock: Release time.
    """

    def __init__(
        self,
        vault: Vault,
        pseudonyms: Pseudonyms,
        identity: Callable[[], VaultIdentity | None],
        codec: WireCodec,
        clock: Clock,
    ) -> None:
        self._vault = vault
        self._pseudonyms = pseudonyms
        self._identity = identity
        self._codec = codec
        self._clock = clock
        self._session = secrets.token_bytes(16)

    async def __call__(self, caller: Caller, subject: Subject, part: Permitted) -> Contribution:
        """Release the permitted profile fields to the caller.

        A field that is not set, restricted or expired is NOT_AVAILABLE in the sealed answer, whose shape and padded
        size do not change; so is a disputed one before a caller whose request does not say that it shows the mark.
        """
        identity = self._identity()
        resource = part.entry.resource.code
        if identity is None:
            answer = ProviderAnswer(part.entry.resource.provider, resource, "NOT_CONNECTED", 0, stale=False)
            return Contribution(answer, tuple((f, str(form), "silent") for f, form in part.items))
        released = await self._released(caller, subject, part)
        fields = [AnswerField(r.field, r.form, r.text, r.data_type, r.as_of_ms, r.source, r.marks) for r in released]
        now = self._clock.now_ms()
        # There is no ticket: the gateway orders itself. The ledger's asked entry is what it acts on; a fresh digest
        # in its place keeps the HPKE info unique.
        ticket_digest = digest(b"oncegate-vault-v1\0" + secrets.token_bytes(32) + caller.request_digest)
        plaintext = self._codec.answer(caller.request_digest, resource, fields)
        sealed = caller.recipient.seal(plaintext, answer_info(caller.request_digest, ticket_digest, resource))
        outcomes = tuple((r.field, r.form, r.outcome) for r in released)
        disclosure = self._codec.disclosure(secrets.token_bytes(16), outcomes)
        receipt = self._codec.receipt(
            ticket_digest, caller.request_digest, identity.holder, resource, digest(sealed), digest(disclosure), now
        )
        signed = sign_batch(identity.signing_key, RECEIPTS, scope(identity.holder, self._session), [receipt])
        answer = ProviderAnswer(
            department=identity.department,
            resource=resource,
            silence="",
            synced_ms=now,
            stale=False,
            sealed=sealed,
            ticket_digest=ticket_digest,
            receipt=signed[0],
            session_id=self._session,
            node_keys=identity.certified,
        )
        entered = [one for one in released if one.field not in PSEUDONYMS]
        return Contribution(answer, tuple((f, str(form), outcome) for f, form, outcome in outcomes), _standing(entered))

    def unchanged(self, caller: Caller, subject: Subject, part: Permitted, before: Standing) -> None:
        """Check, before a kept answer is given again, that the person still lets its fields be released as they were.

        Args:
            caller: Who asks again.
            subject: Whom it is about.
            part: The permitted profile fields.
            before: `Contribution.standing` of the kept answer.

        Raises:
            Refused: ANSWER_EXPIRED when a field was restricted, disputed, removed or ran out since. A field that has
                another value now is no reason: the same request gets the same answer.
        """
        if not before:
            # Nothing but pseudonyms, or nothing at all: there is nothing to compare.
            return
        if _standing(self._entered(caller, subject, part)) != before:
            raise Refused(Code.ANSWER_EXPIRED, "the person's fields stand otherwise now")

    def _entered(self, caller: Caller, subject: Subject, part: Permitted) -> list[ReleasedField]:
        """The fields that are no pseudonyms; without any, no key is unwrapped."""
        entered = [item for item in part.items if item[0] not in PSEUDONYMS]
        if not entered:
            return []
        asking = {code: Asking(predicate, part.operands.get(code, "")) for code, predicate in part.predicates.items()}
        return self._vault.release(subject.person_id, entered, caller.request.understood_marks, asking)

    async def _released(self, caller: Caller, subject: Subject, part: Permitted) -> list[ReleasedField]:
        """The fields in the order of the items; pseudonyms of the department that asks among them."""
        derived = [item for item in part.items if item[0] in PSEUDONYMS]
        released = self._entered(caller, subject, part)
        if derived:
            # A commit, so beside the event loop.
            department = caller.peer.department
            released += await asyncio.to_thread(self._pseudonyms.release, subject.person_id, department, derived)
        by_item = {(one.field, one.form): one for one in released}
        return [by_item[item] for item in part.items]


def _standing(released: list[ReleasedField]) -> Standing:
    return tuple((r.field, r.outcome, tuple(str(mark) for mark in r.marks)) for r in released)
