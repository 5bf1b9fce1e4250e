"""Identities sealed to the auditors' key: wired into a gateway that serves, and the operator's change of the key."""

from dataclasses import dataclass
from typing import Any

from gateway.audit.entries import EntryDraft, Recorded
from gateway.audit.kinds import Kind
from gateway.auditors.identities import Identities
from gateway.bootstrap.offline import Offline
from gateway.errors import Code, Refused
from gateway.exchange.open_identity import OpenIdentity
from gateway.exchange.record import Record
from gateway.exchange.seal_identities import SealIdentities, key_in_force
from gateway.identity.people import People
from gateway.rpc.services.identity import IdentityServicer
from keys import canonical
from keys.sealing import RecipientKey
from oncegate.v1 import identity_pb2_grpc


@dataclass(frozen=True, slots=True)
class SealedIdentities:
    """What a gateway does about identities.

    Args:
        seals: Seals them.
        servicer: Gives them to auditors.
    """

    seals: SealIdentities
    servicer: IdentityServicer

    def register(self, server: Any) -> None:
        """Offer the service at a door for people."""
        identity_pb2_grpc.add_IdentityServiceServicer_to_server(self.servicer, server)


def sealed_identities(offline: Offline, people: People, record: Record) -> SealedIdentities:
    """Wire it.

    Args:
        offline: The gateway's parts without doors.
        people: Who may come in by a token.
        record: Writes the log.
    """
    settings, ledger = offline.settings.identities, offline.ledger
    seals = SealIdentities(offline.engine, ledger, record, offline.clock, settings.sealed_again_days)
    opening = OpenIdentity(people, seals, Identities(offline.engine), record, ledger, settings.openings_per_day)
    return SealedIdentities(seals, IdentityServicer(opening))


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
