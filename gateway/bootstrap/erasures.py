"""Erasures, and the notices to those who received something, wired beside a running gateway or alone."""

import json
from collections.abc import Callable
from typing import Any

from gateway.bootstrap.identities import erase_identity
from gateway.bootstrap.offline import Offline
from gateway.emergencies.uses import EmergencyUses
from gateway.exchange.contribute import VaultIdentity
from gateway.exchange.erase import EraseProfile
from gateway.exchange.read_notices import ReadNotices
from gateway.exchange.record import Record
from gateway.sharing.consents import Consents
from gateway.vault.erasure import Erasures
from gateway.vault.notices import Notices
from gateway.vault.profile import Vault
from keys.key_certificates import CertifiedKeys


def erasures_of(offline: Offline, vault: Vault) -> Erasures:
    """The account of erasures, with the periods that the settings promise."""
    settings = offline.settings.vault
    return Erasures(
        offline.engine,
        vault,
        offline.secrets.live,
        offline.clock,
        copies_days=settings.key_backup_days,
        notice_days=settings.notice_days,
        also=Consents(offline.engine, offline.clock).end_all,
    )


def erase_profile(
    offline: Offline, erasures: Erasures, record: Record, identity: Callable[[], VaultIdentity | None]
) -> EraseProfile:
    """The use case, signing receipts with the vault's certified key."""

    def certified() -> CertifiedKeys | None:
        found = identity()
        return None if found is None else found.certified

    signing_key = offline.secrets.vault_signing
    sealed = erase_identity(offline)
    return EraseProfile(erasures, offline.ledger, record, signing_key, certified, offline.settings.gateway_id, sealed)


def notices_of(offline: Offline, record: Record) -> ReadNotices:
    """What departments' systems do with their notices."""
    engine, clock = offline.engine, offline.clock
    return ReadNotices(offline.peers, Notices(engine, clock), offline.ledger, record, EmergencyUses(engine, clock))


def account(offline: Offline) -> list[dict[str, Any]]:
    """Every erasure, newest first, as JSON documents. Nothing in it names a person."""
    vault = Vault(offline.engine, offline.secrets.live, offline.clock)
    notices = Notices(offline.engine, offline.clock)
    return [
        {
            "erasure": one.erasure_id.hex(),
            "erased_unix_ms": one.erased_ms,
            "fields": list(one.fields),
            # None when it was taken over from a register by a restore, whose ledger does not have the entry.
            "entry": one.entry if one.entry >= 0 else None,
            "kek_version": one.kek_version,
            "complete": one.complete,
            "complete_by_unix_ms": one.complete_by_ms,
            "notices": one.notices,
            "acknowledged": sum(1 for notice in notices.of_erasure(one.erasure_id) if notice.acknowledged_ms),
        }
        for one in erasures_of(offline, vault).newest(None)
    ]


def register_lines(offline: Offline) -> list[str]:
    """Every erasure as a line of the register that a restore reads: random person ids and times."""
    vault = Vault(offline.engine, offline.secrets.live, offline.clock)
    return [
        json.dumps({"person_id": one.person_id.hex(), "erased_ms": one.erased_ms})
        for one in reversed(erasures_of(offline, vault).newest(None))
    ]
