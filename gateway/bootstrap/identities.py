"""Identities sealed to the auditors' key: wired into a gateway that serves, and the operator's change of the key."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine

from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.kinds import Kind
from gateway.auditors.identities import Identities
from gateway.bootstrap.offline import Offline
from gateway.bootstrap.secrets import LEDGER_PERSON_TOKEN
from gateway.detection.stored_relations import StoredRelations
from gateway.detection.tokens import Tokens
from gateway.errors import Code, Refused
from gateway.exchange.erase_identity import EraseIdentity
from gateway.exchange.open_identity import OpenIdentity
from gateway.exchange.record import Record
from gateway.exchange.relation_desk import RelationDesk
from gateway.exchange.seal_identities import SealIdentities, key_in_force
from gateway.identity.people import People
from gateway.rpc.services.identity import IdentityServicer
from gateway.rpc.services.relation import RelationServicer
from gateway.storage.database import write_transaction
from keys import canonical
from keys.sealing import RecipientKey
from oncegate.v1 import identity_pb2_grpc, relation_pb2_grpc

_FORGET_S: Final = 3600.0


@dataclass(frozen=True, slots=True)
class SealedIdentities:
    """What a gateway does about identities.

    Args:
        seals: Seals them.
        servicer: Gives them to auditors.
        relations: What the audit office's system asks about them.
        stored: What it heard.
        engine: The database.
    """

    seals: SealIdentities
    servicer: IdentityServicer
    relations: RelationServicer
    stored: StoredRelations
    engine: Engine

    def register(self, server: Any) -> None:
        """Offer the service at a door for people."""
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(self.servicer, server)
        relation_pb2_grpc.add_RelationServiceServicer_to_server(self.relations, server)

    def turns(self) -> tuple[tuple[str, float, Callable[[], Awaitable[Any]]], ...]:
        """What is done again and again: a name for the log, the pause in seconds, and the turn."""

        def forget() -> None:
            with write_transaction(self.engine) as connection:
                self.stored.forget(connection)

        return (("relations", _FORGET_S, lambda: asyncio.to_thread(forget)),)


def sealed_identities(offline: Offline, people: People, record: Record) -> SealedIdentities:
    """Wire it.

    Args:
        offline: The gateway's parts without doors.
        people: Who may come in by a token.
        record: Writes the log.
    """
    settings, ledger = offline.settings.identities, offline.ledger
    seals = SealIdentities(offline.engine, ledger, record, offline.clock, settings.sealed_again_days)
    opening = OpenIdentity(people, seals, record, ledger, settings.openings_per_day)
    stored, budget = stored_relations(offline), offline.settings.relations.questions_per_day
    desk = RelationDesk(opening, stored, detection_tokens(offline), record, ledger, budget)
    return SealedIdentities(seals, IdentityServicer(opening), RelationServicer(desk), stored, offline.engine)


def detection_tokens(offline: Offline) -> Tokens:
    """The tokens of pairs and persons that detection keeps."""
    return Tokens(offline.secrets.keyring.get(LEDGER_PERSON_TOKEN))


def stored_relations(offline: Offline) -> StoredRelations:
    """Questions and answers about relations."""
    settings = offline.settings.relations
    return StoredRelations(
        offline.engine,
        detection_tokens(offline),
        offline.clock,
        budget=settings.questions_per_day,
        kept_days=settings.kept_days,
    )


def erase_identity(offline: Offline) -> EraseIdentity:
    """What goes with a person: the sealed identity, and answers about relations."""
    return EraseIdentity(offline.ledger, Identities(offline.engine), stored_relations(offline))


def set_auditors_key(offline: Offline, key: RecipientKey | None, by: str) -> Recorded:
    """Put a public key of the auditors in force, or none; a running gateway follows with its next request.

    Args:
        offline: The gateway's parts.
        key: The key; None to seal no more identities. Those sealed before stay.
        by: Which office did it, for the log.

    Raises:
        Refused: ALREADY_EXISTS when that is how it stands.
        AuditError: The log cannot write; nothing was changed.
    """
    standing = key_in_force(offline.ledger)
    if (None if standing is None else standing.key.key_id) == (None if key is None else key.key_id):
        raise Refused(Code.ALREADY_EXISTS, "the auditors' key")
    said = {
        "by": by,
        "key": "" if key is None else key.key_id.hex(),
        "public": "" if key is None else canonical.to_text(key.public),
        "before": "" if standing is None else standing.key.key_id.hex(),
    }
    return offline.ledger.append_blocking(EntryDraft(Kind.IDENTITY_KEY_SET, said, riders=(Identities.changed,)))
