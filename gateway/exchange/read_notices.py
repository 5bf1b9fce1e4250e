"""What departments' systems do with their notices: read what they have to erase, and say that they did.

Rules kept: a department sees its own notices only, in its own request ids and case numbers; reading one and acting on
one is on the ledger first; a notice names no person.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.emergencies.uses import EmergencyUses
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.record import Record
from gateway.identity.peers import Peer, Peers
from gateway.vault.notices import CONSENT, EMERGENCY, ERASE, ID_BYTES, Notice, Notices
from gateway.vault.profile import PROFILE_RESOURCE

MOST_NOTICES: Final = 100


@dataclass(frozen=True, slots=True)
class NoticedRelease:
    """One release that a notice is about, in the receiving department's own terms."""

    system: str
    request_id: str
    purpose: str
    case_reference: str
    fields: tuple[str, ...]
    released_ms: int
    leaf_index: int
    consent: str = ""


class ReadNotices:
    """What departments' systems do with their notices.

    Args:
        peers: Verifies certificates.
        notices: Where they are kept.
        ledger: What each release was.
        record: Reading and acknowledging is on the log.
        emergencies: Which resource a notice after a review is about.
    """

    def __init__(
        self, peers: Peers, notices: Notices, ledger: SqlLedger, record: Record, emergencies: EmergencyUses
    ) -> None:
        self._peers = peers
        self._notices = notices
        self._ledger = ledger
        self._emergencies = emergencies
        self._record = record

    async def open(self, certificate: bytes | None, limit: int) -> list[tuple[Notice, tuple[NoticedRelease, ...]]]:
        """The open notices of the caller's department, oldest first, with what they are about.

        Raises:
            Refused: The certificate is no system's in good standing; the limit is out of range.
        """
        peer = self._system(certificate)
        if not 0 <= limit <= MOST_NOTICES:
            raise bad_request("page_size", f"must be at most {MOST_NOTICES}")
        found = await asyncio.to_thread(self._notices.open_of, peer.department, limit or MOST_NOTICES)
        if found:
            # Asking when there is nothing leaves no entry: systems ask all the time.
            await self._write(Kind.NOTICE_READ, peer, [notice.notice_id.hex() for notice in found])
        return [(notice, await asyncio.to_thread(self._releases, notice)) for notice in found]

    async def acknowledge(self, certificate: bytes | None, notice_id: bytes) -> Notice:
        """Say that the department acted on a notice.

        Raises:
            Refused: The certificate is no system's in good standing; the id is malformed or not the department's.
        """
        peer = self._system(certificate)
        if len(notice_id) != ID_BYTES:
            raise bad_request("notice_id", f"must be {ID_BYTES} bytes")
        notice = await asyncio.to_thread(self._notices.require, peer.department, notice_id)
        if notice.acknowledged_ms:
            return notice
        await self._write(Kind.NOTICE_ACKNOWLEDGED, peer, [notice_id.hex()])
        return await asyncio.to_thread(self._notices.acknowledge, peer.department, notice_id, str(peer.spiffe))

    def _system(self, certificate: bytes | None) -> Peer:
        peer = self._peers.admit(certificate)
        if peer.kind != "system":
            raise Refused(Code.NOT_ALLOWED, "only systems read notices")
        return peer

    def _releases(self, notice: Notice) -> tuple[NoticedRelease, ...]:
        if notice.kind not in {ERASE, CONSENT, EMERGENCY}:
            return ()
        resource = ""
        if notice.kind == ERASE:
            resource = PROFILE_RESOURCE
        elif notice.kind == EMERGENCY:
            resource = self._emergencies.resource_of(notice.erasure_id)
        return tuple(_release(self._ledger, index, notice.kind, resource) for index in notice.entries)

    async def _write(self, kind: Kind, peer: Peer, notices: Sequence[str]) -> None:
        body = {"department": peer.department, "system": str(peer.spiffe), "notices": list(notices)}
        await self._record.write(EntryDraft(kind=str(kind), accountability=body))


def _release(ledger: SqlLedger, index: int, kind: str, resource: str) -> NoticedRelease:
    """One release; only its fields of a resource, unless that is empty."""
    said = ledger.entry(index).account
    items = [
        item
        for item in said.get("items", ())
        if item.get("outcome") == "released" and resource in {"", item.get("resource")}
    ]
    fields = [str(item["field"]) if kind == ERASE else f"{item['resource']}.{item['field']}" for item in items]
    return NoticedRelease(
        system=str(said.get("system", "")),
        request_id=str(said.get("request_id", "")),
        purpose=str(said.get("purpose", "")),
        case_reference=str(said.get("case", "")),
        fields=tuple(fields),
        released_ms=int(said.get("time_ms", 0)),
        leaf_index=index,
        consent=str(said.get("consent", "")),
    )
