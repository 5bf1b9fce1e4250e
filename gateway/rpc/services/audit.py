"""AuditService: the access log for auditors, for the person concerned, and (hashes only) for everyone."""

from collections.abc import AsyncIterator
from typing import Any

from gateway.audit.errors import NoSuchEntry
from gateway.audit.ledger import SqlLedger
from gateway.audit.review.query import Hit
from gateway.audit.views import LogEntry
from gateway.errors import Code, Refused, bad_request
from gateway.exchange.access_words import AccessWords
from gateway.exchange.auditing import ReadLog
from gateway.exchange.count_hidden import CountHidden
from gateway.exchange.evidence import Evidence, Unjoined
from gateway.exchange.own_accesses import OwnAccesses
from gateway.exchange.review import ReviewLog
from gateway.rpc.callers import bearer
from gateway.rpc.services.audit_filters import filters_of, person_of
from gateway.rpc.services.consent_messages import acting
from gateway.rpc.services.own_accesses import accesses_message, usage_message, wanted_of
from oncegate.v1 import audit_pb2, audit_pb2_grpc
from policies.civil_time import day_begins_ms

_PAGE = 50
_MAX_INDEX = 2**63 - 1
_MAX_ENTRIES = 500
_MAX_ACCESSES = 200
_MAX_UNJOINED = 200


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Proofs, entries, export, an auditor's review, and a person's own accesses.

    Args:
        ledger: Checkpoints and proofs, which hold only hashes.
        reading: What auditors may do.
        own: What a citizen sees.
        review: How auditors search and count.
        evidence: What auditors ask about releases.
        hidden: Counts what laws keep from persons.
        words: Names for persons.
    """

    def __init__(
        self,
        ledger: SqlLedger,
        reading: ReadLog,
        own: OwnAccesses,
        review: ReviewLog,
        evidence: Evidence,
        hidden: CountHidden,
        words: AccessWords,
    ) -> None:
        self._ledger = ledger
        self._reading = reading
        self._own = own
        self._hidden = hidden
        self._words = words
        self._review = review
        self._evidence = evidence

    async def GetCheckpoint(  # noqa: N802
        self, request: audit_pb2.GetCheckpointRequest, context: Any
    ) -> audit_pb2.GetCheckpointResponse:
        """See audit.proto."""
        del request, context
        return audit_pb2.GetCheckpointResponse(checkpoint=self._checkpoint())

    async def GetInclusionProof(  # noqa: N802
        self, request: audit_pb2.GetInclusionProofRequest, context: Any
    ) -> audit_pb2.GetInclusionProofResponse:
        """See audit.proto."""
        del context
        try:
            proof = self._ledger.inclusion(request.leaf_index, request.tree_size or None)
        except NoSuchEntry:
            raise bad_request("leaf_index", "must lie inside a tree size that the log has reached") from None
        return audit_pb2.GetInclusionProofResponse(
            leaf_hash=proof.leaf_hash, tree_size=proof.tree_size, path=proof.path, checkpoint=proof.checkpoint
        )

    async def GetConsistencyProof(  # noqa: N802
        self, request: audit_pb2.GetConsistencyProofRequest, context: Any
    ) -> audit_pb2.GetConsistencyProofResponse:
        """See audit.proto."""
        del context
        try:
            proof = self._ledger.consistency(request.old_size, request.new_size or None)
        except NoSuchEntry:
            raise bad_request("old_size", "must be at most the new size, which the log must have reached") from None
        return audit_pb2.GetConsistencyProofResponse(new_size=proof.new_size, path=proof.path)

    async def ListEpochs(  # noqa: N802
        self, request: audit_pb2.ListEpochsRequest, context: Any
    ) -> audit_pb2.ListEpochsResponse:
        """See audit.proto."""
        del request, context
        return audit_pb2.ListEpochsResponse(statements=self._ledger.lineage.notes)

    def _checkpoint(self) -> str:
        try:
            return self._ledger.checkpoint()
        except NoSuchEntry:
            raise Refused(Code.NOT_FOUND, "no checkpoint yet", retry_after_ms=1000) from None

    async def ListEntries(  # noqa: N802
        self, request: audit_pb2.ListEntriesRequest, context: Any
    ) -> audit_pb2.ListEntriesResponse:
        """See audit.proto."""
        if request.page_size > _MAX_ENTRIES:
            raise bad_request("page_size", f"must be at most {_MAX_ENTRIES}")
        page = await self._reading.entries(
            bearer(context),
            kind=request.kind,
            department=request.department,
            cursor=request.page_token,
            limit=request.page_size or _PAGE,
        )
        return audit_pb2.ListEntriesResponse(
            entries=[_entry(entry) for entry in page.entries], next_page_token=page.next_cursor
        )

    async def ExportLog(  # noqa: N802
        self, request: audit_pb2.ExportLogRequest, context: Any
    ) -> AsyncIterator[audit_pb2.ExportLogResponse]:
        """See audit.proto."""
        checkpoint, batches = await self._reading.export(bearer(context), request.first_index)
        yield audit_pb2.ExportLogResponse(checkpoint=checkpoint)
        for batch in batches:
            yield audit_pb2.ExportLogResponse(entries=[_entry(entry) for entry in batch])

    async def SearchEntries(  # noqa: N802
        self, request: audit_pb2.SearchEntriesRequest, context: Any
    ) -> audit_pb2.SearchEntriesResponse:
        """See audit.proto."""
        filters, person = filters_of(request.filter), person_of(request.filter)
        page = await self._review.search(bearer(context), filters, person, request.page_token, request.page_size)
        return audit_pb2.SearchEntriesResponse(
            hits=[_hit(hit) for hit in page.hits],
            next_page_token=page.next_cursor,
            looked_back_to=page.looked_back_to,
            retained=self._retained(),
        )

    async def ExportEntries(  # noqa: N802
        self, request: audit_pb2.ExportEntriesRequest, context: Any
    ) -> AsyncIterator[audit_pb2.ExportEntriesResponse]:
        """See audit.proto."""
        filters, person = filters_of(request.filter), person_of(request.filter)
        pages = await self._review.export(bearer(context), filters, person, request.most)
        yield audit_pb2.ExportEntriesResponse(origin=self._ledger.origin, retained=self._retained())
        async for hits, more in pages:
            yield audit_pb2.ExportEntriesResponse(hits=[_hit(hit) for hit in hits], more=more)

    async def GetStatistics(  # noqa: N802
        self, request: audit_pb2.GetStatisticsRequest, context: Any
    ) -> audit_pb2.GetStatisticsResponse:
        """See audit.proto."""
        times = (request.from_unix_ms, request.until_unix_ms)
        counts = await self._review.statistics(
            bearer(context), request.dimension, request.period, times, request.department, request.outcome
        )
        response = audit_pb2.GetStatisticsResponse(
            more=counts.more,
            counted_below=counts.counted_below,
            log_size=counts.log_size,
            retained=self._retained(),
        )
        for row in counts.rows:
            response.rows.add(
                period_unix_ms=day_begins_ms(row.day),
                department=row.department,
                value=row.value,
                outcome=row.outcome,
                count=row.entries,
            )
        return response

    async def GetEvidence(  # noqa: N802
        self, request: audit_pb2.GetEvidenceRequest, context: Any
    ) -> audit_pb2.GetEvidenceResponse:
        """See audit.proto."""
        found = await self._evidence.of(
            bearer(context), index=request.leaf_index, system=request.system, request_id=request.request_id
        )
        return audit_pb2.GetEvidenceResponse(
            entries=[audit_pb2.ProvenEntry(entry=_entry(one.entry), path=one.path) for one in found.entries],
            tree_size=found.tree_size,
            checkpoint=found.checkpoint,
        )

    async def ListUnjoined(  # noqa: N802
        self, request: audit_pb2.ListUnjoinedRequest, context: Any
    ) -> audit_pb2.ListUnjoinedResponse:
        """See audit.proto."""
        if request.page_size > _MAX_UNJOINED:
            raise bad_request("page_size", f"must be at most {_MAX_UNJOINED}")
        page = await self._evidence.unjoined(
            bearer(context),
            since_ms=request.since_unix_ms,
            until_ms=request.until_unix_ms,
            department=request.department,
            cursor=request.page_token,
            limit=request.page_size or _PAGE,
        )
        return audit_pb2.ListUnjoinedResponse(
            releases=[_unjoined(one) for one in page.releases],
            next_page_token=page.next_cursor,
            examined=page.examined,
            retained=self._retained(),
        )

    async def ListMyAccesses(  # noqa: N802
        self, request: audit_pb2.ListMyAccessesRequest, context: Any
    ) -> audit_pb2.ListMyAccessesResponse:
        """See audit.proto."""
        if request.page_size > _MAX_ACCESSES:
            raise bad_request("page_size", f"must be at most {_MAX_ACCESSES}")
        page = await self._own.page(
            bearer(context), acting(request), wanted_of(request), request.page_token, request.page_size or _PAGE
        )
        return accesses_message(page, self._words, self._retained())

    async def GetMyAccessProof(  # noqa: N802
        self, request: audit_pb2.GetMyAccessProofRequest, context: Any
    ) -> audit_pb2.GetMyAccessProofResponse:
        """See audit.proto."""
        if request.leaf_index > _MAX_INDEX:
            raise bad_request("leaf_index", "must be at most 2^63 - 1")
        proof = await self._own.proof(bearer(context), acting(request), request.leaf_index)
        return audit_pb2.GetMyAccessProofResponse(
            entry=_entry(proof.entry), path=proof.path, tree_size=proof.tree_size, checkpoint=proof.checkpoint
        )

    async def GetMyUsage(  # noqa: N802
        self, request: audit_pb2.GetMyUsageRequest, context: Any
    ) -> audit_pb2.GetMyUsageResponse:
        """See audit.proto."""
        usage = await self._own.usage(bearer(context), acting(request), request.from_unix_ms, request.until_unix_ms)
        return usage_message(usage, self._words, self._retained())

    async def CountHidden(  # noqa: N802
        self, request: audit_pb2.CountHiddenRequest, context: Any
    ) -> audit_pb2.CountHiddenResponse:
        """See audit.proto."""
        rows, more = await self._hidden(bearer(context), request.from_unix_ms, request.until_unix_ms)
        response = audit_pb2.CountHiddenResponse(more=more)
        for row in rows:
            response.rows.add(
                month_unix_ms=row.month_ms,
                department=row.department,
                law=row.law,
                hidden=row.hidden,
                ended=row.ended,
                overdue=row.overdue,
                first_end_unix_ms=min(row.ends_ms, default=0),
                last_end_unix_ms=max(row.ends_ms, default=0),
                overdue_entries=row.overdue_entries,
            )
        return response

    def _retained(self) -> audit_pb2.Retained | None:
        """From where on entries still say what they said; None when nothing was pruned."""
        newest = self._ledger.prunings.newest()
        if newest is None:
            return None
        return audit_pb2.Retained(from_index=newest.below, pruned_under=newest.index, newest_unix_ms=newest.newest_ms)


def _entry(entry: LogEntry) -> audit_pb2.Entry:
    return audit_pb2.Entry(
        leaf_index=entry.leaf_index,
        leaf_hash=entry.leaf_hash,
        accountability=entry.accountability,
        accountability_salt=entry.accountability_salt,
        person=entry.person,
        person_salt=entry.person_salt,
        person_digest=entry.erased_digest,
        accountability_digest=entry.pruned_digest,
        pruned_under=entry.pruned_under or 0,
    )


def _hit(hit: Hit) -> audit_pb2.FoundEntry:
    found = audit_pb2.FoundEntry(entry=_entry(hit.entry))
    if hit.asked is not None:
        found.question.CopyFrom(_entry(hit.asked))
    return found


def _unjoined(one: Unjoined) -> audit_pb2.UnjoinedRelease:
    said = one.release.account
    message = audit_pb2.UnjoinedRelease(
        leaf_index=one.release.leaf_index,
        time_unix_ms=one.release.time_ms,
        department=str(said.get("department", "")),
        system=str(said.get("system", "")),
        request_id=str(said.get("request_id", "")),
    )
    for gap in one.gaps:
        zh, en = gap.texts
        message.gaps.add(
            code=str(gap.kind),
            text_zh=zh,
            text_en=en,
            about=gap.about,
            leaf_index=gap.entry or 0,
            in_entry=gap.entry is not None,
        )
    return message
