"""Takes what systems say they received, so that a release joins from the question to its arrival.

A batch is one signed statement about many answers (`keys.acknowledgement`). In order: the certificate's standing, size,
certified keys and signature over the exact bytes, system and trust domain, then each acknowledgement: the entry must be
the outcome of a release to this very system, about this very request. What was said before is left out. One entry with
the statement as it was signed is durable before the call returns.

Which way it fails: closed; a batch with one acknowledgement of something that is not the caller's is refused whole, in
words that do not tell whether such an entry exists, and nothing is written. What a system says of its own releases is
written down even when it contradicts the gateway's record: that contradiction is what an auditor looks for, and leaving
it out would be the gateway judging in its own cause.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from gateway.audit.entries import EntryDraft, Json
from gateway.audit.errors import AuditError, RiderRefused
from gateway.audit.joins import NOTHING_NEW, Joins
from gateway.audit.kinds import Kind
from gateway.clock import Clock
from gateway.errors import Code, Refused, Violation, bad_request
from gateway.exchange.identify import Identify
from gateway.exchange.recent_releases import Release, release_of
from gateway.exchange.record import Record
from gateway.identity.peers import Peer
from keys import canonical
from keys.acknowledgement import (
    LARGEST_STATEMENT,
    Acknowledgement,
    BadAcknowledgement,
    Statement,
    read_statement,
)
from keys.batch import BatchItem
from keys.errors import KeysError
from keys.key_certificates import CertifiedKeys, KeyCertificate, verify_key
from keys.signing import ACKNOWLEDGEMENT

AT_ONCE: Final = 4
"""Batches that are worked on at the same time: each opens up to 256 entries of the log."""
_RETRY_MS: Final = 1000
_MOST_VIOLATIONS: Final = 16
_NOT_ITS_OWN: Final = "must be the outcome of a release to this system about this request"
_log = structlog.get_logger("oncegate.acknowledgements")


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What became of a batch.

    Attributes:
        recorded: How many say something new.
        known: How many said the same before.
        promise: The log's promise of the entry; None when nothing new was said.
    """

    recorded: int
    known: int
    promise: BatchItem | None


