"""Comparing a field that a person entered with a register: is it equal to what the register has?

The answer is yes or no and nothing else; on yes the field becomes `platform_verified`. In order: the person and the
field that stands → append `profile_compared`, and with it a try → ask → append what came of it, also when nothing did →
keep it. Every step fails closed: without a try, a ledger or an answer nothing is compared or changed. A try is a number
of the log under a keyed name, so that it stays taken whatever becomes of the comparison, and of the profile. Once it is
on the log a comparison goes on, whoever asked may leave.

What it does not do: it does not say how a register compares without telling anyone its value. That is the `Verifier`'s
promise: it must not bring the register's value into this process, and must not tell the register's department whether
a person without a record there was asked about (`gateway.exchange.compare`).
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.errors import Code, Refused
from gateway.exchange.citizen import own_entry
from gateway.exchange.guesses import Guess
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.vault.fields import DESCRIPTIONS
from gateway.vault.profile import ProfileField, Vault
from gateway.vault.provenance import Source

PER_DAY: Final = 5
"""Comparisons of one field of one person in a day, with whatever register."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a register is asked. Neither person nor value is part of the `repr`.

    Attributes:
        resource: Code of the register's resource.
        field: Code of the profile field, and of the register's.
        subject: Whom it is about.
        value: As the person entered it, canonical.
    """

    resource: str
    field: str
    subject: Subject = dataclasses.field(repr=False)
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

    def check(self, resource: str, field: str) -> None:
        """Accept by returning that there is such a register with such a field.

        Raises:
            Refused: There is not.
        """

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
        verifier: Asks the register.
        record: Every comparison is on the ledger.
        per_day: Comparisons of one field of one person in a day.
    """

    def __init__(
        self,
        citizens: Callable[[str], Awaitable[Subject]],
        vault: Vault,
        verifier: Verifier,
        record: Record,
        per_day: int = PER_DAY,
    ) -> None:
        self._citizens = citizens
        self._vault = vault
        self._verifier = verifier
        self._record = record
        self._per_day = per_day
        self._running: set[asyncio.Task[Any]] = set()

    async def __call__(self, bearer: str, field: str, resource: str) -> tuple[bool, ProfileField]:
        """Compare one of the caller's fields.

        Args:
            bearer: The caller's token.
            field: Field code.
            resource: Code of the register's resource.

        Returns:
            Whether the register has the same value, and the field as it stands now: then `platform_verified`.

        Raises:
            Refused: The token does not verify; UNKNOWN_FIELD, UNKNOWN_RESOURCE; NOT_FOUND when the field holds no value
                that the caller entered, or was changed meanwhile; GUESSES_EXHAUSTED; the ledger cannot write; the
                register may not be asked or does not answer.
        """
        subject = await self._citizens(bearer)
        if field not in DESCRIPTIONS:
            raise Refused(Code.UNKNOWN_FIELD, "profile field")
        standing = self._vault.field(subject.person_id, field)
        if standing is None or standing.source is not Source.USER_PROVIDED or standing.value is None:
            raise Refused(Code.NOT_FOUND, "a value that the person entered")
        self._verifier.check(resource, field)
        task = asyncio.get_running_loop().create_task(self._carry_out(subject, standing, standing.value, resource))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return await asyncio.shield(task)

    async def _carry_out(
        self, subject: Subject, standing: ProfileField, value: str, resource: str
    ) -> tuple[bool, ProfileField]:
        field = standing.field
        asked = own_entry("profile_compared", subject, (field,), register=resource)
        guess = Guess(("profile", subject.person_id.hex(), field), self._per_day)
        await self._record.write(dataclasses.replace(asked, counts=(guess,)))
        question = Comparison(resource, field, subject, value)
        try:
            answer = await self._verifier.compare(question)
        except Exception as error:
            # What broke off is on the log too, lest a question without an end look like one that was answered.
            reason = error.reason if isinstance(error, Refused) else str(Code.INTERNAL)
            await self._outcome(subject, field, resource, "failed", reason=reason)
            raise
        await self._outcome(subject, field, resource, "equal" if answer.equal else "not_equal")
        if not answer.equal:
            return False, standing
        return True, self._vault.confirm(subject.person_id, field, standing.version, answer.department)

    async def _outcome(self, subject: Subject, field: str, resource: str, outcome: str, **further: str) -> None:
        entry = own_entry("profile_compared", subject, (field,), register=resource, outcome=outcome, **further)
        await self._record.write(entry)
