"""Explanations through the people's door: for auditors, operators, and stewards of the departments concerned.

Rules kept here: a steward is told only what the own department asked or provides, and of what it asked no more than its
system was told: not whether there is no record or the provider's own rules forbid it. An entry that does not concern it
is as if it were not there; reading a recorded decision is on the log before it is looked for. Fails closed: no role, no
explanation.

What it does not do: it never shows the person part of an entry, and the operator reads no entries through this door.
"""

import asyncio
from dataclasses import replace
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.catalog.catalog import Catalog
from gateway.errors import Code, Refused
from gateway.exchange.became import told
from gateway.exchange.explain import Explain, ExplainedEntry, only_resources
from gateway.exchange.hypothesis import Hypothesis
from gateway.exchange.record import Record
from gateway.identity.departments import Departments
from gateway.identity.issuers import Role
from gateway.identity.people import People, Person
from policies.explain import Explained, differences

_LIVE: Final = frozenset({Role.AUDITOR, Role.OPERATOR, Role.STEWARD})
_RECORDED: Final = frozenset({Role.AUDITOR, Role.STEWARD})


class PolicyReading:
    """Explains to people.

    Args:
        people: Verifies tokens.
        departments: A steward's department must be in good standing.
        catalog: Whose a resource is.
        explain: Makes the explanations.
        record: Reading the log is recorded before anything is shown.
    """

    def __init__(
        self, people: People, departments: Departments, catalog: Catalog, explain: Explain, record: Record
    ) -> None:
        self._people = people
        self._departments = departments
        self._catalog = catalog
        self._explain = explain
        self._record = record

    def decision(self, bearer: str, asked: Hypothesis) -> Explained:
        """How a question would be decided now.

        Raises:
            Refused: The token is of none who may; NOT_ALLOWED when a steward asks about what neither the own
                department asks nor provides; see `Explain.hypothetical`.
        """
        person = self._reader(bearer, _LIVE)
        if not _sees_all(person) and asked.consumer != person.department:
            foreign = [item for item in asked.items if self._provider(item.resource) != person.department]
            if foreign or not asked.items:
                raise Refused(Code.NOT_ALLOWED, "neither asked nor provided by the steward's department")
        return self._explain.hypothetical(asked)

    async def entry(self, bearer: str, index: int) -> ExplainedEntry:
        """Why an entry was decided as it was.

        Raises:
            Refused: The token is of none who may; NOT_FOUND when there is no such entry, it holds no decision, or it
                does not concern the steward's department; LEDGER_UNAVAILABLE when the reading cannot be recorded.
        """
        person = self._reader(bearer, _RECORDED)
        auditor = Role.AUDITOR in person.roles
        who = "auditor" if auditor else "official"
        read = {who: person.subject_key, "what": "explain", "entry": str(index)}
        if person.department:
            read["department"] = person.department
        await self._record.write(EntryDraft(kind="log_read", accountability=read, person=None))
        found = await asyncio.to_thread(self._explain.entry, index)
        return found if auditor else self._own_part(found, person.department)

    def _own_part(self, found: ExplainedEntry, department: str) -> ExplainedEntry:
        """What concerns one department: all of what it asked, as far as it was told, else the resources it provides."""
        if found.then.consumer == department:
            return replace(found, then=told(found.then))
        codes = [one.code for one in found.then.resources if self._provider(one.code) == department]
        if not codes or found.now is None:
            raise Refused(Code.NOT_FOUND, "the entry does not concern the department")
        then, now = only_resources(found.then, codes), only_resources(found.now, codes)
        return replace(found, then=then, now=now, differences=differences(then, now))

    def _reader(self, bearer: str, roles: frozenset[Role]) -> Person:
        person = self._people.authenticate(bearer)
        if not person.roles & roles:
            raise Refused(Code.NOT_ALLOWED, "no role that explanations are for")
        if not person.roles & roles - {Role.STEWARD}:
            if not person.department:
                raise Refused(Code.NOT_ALLOWED, "the issuer vouches for no department")
            # Raises when it is unknown or revoked.
            self._departments.fingerprint(person.department)
        return person

    def _provider(self, code: str) -> str:
        """Whose a resource is or was: codes begin with the provider's id (gateway/catalog)."""
        return self._catalog.provider_of(code) or code.partition(".")[0]


def _sees_all(person: Person) -> bool:
    return bool(person.roles & {Role.AUDITOR, Role.OPERATOR})