class Acknowledge:
    """Takes acknowledgements.

    Args:
        identify: Certificates, keys and standing.
        record: The ledger's entries.
        joins: Which releases there are, and what was said of them.
        trust_domain: Of this gateway.
        clock: Now.
    """

    def __init__(self, identify: Identify, record: Record, joins: Joins, trust_domain: str, clock: Clock) -> None:
        self._identify = identify
        self._record = record
        self._joins = joins
        self._trust_domain = trust_domain
        self._clock = clock
        self._running: set[str] = set()

    async def __call__(
        self, certificate: bytes | None, statement: bytes, signature: bytes, keys: CertifiedKeys
    ) -> Acknowledged:
        """Verify a batch and write it down.

        Args:
            certificate: The peer's TLS certificate, PEM.
            statement: The exact bytes that are signed.
            signature: The system's signature over them.
            keys: The system's certified keys.

        Raises:
            Refused: The certificate is no system's in good standing; TOO_LARGE; keys or signature do not hold; the
                statement is malformed or not this system's; an acknowledgement is of nothing that was released to it;
                OVERLOADED while another batch of the system is being worked on; the ledger cannot write.
        """
        peer = self._identify.system(certificate)
        with self._slot(str(peer.spiffe)):
            said = self._verified(peer, statement, signature, keys)
            try:
                return await self._take(peer, said, statement, signature, keys)
            except AuditError as error:
                raise Refused(Code.LEDGER_UNAVAILABLE, type(error).__name__, retry_after_ms=_RETRY_MS) from None

    def _verified(self, peer: Peer, statement: bytes, signature: bytes, keys: CertifiedKeys) -> Statement:
        if len(statement) > LARGEST_STATEMENT:
            raise bad_request("statement", f"must be at most {LARGEST_STATEMENT} bytes", Code.TOO_LARGE)
        certified: KeyCertificate = self._identify.certified(keys, peer, self._clock.now_ms())
        try:
            verify_key(certified).verify(ACKNOWLEDGEMENT, statement, signature)
        except KeysError:
            raise Refused(Code.BAD_SIGNATURE, "acknowledgement") from None
        try:
            said = read_statement(statement)
        except BadAcknowledgement as error:
            raise bad_request(error.field, error.rule) from None
        if said.system != str(peer.spiffe):
            raise Refused(Code.WRONG_SYSTEM, "the statement names another system")
        if said.trust_domain != self._trust_domain:
            raise Refused(Code.WRONG_GATEWAY)
        return said

    async def _take(
        self, peer: Peer, said: Statement, statement: bytes, signature: bytes, keys: CertifiedKeys
    ) -> Acknowledged:
        told = [(one.entry, one.said) for one in said.acknowledgements]
        known = await asyncio.to_thread(self._joins.known, told)
        new = [one for one in said.acknowledgements if (one.entry, one.said) not in known]
        if not new:
            return Acknowledged(0, len(told), None)
        releases = await self._releases(said)
        _check_own(peer, said, releases)
        differs = [one.entry for one in new if one.wrong or not _fits(one, releases[one.entry])]
        self._identify.still_good(peer)
        body: dict[str, Json] = {
            "department": peer.department,
            "system": str(peer.spiffe),
            "statement": statement.decode(),
            "signature": canonical.to_text(signature),
            "keys": {
                "body": keys.body.decode(),
                "signature": canonical.to_text(keys.signature),
                "department_key": canonical.to_text(keys.department_key),
            },
            "differs": differs,
        }
        ride = self._joins.ride([one for one in told if one not in known])
        try:
            recorded = await self._record.write(EntryDraft(str(Kind.ACKNOWLEDGED), body, placed=(ride,)))
        except RiderRefused as error:
            if error.reason != NOTHING_NEW:
                raise
            # The same batch came twice at once, and the other one was first.
            return Acknowledged(0, len(told), None)
        if differs:
            _log.warning("a release does not join", system=str(peer.spiffe), entry=recorded.leaf_index)
        return Acknowledged(len(new), len(told) - len(new), recorded.promise)

    async def _releases(self, said: Statement) -> dict[int, Release]:
        """The releases that a statement names; what is no release, or nothing at all, is left out."""
        recent = self._record.recent
        found = {one.entry: held for one in said.acknowledgements if (held := recent.get(one.entry)) is not None}
        missing = [one.entry for one in said.acknowledgements if one.entry not in found]
        if missing:
            entries = await asyncio.to_thread(self._joins.entries, missing)
            found |= {index: held for index, entry in entries.items() if (held := release_of(entry)) is not None}
        return found

    @contextmanager
    def _slot(self, system: str) -> Iterator[None]:
        """A place among the batches under way: one for each system, so that none has the log opened without end."""
        if system in self._running or len(self._running) >= AT_ONCE:
            raise Refused(Code.OVERLOADED, "acknowledgements", retry_after_ms=_RETRY_MS)
        self._running.add(system)
        try:
            yield
        finally:
            self._running.discard(system)


def _check_own(peer: Peer, said: Statement, releases: dict[int, Release]) -> None:
    """Every entry is the outcome of a release to this system about this request; one that is not refuses all.

    Raises:
        Refused: BAD_REQUEST naming each one that is not, the same for an entry of another as for none.
    """
    broken = tuple(
        Violation(f"acknowledgements[{position}].entry", _NOT_ITS_OWN)
        for position, one in enumerate(said.acknowledgements)
        if not _is_own(peer, one, releases.get(one.entry))
    )
    if broken:
        raise Refused(Code.BAD_REQUEST, "acknowledgements", violations=broken[:_MOST_VIOLATIONS])


def _is_own(peer: Peer, one: Acknowledgement, release: Release | None) -> bool:
    return release is not None and (release.system, release.request) == (str(peer.spiffe), one.request.hex())


def _fits(one: Acknowledgement, release: Release) -> bool:
    return {digest.hex() for digest in one.received} == release.receipts
