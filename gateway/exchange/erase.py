"""A person's erasure, in order, and the notices that follow from it.

mark the person, so that nothing is released meanwhile (`erasing`) → append `profile_erased` → find who received the
person's own fields before that entry (from the access log) → destroy the key and the fields, note the erasure and the
notices in one transaction → sign the receipt. From the mark on it is one task that no caller can break off, and what
fails behind the entry is tried again until it succeeds; what a crash cuts off is carried out at the next start. So an
erasure on the log is an erasure.

Not done here: the access log itself stays as it is, since it is the person's evidence too; and records of nodes are
not the gateway's to erase.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.audit.entries import EntryDraft
from gateway.audit.kinds import Kind
from gateway.audit.ledger import SqlLedger
from gateway.audit.views import Access, LogEntry
from gateway.errors import Code, Refused
from gateway.exchange.erase_identity import EraseIdentity
from gateway.exchange.erasing import Erasing
from gateway.exchange.identify import Subject
from gateway.exchange.record import Record
from gateway.vault.erasure import Erasure, Erasures, Promised
from gateway.vault.profile import PROFILE_RESOURCE
from keys.erasure_receipt import ErasureReceipt, sign_receipt
from keys.key_certificates import CertifiedKeys
from keys.signing import SigningKey

_PAGE: Final = 500
_PATIENCE_S: Final = 10.0
"""How long a caller waits for an erasure that has to be tried again; it goes on without the caller."""
_RETRY_S: Final = 0.5
_LONGEST_RETRY_S: Final = 15.0
_log = structlog.get_logger("oncegate.exchange")


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


class EraseProfile:
    """Erases profiles.

    Args:
        erasures: Keys, fields and account of them.
        ledger: Who received what.
        record: Puts the erasure on the log.
        signing_key: The vault's, for receipts.
        certified: Gives the department's certificate over it, or None.
        gateway: Name of this gateway.
        identity: Erases the person's sealed identity.
    """

    def __init__(
        self,
        erasures: Erasures,
        ledger: SqlLedger,
        record: Record,
        signing_key: SigningKey,
        certified: Callable[[], CertifiedKeys | None],
        gateway: str,
        identity: EraseIdentity,
    ) -> None:
        self._identity = identity
        self._erasures = erasures
        self._ledger = ledger
        self._record = record
        self._signing_key = signing_key
        self._certified = certified
        self._gateway = gateway
        self._running: dict[bytes, asyncio.Task[SignedReceipt]] = {}
        self.erasing = Erasing(ledger, erasures)
        """Tells everyone else who is being erased."""

    async def __call__(self, subject: Subject, by: str) -> SignedReceipt:
        """Erase a person's profile. Whoever asks again while it is under way waits for the same one.

        Args:
            subject: Whom.
            by: Who wants it, a word for the log: `person` or `operator`.

        Returns:
            The signed receipt.

        Raises:
            Refused: NOT_FOUND when there is nothing to erase; LEDGER_UNAVAILABLE; REQUEST_UNSETTLED when it is on the
                log but could not be carried out yet: it is tried again until it is.
        """
        person_id = subject.person_id
        running = self._running.get(person_id)
        if running is None:
            running = asyncio.get_running_loop().create_task(self._run(subject, by))
            self._running[person_id] = running
            running.add_done_callback(lambda task: self._ended(person_id, task))
        return await _patiently(running)

    async def settled(self, person_id: bytes) -> None:
        """Wait until no erasure of a person is under way, so that what the person enters is not erased with the rest.

        Does not give way to anything else when there is none. Fails closed: while one stands on the log that is not
        carried out, nothing is entered.

        Raises:
            Refused: REQUEST_UNSETTLED when it could not be carried out yet.
        """
        if self.erasing.marked(person_id):
            await asyncio.wait([self._running[person_id]], timeout=_PATIENCE_S)
        if self.erasing.under_way(person_id):
            raise _unsettled()

    async def at_start(self) -> int:
        """Carry out what a crash cut off between the log and the vault.

        Returns:
            How many erasures were carried out.

        Raises:
            Exception: One could not be carried out; the others were. Fails closed: the gateway does not start.
        """
        await asyncio.to_thread(self._late_identities)
        return await asyncio.to_thread(self._finish)

    async def running(self) -> int:
        """The same while the gateway runs: what another process left, or an entry whose commit was of unknown fate.

        Returns:
            How many erasures were carried out.

        Raises:
            Exception: One could not be carried out; the others were. It is tried again at the next turn.
        """
        return await asyncio.to_thread(self._finish)

    async def stop(self, grace_s: float) -> None:
        """Let erasures under way end; one that still fails is left to the next start."""
        tasks = list(self._running.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, subject: Subject, by: str) -> SignedReceipt:
        person_id = subject.person_id
        held = await asyncio.to_thread(self._erasures.held, person_id)
        if held is None and await asyncio.to_thread(self._identity.holds, person_id):
            # There is no profile, but a sealed identity or an answer about the person.
            held = await asyncio.to_thread(self._erasures.make_erasable, person_id)
        if held is None:
            raise Refused(Code.NOT_FOUND, "profile")
        with self.erasing.mark(person_id):
            recorded = await self._record.write(
                EntryDraft(
                    kind=str(Kind.PROFILE_ERASED),
                    accountability={"by": by, "items": [_item(field) for field in held.fields]},
                    person={"person": person_id.hex(), "scheme": subject.scheme},
                    about=person_id,
                )
            )
            erasure = await self._persistently(person_id, recorded.leaf_index, held.key_id)
        if erasure is None:
            # Another process erased the person between the look and the entry.
            raise Refused(Code.NOT_FOUND, "profile")
        return self._receipt(erasure)

    async def _persistently(self, person_id: bytes, entry: int, key_id: int) -> Erasure | None:
        """Carry out what is on the log; whatever fails, again and again."""
        pause_s = _RETRY_S
        while True:
            try:
                return await asyncio.to_thread(self._carry_out, person_id, entry, key_id)
            except Exception as error:  # noqa: BLE001 - whatever it was, the log says that it is done
                _log.error("an erasure could not be carried out yet", entry=entry, error=type(error).__name__)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_RETRY_S)

    def _ended(self, person_id: bytes, task: "asyncio.Task[SignedReceipt]") -> None:
        del self._running[person_id]
        if not task.cancelled():
            task.exception()  # Nobody may be waiting any more; whoever is gets it.

    def _late_identities(self) -> None:
        """Erase sealed identities that came back with a log from before their persons' erasures."""
        for one in self._erasures.newest(None):
            self._identity.late(one.person_id, one.erased_ms)

    def _finish(self) -> int:
        end, finished, cursor = self._ledger.size(), 0, ""
        kept_open, failure = False, None
        while True:
            page = self._ledger.entries(kind=str(Kind.PROFILE_ERASED), cursor=cursor, limit=_PAGE)
            fresh = [entry for entry in page.entries if entry.leaf_index >= self.erasing.settled_below]
            open_ = [(entry, person) for entry in fresh if (person := self._left(entry)) is not None]
            for entry, person_id in open_:
                if self.erasing.marked(person_id):
                    # Its own task is at it.
                    kept_open = True
                    continue
                try:
                    erasure = self._carry_out(person_id, entry.leaf_index)
                    finished += erasure is not None and erasure.entry == entry.leaf_index
                except Exception as error:  # noqa: BLE001 - one that fails must not keep the others waiting
                    failure = error
            # Erasures run side by side, so one page without a gap is taken as the end of them.
            if not page.next_cursor or not open_:
                break
            cursor = page.next_cursor
        if failure is not None:
            raise failure
        if not kept_open:
            self.erasing.settled_below = end
        return finished

    def _left(self, entry: LogEntry) -> bytes | None:
        """Whose erasure an entry promises, if it is still to be carried out.

        An entry whose person part was erased since was carried out long before.
        """
        if not entry.personal:
            return None
        person_id = bytes.fromhex(str(entry.personal["person"]))
        promised = Promised(entry.leaf_index, entry.time_ms)
        return person_id if self._erasures.is_open(person_id, promised) else None

    def _carry_out(self, person_id: bytes, entry: int, key_id: int | None = None) -> Erasure | None:
        promised = Promised(entry, self._ledger.entry(entry).time_ms, key_id)
        # Those before an earlier erasure were told then.
        told = self._erasures.before(person_id, entry)
        # Before the erasure counts as carried out: what is cut off here is begun again.
        self._identity(person_id, entry)
        return self._erasures.erase(person_id, promised, recipients=self._recipients(person_id, told, entry))

    def _recipients(self, person_id: bytes, after: int, before: int) -> Mapping[str, Sequence[int]]:
        """Department → releases of the person's own fields to it between two entries, oldest first."""
        found: dict[str, list[int]] = {}
        cursor = ""
        while True:
            page = self._ledger.accesses(person_id, cursor=cursor, limit=_PAGE)
            for access in page.accesses:
                if after < access.leaf_index < before and _received(access):
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


async def _patiently(task: "asyncio.Task[SignedReceipt]") -> SignedReceipt:
    """What becomes of an erasure; who breaks off or runs out of patience does not break the erasure off."""
    done, _ = await asyncio.wait([task], timeout=_PATIENCE_S)
    if not done:
        raise _unsettled()
    return task.result()


def _unsettled() -> Refused:
    retry_after_ms = int(1000 * _LONGEST_RETRY_S)
    return Refused(Code.REQUEST_UNSETTLED, "erasure under way", retry_after_ms=retry_after_ms)


def _item(field: str) -> dict[str, str]:
    return {"resource": PROFILE_RESOURCE, "field": field, "form": "value"}


def _received(access: Access) -> bool:
    """Whether an access gave out fields of the profile."""
    return access.outcome == str(Kind.RELEASED) and any(
        field.resource == PROFILE_RESOURCE and field.outcome == "released" for field in access.fields
    )
