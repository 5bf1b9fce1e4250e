"""How a revision of an agreement comes in: what is checked of it, and how it is kept.

Rules kept here: bytes and signature first, then the registered keys of both departments, the term, the floors that
depend on the resource (`policies.agreements.floors`), and that it contradicts no other agreement; a revision is only
ever newer than the ones held, under the parties and the resource of its id. Everything fails closed.

It does not find agreements for requests (`Agreements` does).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, insert, select

from gateway.errors import Code, Refused, Violation, bad_request
from gateway.sharing.grounds import ungrounded_refusal
from gateway.sharing.tables import AGREEMENTS, REVOCATIONS
from keys.errors import BadSignature
from keys.signing import AGREEMENT, VerifyKey
from policies.agreements import Agreement, BadAgreement, Term, parse_agreement
from policies.agreements.contradictions import contradictions
from policies.agreements.floors import breaches
from policies.purposes import Purposes
from policies.purposes.grounds import ungrounded
from policies.resources import ResourceDescription

MAX_RAW = 64 * 1024
Describe = Callable[[str], ResourceDescription | None]
"""The catalogue's description of a resource code; None when it offers none."""


class DepartmentKeys(Protocol):
    """Knows the keys of departments."""

    def fingerprint(self, department_id: str) -> str:
        """Fingerprint of the department's registered key; raises `Refused` when there is none that counts."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """A revision that was checked and may be kept.

    Args:
        agreement: Parsed from exactly the signed bytes.
        signature: The provider department's.
        signer_key: DER SubjectPublicKeyInfo.
    """

    agreement: Agreement
    signature: bytes
    signer_key: bytes


def parsed(raw: bytes) -> Agreement:
    """Read an agreement and say where it is wrong.

    Raises:
        Refused: TOO_LARGE; BAD_REQUEST with line and key.
    """
    if len(raw) > MAX_RAW:
        raise Refused(Code.TOO_LARGE)
    try:
        return parse_agreement(raw)
    except BadAgreement as error:
        rule = error.rule if error.line is None else f"line {error.line}: {error.rule}"
        raise Refused(
            Code.BAD_REQUEST, "the agreement breaks a rule", violations=(Violation(error.key, rule),)
        ) from error


def opened(raw: bytes, signature: bytes, signer_key_der: bytes) -> Agreement:
    """Verify, then read; the key that signed must be the one that the agreement names as the provider's.

    Raises:
        Refused: TOO_LARGE, BAD_SIGNATURE, BAD_REQUEST.
    """
    if len(raw) > MAX_RAW:
        raise Refused(Code.TOO_LARGE)
    try:
        key = VerifyKey.from_der(signer_key_der)
        key.verify(AGREEMENT, raw, signature)
    except BadSignature as error:
        raise Refused(Code.BAD_SIGNATURE) from error
    agreement = parsed(raw)
    if key.fingerprint != agreement.provider_key:
        raise Refused(Code.BAD_SIGNATURE, "signed by another key than the provider's")
    return agreement


def check_text(
    agreement: Agreement, departments: DepartmentKeys, describe: Describe, purposes: Purposes, now_ms: int
) -> None:
    """What must hold of a text before anyone agrees to it.

    Args:
        agreement: The text.
        departments: For the registered keys.
        describe: For the floors. A resource that the catalogue does not offer yet has none here; the rules look at
            it again at every decision.
        purposes: The registered purposes.
        now_ms: Unix time in milliseconds.

    Raises:
        Refused: BAD_REQUEST with the keys; UNKNOWN_PURPOSE, or BAD_REQUEST with a reason of its own for a purpose that
            is retired or may not rest on the legal basis; DEPARTMENT_UNKNOWN, DEPARTMENT_REVOKED, BAD_KEY_CERTIFICATE.
    """
    for key, department, fingerprint in (
        ("provider_key", agreement.provider, agreement.provider_key),
        ("consumer_key", agreement.consumer, agreement.consumer_key),
    ):
        if departments.fingerprint(department) != fingerprint:
            raise bad_request(key, "must be the department's registered key")
    if agreement.term(now_ms) is Term.EXPIRED:
        raise bad_request("valid_until", "has passed")
    bad = ungrounded(agreement, purposes, now_ms)
    if bad:
        raise ungrounded_refusal(bad[0].reason, [Violation("purposes", one.rule) for one in bad])
    resource = describe(agreement.resource)
    # A resource of another department is a matter of who the provider is, which is looked at with every request.
    if resource is not None and resource.provider == agreement.provider:
        broken = breaches(agreement, resource)
        if broken:
            raise Refused(
                Code.BAD_REQUEST,
                "the agreement goes below a floor",
                violations=tuple(Violation(breach.key, breach.rule) for breach in broken),
            )


def check_contradictions(agreement: Agreement, others: Iterable[Agreement], now_ms: int) -> None:
    """Refuse what would permit the same release as another agreement under other duties.

    Args:
        agreement: The new revision.
        others: Agreements of the same consumer for the same resource that may still come to count: also suspended
            ones, which are resumed without coming in again. One whose term is over does not count any more.
        now_ms: Unix time in milliseconds.

    Raises:
        Refused: AGREEMENT_CONTRADICTS, which names the other agreement and the keys.
    """
    for other in others:
        keys = () if other.term(now_ms) is Term.EXPIRED else contradictions(agreement, other)
        if keys:
            raise Refused(
                Code.AGREEMENT_CONTRADICTS,
                f"{other.id}: {', '.join(keys)}",
                violations=tuple(Violation(key, f"must be as in agreement {other.id}") for key in keys),
                facts=(("agreement", other.id), ("keys", ";".join(keys))),
            )


def keep(connection: Connection, arriving: Arriving, position: int, now_ms: int) -> bool:
    """Put a checked revision into the database. The same bytes under the same revision change nothing.

    Args:
        connection: A write transaction in which the change counter was advanced.
        arriving: The revision.
        position: The counter's value.
        now_ms: Unix time in milliseconds.

    Returns:
        Whether it was new.

    Raises:
        Refused: ALREADY_EXISTS for a revision that is not newer; NOT_ALLOWED for a revoked id or an id that another
            agreement holds.
    """
    agreement = arriving.agreement
    if connection.execute(select(REVOCATIONS).where(REVOCATIONS.c.agreement_id == agreement.id)).first():
        raise Refused(Code.NOT_ALLOWED, "the agreement is revoked")
    newest = connection.execute(
        select(AGREEMENTS).where(AGREEMENTS.c.id == agreement.id).order_by(AGREEMENTS.c.revision.desc()).limit(1)
    ).first()
    parties = (agreement.provider, agreement.consumer, agreement.resource)
    if newest is not None and (newest.provider, newest.consumer, newest.resource) != parties:
        raise Refused(Code.NOT_ALLOWED, "the id belongs to another agreement")
    if newest is not None and newest.revision >= agreement.revision:
        if newest.revision == agreement.revision and bytes(newest.digest) == agreement.digest:
            return False
        raise Refused(Code.ALREADY_EXISTS, "the revision is not newer than the one held")
    connection.execute(
        insert(AGREEMENTS).values(
            id=agreement.id,
            revision=agreement.revision,
            position=position,
            provider=agreement.provider,
            consumer=agreement.consumer,
            resource=agreement.resource,
            raw=agreement.raw,
            digest=agreement.digest,
            signature=arriving.signature,
            signer_key=arriving.signer_key,
            added_ms=now_ms,
        )
    )
    return True
