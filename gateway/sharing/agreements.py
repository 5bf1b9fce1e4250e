"""Agreements at the gateway: taken in with the provider department's signature, found for each request.

Rules kept here: an agreement is its exact bytes and the signature over them, verified before anything is read from
them and again whenever they come from the database; it counts only while both departments' registered keys are the ones
that it names and while the provider is the one that the catalogue names for the resource; the newest revision of an id
replaces all earlier ones, also when the newest turns out to be damaged; a revoked id is revoked for good, a suspended
one is not used. Everything fails closed: in doubt there is no agreement. What changed in another process counts from
the next call on.

It does not decide requests (policies do), and nodes do not rely on it: each checks its own copy.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, insert, select

from gateway.clock import Clock
from gateway.errors import Code, Refused, bad_request
from gateway.sharing.intake import Arriving, DepartmentKeys, Describe, check_contradictions, check_text, keep, opened
from gateway.sharing.shelf import load_shelf
from gateway.sharing.tables import AGREEMENTS, EPOCH, REVOCATIONS
from gateway.sharing.verified import AgreementProblem, Verified
from gateway.storage.database import write_transaction
from gateway.storage.epochs import EpochCached, advance
from policies.agreements import Agreement, Term
from policies.agreements.contradictions import meets
from policies.plain import is_blank, is_plain
from policies.purposes import PURPOSES, Purposes
from policies.vocabulary import LegalBasis

_MAX_REASON = 500
# Refusals of a department that make its agreements count for nothing; any other refusal is passed on.
_NO_KEY = frozenset({Code.DEPARTMENT_UNKNOWN, Code.DEPARTMENT_REVOKED, Code.BAD_KEY_CERTIFICATE})


@dataclass(frozen=True, slots=True)
class ListedAgreement:
    """An agreement in its newest revision, for the operator and the stewards.

    Args:
        agreement: The agreement.
        added_ms: When this revision was added.
        revoked_ms: When it was revoked; 0 while it is not.
        reason: Why it was revoked.
        suspended_by: Who suspended it; empty while nobody did.
        overlaps: Ids of other agreements on which the same release could rest; they say the same.
    """

    agreement: Agreement
    added_ms: int
    revoked_ms: int
    reason: str
    suspended_by: frozenset[str] = frozenset()
    overlaps: tuple[str, ...] = ()


class Agreements:
    """The agreements that this gateway knows.

    Args:
        engine: The database.
        departments: For the keys by which departments sign.
        clock: For the time of additions and revocations.
        provider_of: Department id of a resource's provider, or None when the catalogue does not offer the resource.
        describe: What the catalogue says of a resource, for the floors of an agreement that comes in.
        purposes: The registered purposes, for those of an agreement that comes in.
    """

    def __init__(
        self,
        engine: Engine,
        departments: DepartmentKeys,
        clock: Clock,
        provider_of: Callable[[str], str | None],
        describe: Describe = lambda _code: None,
        purposes: Purposes = PURPOSES,
    ) -> None:
        self._engine = engine
        self._departments = departments
        self._clock = clock
        self._provider_of = provider_of
        self._describe = describe
        self._purposes = purposes
        self._shelf = EpochCached(engine, EPOCH, load_shelf)
        self._verified = Verified(engine)

    def add(self, raw: bytes, signature: bytes, signer_key_der: bytes) -> Agreement:
        """Take in an agreement, or a newer revision of one.

        Adding the same revision with the same bytes again changes nothing.

        Args:
            raw: The exact file.
            signature: The provider department's signature over it.
            signer_key_der: The key that signed, DER SubjectPublicKeyInfo.

        Raises:
            Refused: BAD_SIGNATURE; TOO_LARGE; BAD_REQUEST with line and key for a broken rule, a department key that is
                not the registered one, a term that has passed, or a floor that it goes below; DEPARTMENT_UNKNOWN,
                DEPARTMENT_REVOKED; AGREEMENT_CONTRADICTS when another agreement puts other duties on the same release;
                ALREADY_EXISTS for a revision that is not newer; NOT_ALLOWED for a revoked id or an id that another
                agreement holds.
        """
        arriving = self.check(raw, signature, signer_key_der)
        with write_transaction(self._engine) as connection:
            self.put(connection, arriving)
        return arriving.agreement

    def check(self, raw: bytes, signature: bytes, signer_key_der: bytes) -> Arriving:
        """Check a revision without taking it in; see `add`."""
        agreement = opened(raw, signature, signer_key_der)
        check_text(agreement, self._departments, self._describe, self._purposes, self._clock.now_ms())
        return Arriving(agreement, signature, signer_key_der)

    def put(self, connection: Connection, arriving: Arriving) -> None:
        """Take in a revision that was checked, in the caller's transaction; see `add`.

        Raises:
            Refused: AGREEMENT_CONTRADICTS, ALREADY_EXISTS, NOT_ALLOWED. Then the transaction must not be committed.
        """
        # First, so that writers wait for each other and positions follow the order of commits.
        position = advance(connection, EPOCH)
        agreement = arriving.agreement
        now_ms = self._clock.now_ms()
        check_contradictions(agreement, self._unended(agreement.consumer, agreement.resource), now_ms)
        keep(connection, arriving, position, now_ms)

    def revoke(self, agreement_id: str, reason: str) -> None:
        """End an agreement, all its revisions, for good. Revoking it twice changes nothing.

        Args:
            agreement_id: Which one.
            reason: For the record; names no person.

        Raises:
            Refused: BAD_REQUEST; NOT_FOUND when there is no such agreement.
        """
        if is_blank(reason) or len(reason) > _MAX_REASON or not is_plain(reason):
            raise bad_request("reason", f"must have 1 to {_MAX_REASON} printable characters")
        with write_transaction(self._engine) as connection:
            advance(connection, EPOCH)
            if not connection.execute(select(AGREEMENTS.c.id).where(AGREEMENTS.c.id == agreement_id).limit(1)).first():
                raise Refused(Code.NOT_FOUND)
            if connection.execute(select(REVOCATIONS).where(REVOCATIONS.c.agreement_id == agreement_id)).first():
                return
            connection.execute(
                insert(REVOCATIONS).values(agreement_id=agreement_id, revoked_ms=self._clock.now_ms(), reason=reason)
            )

    def find(
        self,
        consumer: str,
        system_name: str,
        resource: str,
        purpose: str,
        basis: LegalBasis,
        now_ms: int,
        coverage: Callable[[Agreement], tuple[int, ...]] = lambda _: (),
        *,
        emergency: str = "",
        service: str = "",
    ) -> Agreement | None:
        """The agreement in force for a request, or None. Fails closed.

        Where several fit, the one that covers the request best is taken, then the one that began last, then the one
        with the smallest id, so that every replica takes the same.

        Args:
            consumer: Department id of the asking system.
            system_name: Name of the asking system inside its department.
            resource: Resource code.
            purpose: Purpose code.
            basis: Legal basis.
            now_ms: Unix time in milliseconds.
            coverage: How well an agreement serves the request, greater is better.
            emergency: Reason of the declared emergency; empty when none is declared. An agreement for emergencies
                serves nothing else, and no other serves one.
            service: Code of the service item for which the system asks; empty when it names none.
        """
        fitting = [
            agreement
            for agreement in self._standing(consumer, resource)
            if agreement.term(now_ms) is Term.IN_FORCE
            and system_name in agreement.systems
            and purpose in agreement.purposes
            and agreement.serves(service)
            and basis is agreement.legal_basis
            and _serves(agreement, emergency)
        ]
        if len(fitting) <= 1:
            return fitting[0] if fitting else None
        return max(fitting, key=lambda agreement: (coverage(agreement), _seniority(agreement)))

    def nearest(
        self,
        consumer: str,
        system_name: str,
        resource: str,
        purpose: str,
        basis: LegalBasis,
        now_ms: int,
        *,
        emergency: str = "",
        service: str = "",
    ) -> Agreement | None:
        """The agreement that comes closest when `find` gives None: only to tell why a request is refused.

        Give it to the policy engine, which names the first condition that does not hold. It is never a permission.
        None also when one would serve the request but is suspended: that is why, and not what another one lacks.

        Args:
            consumer: Department id of the asking system.
            system_name: Name of the asking system inside its department.
            resource: Resource code.
            purpose: Purpose code.
            basis: Legal basis.
            now_ms: Unix time in milliseconds.
            emergency: Reason of the declared emergency; empty when none is declared.
            service: Code of the service item for which the system asks; empty when it names none.
        """

        def closeness(agreement: Agreement) -> tuple[bool, ...]:
            # In the order in which conditions are told (policies/agreements/agreement.py).
            return (
                agreement.term(now_ms) is Term.IN_FORCE,
                system_name in agreement.systems,
                purpose in agreement.purposes,
                agreement.serves(service),
                basis is agreement.legal_basis,
                (agreement.emergency is not None) == bool(emergency),
                _serves(agreement, emergency),
            )

        if any(all(closeness(one)) for one in self._standing(consumer, resource, suspended=True)):
            return None
        return max(
            self._standing(consumer, resource),
            key=lambda agreement: (closeness(agreement), _seniority(agreement)),
            default=None,
        )

    def is_suspended(self, consumer: str, resource: str) -> bool:
        """Whether a party suspended an agreement that this consumer has for this resource: to tell why none is found.

        Args:
            consumer: Department id of the asking system.
            resource: Resource code.
        """
        shelf = self._shelf.current()
        return any(
            entry.id in shelf.suspended and entry.id not in shelf.revoked for entry in shelf.of(consumer, resource)
        )

    def require_unchanged(self, agreement: Agreement, now_ms: int) -> None:
        """Check that exactly this agreement still counts: right before something leaves that was decided by it.

        Args:
            agreement: As `find` gave it.
            now_ms: Unix time in milliseconds.

        Raises:
            Refused: NO_AGREEMENT when it was revoked or revised, has expired, or its departments' keys or its
                resource's provider changed. Another agreement that fits as well does not matter.
        """
        held = self._standing(agreement.consumer, agreement.resource)
        intact = any((other.id, other.digest) == (agreement.id, agreement.digest) for other in held)
        if not intact or agreement.term(now_ms) is not Term.IN_FORCE:
            raise Refused(Code.NO_AGREEMENT, "the agreement changed during the request")

    def list(self) -> tuple[ListedAgreement, ...]:
        """All agreements in their newest revision, revoked and expired ones included, ordered by id."""
        shelf = self._shelf.current()
        listed = []
        for agreement_id in sorted(shelf.newest):
            entry = shelf.newest[agreement_id]
            agreement = self._verified.of(entry)
            if agreement is not None:
                revoked_ms, reason = shelf.revoked.get(agreement_id, (0, ""))
                others = () if revoked_ms else self._standing(agreement.consumer, agreement.resource)
                listed.append(
                    ListedAgreement(
                        agreement,
                        entry.added_ms,
                        revoked_ms,
                        reason,
                        shelf.suspended.get(agreement_id, frozenset()),
                        tuple(sorted(other.id for other in others if meets(agreement, other))),
                    )
                )
        return tuple(listed)

    def problems(self) -> tuple[AgreementProblem, ...]:
        """Check every newest revision; what is damaged, ordered by id."""
        return self._verified.problems_of(self._shelf.current().newest.values())

    def noticed(self) -> tuple[AgreementProblem, ...]:
        """What was found damaged so far; `problems` looks at everything."""
        return self._verified.noticed()

    def damaged(self, consumer: str, resource: str) -> tuple[AgreementProblem, ...]:
        """What is not used of what this consumer has for this resource: to tell why none is found.

        Args:
            consumer: Department id of the asking system.
            resource: Resource code.
        """
        return self._verified.problems_of(self._shelf.current().of(consumer, resource))

    def recheck(self) -> None:
        """Look whether what is in use is still stored as it was verified; what is not is used no longer.

        Takes about 10 µs for each agreement in use.
        """
        self._verified.recheck(self._shelf.current().newest.values())

    def _standing(self, consumer: str, resource: str, *, suspended: bool = False) -> tuple[Agreement, ...]:
        """Agreements for this resource that are intact, in use (or suspended), by keys that are still the parties'."""
        shelf = self._shelf.current()
        agreements = []
        for entry in shelf.of(consumer, resource):
            stopped = entry.id in shelf.revoked or (entry.id in shelf.suspended) is not suspended
            agreement = None if stopped else self._verified.of(entry)
            if agreement is not None and self._parties_stand(agreement):
                agreements.append(agreement)
        return tuple(agreements)

    def _unended(self, consumer: str, resource: str) -> tuple[Agreement, ...]:
        """Agreements for this resource that may still come to count by themselves.

        That is, intact, not revoked, and by keys that are still the parties'. Suspended ones are among them, and those
        for a resource that the catalogue does not offer yet: when that changes nobody compares them any more.
        """
        shelf = self._shelf.current()
        held = (self._verified.of(entry) for entry in shelf.of(consumer, resource) if entry.id not in shelf.revoked)
        return tuple(one for one in held if one is not None and self._keys_stand(one))

    def _parties_stand(self, agreement: Agreement) -> bool:
        return self._provider_of(agreement.resource) == agreement.provider and self._keys_stand(agreement)

    def _keys_stand(self, agreement: Agreement) -> bool:
        try:
            return (
                self._departments.fingerprint(agreement.provider) == agreement.provider_key
                and self._departments.fingerprint(agreement.consumer) == agreement.consumer_key
            )
        except Refused as refused:
            if refused.code in _NO_KEY:
                return False
            raise


def _seniority(agreement: Agreement) -> tuple[int, tuple[int, ...]]:
    # The smallest id wins, so its letters count negatively; the closing 1 puts a prefix before its continuations.
    return agreement.valid_from_ms, (*(-ord(letter) for letter in agreement.id), 1)


def _serves(agreement: Agreement, emergency: str) -> bool:
    """Whether it is an agreement for this declared emergency, or an ordinary one where none is declared."""
    if agreement.emergency is None:
        return not emergency
    return emergency in agreement.emergency.reasons
