"""A person's erasure, in order, and the notices that follow from it.

find who received the person's own fields (from the access log) → append `profile_erased` → destroy the key and the
fields, note the erasure and the notices in one transaction → sign the receipt. What a crash cuts off after the entry
is carried out at the next start, so that an erasure on the log is an erasure.

Not done here: the access log itself stays as it is, since it is the person's evidence too; and records of nodes are
not the gateway's to erase.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import Access
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.identity.peers import Peer, Peers
from gateway.vault.erasure import ID_BYTES, Erasure, Erasures
from gateway.vault.notices import ERASE, Notice, Notices
from gateway.vault.profile import PROFILE_RESOURCE
from keys.erasure_receipt import ErasureReceipt, sign_receipt
from keys.key_certificates import CertifiedKeys
from keys.signing import SigningKey

MOST_NOTICES: Final = 100
_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt as the person gets it: exact bytes, signature, and the keys that verify it.

    Attributes:
        body: Canonical JSON.
        signature: DER, under `keys.signing.ERASURE`.
        signing_key: DER SubjectPublicKeyInfo of the vault's signing key.
        certified: The department's certificate over that key; None while the vault has none.
    """

    body: bytes
    signature: bytes
    signing_key: bytes
    certified: CertifiedKeys | None


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


class EraseProfile:
    """Erases profiles.

    Args:
        erasures: Keys, fields and account of them.
        ledger: Who received what.
        record: Puts the erasure on the log.
        signing_key: The vault's, for receipts.
        certified: Gives the department's certificate over it, or None.
        gateway: Name of this gateway.
    """

    def __init__(
        self,
        erasures: Erasures,
        ledger: SqlLedger,
        record: Record,
        signing_key: SigningKey,
        certified: Callable[[], CertifiedKeys | None],
        gateway: str,
    ) -> None:
        self._erasures = erasures
        self._ledger = ledger
        self._record = record
        self._signing_key = signing_key
        self._certified = certified
        self._gateway = gateway

    async def __call__(self, subject: Subject, by: str) -> SignedReceipt:
        """Erase a person's profile.

        Args:
            subject: Whom.
            by: Who wants it, a word for the log: `person` or `operator`.

        Returns:
            The signed receipt.

        Raises:
            Refused: NOT_FOUND when there is nothing to erase; the ledger or the database cannot write.
        """
        person_id = subject.person_id
        fields = await asyncio.to_thread(self._erasures.fields_of, person_id)
        if fields is None:
            raise Refused(Code.NOT_FOUND, "profile")
        recorded = await self._record.write(
            EntryDraft(
                kind=str(Kind.PROFILE_ERASED),
                accountability={"by": by, "items": [_item(field) for field in fields]},
                person={"person": person_id.hex(), "scheme": subject.scheme},
                about=person_id,
            )
        )
        erasure = await asyncio.to_thread(self._carry_out, person_id, recorded.leaf_index)
        return self._receipt(erasure)

    async def at_start(self) -> int:
        """Carry out what a crash cut off between the log and the vault.

        Returns:
            How many erasures were carried out.
        """
        return await asyncio.to_thread(self._finish)

    def _finish(self) -> int:
        finished, cursor = 0, ""
        while True:
            page = self._ledger.entries(kind=str(Kind.PROFILE_ERASED), cursor=cursor, limit=_PAGE)
            # An entry whose person part was erased since was carried out long before.
            open_ = [
                entry for entry in page.entries if entry.personal and not self._erasures.of_entry(entry.leaf_index)
            ]
            for entry in open_:
                self._carry_out(bytes.fromhex(str((entry.personal or {})["person"])), entry.leaf_index)
            finished += len(open_)
            # Erasures run side by side, so one page without a gap is taken as the end of them.
            if not page.next_cursor or not open_:
                return finished
            cursor = page.next_cursor

    def _carry_out(self, person_id: bytes, entry: int) -> Erasure:
        return self._erasures.erase(person_id, entry=entry, recipients=self._recipients(person_id, entry))

    def _recipients(self, person_id: bytes, before: int) -> Mapping[str, Sequence[int]]:
        """Department → releases of the person's own fields to it, oldest first."""
        found: dict[str, list[int]] = {}
        cursor = ""
        while True:
            page = self._ledger.accesses(person_id, cursor=cursor, limit=_PAGE)
            for access in page.accesses:
                if access.leaf_index < before and _received(access):
                    found.setdefault(access.department, []).append(access.leaf_index)
            if not page.next_cursor:
                return {department: sorted(entries) for department, entries in found.items()}
            cursor = page.next_cursor

    def _receipt(self, erasure: Erasure) -> SignedReceipt:
        body, signature = sign_receipt(
            self._signing_key,
            ErasureReceipt(
                erasure=erasure.erasure_id,
                gateway=self._gateway,
                erased_ms=erasure.erased_ms,
                fields=erasure.fields,
                key_id=erasure.key_id,
                kek_version=erasure.kek_version,
                complete_by_ms=erasure.complete_by_ms,
                notices=erasure.notices,
                entry=erasure.entry,
            ),
        )
        return SignedReceipt(body, signature, self._signing_key.verify_key.der, self._certified())


class ReadNotices:
    """What departments' systems do with their notices.

    Args:
        peers: Verifies certificates.
        notices: Where they are kept.
        ledger: What each release was.
        record: Reading and acknowledging is on the log.
    """

    def __init__(self, peers: Peers, notices: Notices, ledger: SqlLedger, record: Record) -> None:
        self._peers = peers
        self._notices = notices
        self._ledger = ledger
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
        return tuple(_release(self._ledger, index) for index in notice.entries) if notice.kind == ERASE else ()

    async def _write(self, kind: Kind, peer: Peer, notices: Sequence[str]) -> None:
        body = {"department": peer.department, "system": str(peer.spiffe), "notices": list(notices)}
        await self._record.write(EntryDraft(kind=str(kind), accountability=body))


def _item(field: str) -> dict[str, str]:
    return {"resource": PROFILE_RESOURCE, "field": field, "form": "value"}


def _received(access: Access) -> bool:
    """Whether an access gave out fields of the profile."""
    return access.outcome == str(Kind.RELEASED) and any(
        field.resource == PROFILE_RESOURCE and field.outcome == "released" for field in access.fields
    )


def _release(ledger: SqlLedger, index: int) -> NoticedRelease:
    said = ledger.entry(index).account
    return NoticedRelease(
        system=str(said.get("system", "")),
        request_id=str(said.get("request_id", "")),
        purpose=str(said.get("purpose", "")),
        case_reference=str(said.get("case", "")),
        fields=tuple(
            str(item["field"])
            for item in said.get("items", ())
            if item.get("resource") == PROFILE_RESOURCE and item.get("outcome") == "released"
        ),
        released_ms=int(said.get("time_ms", 0)),
        leaf_index=index,
    )
