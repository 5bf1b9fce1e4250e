"""For whom a person acts: for themselves, or for somebody whom an issuer says that they may act for.

Rules kept here: the caller is the one whom the token names. Acting for another needs three things that agree: the
relation is one that the settings admit, the caller's own token carries an entry of the issuer for exactly this person
in this relation, and the caller states it. Without any of them nothing is told and nothing happens (fails closed): a
stated relation alone is somebody's word for themselves.
"""

from collections.abc import Collection
from dataclasses import dataclass

from gateway.errors import Code, Refused, bad_request
from gateway.exchange.identify import IdentifySubject, Subject, canonical_identifier
from gateway.identity.issuers import Role
from gateway.identity.people import People
from policies.identifiers import known_schemes


@dataclass(frozen=True, slots=True)
class ActingFor:
    """For whom the caller says to act."""

    scheme: str
    identifier: str
    relation: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and whose data it is about.

    Attributes:
        caller: The person whom the token names.
        subject: Whose consents these are; the caller, or the person acted for.
        relation: How the caller stands to the subject; empty for oneself.
    """

    caller: Subject
    subject: Subject
    relation: str

    @property
    def delegate(self) -> tuple[str, Subject] | None:
        """Relation and who acts; None for oneself."""
        return (self.relation, self.caller) if self.relation else None


class Actors:
    """Finds who acts for whom.

    Args:
        people: Verifies tokens.
        subjects: From identifier to person id.
        relations: Relations that the settings admit.
    """

    def __init__(self, people: People, subjects: IdentifySubject, relations: Collection[str]) -> None:
        self._people = people
        self._subjects = subjects
        self._relations = frozenset(relations)

    async def __call__(self, bearer: str, acting: ActingFor | None) -> Actor:
        """Who acts.

        Args:
            bearer: The caller's token.
            acting: For whom; None for oneself.

        Raises:
            Refused: The token does not verify or is not a citizen's; RELATION_NOT_VOUCHED; BAD_IDENTIFIER.
        """
        person = self._people.authenticate(bearer)
        person.require(Role.CITIZEN)
        if person.identifier is None:
            raise Refused(Code.NOT_ALLOWED, "the token carries no identifier")
        own = canonical_identifier(person.scheme, person.identifier)
        if acting is None:
            caller = await self._subjects.known(person.scheme, own, own=True)
            return Actor(caller, caller, "")
        if acting.scheme not in known_schemes():
            raise bad_request("subject.scheme", "must be a known scheme")
        whom = canonical_identifier(acting.scheme, acting.identifier)
        vouched = (acting.relation, acting.scheme, whom) in person.acts_for
        if not vouched or acting.relation not in self._relations:
            raise Refused(Code.RELATION_NOT_VOUCHED, "acting for another")
        caller = await self._subjects.known(person.scheme, own, own=True)
        return Actor(caller, await self._subjects.known(acting.scheme, whom), acting.relation)
