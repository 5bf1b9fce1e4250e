"""Comparing a field that a person entered with a register: is it equal to what the register has?

The answer is yes or no and nothing else; on yes the field becomes `platform_verified`. In order: the person and the
field that stands → count a try → append `profile_compared` → ask → append what came of it → keep it. Every step fails
closed: without a try, a ledger or an answer nothing is compared or changed, and a try once counted stays counted.

What it does not do: it does not say how a register compares without telling anyone its value. That is the `Verifier`'s
promise: it must not bring the register's value into this process, and must not tell the register's department whether
a person without a record there was asked about.
"""

import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from gateway.errors import Code, Refused
from gateway.exchange.citizen import own_entry
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.vault.profile import Vault
from gateway.vault.provenance import Source
from gateway.vault.tries import Tries


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a register is asked. Neither identifier nor value is part of the `repr`.

    Attributes:
        resource: Code of the register's resource.
        field: Code of the profile field.
        scheme: Kind of the person's identifier.
        identifier: Canonical.
        value: As the person entered it, canonical.
    """

    resource: str
    field: str
    scheme: str
    identifier: str = dataclasses.field(repr=False)
    value: str = dataclasses.field(repr=False)


@dataclass(frozen=True, slots=True)
class Compared:
    """What a register answered.

    Attributes:
        equal: Whether it has the same value. No record and another value are the same answer.
        department: Whose register it is.
    """

    equal: bool
    department: str


class Verifier(Protocol):
    """Has a register compare a value with its own."""

    async def compare(self, question: Comparison) -> Compared:
        """Ask.

        Raises:
            Refused: The register does not answer or may not be asked; nothing was learnt.
        """


class VerifyField:
    """Has a person's field compared with a register.

    Args:
        citizens: Finds the caller by the token; `gateway.exchange.citizen.Citizens` is one.
        vault: The encrypted fields.
        tries: Counts.
        verifier: Asks the register.
        record: Every comparison is on the ledger.
    """

    def __init__(
        self,
        citizens: Callable[[str], Awaitable[Subject]],
        vault: Vault,
        tries: Tries,
        verifier: Verifier,
        record: Record,
    ) -> None:
        self._citizens = citizens
        self._vault = vault
        self._tries = tries
        self._verifier = verifier
        self._record = record

    async def __call__(self, bearer: str, field: str, resource: str) -> bool:
        """Compare one of the caller's fields.

        Args:
            bearer: The caller's token.
            field: Field code.
            resource: Code of the register's resource.

        Returns:
            Whether the register has the same value; then the field is `platform_verified`.

        Raises:
            Refused: The token does not verify; NOT_FOUND when the field holds no value that the caller entered, or
                was changed meanwhile; TRIES_EXHAUSTED; the ledger cannot write; the register does not answer.
        """
        subject = await self._citizens(bearer)
        standing = self._vault.field(subject.person_id, field)
        if standing is None or standing.source is not Source.USER_PROVIDED or standing.value is None:
            raise Refused(Code.NOT_FOUND, "a value that the person entered")
        self._tries.take(subject.person_id, field)
        await self._record.write(own_entry("profile_compared", subject, (field,), register=resource))
        question = Comparison(resource, field, subject.scheme, subject.canonical, standing.value)
        answer = await self._verifier.compare(question)
        outcome = "equal" if answer.equal else "not_equal"
        await self._record.write(own_entry("profile_compared", subject, (field,), register=resource, outcome=outcome))
        if answer.equal:
            self._vault.confirm(subject.person_id, field, standing.version, answer.department)
        return answer.equal
